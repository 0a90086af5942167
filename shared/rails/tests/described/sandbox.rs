//! A payment API on a real socket: one handler, one request per connection. What arrives is taken apart by parsers that
//! share nothing with the code that wrote it (httparse, url), so a value that broke out of its place would show.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;
use url::Url;

#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub target: String,
    /// In their order; a name may come twice.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(header, _)| header == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} came twice");
        value
    }

    fn url(&self) -> Url {
        Url::parse("http://sandbox").unwrap().join(&self.target).unwrap()
    }

    pub fn path(&self) -> String {
        self.url().path().to_owned()
    }

    /// Each segment as a server would decode it, once.
    pub fn segments(&self) -> Vec<String> {
        let decode = |segment: &str| {
            let pair = format!("x={}", segment.replace('+', "%2B"));
            url::form_urlencoded::parse(pair.as_bytes()).next().unwrap().1.into_owned()
        };
        self.url().path_segments().unwrap().map(decode).collect()
    }

    pub fn query(&self) -> BTreeMap<String, String> {
        let pairs: Vec<(String, String)> = self.url().query_pairs().into_owned().collect();
        let query: BTreeMap<_, _> = pairs.iter().cloned().collect();
        assert_eq!(query.len(), pairs.len(), "a name came twice: {pairs:?}");
        query
    }

    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    pub fn json(&self) -> Value {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(body.to_string().as_bytes(), self.body, "a name came twice, or something stands beside");
        body
    }
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn json(status: u16, body: Value) -> Self {
        Self { status, headers: vec![], body: body.to_string() }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// `None` hangs up without an answer.
type Handler = dyn FnMut(&Request) -> Option<Answer> + Send;

pub struct Sandbox {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    pub fn start(handler: impl FnMut(&Request) -> Option<Answer> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, stop) = (Arc::<Mutex<Vec<Request>>>::default(), Arc::<AtomicBool>::default());
        let (seen, stopped) = (requests.clone(), stop.clone());
        let mut handler: Box<Handler> = Box::new(handler);
        let thread = thread::spawn(move || {
            for socket in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                serve(socket.unwrap(), &mut handler, &seen);
            }
        });
        Self { address, requests, stop, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Taken out.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the sandbox panicked");
        }
    }
}

fn serve(mut socket: TcpStream, handler: &mut Box<Handler>, seen: &Mutex<Vec<Request>>) {
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut bytes = Vec::new();
    let request = loop {
        if let Some(request) = parse(&bytes) {
            break request;
        }
        let mut more = [0; 4096];
        match socket.read(&mut more) {
            Ok(read) if read > 0 => bytes.extend_from_slice(&more[..read]),
            _ => return,
        }
    };
    seen.lock().unwrap().push(request.clone());
    let Some(answer) = handler(&request) else { return };
    let mut text = format!("HTTP/1.1 {} Said\r\ncontent-length: {}\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let _ = socket.write_all(format!("{text}\r\n{}", answer.body).as_bytes());
    // Whatever came beside the one request would be another.
    let mut beside = Vec::new();
    let _ = socket.read_to_end(&mut beside);
    assert!(beside.is_empty(), "bytes beside the request: {beside:?}");
}

/// The request, once it is whole. Nothing may stand behind it.
fn parse(bytes: &[u8]) -> Option<Request> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).unwrap() else { return None };
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8(header.value.to_vec()).unwrap()))
        .collect();
    let text = headers.iter().find(|(name, _)| name == "content-length").map_or("0", |(_, value)| value);
    let body = &bytes[length..];
    let expected: usize = text.parse().unwrap();
    assert!(body.len() <= expected, "more than one request");
    (body.len() == expected).then(|| Request {
        method: head.method.unwrap().to_owned(),
        target: head.path.unwrap().to_owned(),
        headers,
        body: body.to_vec(),
    })
}
