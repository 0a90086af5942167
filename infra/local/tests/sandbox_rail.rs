//! The sandbox rail against what Stripe documents. A sandbox that is kinder than the rail would make every proof worth
//! less.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it is surprised")]
#![allow(clippy::disallowed_methods, reason = "the rail's caller is played here")]

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use payonce_local::sandbox_rail::{ACCOUNT, Behaviour, STRANGER, SandboxRail, Weather};
use payonce_runtime::clock::Clock;
use serde_json::Value;
use tokio::net::TcpStream;

const DAY_MS: u64 = 24 * 3_600_000;
const PAYS: &str = "sk_test_pays";
const READS: &str = "rk_test_reads";
/// Longer than any answer takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(20);
/// For those that never come.
const HANGS: Duration = Duration::from_millis(300);

struct Said {
    status: u16,
    replayed: bool,
    body: Value,
}

async fn rail(clock: &Clock) -> SandboxRail {
    SandboxRail::start(0, [PAYS.to_owned(), READS.to_owned()], None, clock.clone()).await.unwrap()
}

fn clock() -> Clock {
    Clock::manual(1_800_000_000_000)
}

async fn ask(rail: &SandboxRail, method: Method, path: &str, key: &str, secret: &str, body: &str) -> io::Result<Said> {
    let stream = TcpStream::connect(rail.url().strip_prefix("http://").unwrap()).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "sandbox")
        .header("authorization", format!("Bearer {secret}"))
        .header("idempotency-key", key)
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        .unwrap();
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    let status = response.status().as_u16();
    let replayed = response.headers().get("idempotent-replayed").is_some_and(|mark| mark == "true");
    let body = response.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(Said { status, replayed, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
}

async fn pay(rail: &SandboxRail, key: &str, payment: &str, amount: u64, payee: &str) -> io::Result<Said> {
    let body = format!("amount={amount}&currency=eur&destination={payee}&metadata%5Bpayout_key%5D=stripe%2F{payment}");
    ask(rail, Method::POST, "/v1/transfers", key, PAYS, &body).await
}

async fn list(rail: &SandboxRail, query: &str) -> Value {
    ask(rail, Method::GET, &format!("/v1/transfers?{query}"), "", READS, "").await.unwrap().body
}

#[tokio::test]
async fn same_request_under_the_same_key_repeats_its_answer() {
    let rail = rail(&clock()).await;
    let first = pay(&rail, "k1", "pi_1", 4200, "acct_1").await.unwrap();
    let again = pay(&rail, "k1", "pi_1", 4200, "acct_1").await.unwrap();
    assert_eq!((first.status, first.replayed), (200, false));
    assert_eq!((again.status, again.replayed), (200, true));
    assert_eq!(first.body, again.body);
    assert_eq!(rail.executed().len(), 1);
    assert_eq!(rail.requests()["stripe/pi_1"], 2);
    assert_eq!(rail.executed()[0].payout_key(), "stripe/pi_1");
}

#[tokio::test]
async fn refuses_another_request_under_the_same_key() {
    let rail = rail(&clock()).await;
    pay(&rail, "k1", "pi_1", 4200, "acct_1").await.unwrap();
    let other = pay(&rail, "k1", "pi_1", 4300, "acct_1").await.unwrap();
    assert_eq!((other.status, other.replayed), (400, false));
    assert_eq!(other.body["error"]["type"], "idempotency_error");
    assert_eq!(rail.executed().len(), 1);
}

/// It pays as often as it is asked: this is why a rail is no help to whoever sends no key.
#[tokio::test]
async fn remembers_nothing_of_a_request_without_a_key() {
    let rail = rail(&clock()).await;
    for _ in 0..2 {
        let paid = pay(&rail, "", "pi_1", 4200, "acct_1").await.unwrap();
        assert_eq!((paid.status, paid.replayed), (200, false));
    }
    assert_eq!(rail.executed().len(), 2);
}

/// The rail forgets: this is why a key is counted on only inside its life.
#[tokio::test]
async fn forgets_a_key_after_its_life() {
    let clock = clock();
    let rail = rail(&clock).await;
    pay(&rail, "k1", "pi_1", 4200, "acct_1").await.unwrap();
    clock.advance(DAY_MS - 1);
    assert!(pay(&rail, "k1", "pi_1", 4200, "acct_1").await.unwrap().replayed);
    clock.advance(1);
    assert!(!pay(&rail, "k1", "pi_1", 4200, "acct_1").await.unwrap().replayed);
    assert_eq!(rail.executed().len(), 2);
    assert_eq!(rail.json()["paid_twice"][0], "stripe/pi_1");
}

#[tokio::test]
async fn each_misbehaviour_executes_as_documented() {
    let rail = rail(&clock()).await;
    let expected = [
        (Behaviour::Refuses, Some(400), 0),
        (Behaviour::Hangs, None, 0),
        (Behaviour::ExecutesThenHangs, None, 1),
        (Behaviour::Answers500, Some(500), 0),
        (Behaviour::ExecutesThen500, Some(500), 1),
        (Behaviour::Dies, None, 0),
        (Behaviour::ExecutesThenDies, None, 1),
        (Behaviour::Limits, Some(429), 0),
        (Behaviour::Html, Some(403), 0),
    ];
    assert_eq!(expected.len(), Behaviour::SANDBOX.len(), "a behaviour is not tested");
    for (payee, behaviour) in Behaviour::SANDBOX {
        let (_, status, executes) = expected.iter().find(|(known, ..)| known == behaviour).unwrap();
        let before = rail.executed().len();
        let hangs = matches!(behaviour, Behaviour::Hangs | Behaviour::ExecutesThenHangs);
        let answer = pay(&rail, payee, payee, 4200, payee);
        let said = tokio::time::timeout(if hangs { HANGS } else { PATIENCE }, answer).await;
        assert_eq!(said.is_err(), hangs, "{payee}");
        let answered = said.ok().and_then(Result::ok).map(|said| said.status);
        assert_eq!(answered, *status, "{payee}");
        assert_eq!(rail.executed().len() - before, *executes, "{payee}");
    }
}

#[tokio::test]
async fn remembers_errors_that_began_and_forgets_rate_limits() {
    let rail = rail(&clock()).await;
    for (payee, kept) in
        [("acct_sandboxRefuses", true), ("acct_sandboxAnswers500", true), ("acct_sandboxLimits", false)]
    {
        let first = pay(&rail, payee, "pi_1", 4200, payee).await.unwrap();
        let again = pay(&rail, payee, "pi_1", 4200, payee).await.unwrap();
        assert_eq!((again.replayed, again.status), (kept, first.status), "{payee}");
    }
    assert!(rail.executed().is_empty());
}

#[tokio::test]
async fn only_the_paying_key_pays() {
    let rail = rail(&clock()).await;
    let body = "amount=1&currency=eur&destination=acct_1&transfer_group=g";
    for (secret, status) in [("", 401), ("sk_test_other", 401), (READS, 403)] {
        let said = ask(&rail, Method::POST, "/v1/transfers", "k", secret, body).await.unwrap();
        assert_eq!(said.status, status);
    }
    assert!(rail.executed().is_empty() && rail.requests().is_empty());
}

#[tokio::test]
async fn executes_nothing_in_bad_weather() {
    let rail = rail(&clock()).await;
    rail.set_weather(Weather::Down).await;
    let refused = pay(&rail, "k1", "pi_1", 4200, "acct_1").await.err().unwrap();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    rail.set_weather(Weather::Unavailable).await;
    assert_eq!(pay(&rail, "k1", "pi_1", 4200, "acct_1").await.unwrap().status, 503);
    assert!(rail.executed().is_empty());
    rail.set_weather(Weather::Fair).await;
    let paid = pay(&rail, "k1", "pi_1", 4200, "acct_1").await.unwrap();
    assert_eq!((paid.status, paid.replayed), (200, false));
}

#[tokio::test]
async fn look_up_finds_what_was_executed() {
    let clock = clock();
    let rail = rail(&clock).await;
    for number in 0..5 {
        pay(&rail, &format!("k{number}"), &format!("pi_{number}"), 100 + number, "acct_1").await.unwrap();
        clock.advance(10_000);
    }
    let found = list(&rail, "destination=acct_1&limit=1").await;
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    assert_eq!((&found["data"][0]["amount"], &found["has_more"]), (&104.into(), &true.into()));
    assert_eq!(found["data"][0]["metadata"]["payout_key"], "stripe/pi_4");
    assert_eq!(list(&rail, "destination=acct_9").await["data"].as_array().unwrap().len(), 0);
    assert_eq!(list(&rail, "created[gt]=1800000010&created[lt]=1800000030").await["data"].as_array().unwrap().len(), 1);
    assert_eq!(list(&rail, "created[lte]=1800000010").await["data"].as_array().unwrap().len(), 2);
    assert_eq!(list(&rail, "created[gte]=1800000030").await["data"].as_array().unwrap().len(), 2);

    let first = list(&rail, "limit=2").await;
    assert_eq!(first["has_more"], true);
    let last = first["data"][1]["id"].as_str().unwrap();
    let rest = list(&rail, &format!("limit=3&starting_after={last}")).await;
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["has_more"]), (3, &Value::Bool(false)));
}

