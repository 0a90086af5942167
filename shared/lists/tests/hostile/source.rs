//! The source payment's state at a provider that does everything wrong: never "fine" by mistake, never asked twice.

use std::time::Duration;

use payonce_lists::{Source, SourceConfig, SourceFailure, SourceState};
use payonce_wire::{ApiSecret, PeerFailure};

use crate::server::{Do, Door, Script, Seen, Server};
use crate::{AMPLE, SECRET, http};

fn ask(door: Door, after: Vec<Do>, within: Duration) -> (Result<SourceState, SourceFailure>, Seen) {
    let server = Server::start(door, vec![Script { before: vec![], after }]);
    let config = format!(
        r#"{{"url":"{}","path":"/v1/payments/{{object}}","secret":"env:SOURCE","object":"/id","must_hold":{{"/id":"{{object}}"}},
        "blocks":["/refunded"]}}"#,
        server.url()
    );
    let config: SourceConfig = serde_json::from_str(&config).unwrap();
    let source = Source::new(&config, &ApiSecret::new(SECRET).unwrap(), Some(server.roots())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let state = runtime.block_on(source.state("pi_1", within));
    (state, server.finish())
}

fn says(status: &str, headers: &str, body: &str) -> Vec<Do> {
    vec![Do::ReadRequest, Do::Send(http(status, headers, body))]
}

const FINE: &str = r#"{"id":"pi_1","refunded":false}"#;

#[test]
fn asks_a_source_over_tls_and_under_its_own_name_alone() {
    let (state, seen) = ask(Door::Tls, says("200 OK", "", FINE), AMPLE);
    let state = state.unwrap();
    assert!(state.paid && state.blocked_by.is_empty());
    assert_eq!(state.facts["/refunded"], "false");
    let [request] = &seen.requests().0[..] else { panic!("one request") };
    let request = String::from_utf8(request.clone()).unwrap();
    assert!(request.starts_with("GET /v1/payments/pi_1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("authorization: Bearer {SECRET}\r\n")) && request.contains("host: localhost:"));
    for door in [Door::TlsOfAStranger, Door::TlsForAnotherName, Door::Shut] {
        let (state, seen) = ask(door, says("200 OK", "", FINE), AMPLE);
        assert!(matches!(state, Err(SourceFailure::Peer(PeerFailure::Connect(_)))), "{door:?}");
        assert_eq!(seen.requests().0.len(), 0, "{door:?}");
    }
}

#[test]
fn fails_on_every_bad_answer_of_a_source() {
    let whole = http("200 OK", "", FINE);
    let cases = [
        ("not there", says("404 Not Found", "", FINE)),
        ("not allowed", says("401 Unauthorized", "", FINE)),
        ("elsewhere", says("302 Found", "location: /v1/payments/pi_2\r\n", FINE)),
        ("down", says("503 Service Unavailable", "retry-after: 0\r\n", FINE)),
        ("a page", says("200 OK", "", "<html>")),
        ("a field is missing", says("200 OK", "", r#"{"id":"pi_1"}"#)),
        ("cut", vec![Do::ReadRequest, Do::Send(whole[..whole.len() - 3].to_vec()), Do::Fin]),
        ("reset", vec![Do::ReadRequest, Do::Reset]),
        ("nothing", vec![Do::ReadRequest, Do::Fin]),
        ("endless", vec![Do::ReadRequest, Do::Send(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()), Do::Flood(vec![b' '; 4096])]),
    ];
    for (what, script) in cases {
        let (state, seen) = ask(Door::Plain, script, AMPLE);
        assert!(state.is_err(), "{what}: {state:?}");
        assert_eq!((seen.accepted, seen.requests().0.len()), (1, 1), "{what}: asked again");
    }
    let (state, _) = ask(Door::Plain, vec![Do::ReadRequest], Duration::from_millis(300));
    assert!(matches!(state, Err(SourceFailure::Peer(PeerFailure::NoAnswer("timed_out")))), "{state:?}");
    // Another payment's answer is an answer, and no ground to pay.
    let (state, _) = ask(Door::Plain, says("200 OK", "", r#"{"id":"pi_2","refunded":false}"#), AMPLE);
    assert!(!state.unwrap().paid);
}
