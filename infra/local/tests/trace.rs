//! `payonce trace` as somebody on call uses it, on a stack that is up: one payout's story from the tables alone, whichever of its ids is
//! at hand.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it is surprised")]
#![allow(clippy::disallowed_methods, reason = "the program is started as a person would")]

use std::process::{Output, Stdio};

use payonce_ledger::{CaseAct, FiledCase, RefusalNote, Who};
use payonce_local::hand::end_by_two;
use payonce_local::sender::{Expected, Payout};
use payonce_local::stack::{Options, Stack};
use payonce_protocol::case::Ending;
use payonce_protocol::fact::FactName;
use payonce_protocol::hold::Hold;
use payonce_protocol::order::{Destination, EventId, PayoutKey};
use serde_json::{Value, json};
use tokio::process::Command;

const GOOD: &str = "acct_1Payee";

async fn stack() -> Stack {
    Stack::start(Options { port: 0, data: None, metrics: Box::new(|_| ()) }).await.unwrap()
}

fn event(stack: &Stack, name: &str, payee: &str, minor: u64) -> Value {
    let sample = include_str!("../../../events/stripe/payment_intent.succeeded.json");
    let mut event: Value = serde_json::from_str(sample).unwrap();
    event["id"] = json!(format!("evt_{name}"));
    event["created"] = json!(stack.clock.now() / 1000);
    event["data"]["object"]["id"] = json!(format!("pi_{name}"));
    event["data"]["object"]["metadata"]["payee"] = json!(payee);
    event["data"]["object"]["latest_charge"] = json!(format!("ch_{name}_{minor}eur"));
    event["data"]["object"]["amount_received"] = json!(minor);
    event
}

async fn send(stack: &Stack, event: &Value) -> u16 {
    let payout = Payout { key: String::new(), amount: 0, currency: String::new(), payee: String::new() };
    stack.sender.deliver(event, Expected::Payout(payout)).await.unwrap().status
}

async fn pay(stack: &Stack, name: &str, payee: &str) -> PayoutKey {
    send(stack, &event(stack, name, payee, 4_200)).await;
    PayoutKey::new(format!("stripe/pi_{name}")).unwrap()
}

async fn case_of(stack: &Stack, key: &PayoutKey) -> FiledCase {
    stack.ledger.cases_of_key(key.as_str()).await.unwrap().remove(0)
}

