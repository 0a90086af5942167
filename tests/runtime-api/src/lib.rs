//! For running the very binaries that are deployed: Lambda's Runtime API on loopback, a function's process, and the world
//! around it. The Runtime API hands out invocations, takes what the binary posts back, and can treat a response as badly as
//! AWS may. Blocking and small, so that a socket can be closed in the middle of an answer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's own scaffolding fails loudly")]
#![allow(clippy::disallowed_methods, reason = "a stand-in spawns, waits and reads the clock; it pays nobody")]

mod function;
mod request;
mod world;

pub use function::{Function, Output, Start, built};
pub use world::{World, now_ms};

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use request::Request;

/// Nothing here takes longer unless it is broken.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What happens when the binary posts the response of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// 202, as always.
    Take,
    /// 413 (too large) or 410 (too late, a stale invocation): the response is lost.
    Refuse(u16),
    /// The response is read and the socket closed without an answer.
    HangUp,
}

/// How an invocation ended, as far as Lambda can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Posted to `/response`; with [`Treatment::Refuse`] or [`Treatment::HangUp`] nobody else ever reads it.
    Response(Vec<u8>),
    /// Posted to `/error`: API Gateway answers 502.
    Error(Vec<u8>),
}

struct Invocation {
    request_id: String,
    payload: Vec<u8>,
    deadline_ms: u128,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Invocation>,
    treatments: BTreeMap<String, Treatment>,
    endings: BTreeMap<String, Ending>,
    init_error: Option<Vec<u8>>,
    asked: usize,
    invoked: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

pub struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl RuntimeApi {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        // Both kinds of thread end with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = serving.clone();
                thread::spawn(move || serve(&stream.unwrap(), &shared));
            }
        });
        Self { address, shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Queues an invocation that has `within` from now, and returns its request id.
    pub fn invoke(&self, payload: impl Into<Vec<u8>>, within: Duration, treatment: Treatment) -> String {
        let deadline_ms = (SystemTime::now() + within).duration_since(UNIX_EPOCH).unwrap().as_millis();
        let mut state = self.shared.state.lock().unwrap();
        state.invoked += 1;
        let request_id = format!("00000000-0000-4000-8000-{:012}", state.invoked);
        state.treatments.insert(request_id.clone(), treatment);
        state.waiting.push_back(Invocation { request_id: request_id.clone(), payload: payload.into(), deadline_ms });
        self.shared.changed.notify_all();
        request_id
    }

    /// Waits until the invocation has ended.
    pub fn ending(&self, request_id: &str) -> Ending {
        self.wait(&format!("the end of {request_id}"), |state| state.endings.get(request_id).cloned())
    }

    /// The invocation's end, should it come within this time.
    pub fn ending_within(&self, request_id: &str, time: Duration) -> Option<Ending> {
        let until = Instant::now() + time;
        let mut state = self.shared.state.lock().unwrap();
        loop {
            if let Some(ending) = state.endings.get(request_id) {
                return Some(ending.clone());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Waits until the binary has asked for its `nth` invocation: it lives, and is done with the one before.
    pub fn asked(&self, nth: usize) {
        self.wait(&format!("request {nth} for an invocation"), |state| (state.asked >= nth).then_some(()));
    }

    /// What the binary posted to `/runtime/init/error`, if it did.
    pub fn init_error(&self) -> Option<Vec<u8>> {
        self.shared.state.lock().unwrap().init_error.clone()
    }

    fn wait<T>(&self, what: &str, found: impl Fn(&State) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        let mut state = self.shared.state.lock().unwrap();
        loop {
            if let Some(found) = found(&state) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain for {what}; asked {} times", state.asked);
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }
}

/// One connection of the binary, which it keeps for request after request.
fn serve(stream: &TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader) {
        let Some(answer) = answer(request, shared) else {
            return;
        };
        // A binary that died meanwhile is noticed by whoever waits for its ending.
        if (&mut &*stream).write_all(&answer).is_err() {
            return;
        }
    }
}

/// The bytes of the answer; none where the socket is to be closed without one.
fn answer(request: Request, shared: &Shared) -> Option<Vec<u8>> {
    let path =
        request.path.strip_prefix("/2018-06-01/runtime/").unwrap_or_else(|| panic!("asked for {}", request.path));
    let mut state = shared.state.lock().unwrap();
    let answer = match path.split('/').collect::<Vec<_>>()[..] {
        ["invocation", "next"] => {
            state.asked += 1;
            shared.changed.notify_all();
            let mut state = shared.changed.wait_while(state, |state| state.waiting.is_empty()).unwrap();
            return state.waiting.pop_front().map(|invocation| next(&invocation));
        }
        ["invocation", id, "response"] => {
            end(&mut state, id, Ending::Response(request.body));
            match state.treatments[id] {
                Treatment::Take => Some(empty(202)),
                Treatment::Refuse(status) => Some(empty(status)),
                Treatment::HangUp => None,
            }
        }
        ["invocation", id, "error"] => {
            end(&mut state, id, Ending::Error(request.body));
            Some(empty(202))
        }
        ["init", "error"] => {
            state.init_error = Some(request.body);
            Some(empty(202))
        }
        _ => panic!("the Runtime API has no {path}"),
    };
    shared.changed.notify_all();
    answer
}

fn end(state: &mut State, id: &str, ending: Ending) {
    let before = state.endings.insert(id.to_owned(), ending);
    assert_eq!(before, None, "{id} ended twice");
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-next>
fn next(invocation: &Invocation) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\n\
         content-type: application/json\r\n\
         content-length: {}\r\n\
         lambda-runtime-aws-request-id: {}\r\n\
         lambda-runtime-deadline-ms: {}\r\n\
         lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-central-1:000000000000:function:webhook:live\r\n\
         lambda-runtime-trace-id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0\r\n\r\n",
        invocation.payload.len(),
        invocation.request_id,
        invocation.deadline_ms,
    );
    [head.as_bytes(), &invocation.payload].concat()
}

fn empty(status: u16) -> Vec<u8> {
    format!("HTTP/1.1 {status} Status\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

#[cfg(test)]
mod tests;
