//! Look-ups: read-only, and never "absent" by mistake.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use payonce_protocol::order::{Destination, PayoutKey};
use payonce_rails::{
    AccountCheck, LookUpFailure, Purpose, REREAD_EVERY_MS, Rail, RailPayout, RailSecret, Refreshed, Wanted,
};

use crate::server::{Do, Door, Script, Seen, Server};
use crate::support::{ACCOUNT, AMPLE, Make, book, http};

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
    find_in(make, vec![answer])
}

fn find_in(make: Make, pages: Vec<Vec<u8>>) -> (Result<Vec<RailPayout>, LookUpFailure>, Seen) {
    ask(make, pages, async |rail| rail.find(&wanted(&rail), AMPLE).await)
}

/// Claimed at 2023-11-14T22:13:20Z, for ten seconds.
fn wanted(rail: &Rail) -> Wanted {
    let destination = Destination::new("acct_1Payee").unwrap();
    rail.wanted(&key(), &destination, 1_700_000_000_000..1_700_000_010_001)
}

fn payout(id: &str, reference: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"transfer","amount":1234,"amount_reversed":0,"currency":"eur","created":1700000000,
        "destination":"acct_1Payee","reversed":false,"transfer_group":"ORDER95",
        "metadata":{{"payout_key":"{reference}"}}}}"#
    )
}