#[tokio::test]
async fn a_page_has_ten_items_and_never_more_than_a_hundred() {
    let clock = clock();
    let rail = rail(&clock).await;
    for number in 0..12 {
        pay(&rail, &format!("k{number}"), &format!("pi_{number}"), 100, "acct_1").await.unwrap();
    }
    assert_eq!(list(&rail, "").await["data"].as_array().unwrap().len(), 10);
    assert_eq!(list(&rail, "limit=100").await["data"].as_array().unwrap().len(), 12);
    for refused in ["limit=0", "limit=101", "limit=x", "created[gte]=x", "starting_after=tr_none"] {
        let said = ask(&rail, Method::GET, &format!("/v1/transfers?{refused}"), "", READS, "").await.unwrap();
        assert_eq!(
            (said.status, said.body["error"]["type"].as_str()),
            (400, Some("invalid_request_error")),
            "{refused}"
        );
    }
}

/// With `source_transaction`: the charge's group, no more than the charge, in its currency.
#[tokio::test]
async fn a_transfer_from_a_charge_is_as_the_request_wants_it() {
    let rail = rail(&clock()).await;
    let from = async |key: &str, charge: &str, amount: u64, currency: &str| {
        let body = format!(
            "amount={amount}&currency={currency}&destination=acct_1&source_transaction={charge}&transfer_group=mine\
             &metadata%5Bpayout_key%5D=stripe%2F{key}"
        );
        let said = ask(&rail, Method::POST, "/v1/transfers", key, PAYS, &body).await.unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (said.status, text(&said.body["transfer_group"]), text(&said.body["error"]["code"]))
    };
    let refused = |code: &str| (400, String::new(), code.to_owned());
    assert_eq!(from("1", "ch_1_500eur", 300, "eur").await, (200, "group_pi_1".to_owned(), String::new()));
    assert_eq!(from("2", "ch_1_500eur", 201, "eur").await, refused(""), "300 of 500 are gone");
    assert_eq!(from("3", "ch_1_500eur", 200, "eur").await.0, 200);
    assert_eq!(from("4", "ch_2_500eur_in_ORDER95", 500, "eur").await, (200, "ORDER95".to_owned(), String::new()));
    assert_eq!(from("5", "ch_3_500eur", 500, "usd").await, refused(""));
    assert_eq!(from("6", "ch_unknown", 500, "eur").await, refused("resource_missing"));
    // A refusal is kept under the key, as any answer is whose request was begun.
    assert_eq!(from("6", "ch_unknown", 500, "eur").await, refused("resource_missing"));
    assert_eq!((rail.executed().len(), rail.requests()["stripe/6"]), (3, 2));
    assert_eq!(rail.executed()[0].payout_key(), "stripe/1");
}

