//! Books that outlive their process: what people decided still accounts for its events, and one process at a time keeps them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it is surprised")]
#![allow(clippy::disallowed_methods, reason = "the program is started as a person would")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use payonce_local::hand::end_by_two;
use payonce_local::sender::{Expected, Payout};
use payonce_local::stack::{Options, Stack};
use payonce_protocol::case::Ending;
use payonce_protocol::outcome::Reason;
use serde_json::{Value, json};

async fn start(data: &Path) -> Stack {
    Stack::start(Options { port: 0, data: Some(data.to_owned()), metrics: Box::new(|_| ()) }).await.unwrap()
}

fn payment(stack: &Stack, name: &str, payee: &str) -> (Value, Payout) {
    let sample = include_str!("../../../events/stripe/payment_intent.succeeded.json");
    let mut event: Value = serde_json::from_str(sample).unwrap();
    event["id"] = json!(format!("evt_{name}"));
    event["created"] = json!(stack.clock.now() / 1000);
    event["data"]["object"]["id"] = json!(format!("pi_{name}"));
    event["data"]["object"]["metadata"]["payee"] = json!(payee);
    event["data"]["object"]["latest_charge"] = json!(format!("ch_{name}_4200eur"));
    let payout = Payout { key: format!("stripe/pi_{name}"), amount: 4200, currency: "eur".into(), payee: payee.into() };
    (event, payout)
}

#[tokio::test]
async fn what_people_ended_is_not_lost_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let stack = start(folder.path()).await;
    let (good, payout) = payment(&stack, "good", "acct_sandboxGood");
    stack.sender.deliver(&good, Expected::Payout(payout)).await.unwrap();
    let (refused, payout) = payment(&stack, "refused", "acct_sandboxRefuses");
    stack.sender.deliver(&refused, Expected::Payout(payout)).await.unwrap();
    let (mut invalid, _) = payment(&stack, "invalid", "acct_sandboxGood");
    invalid["data"]["object"]["amount_received"] = Value::Null;
    stack.sender.deliver(&invalid, Expected::Case(Reason::InvalidEvent.to_string())).await.unwrap();
    let cases = stack.ledger.open_cases(10).await.unwrap();
    assert_eq!(cases.len(), 2, "{cases:?}");
    for case in &cases {
        let ending = if case.reason == Reason::InvalidEvent { Ending::NotPaid } else { Ending::PaidElsewhere };
        end_by_two(&stack, &case.id(), ending).await.unwrap();
    }
    assert_eq!(stack.ledger.open_cases(10).await.unwrap(), []);
    let before = stack.books().await.unwrap();
    assert!(before.agree(), "{:?}", before.faults);
    drop(stack);

    let stack = start(folder.path()).await;
    let after = stack.books().await.unwrap();
    assert!(after.agree(), "{:?}", after.faults);
    assert_eq!(after.ended, [("not_paid", 1), ("paid_elsewhere", 1)].into());
    assert_eq!((after.events, after.payouts), (3, 1));
}

/// And a pid that a dead process left behind stops nobody.
#[test]
fn one_process_at_a_time_keeps_the_books_of_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let payonce = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_payonce"));
        command.env_clear().args(["--port", "0", "--no-play", "--data", data]).args(more).stdin(Stdio::null());
        command
    };
    let mut first = payonce(&[]).stdout(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(first.stdout.take().unwrap()).lines();
    assert!(shown.any(|line| line.unwrap().contains("Up until")));
    let refused = payonce(&["--exit"]).output().unwrap();
    let says = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{says}");
    assert!(says.contains(&format!("process {}", first.id())) && says.contains(data), "{says}");
    first.kill().unwrap();
    first.wait().unwrap();
    let pid = std::fs::read_to_string(folder.path().join("lock")).unwrap();
    assert_eq!(pid.trim(), first.id().to_string());
    let free = payonce(&["--exit"]).output().unwrap();
    assert_eq!(free.status.code(), Some(0), "{}", String::from_utf8(free.stderr).unwrap());
}