fn list(payouts: &[String], more: bool) -> Vec<u8> {
    http("200 OK", "", &format!(r#"{{"object":"list","has_more":{more},"data":[{}]}}"#, payouts.join(",")))
}

#[test]
fn a_payout_is_found_by_our_reference_alone() {
    for (make, query) in [
        // From an hour before to a day and ten minutes after, and to the next whole second.
        (Make::Coded, "destination=acct_1Payee&created%5Bgte%5D=1699996400&created%5Blte%5D=1700087011&limit=100"),
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
fn partly_reversed_payout_counts_as_returned() {
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
            assert!(runtime.block_on(rail.find(&wanted(&rail), AMPLE)).is_err(), "{why}");
            assert_eq!(server.finish().requests().0.len(), 1, "{why}");
        }
    }
}

/// Without our metadata it is somebody else's payout to the same payee; one to another payee says that the rail did not
/// search. A rail that was asked for our reference may not answer with anything else.
#[test]
fn tells_our_payout_from_others_of_the_payee() {
    let bare = payout("tr_2", "x").replace(r#""metadata":{"payout_key":"x"}"#, r#""metadata":{}"#);
    let foreign = payout("tr_1", "another/key");
    let page = || list(&[foreign.clone(), bare.clone(), payout("tr_3", key().as_str())], false);
    let ids = |found: Vec<RailPayout>| found.into_iter().map(|payout| payout.id).collect::<Vec<_>>();
    assert_eq!(ids(find(Make::Coded, page()).0.unwrap()), ["tr_3"]);
    assert!(matches!(find(Make::Described, page()).0, Err(LookUpFailure::Unreadable)));
    let elsewhere = list(&[payout("tr_1", key().as_str()).replace("acct_1Payee", "acct_2Other")], false);
    assert!(matches!(find(Make::Coded, elsewhere).0, Err(LookUpFailure::Unreadable)));
}

/// A payee with many payouts: ours stands on the last page.
#[test]
fn reads_every_page_of_a_busy_payee() {
    let page = |from: u32| (from..from + 100).map(|id| payout(&format!("tr_{id}"), "another/key")).collect::<Vec<_>>();
    let last = list(&[payout("tr_900", "another/key"), payout("tr_901", key().as_str())], false);
    let pages = vec![list(&page(100), true), list(&page(200), true), last];
    let (found, seen) = find_in(Make::Coded, pages);
    assert_eq!(found.unwrap()[0].id, "tr_901");
    let asked = lines(&seen);
    assert_eq!(asked.len(), 3);
    assert!(asked[1].ends_with("&limit=100&starting_after=tr_199 HTTP/1.1"), "{}", asked[1]);
    assert!(asked[2].ends_with("&limit=100&starting_after=tr_299 HTTP/1.1"), "{}", asked[2]);
    assert!(asked.iter().all(|line| line.contains("?destination=acct_1Payee&created%5Bgte%5D=1699996400&")));
    // An unreadable page in between is no "absent".
    let (found, _) = find_in(Make::Coded, vec![list(&page(100), true), http("200 OK", "", "{}")]);
    assert!(matches!(found, Err(LookUpFailure::Unreadable)));
}

#[test]
fn tells_a_secret_of_another_account() {
    let account = |id: &str| http("200 OK", "", &format!(r#"{{"object":"account","id":"{id}"}}"#));
    let check = |make: Make, answer: Vec<u8>| {
        let (said, seen) = ask(make, vec![answer], async |rail| rail.check_account(Purpose::LookUp, AMPLE).await);
        (said, lines(&seen))
    };
    let (said, asked) = check(Make::Coded, account(ACCOUNT));
    assert_eq!((said, asked), (AccountCheck::Same, vec!["GET /v1/account HTTP/1.1".to_owned()]));
    assert_eq!(check(Make::Coded, account("acct_1Other")).0, AccountCheck::Other("acct_1Other".into()));
    for (answer, why) in [
        (http("403 Forbidden", "", r#"{"error":{"type":"invalid_request_error"}}"#), "403"),
        (http("401 Unauthorized", "", "{}"), "401"),
        (http("200 OK", "", r#"{"object":"balance","id":"acct_1Other"}"#), "another object"),
        (http("200 OK", "", "<html></html>"), "html"),
        (http("500 Internal Server Error", "", "{}"), "500"),
    ] {
        assert!(matches!(check(Make::Coded, answer).0, AccountCheck::Unchecked(_)), "{why}");
    }
    let server = Server::start(Door::Plain, vec![]);
    let rail = Make::Described.rail(&server.url(), server.roots());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let said = runtime.block_on(rail.check_account(Purpose::LookUp, AMPLE));
    assert!(matches!(said, AccountCheck::Unchecked(_)), "{said:?}");
    assert_eq!(server.finish().requests().0.len(), 0);
}

/// What the rail said of a secret is believed for an hour; what it did not say is asked again.
#[test]
fn asks_for_an_account_once_an_hour() {
    let account = http("200 OK", "", &format!(r#"{{"object":"account","id":"{ACCOUNT}"}}"#));
    let (_, seen) = ask(Make::Coded, vec![http("500 Oh", "", "{}"), account], async |rail| {
        for expected in [false, true, true, true] {
            let said = rail.check_account(Purpose::LookUp, AMPLE).await;
            assert_eq!(said == AccountCheck::Same, expected, "{said:?}");
        }
    });
    assert_eq!(lines(&seen).len(), 2);
}

/// A revoked key: the one that was answered 401 is over; before the next use the secrets are read again, once a minute.
#[test]
fn reads_a_refused_secret_again_once_a_minute() {
    let empty = || list(&[], false);
    let unauthorized = || http("401 Unauthorized", "", r#"{"error":{"type":"invalid_request_error"}}"#);
    let account = |id: &str| http("200 OK", "", &format!(r#"{{"object":"account","id":"{id}"}}"#));
    let read = Arc::new(AtomicU32::new(0));
    let reads = read.clone();
    // The third reading is of a new key: its account is asked for, once for each purpose.
    let answers = vec![
        unauthorized(),
        unauthorized(),
        unauthorized(),
        account("acct_1Other"),
        account(ACCOUNT),
        account(ACCOUNT),
        empty(),
    ];
    let (_, seen) = ask(Make::Coded, answers, async |rail| {
        let kept = ["sk_test_hostile", "sk_live_other", "sk_test_stranger", "sk_test_new"];
        let reads = reads.clone();
        let rail = rail.rereading(Box::new(move || {
            let secret = kept[reads.fetch_add(1, Ordering::SeqCst) as usize];
            Box::pin(async move { Some((RailSecret::new(secret).unwrap(), None)) })
        }));
        let find = async || rail.find(&wanted(&rail), AMPLE).await.map(|found| found.len());
        assert_eq!(rail.refresh(0).await, Refreshed::Untouched, "no 401 was seen");
        assert!(matches!(find().await, Err(LookUpFailure::Refused(401))));
        assert_eq!(rail.refresh(0).await, Refreshed::Same);
        assert!(find().await.is_err());
        assert_eq!(rail.refresh(REREAD_EVERY_MS - 1).await, Refreshed::Untouched, "once a minute");
        assert!(matches!(rail.refresh(REREAD_EVERY_MS).await, Refreshed::Refused(_)), "the other mode");
        assert!(find().await.is_err(), "the old one stays");
        assert!(matches!(rail.refresh(2 * REREAD_EVERY_MS).await, Refreshed::Refused(_)), "another account");
        assert_eq!(rail.refresh(3 * REREAD_EVERY_MS).await, Refreshed::Changed);
        assert_eq!(find().await.unwrap(), 0);
        assert_eq!(rail.refresh(9 * REREAD_EVERY_MS).await, Refreshed::Untouched);
    });
    assert_eq!(read.load(Ordering::SeqCst), 4);
    let last = String::from_utf8(seen.bytes.last().unwrap().clone()).unwrap();
    assert!(last.contains("authorization: Bearer sk_test_new\r\n"), "{last}");
}

#[test]
fn finds_a_payout_by_its_own_id_alone() {
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
        let (listed, seen) = ask(make, pages, async |rail| book(&rail, 1_700_000_000_000..1_700_000_000_001).await);
        let ids: Vec<_> = listed.unwrap().into_iter().map(|payout| payout.id).collect();
        assert_eq!(ids, ["tr_2", "tr_1", "tr_0"]);
        assert_eq!(
            lines(&seen),
            [
                "GET /v1/transfers?created%5Bgte%5D=1700000000&created%5Blte%5D=1700000001&limit=100 HTTP/1.1",
                "GET /v1/transfers?created%5Bgte%5D=1700000000&created%5Blte%5D=1700000001&limit=100&starting_after=tr_1 HTTP/1.1",
            ]
        );
    }
}

/// The window's end is excluded, however the rail reads it.
#[test]
fn a_book_holds_what_was_made_in_its_window_alone() {
    let pages = || vec![list(&[payout("tr_2", "b")], false)];
    for make in Make::BOTH {
        for (window, found) in
            [(1_700_000_000_000..1_700_000_000_001, 1), (0..1_700_000_000_000, 0), (1_700_000_000_001..u64::MAX / 2, 0)]
        {
            let (listed, _) = ask(make, pages(), async |rail| book(&rail, window.clone()).await);
            assert_eq!(listed.unwrap().len(), found, "{window:?}");
        }
    }
}

/// What was read stays read, and the page that was not answered is asked for again.
#[test]
fn a_book_goes_on_after_a_page_that_was_not_answered() {
    let pages = vec![
        list(&[payout("tr_2", "b")], true),
        http("500 Internal Server Error", "", "{}"),
        list(&[payout("tr_1", "a")], false),
    ];
    let (read, seen) = ask(Make::BOTH[0], pages, async |rail| -> Result<_, LookUpFailure> {
        let mut book = rail.book(1_700_000_000_000..1_700_000_000_001)?;
        let first = book.next(AMPLE).await?;
        let failed = book.next(AMPLE).await;
        Ok((first, failed, book.next(AMPLE).await?, book.next(AMPLE).await?))
    });
    let (first, failed, second, end) = read.unwrap();
    let ids = |page: Option<Vec<RailPayout>>| page.unwrap().into_iter().map(|payout| payout.id).collect::<Vec<_>>();
    assert_eq!((ids(first), ids(second), end), (vec!["tr_2".to_owned()], vec!["tr_1".to_owned()], None));
    assert!(matches!(failed, Err(LookUpFailure::Refused(500))), "{failed:?}");
    assert_eq!(lines(&seen)[1], lines(&seen)[2]);
    assert_eq!(seen.accepted, 3);
}

/// The first page again and again is no end, and no list.
#[test]
fn fails_when_a_list_does_not_move_on() {
    let page = || list(&[payout("tr_1", "a")], true);
    for make in Make::BOTH {
        let (listed, seen) = ask(make, vec![page(), page(), page()], async |rail| book(&rail, 0..1).await);
        assert!(matches!(listed, Err(LookUpFailure::Unreadable)), "{listed:?}");
        assert_eq!(seen.accepted, 2);
    }
}

fn lines(seen: &Seen) -> Vec<String> {
    let first = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap().lines().next().unwrap().to_owned();
    seen.bytes.iter().map(first).collect()
}
