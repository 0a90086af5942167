//! Look-ups: read-only, and never "absent" by mistake.

use payonce_protocol::order::PayoutKey;
use payonce_rails::{LookUpFailure, RailPayout};

use crate::server::{Do, Door, Script, Seen, Server};
use crate::support::{AMPLE, Make, http};

fn ask<T>(make: Make, answers: Vec<Vec<u8>>, ask: impl AsyncFn(payonce_rails::Rail) -> T) -> (T, Seen) {
    let script = |answer| Script { before: vec![], after: vec![Do::ReadRequest, Do::Send(answer)] };
    let server = Server::start(Door::Plain, answers.into_iter().map(script).collect());
    let rail = make.rail(&server.url(), server.roots());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let said = runtime.block_on(ask(rail));
    (said, server.finish())
}

fn key() -> PayoutKey {
    PayoutKey::new("stripe/pi_1&limit=0").unwrap()
}

fn find(make: Make, answer: Vec<u8>) -> (Result<Vec<RailPayout>, LookUpFailure>, Seen) {
    ask(make, vec![answer], async |rail| rail.find(&key(), AMPLE).await)
}

fn payout(id: &str, reference: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"transfer","amount":1234,"amount_reversed":0,"currency":"eur","created":1700000000,
        "destination":"acct_1Payee","reversed":false,"transfer_group":"{reference}"}}"#
    )
}

