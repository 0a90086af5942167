//! Lambda freezes a process between invocations, and a busy machine stalls one anywhere. Here a child process pays, is
//! stopped at the worst moment, and goes on after its time is over. The child is this test binary, run anew.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use payonce_wire::Gate;
use rustix::process::{Pid, Signal, kill_process};

use crate::server::{Do, Door, Script, Seen, Server, until};
use crate::support::{AMPLE, TRANSFER, claimed, http, order, rail};

/// What the child has for its payment.
const WITHIN: Duration = Duration::from_secs(3);
const FIRST_BYTE_WITHIN: Duration = Duration::from_secs(2);

fn unix_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// Not a test by itself: the child of the tests below.
#[test]
#[ignore = "the child process of the other tests of this file"]
fn child() {
    let Ok(url) = std::env::var("HOSTILE_URL") else { return };
    let stops_at_the_gate = std::env::var("HOSTILE_STOP").is_ok();
    let rail = rail(&url, rustls::RootCertStore::empty());
    let prepared = rail.prepare(&order(), 1).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let payment = runtime.block_on(async {
        let connection = rail.connect(AMPLE).await.unwrap();
        let stopped = AtomicBool::new(!stops_at_the_gate);
        let now = move || {
            // The worst moment: the last clock reading before the first byte.
            if !stopped.swap(true, Ordering::SeqCst) {
                kill_process(rustix::process::getpid(), Signal::STOP).unwrap();
                // The signal may reach another thread first: this one goes on when it is told to.
                std::io::stdin().read_line(&mut String::new()).unwrap();
            }
            unix_millis()
        };
        let first_byte_before = unix_millis() + FIRST_BYTE_WITHIN.as_millis() as u64;
        let gate = Gate { first_byte_before, within: WITHIN, now: &now };
        rail.pay(connection, &prepared, claimed(prepared.digest()), gate).await
    });
    println!("\nchild: {} {:?} {}", payment.verdict.outcome, payment.evidence.failure, payment.evidence.offered);
}

/// A child has the parent's sockets until it is executed: none may be meant to be closed at that moment.
pub static FORKING: RwLock<()> = RwLock::new(());

fn spawn(server: &Server, environment: &[(&str, &str)]) -> Child {
    let _nobody_is_measured = FORKING.write().unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "freeze::child", "--ignored", "--nocapture"])
        .env("HOSTILE_URL", server.url())
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn wait_until_stopped(child: &Child) {
    until("the child is stopped", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    });
}

fn said(mut child: Child) -> String {
    let lines: Vec<_> = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).collect();
    child.wait().unwrap();
    lines.iter().find_map(|line| line.strip_prefix("child: ")).unwrap().to_owned()
}

/// Stops the child when the server has its request, lets its time run out, and lets it go on.
fn stopped_while_waiting(then: Vec<Do>) -> (String, Seen) {
    let started = Instant::now();
    let after = [vec![Do::ReadRequest, Do::Mark, Do::Hold], then].concat();
    let server = Server::start(Door::Plain, vec![Script { before: vec![], after }]);
    let child = spawn(&server, &[]);
    server.signal.wait_for_mark();
    signal(&child, Signal::STOP);
    wait_until_stopped(&child);
    server.release();
    let asked = Instant::now();
    until("the child's time is over", || asked.elapsed() > WITHIN);
    signal(&child, Signal::CONT);
    let said = said(child);
    println!("{said} after {:?}", started.elapsed());
    (said, server.finish())
}

#[test]
fn unknown_when_frozen_past_its_time_at_a_silent_rail() {
    let (said, seen) = stopped_while_waiting(vec![]);
    assert!(said.starts_with("unknown Some(\"timed_out\")"), "{said}");
    assert_eq!((seen.accepted, seen.requests().0.len(), seen.requests().1, seen.stuck), (1, 1, 0, 0));
}

/// A whole answer that came in time but was read late is still the truth; either way nothing more is sent.
#[test]
fn sends_nothing_more_when_frozen_past_its_time() {
    let (said, seen) = stopped_while_waiting(vec![Do::Send(http("200 OK", "", TRANSFER))]);
    assert!(said.starts_with("accepted None") || said.starts_with("unknown Some(\"timed_out\")"), "{said}");
    assert_eq!((seen.accepted, seen.requests().0.len(), seen.requests().1, seen.stuck), (1, 1, 0, 0));
}

#[test]
fn sends_nothing_when_frozen_at_the_gate_past_its_time() {
    let server = Server::start(Door::Plain, vec![Script::default()]);
    let mut child = spawn(&server, &[("HOSTILE_STOP", "1")]);
    wait_until_stopped(&child);
    let stopped = Instant::now();
    until("the first byte is too late", || stopped.elapsed() > FIRST_BYTE_WITHIN);
    signal(&child, Signal::CONT);
    child.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    assert_eq!(said(child), "not_sent Some(\"first_byte_too_late\") 0");
    let seen = server.finish();
    assert_eq!((seen.accepted, seen.bytes[0].len(), seen.stuck), (1, 0, 0));
}

#[test]
fn ignores_a_proxy_in_the_environment() {
    let answer = vec![Do::ReadRequest, Do::Send(http("200 OK", "", TRANSFER))];
    let server = Server::start(Door::Plain, vec![Script { before: vec![], after: answer.clone() }]);
    let proxy = Server::start(Door::Plain, vec![Script { before: vec![], after: answer }]);
    let url = proxy.url();
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
    let environment: Vec<_> = names.iter().map(|name| (*name, url.as_str())).chain([("NO_PROXY", "")]).collect();
    let child = spawn(&server, &environment);
    let said = said(child);
    assert!(said.starts_with("accepted None"), "{said}");
    assert_eq!(server.finish().requests().0.len(), 1);
    assert_eq!(proxy.finish().accepted, 0);
}
