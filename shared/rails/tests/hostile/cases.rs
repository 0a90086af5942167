//! One table of everything that a server can do to us, and what we must say of it.

use payonce_protocol::outcome::{Outcome, Verdict};

use crate::server::{Do, Door, Script};
use crate::support::{TRANSFER, http};
use Do::{Cut, Drip, Fin, Flood, Mark, Peek, ReadBytes, ReadRequest, Reset, Send};

/// How long the client waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    Ample,
    /// Until the server is at its mark: time stands still before, and runs out after.
    UntilMark,
}

#[derive(Clone, Debug)]
pub struct Case {
    pub name: &'static str,
    pub doors: &'static [Door],
    pub script: Script,
    pub patience: Patience,
    pub gate_is_shut: bool,
    pub expect: Expect,
}

#[derive(Clone, Debug)]
pub enum Expect {
    NotConnected(&'static str),
    /// The verdict, why, and how many whole requests the server got.
    Paid(Verdict, Option<&'static str>, usize),
}

const TLS: &[Door] = &[Door::Tls];
const BOTH: &[Door] = &[Door::Plain, Door::Tls];

const ACCEPTED: Verdict = Verdict::plain(Outcome::Accepted);
const REPLAYED: Verdict = Verdict { replayed: true, ..ACCEPTED };
const REJECTED: Verdict = Verdict::plain(Outcome::Rejected);
const NOT_BEGUN: Verdict = Verdict { not_begun: true, ..REJECTED };

fn case(name: &'static str, doors: &'static [Door], before: Vec<Do>, after: Vec<Do>, expect: Expect) -> Case {
    let patience = if after.iter().any(|step| matches!(step, Mark)) { Patience::UntilMark } else { Patience::Ample };
    Case { name, doors, script: Script { before, after }, patience, gate_is_shut: false, expect }
}

/// No connection comes about.
fn door(name: &'static str, door: &'static [Door], failure: &'static str) -> Case {
    case(name, door, vec![], vec![], Expect::NotConnected(failure))
}

/// Something happens between connecting and paying.
fn early(name: &'static str, doors: &'static [Door], before: Vec<Do>, failure: &'static str) -> Case {
    case(name, doors, before, vec![], Expect::Paid(Verdict::NOT_SENT, Some(failure), 0))
}

/// The request arrives, and no whole answer comes back.
fn lost(name: &'static str, doors: &'static [Door], after: Vec<Do>, failure: &'static str) -> Case {
    let after = [vec![ReadRequest], after].concat();
    case(name, doors, vec![], after, Expect::Paid(Verdict::UNKNOWN, Some(failure), 1))
}

/// The request arrives, and these bytes come back.
fn answered(name: &'static str, answer: Vec<u8>, verdict: Verdict, doubt: Option<&'static str>) -> Case {
    case(name, BOTH, vec![], vec![ReadRequest, Send(answer)], Expect::Paid(verdict, doubt, 1))
}

fn error(status: &'static str, kind: &str) -> Vec<u8> {
    http(
        status,
        "request-id: req_1\r\n",
        &format!(r#"{{"error":{{"type":"{kind}","message":"planted Jane Doe DE89 3704"}}}}"#),
    )
}

fn transfer(change: (&str, &str)) -> Vec<u8> {
    assert!(TRANSFER.contains(change.0), "{change:?} changes nothing");
    http("200 OK", "", &TRANSFER.replace(change.0, change.1))
}

fn ok() -> Vec<u8> {
    http("200 OK", "", TRANSFER)
}

fn unframed() -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n\r\n{TRANSFER}").into_bytes()
}

fn chunked(end: &str) -> Vec<u8> {
    let (one, two) = TRANSFER.split_at(20);
    format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n{end}",
        one.len(),
        two.len()
    )
    .into_bytes()
}

/// `elsewhere` is where redirects lead.
pub fn all(elsewhere: &str) -> Vec<Case> {
    [before_the_request(), without_an_answer(), complete_answers(), redirects(elsewhere)].concat()
}

fn before_the_request() -> Vec<Case> {
    let shut = Case { gate_is_shut: true, ..early("gate_shut_at_the_first_byte", BOTH, vec![], "first_byte_too_late") };
    vec![
        door("refused", &[Door::Shut], "tcp"),
        door("reset_before_server_hello", &[Door::ResetBeforeServerHello], "tls"),
        door("silence_instead_of_tls", &[Door::SilenceInsteadOfTls], "too_long"),
        door("cut_before_server_hello", &[Door::CutBeforeServerHello], "tls"),
        door("cut_inside_server_hello", &[Door::CutInsideServerHello], "tls"),
        door("reset_inside_server_hello", &[Door::ResetInsideServerHello], "tls"),
        door("certificate_of_a_stranger", &[Door::TlsOfAStranger], "tls"),
        door("certificate_for_another_name", &[Door::TlsForAnotherName], "tls"),
        door("http2_only", &[Door::TlsWithH2Only], "tls"),
        early("closed_before_the_request", BOTH, vec![Fin], "closed"),
        early("cut_before_the_request", TLS, vec![Cut], "closed"),
        early("reset_before_the_request", BOTH, vec![Reset], "closed"),
        early("answered_before_the_request", BOTH, vec![Send(ok())], "closed"),
        early("answered_and_closed_before_the_request", BOTH, vec![Send(ok()), Fin], "closed"),
        shut,
    ]
}

fn without_an_answer() -> Vec<Case> {
    let half_head = ok()[..30].to_vec();
    let half_body = ok()[..ok().len() - 9].to_vec();
    let hints = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n".to_vec();
    let endless_head = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"x-more: and more\r\n".repeat(2_000)].concat();
    let many_headers =
        [b"HTTP/1.1 200 OK\r\n".to_vec(), b"x: y\r\n".repeat(100), b"content-length: 0\r\n\r\n".to_vec()].concat();
    let long = http("200 OK", "", TRANSFER);
    let long = String::from_utf8(long).unwrap().replace("content-length: 1", "content-length: 9").into_bytes();
    let two_lengths = http("200 OK", "content-length: 7\r\n", TRANSFER);
    vec![
        case("never_read", BOTH, vec![], vec![Peek, Mark], Expect::Paid(Verdict::UNKNOWN, Some("timed_out"), 1)),
        case(
            "reset_inside_the_request",
            BOTH,
            vec![],
            vec![ReadBytes(40), Reset],
            Expect::Paid(Verdict::UNKNOWN, Some("reset"), 0),
        ),
        lost("executed_then_reset", BOTH, vec![Reset], "reset"),
        lost("executed_then_closed", BOTH, vec![Fin], "answer_cut"),
        lost("executed_then_cut", TLS, vec![Cut], "answer_cut"),
        lost("executed_then_hung", BOTH, vec![Mark], "timed_out"),
        lost("head_cut", BOTH, vec![Send(half_head.clone()), Fin], "answer_cut"),
        lost("head_cut_without_close_notify", TLS, vec![Send(half_head.clone()), Cut], "answer_cut"),
        lost("head_then_reset", BOTH, vec![Send(half_head.clone()), Reset], "reset"),
        lost("head_then_hung", BOTH, vec![Send(half_head), Mark], "timed_out"),
        lost("body_cut", BOTH, vec![Send(half_body.clone()), Fin], "answer_cut"),
        lost("body_cut_without_close_notify", TLS, vec![Send(half_body.clone()), Cut], "answer_cut"),
        lost("body_then_hung", BOTH, vec![Send(half_body), Mark], "timed_out"),
        lost("length_above_the_body", BOTH, vec![Send(long), Fin], "answer_cut"),
        lost("two_lengths", BOTH, vec![Send(two_lengths)], "answer_malformed"),
        lost("garbage", BOTH, vec![Send(b"\x16\x03\x01 what?\r\n\r\n".to_vec()), Fin], "answer_malformed"),
        lost("garbage_status", BOTH, vec![Send(b"HTTP/1.1 2OO OK\r\n\r\n".to_vec()), Fin], "answer_malformed"),
        lost("http09", BOTH, vec![Send(TRANSFER.as_bytes().to_vec()), Fin], "answer_malformed"),
        lost("interim_then_closed", BOTH, vec![Send(hints.clone()), Fin], "answer_cut"),
        lost("interim_then_hung", BOTH, vec![Send(hints.clone()), Mark], "timed_out"),
        lost("interim_for_ever", BOTH, vec![Flood(hints.repeat(50))], "answer_too_large"),
        lost("head_too_large", BOTH, vec![Send(endless_head)], "answer_malformed"),
        lost("too_many_headers", BOTH, vec![Send(many_headers)], "answer_malformed"),
        lost(
            "body_for_ever",
            BOTH,
            vec![Send(http("200 OK", "", "").replace_length(1 << 40)), Flood(vec![b' '; 9000])],
            "answer_too_large",
        ),
        lost(
            "unframed_body_for_ever",
            BOTH,
            vec![Send(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()), Flood(vec![b' '; 9000])],
            "answer_too_large",
        ),
        lost("drip", BOTH, vec![Drip(ok()[..20].to_vec()), Mark, Drip(ok()[20..60].to_vec())], "timed_out"),
        lost("chunks_cut", BOTH, vec![Send(chunked("")), Fin], "answer_cut"),
        lost("chunks_malformed", BOTH, vec![Send(chunked("zz\r\n")), Fin], "answer_malformed"),
        lost("unframed_cut_without_close_notify", TLS, vec![Send(unframed()), Cut], "answer_cut"),
        lost("unframed_then_reset", BOTH, vec![Send(b"HTTP/1.1 200 OK\r\n\r\n{".to_vec()), Reset], "reset"),
    ]
}