fn list(payouts: &[String], more: bool) -> Vec<u8> {
    http("200 OK", "", &format!(r#"{{"object":"list","has_more":{more},"data":[{}]}}"#, payouts.join(",")))
}

#[test]
fn a_payout_is_found_by_our_reference_alone() {
    for (make, query) in [
        (Make::Coded, "transfer_group=stripe%2Fpi_1%26limit%3D0&limit=100"),
        (Make::Described, "limit=100&transfer_group=stripe%2Fpi_1%26limit%3D0"),
    ] {
        let (found, seen) = find(make, list(&[payout("tr_1", key().as_str())], false));
        let found = found.unwrap();
        assert_eq!(
            (found.len(), found[0].id.as_str(), found[0].amount, found[0].currency.as_str()),
            (1, "tr_1", 1234, "EUR")
        );
        assert_eq!((found[0].created_at, found[0].returned), (1_700_000_000_000, false));
        let request = String::from_utf8(seen.bytes[0].clone()).unwrap();
        assert!(request.starts_with(&format!("GET /v1/transfers?{query} HTTP/1.1\r\n")), "{request}");
    }
}

#[test]
fn a_part_that_was_given_back() {
    let part = payout("tr_1", key().as_str()).replace("\"amount_reversed\":0", "\"amount_reversed\":1");
    assert!(find(Make::Coded, list(&[part], false)).0.unwrap()[0].returned);
}

#[test]
fn nothing_found_is_an_empty_list() {
    for make in Make::BOTH {
        assert!(find(make, list(&[], false)).0.unwrap().is_empty());
    }
}

#[test]
fn an_answer_that_does_not_say_absent_is_not_absent() {
    for (answer, why) in [
        (http("200 OK", "", "{}"), "no list"),
        (http("200 OK", "", r#"{"object":"search_result","has_more":false,"data":[]}"#), "another list"),
        (http("200 OK", "", r#"{"object":"list","data":[]}"#), "no has_more"),
        (http("200 OK", "", r#"{"object":"list","has_more":false,"data":{}}"#), "no items"),
        (http("200 OK", "", "<html></html>"), "html"),
        (http("404 Not Found", "", r#"{"error":{"type":"invalid_request_error"}}"#), "404"),
        (http("302 Found", "location: /v1/transfers\r\n", ""), "302"),
        (list(&[payout("tr_1", "another/key")], false), "another key's payouts"),
        (list(&[payout("po_1", key().as_str())], false), "no transfer"),
        (list(&[payout("tr_1", key().as_str()).replace("transfer\"", "reversal\"")], false), "another object"),
        (list(&[], true), "more to come"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{}".to_vec(), "cut"),
    ] {
        for make in Make::BOTH {
            let after = vec![Do::ReadRequest, Do::Send(answer.clone()), Do::Fin];
            let server = Server::start(Door::Plain, vec![Script { before: vec![], after }]);
            let rail = make.rail(&server.url(), server.roots());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            assert!(runtime.block_on(rail.find(&key(), AMPLE)).is_err(), "{why}");
            assert_eq!(server.finish().requests().0.len(), 1, "{why}");
        }
    }
}

#[test]
fn a_payout_of_another_id_or_no_payout_is_found() {
    let ok = |body: &str| http("200 OK", "", body);
    let error = http("404 Not Found", "", r#"{"error":{"type":"invalid_request_error"}}"#);
    for make in Make::BOTH {
        let get =
            |answer: Vec<u8>, id: &'static str| ask(make, vec![answer], async |rail| rail.payout(id, AMPLE).await);
        let (found, seen) = get(ok(&payout("tr_1", "a/b")), "tr_1");
        assert_eq!(found.unwrap().unwrap().reference.as_deref(), Some("a/b"));
        assert_eq!(lines(&seen), ["GET /v1/transfers/tr_1 HTTP/1.1"]);
        assert!(get(error.clone(), "tr_1").0.unwrap().is_none());
        for (answer, why) in [
            (ok(&payout("tr_2", "a/b")), "another"),
            (ok(&payout("tr_1", "a/b").replace("transfer\"", "reversal\"")), "another object"),
            (list(&[payout("tr_1", "a/b")], false), "a list"),
            (http("500 Internal Server Error", "", "{}"), "500"),
        ] {
            assert!(get(answer, "tr_1").0.is_err(), "{why}");
        }
        // What cannot be an id never becomes a part of an address.
        for id in ["", "tr_1/../../v1/balance", "tr_1?expand=x", "po_1", "tr_1%2f", "tr_\u{e4}"] {
            let server = Server::start(Door::Plain, vec![]);
            let rail = make.rail(&server.url(), server.roots());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            assert_eq!(runtime.block_on(rail.payout(id, AMPLE)).unwrap(), None, "{id}");
            assert_eq!(server.finish().requests().0.len(), 0, "{id}");
        }
    }
}

#[test]
fn a_list_is_read_to_its_end_by_get_only() {
    for make in Make::BOTH {
        let pages = vec![list(&[payout("tr_2", "b"), payout("tr_1", "a")], true), list(&[payout("tr_0", "c")], false)];
        let (listed, seen) = ask(make, pages, async |rail| rail.list(1_700_000_000_999, AMPLE).await);
        let ids: Vec<_> = listed.unwrap().into_iter().map(|payout| payout.id).collect();
        assert_eq!(ids, ["tr_2", "tr_1", "tr_0"]);
        assert_eq!(
            lines(&seen),
            [
                "GET /v1/transfers?created%5Bgte%5D=1700000000&limit=100 HTTP/1.1",
                "GET /v1/transfers?created%5Bgte%5D=1700000000&limit=100&starting_after=tr_1 HTTP/1.1",
            ]
        );
    }
}

/// The first page again and again is no end, and no list.
#[test]
fn a_list_that_does_not_move_on() {
    let page = || list(&[payout("tr_1", "a")], true);
    for make in Make::BOTH {
        let (listed, seen) = ask(make, vec![page(), page(), page()], async |rail| rail.list(0, AMPLE).await);
        assert!(matches!(listed, Err(LookUpFailure::Unreadable)), "{listed:?}");
        assert_eq!(seen.accepted, 2);
    }
}

fn lines(seen: &Seen) -> Vec<String> {
    let first = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap().lines().next().unwrap().to_owned();
    seen.bytes.iter().map(first).collect()
}