#[tokio::test]
async fn every_key_sees_the_same_account_at_once() {
    let clock = clock();
    let rail = rail(&clock).await;
    rail.admit_stranger("rk_test_stranger");
    pay(&rail, "k1", "pi_1", 100, "acct_1").await.unwrap();
    let account = async |secret| ask(&rail, Method::GET, "/v1/account", "", secret, "").await.unwrap();
    for (secret, id) in [(PAYS, ACCOUNT), (READS, ACCOUNT), ("rk_test_stranger", STRANGER)] {
        assert_eq!(account(secret).await.body["id"], id);
    }
    let strangers = ask(&rail, Method::GET, "/v1/transfers", "", "rk_test_stranger", "").await.unwrap();
    assert_eq!(strangers.body["data"].as_array().unwrap().len(), 0);
    rail.set_account_hidden(true);
    assert_eq!((account(READS).await.status, account(PAYS).await.status), (403, 200));

    rail.set_list_lag_ms(60_000);
    assert_eq!(list(&rail, "").await["data"].as_array().unwrap().len(), 0);
    clock.advance(60_000);
    assert_eq!(list(&rail, "").await["data"].as_array().unwrap().len(), 1);
    rail.set_secrets(["sk_test_new".to_owned(), READS.to_owned()]);
    assert_eq!(pay(&rail, "k2", "pi_2", 100, "acct_1").await.unwrap().status, 401);
}

#[tokio::test]
async fn restart_keeps_payouts_and_keys() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let start = || {
        let secrets = [PAYS.to_owned(), READS.to_owned()];
        SandboxRail::start(0, secrets, Some(folder.path().join("rail.jsonl")), clock.clone())
    };
    let rail = start().await.unwrap();
    pay(&rail, "k1", "pi_1", 4200, "acct_1").await.unwrap();
    pay(&rail, "k2", "pi_2", 4200, "acct_sandboxExecutesThen500").await.unwrap();
    pay(&rail, "k3", "pi_3", 4200, "acct_sandboxRefuses").await.unwrap();
    let (executed, requests) = (rail.executed(), rail.requests());
    drop(rail);

    let rail = start().await.unwrap();
    assert_eq!((rail.executed(), rail.requests()), (executed, requests));
    for (key, payment, payee, status) in [
        ("k1", "pi_1", "acct_1", 200),
        ("k2", "pi_2", "acct_sandboxExecutesThen500", 500),
        ("k3", "pi_3", "acct_sandboxRefuses", 400),
    ] {
        let again = pay(&rail, key, payment, 4200, payee).await.unwrap();
        assert_eq!((again.status, again.replayed), (status, true), "{key}");
    }
    assert_eq!(rail.executed().len(), 2);
}