trait ReplaceLength {
    fn replace_length(self, length: u64) -> Self;
}

impl ReplaceLength for Vec<u8> {
    fn replace_length(self, length: u64) -> Self {
        let text = String::from_utf8(self).unwrap();
        text.replace("content-length: 0", &format!("content-length: {length}")).into_bytes()
    }
}

fn complete_answers() -> Vec<Case> {
    let shortened = String::from_utf8(ok()).unwrap().replace("content-length: 1", "content-length: ").into_bytes();
    let hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".to_vec();
    let html = "<html><body><h1>403 Forbidden</h1></body></html>";
    let unknown = Verdict::UNKNOWN;
    let accepted = |name, doors, send: Vec<Do>| {
        case(name, doors, vec![], [vec![ReadRequest], send].concat(), Expect::Paid(ACCEPTED, None, 1))
    };
    vec![
        accepted("plain_acceptance", BOTH, vec![Send(ok())]),
        accepted("acceptance_then_cut", TLS, vec![Send(ok()), Cut]),
        accepted("acceptance_then_closed", BOTH, vec![Send(ok()), Fin]),
        accepted("acceptance_after_interim", BOTH, vec![Send([hints, ok()].concat())]),
        accepted("acceptance_with_bytes_after_it", BOTH, vec![Send([ok(), b"and more".to_vec()].concat())]),
        accepted("acceptance_in_pieces", BOTH, vec![Drip(ok())]),
        accepted("acceptance_in_chunks", BOTH, vec![Send(chunked("0\r\n\r\n"))]),
        accepted("acceptance_unframed", BOTH, vec![Send(unframed()), Fin]),
        answered("created", http("201 Created", "", TRANSFER), ACCEPTED, None),
        answered("length_below_the_body", shortened, unknown, Some("not_json")),
        answered(
            "switching_protocols",
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n".to_vec(),
            unknown,
            Some("not_json"),
        ),
        answered("no_content", b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), unknown, Some("not_json")),
        answered("empty_ok", http("200 OK", "", ""), unknown, Some("not_json")),
        answered("text_ok", http("200 OK", "", "OK"), unknown, Some("not_json")),
        answered("list_ok", http("200 OK", "", "[]"), unknown, Some("no_payout_id")),
        answered("without_id", transfer(("\"id\":\"tr_1Hostile\",", "")), unknown, Some("no_payout_id")),
        answered("id_of_something_else", transfer(("tr_1Hostile", "po_1Hostile")), unknown, Some("no_payout_id")),
        answered("another_object", transfer(("\"transfer\"", "\"transfer_reversal\"")), unknown, Some("other_object")),
        answered("reversed_at_once", transfer(("false", "true")), unknown, Some("other_object")),
        answered("another_amount", transfer(("1234", "123400")), unknown, Some("other_order")),
        answered("amount_as_a_float", transfer(("1234", "1234.0")), unknown, Some("other_order")),
        answered("another_currency", transfer(("eur", "usd")), unknown, Some("other_order")),
        answered("another_payee", transfer(("1Payee", "2Payee")), unknown, Some("other_order")),
        answered("another_reference", transfer(("pi_hostile", "pi_other")), unknown, Some("other_order")),
        answered("replayed", http("200 OK", "Idempotent-Replayed: true\r\n", TRANSFER), REPLAYED, None),
        answered("replay_denied", http("200 OK", "Idempotent-Replayed: false\r\n", TRANSFER), ACCEPTED, None),
        answered(
            "replayed_refusal",
            http("402 Payment Required", "idempotent-replayed: true\r\n", r#"{"error":{"type":"card_error"}}"#),
            unknown,
            Some("replayed_refusal"),
        ),
        answered("bad_request", error("400 Bad Request", "invalid_request_error"), REJECTED, None),
        answered(
            "key_used_with_other_terms",
            error("400 Bad Request", "idempotency_error"),
            unknown,
            Some("listed_as_unknown"),
        ),
        answered("no_key", error("401 Unauthorized", "invalid_request_error"), NOT_BEGUN, None),
        answered("no_funds", error("402 Payment Required", "card_error"), REJECTED, None),
        answered("forbidden", error("403 Forbidden", "invalid_request_error"), REJECTED, None),
        answered(
            "forbidden_by_a_proxy",
            http("403 Forbidden", "content-type: text/html\r\n", html),
            unknown,
            Some("not_json"),
        ),
        answered("not_found", error("404 Not Found", "invalid_request_error"), REJECTED, None),
        answered(
            "not_found_in_another_format",
            http("404 Not Found", "", r#"{"message":"no route"}"#),
            unknown,
            Some("not_the_rails_error"),
        ),
        answered(
            "request_timeout",
            error("408 Request Timeout", "invalid_request_error"),
            unknown,
            Some("unlisted_error"),
        ),
        answered("conflict", error("409 Conflict", "invalid_request_error"), unknown, Some("unlisted_error")),
        answered(
            "dependency_failed",
            error("424 Failed Dependency", "invalid_request_error"),
            unknown,
            Some("unlisted_error"),
        ),
        answered("too_early", error("425 Too Early", "invalid_request_error"), unknown, Some("unlisted_error")),
        answered("limited", error("429 Too Many Requests", "invalid_request_error"), NOT_BEGUN, None),
        answered("limited_by_a_proxy", http("429 Too Many Requests", "", "slow down"), unknown, Some("not_json")),
        answered(
            "locked",
            http("429 Too Many Requests", "", r#"{"error":{"type":"invalid_request_error","code":"lock_timeout"}}"#),
            unknown,
            Some("listed_as_unknown"),
        ),
        answered("server_error", error("500 Internal Server Error", "api_error"), unknown, Some("listed_as_unknown")),
        answered(
            "server_error_of_a_refusing_type",
            error("500 Internal Server Error", "card_error"),
            unknown,
            Some("unlisted_error"),
        ),
        answered("bad_gateway", http("502 Bad Gateway", "", html), unknown, Some("not_json")),
        answered("unavailable", error("503 Service Unavailable", "api_error"), unknown, Some("listed_as_unknown")),
        answered(
            "unavailable_of_another_type",
            error("503 Service Unavailable", "invalid_request_error"),
            unknown,
            Some("unlisted_error"),
        ),
    ]
}

fn redirects(elsewhere: &str) -> Vec<Case> {
    let to = |status: &str| http(status, &format!("location: {elsewhere}/v1/transfers\r\n"), "");
    let to_with_error = http(
        "308 Permanent Redirect",
        &format!("location: {elsewhere}/v1/transfers\r\n"),
        r#"{"error":{"type":"invalid_request_error"}}"#,
    );
    vec![
        answered("moved", to("301 Moved Permanently"), Verdict::UNKNOWN, Some("not_json")),
        answered("see_other", to("303 See Other"), Verdict::UNKNOWN, Some("not_json")),
        answered("redirected_with_its_body", to("307 Temporary Redirect"), Verdict::UNKNOWN, Some("not_json")),
        answered("redirected_for_good", to_with_error, Verdict::UNKNOWN, Some("unlisted_error")),
    ]
}