/// With nothing of this process's environment.
async fn traced(stack: &Stack, asked: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_payonce"));
    command.env_clear().stdin(Stdio::null());
    command.args(["trace", asked, "--local", "--endpoint", &stack.dynamo.url()]).args(more);
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

async fn told(stack: &Stack, asked: &str) -> String {
    let (code, text, error) = traced(stack, asked, &[]).await;
    assert_eq!((code, error.as_str()), (Some(0), ""), "{text}");
    assert!(!text.contains("Some(") && text.chars().all(|one| one == '\n' || !one.is_control()), "{text}");
    text
}

async fn story(stack: &Stack, asked: &str) -> Value {
    let (code, text, error) = traced(stack, asked, &["--json"]).await;
    assert_eq!((code, error.as_str()), (Some(0), ""), "{text}");
    serde_json::from_str(&text).unwrap()
}

/// What happened, in order.
fn whats(story: &Value) -> Vec<String> {
    story["timeline"].as_array().unwrap().iter().map(|line| line["what"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn assert_in_order(text: &str, wanted: &[&str]) {
    let mut rest = text;
    for words in wanted {
        rest = rest.split_once(words).unwrap_or_else(|| panic!("no {words} at its place in\n{text}")).1;
    }
}

#[tokio::test]
async fn success_is_told_from_its_claim_to_how_it_stands_whichever_id_is_at_hand() {
    let stack = stack().await;
    let key = pay(&stack, "paid", GOOD).await;
    pay(&stack, "other", GOOD).await;
    let attempt = stack.ledger.payout(&key).await.unwrap().attempts.remove(0);
    let claim = attempt.claim;
    let whole = story(&stack, key.as_str()).await;
    for id in ["evt_paid", "pi_paid", &claim.rail_key, &claim.attempt_id.to_string()] {
        let found = story(&stack, id).await;
        assert_eq!(found["timeline"], whole["timeline"], "{id}");
    }
    assert_eq!(whole["payouts"][0]["stands"], "Accepted by the rail");
    let lines = whole["timeline"].as_array().unwrap();
    assert!(lines.iter().zip(&lines[1..]).all(|(one, next)| one["at"].as_str() <= next["at"].as_str()), "{whole}");
    let claimed = lines.iter().find(|line| line["facts"]["attempt_id"] == claim.attempt_id.to_string()).unwrap();
    for (name, value) in [
        ("decided_by", "a delivery of stripe"),
        ("sum", "42.00 EUR"),
        ("payee", GOOD),
        ("event", "evt_paid"),
        ("request_sha256", &claim.request.to_string()),
        ("request", &claim.request_id),
        ("rail", "stripe"),
    ] {
        assert_eq!(claimed["facts"][name], value, "{claimed}");
    }
    assert!(claimed["facts"]["rail_key"].as_str().unwrap().starts_with(&claim.rail_key));
    let rail_payout = attempt.outcome.unwrap().evidence.get(FactName::RailPayout).unwrap().to_owned();
    let text = told(&stack, key.as_str()).await;
    assert_in_order(
        &text,
        &[
            key.as_str(),
            "received, signature verified",
            "then claimed",
            "request sent to the rail",
            "the rail answered",
            &rail_payout,
            "recorded as accepted",
            "Accepted by the rail",
            "Nothing more is paid",
        ],
    );
    assert!(text.lines().any(|line| line.contains("Z  +")), "the time since the line before: {text}");
}

#[tokio::test]
async fn unknown_payout_is_told_until_two_people_resolved_it() {
    let stack = stack().await;
    // A payout that is known to be there shows the rail's list to be seen.
    pay(&stack, "seen", GOOD).await;
    let key = pay(&stack, "unknown", "acct_sandboxDies").await;
    let open = told(&stack, key.as_str()).await;
    assert_in_order(&open, &["recorded as unknown", "We do not know", "The sweeper asks the rail"]);
    stack.sweep_as_if_in(5).await.unwrap();
    let case = case_of(&stack, &key).await;
    let ada = Who { subject: "sandbox|ada".to_owned(), name: Some("Ada Analyst".to_owned()) };
    let comment = CaseAct::Comment("they say\nno\u{1b}[2J".to_owned());
    stack.ledger.act(&case, &comment, &ada, stack.clock.now()).await.unwrap();
    end_by_two(&stack, &case.case.id(), Ending::NotPaid).await.unwrap();
    let text = told(&stack, case.case.id().as_str()).await;
    assert_eq!(text.split("now  ").next(), told(&stack, key.as_str()).await.split("now  ").next());
    assert_in_order(
        &text,
        &["recorded as unknown", "Case opened", "Ending proposed", "Ann Analyst", "Approved", "Ben Approver"],
    );
    for words in ["Looked up at the rail", "Ada Analyst", "⟨U+001B⟩", "Not paid, and settled", "Two people agreed"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[tokio::test]
async fn duplicate_leaves_one_claim_in_the_story_and_other_terms_their_case() {
    let stack = stack().await;
    let key = pay(&stack, "twice", GOOD).await;
    let first = story(&stack, key.as_str()).await;
    assert_eq!(send(&stack, &event(&stack, "twice", GOOD, 4_200)).await, 200);
    let again = story(&stack, key.as_str()).await;
    assert_eq!(again["timeline"], first["timeline"], "a duplicate writes nothing");
    assert_eq!(whats(&again).iter().filter(|what| what.contains("then claimed")).count(), 1);
    send(&stack, &event(&stack, "twice", GOOD, 9_900)).await;
    let text = told(&stack, "evt_twice").await;
    assert_in_order(&text, &["recorded as accepted", "Case opened: Same event, other terms", "Accepted by the rail"]);
}

#[tokio::test]
async fn refused_event_is_told_while_it_may_come_back_and_when_it_never_did() {
    let stack = stack().await;
    let now = stack.clock.now();
    stack.ledger.set_hold(Hold::Refuse, "olu", "the bank is closed", now).await.unwrap();
    assert_eq!(send(&stack, &event(&stack, "later", GOOD, 4_200)).await, 503);
    let key = "stripe/pi_later";
    for id in [key, "evt_later"] {
        let text = told(&stack, id).await;
        assert_in_order(
            &text,
            &["answered 503", "evt_later", "Nothing was attempted under this key.", "may still come"],
        );
    }
    // Another, whose provider has had its time.
    let gone = PayoutKey::new("stripe/pi_gone").unwrap();
    let note = RefusalNote {
        key: gone.clone(),
        event: EventId::new("evt_gone").unwrap(),
        provider: "stripe".to_owned(),
        money: payonce_protocol::money::Money::new(4_200, 2, "EUR".parse().unwrap()).unwrap(),
        destination: Destination::new(GOOD).unwrap(),
        refused_at: now - 60_000,
        final_after: now,
    };
    stack.ledger.note_refusal(&note).await.unwrap();
    stack.sweep_as_if_in(5).await.unwrap();
    let text = told(&stack, gone.as_str()).await;
    assert_in_order(&text, &["answered 503", "Case opened: Provider did not come back", "A person decides"]);
}

#[tokio::test]
async fn payout_by_hand_is_told_with_what_the_books_said() {
    let stack = stack().await;
    let key = pay(&stack, "hand", "acct_sandboxRefuses").await;
    let case = case_of(&stack, &key).await.case.id();
    end_by_two(&stack, &case, Ending::PaidElsewhere).await.unwrap();
    let text = told(&stack, key.as_str()).await;
    assert_in_order(&text, &["recorded as rejected", "Ending proposed", "Paid another way", "Approved"]);
    assert_in_order(&text, &["Paid another way. ", "Two people agreed"]);
    assert!(!text.contains("insufficient funds in your"), "the rail's own sentence may name somebody: {text}");
    // One that the rail lost, and the run that saw it.
    let lost = pay(&stack, "lost", GOOD).await;
    assert!(stack.rail.change(lost.as_str(), |_| None));
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    stack.reconcile().await.unwrap();
    let text = told(&stack, lost.as_str()).await;
    assert_in_order(&text, &["recorded as accepted", "the rail does not have it"]);
}

#[tokio::test]
async fn what_is_not_there_is_said_with_where_it_was_looked_for() {
    let stack = stack().await;
    pay(&stack, "other", "acct_sandboxRefuses").await;
    let nothing = "a".repeat(32);
    for asked in ["stripe/pi_nowhere", &nothing] {
        let (code, text, error) = traced(&stack, asked, &[]).await;
        assert_eq!((code, error.as_str()), (Some(1), ""), "{text}");
        for words in [asked, "not found", "1 open case", &stack.dynamo.url(), "payout keys"] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
    let (code, text, _) = traced(&stack, "evt_nowhere", &["--json"]).await;
    let said: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &said["exit"], &said["found"]), (Some(1), &1.into(), &false.into()), "{said}");
    assert!(said["looked"].as_array().unwrap().len() > 2, "{said}");
    // Several are listed, and none of them told.
    pay(&stack, "second", "acct_sandboxRefuses").await;
    let (code, text, _) = traced(&stack, "acct_sandboxRefuses", &[]).await;
    assert!(code == Some(1) && text.contains("stripe/pi_other") && text.contains("stripe/pi_second"), "{text}");
    assert!(!text.contains("then claimed"), "{text}");
}

/// As of a stack that is deployed: with credentials, a name and a region.
#[tokio::test]
async fn deployed_stack_is_asked_by_its_name_and_a_missing_one_is_named() {
    let stack = stack().await;
    let key = pay(&stack, "paid", GOOD).await;
    let asked = async |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_payonce"));
        command.env_clear().stdin(Stdio::null());
        command.envs([("AWS_ACCESS_KEY_ID", "planted-id"), ("AWS_SECRET_ACCESS_KEY", "planted-secret")]);
        command.args(["trace", key.as_str(), "--endpoint", &stack.dynamo.url()]).args(more);
        let Output { status, stdout, stderr } = command.output().await.unwrap();
        (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    };
    let (code, text, _) = asked(&["--region", "eu-west-1"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert_in_order(
        &text,
        &["tables payonce-audit, payonce-reconcile, eu-west-1", "then claimed", "Accepted by the rail"],
    );
    let (code, _, error) = asked(&["--stack", "payments"]).await;
    assert!(code == Some(1) && error.contains("no such table") && error.contains("payments-audit"), "{error}");
    assert!(!error.contains("planted"), "{error}");
}

#[tokio::test]
async fn story_reads_the_tables_and_writes_none() {
    let stack = stack().await;
    let key = pay(&stack, "read", "acct_sandboxDies").await;
    let before = stack.dynamo.items().unwrap();
    told(&stack, key.as_str()).await;
    assert_eq!(stack.dynamo.items().unwrap(), before);
}
