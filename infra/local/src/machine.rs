//! What the commands say to programs: the same as [`crate::report`] shows to people, under names that stay.

use payonce_protocol::fact::FactName;
use std::collections::BTreeMap;
use std::path::Path;

use payonce_ledger::{Case, KeptRun};
use serde_json::{Value, json};

use crate::books::{Books, Fault};
use crate::play::Scene;
use crate::stack::Stack;

pub fn stack(stack: &Stack, data: Option<&Path>) -> Value {
    let front = format!("http://{}", stack.front.address());
    json!({
        "kind": "stack",
        "front": front,
        "console": format!("{front}/console"),
        "rail": stack.rail.url(),
        "dynamodb": stack.dynamo.url(),
        "data": data.map(|directory| directory.display().to_string()),
        "mode": stack.setup.mode.as_str(),
        "providers": stack.providers().collect::<Vec<_>>(),
    })
}

pub fn held(why: &str) -> Value {
    json!({ "kind": "held", "why": why })
}

pub fn scene(scene: &Scene) -> Value {
    json!({ "kind": "scene", "name": scene.name, "answers": by_status(&scene.answers), "paid": scene.paid, "cases": scene.cases })
}

pub fn case(case: &Case) -> Value {
    json!({
        "kind": "case",
        "id": case.id().to_string(),
        "reason": case.reason.as_str(),
        "event": case.event.as_ref().map(ToString::to_string),
        "payout_key": case.key.as_ref().map(ToString::to_string),
        "problem": case.details.get(FactName::Problem),
    })
}

pub fn books(answers: &BTreeMap<u16, u64>, books: &Books) -> Value {
    let faults: Vec<Value> =
        books.faults.iter().map(|(fault, about)| json!({ "fault": fault.to_string(), "about": about })).collect();
    json!({
        "kind": "books",
        "agree": books.agree(),
        "events": books.events,
        "deliveries": answers.values().sum::<u64>(),
        "answers": by_status(answers),
        "claims": books.claims,
        "requests": books.requests,
        "payouts": books.payouts,
        "confirmed": books.confirmed,
        "paid_by_hand": books.by_hand,
        "open_cases": books.cases,
        "ended_cases": books.ended,
        "looked_up": {
            "found": books.looked_up.found,
            "absent": books.looked_up.absent,
            "blind": books.looked_up.blind,
        },
        "paid_twice": books.count(Fault::PaidTwice),
        "lost": books.count(Fault::Lost),
        "faults": faults,
    })
}

pub fn reconciled(run: &KeptRun) -> Value {
    let manifest: Value = serde_json::from_str(&run.manifest).unwrap_or_default();
    json!({ "kind": "reconciliation", "from": run.from, "to": run.to, "manifest": manifest })
}

pub fn up(stack: &Stack) -> Value {
    json!({ "kind": "up", "front": format!("http://{}", stack.front.address()) })
}

/// One delivery or sweep, out of the line that Lambda would carry to CloudWatch.
pub fn in_passing(line: &str) -> Option<Value> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line["status"].is_u64() {
        let fields = ["provider", "status", "refused", "events"];
        let mut said = json!({ "kind": "delivery" });
        for field in fields.iter().filter(|field| !line[**field].is_null()) {
            said[*field] = line[*field].clone();
        }
        return Some(said);
    }
    let count = |name: &str| line[name].as_u64().unwrap_or_default();
    let (swept, held) = (count("Swept"), count("HoldTripped") > 0);
    (swept > 0 || held).then(|| json!({ "kind": "sweep", "given_up": swept, "held": held }))
}

/// A name of JSON is a text.
fn by_status(answers: &BTreeMap<u16, u64>) -> BTreeMap<String, u64> {
    answers.iter().map(|(status, count)| (status.to_string(), *count)).collect()
}
