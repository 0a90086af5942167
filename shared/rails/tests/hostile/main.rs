//! Paying at a server that does everything wrong: over plain TCP and TLS, one table of cases. Each asserts what we say,
//! how many requests and connections reached the server, and that the connection was gone when we said it.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml's allowance covers #[test] functions only.
#![allow(clippy::disallowed_methods, reason = "a hostile peer has threads and times of its own")]

mod cases;
mod freeze;
mod look_up;
mod server;
mod support;

use std::time::Duration;

use payonce_protocol::ids::Digest;
use payonce_protocol::outcome::{Outcome, Verdict};
use payonce_rails::Payment;
use payonce_wire::Gate;

use cases::{Case, Expect, Patience};
use server::{Do, Door, Script, Seen, Server};
use support::{AMPLE, Make, SECRET, claimed, http, open_gate, order, rail};

/// What one payment came to: the connection's failure or the payment, and what the server saw.
fn pay(case: &Case, door: Door, make: Make) -> (Result<Payment, &'static str>, Seen) {
    let server = Server::start(door, vec![case.script.clone()]);
    let rail = make.rail(&server.url(), server.roots());
    let prepared = rail.prepare(&order(), 1).unwrap();
    // One thread that is not driven after the payment, as Lambda freezes us: whatever is left behind stays open.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let payment = runtime.block_on(async {
        let connect_within = if door == Door::SilenceInsteadOfTls { Duration::from_millis(300) } else { AMPLE };
        let connection = rail.connect(connect_within).await.map_err(|failure| failure.as_str())?;
        server.wait_until_ready();
        if case.patience == Patience::UntilMark {
            // Tokio's paused clock does not advance while a blocking task runs.
            let signal = server.signal.clone();
            tokio::task::spawn_blocking(move || signal.wait_for_mark());
            tokio::time::pause();
        }
        let now = if case.gate_is_shut { 2_000 } else { 1_999 };
        let gate = Gate { now: &move || now, ..open_gate() };
        Ok(rail.pay(connection, &prepared, claimed(prepared.digest()), gate).await)
    });
    (payment, server.finish())
}

fn without_the_secret(request: &[u8]) -> Vec<u8> {
    let line = format!("authorization: Bearer {SECRET}\r\n");
    String::from_utf8(request.to_vec()).unwrap().replace(&line, "").into_bytes()
}

fn check(case: &Case, door: Door, make: Make) -> Result<(), String> {
    let _nobody_forks = freeze::FORKING.read().unwrap();
    let (payment, seen) = pay(case, door, make);
    let (requests, beside) = seen.requests();
    let say = |what: &str| {
        let whole = requests.len();
        Err(format!(
            "{} over {door:?}, {make:?}: {what}
  {payment:?}
  {whole} requests, {beside} bytes beside",
            case.name
        ))
    };
    if seen.stuck > 0 {
        return say("the connection outlived the answer");
    }
    if seen.accepted != usize::from(door != Door::Shut) {
        return say("more connections than one");
    }
    match (&case.expect, &payment) {
        (Expect::NotConnected(expected), Err(failure)) => {
            if failure != expected || !requests.is_empty() || beside > 0 {
                return say("another failure, or request bytes without a connection");
            }
        }
        (Expect::Paid(verdict, failure, whole), Ok(payment)) => {
            if payment.verdict != *verdict {
                return say("another verdict");
            }
            if payment.evidence.failure != *failure {
                return say("another reason");
            }
            if requests.len() != *whole || (*whole > 0 && beside > 0) {
                return say("another number of requests");
            }
            let received: usize = seen.bytes.iter().map(Vec::len).sum();
            let offered = payment.evidence.offered as usize;
            if received > offered || (*whole > 0 && received != offered) {
                return say("the count of offered bytes is wrong");
            }
            if (payment.verdict.outcome == Outcome::NotSent) != (offered == 0) {
                return say("not sent, yet offered (or the reverse)");
            }
            let rail = make.rail("http://127.0.0.1:1", rustls::RootCertStore::empty());
            let prepared = rail.prepare(&order(), 1).unwrap();
            let bytes = |request: &Vec<u8>| without_host(&without_the_secret(request));
            if requests.iter().any(|request| bytes(request) != without_host(&prepared.bytes())) {
                return say("other bytes than those that were hashed");
            }
            if format!("{payment:?}").contains("Jane") {
                return say("the rail's words in the evidence");
            }
        }
        _ => return say("connected against expectation, or not"),
    }
    Ok(())
}

/// Each server has its own port.
fn without_host(request: &[u8]) -> String {
    let text = String::from_utf8(request.to_vec()).unwrap();
    text.lines().filter(|line| !line.starts_with("host: ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn sends_one_request_whatever_a_hostile_server_does() {
    let elsewhere = Server::start(Door::Plain, vec![Script { before: vec![], after: vec![Do::ReadRequest] }]);
    let cases = cases::all(&elsewhere.url());
    let (mut wrong, mut run) = (Vec::new(), 0);
    for case in &cases {
        for (door, make) in case.doors.iter().flat_map(|door| [(door, Make::Coded), (door, Make::Described)]) {
            run += 1;
            wrong.extend(check(case, *door, make).err());
        }
    }
    assert_eq!(elsewhere.finish().accepted, 0, "a redirect was followed");
    assert!(wrong.is_empty(), "{} of {run}:\n{}", wrong.len(), wrong.join("\n"));
    println!("{run} runs of {} cases", cases.len());
}

/// The hash in the claim is over the bytes that arrive, the host's line included.
#[test]
fn hash_in_the_claim_is_of_the_bytes_that_arrive() {
    for make in Make::BOTH {
        let after = vec![Do::ReadRequest, Do::Send(http("200 OK", "", "{}"))];
        let server = Server::start(Door::Plain, vec![Script { before: vec![], after }]);
        let rail = make.rail(&server.url(), server.roots());
        let prepared = rail.prepare(&order(), 1).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let connection = rail.connect(AMPLE).await.unwrap();
            rail.pay(connection, &prepared, claimed(prepared.digest()), open_gate()).await
        });
        let (requests, _) = server.finish().requests();
        assert_eq!(Digest::of(without_the_secret(&requests[0])), prepared.digest());
    }
}

#[test]
fn sends_nothing_with_the_claim_of_another_request() {
    let server = Server::start(Door::Plain, vec![Script::default()]);
    let rail = rail(&server.url(), server.roots());
    let prepared = rail.prepare(&order(), 2).unwrap();
    let first = rail.prepare(&order(), 1).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let payment = runtime.block_on(async {
        let connection = rail.connect(AMPLE).await.unwrap();
        rail.pay(connection, &prepared, claimed(first.digest()), open_gate()).await
    });
    assert_eq!(payment.verdict, Verdict::NOT_SENT);
    assert_eq!(payment.evidence.failure, Some("wrong_request"));
    assert!(server.finish().bytes[0].is_empty());
}
