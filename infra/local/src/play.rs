//! The play: everything that providers, rails and bad luck do to a payout, on real deliveries, with a progress bar.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use payonce_runtime::clock::Clock;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::sandbox_rail::{Behaviour, Weather};
use crate::sender::{Answered, Expected, Sender};
use crate::stack::Stack;

const PAYMENTS: usize = 40;
const STORM: usize = 64;
const DURING_OUTAGE: usize = 20;
/// How often the sender comes back for a 5xx before it gives up.
const REDELIVERIES: usize = 5;

const PAYMENT: &str = include_str!("../../../events/stripe/payment_intent.succeeded.json");
const IGNORED: &str = include_str!("../../../events/stripe/payment_intent.created.json");
const UNROUTED: &str = include_str!("../../../events/stripe/customer.created.json");

const GOOD_PAYEE: &str = "acct_1SampleWorkshop";

/// One of the sample events, made anew for each use.
struct Samples {
    payment: Value,
    ignored: Value,
    unrouted: Value,
    clock: Clock,
    /// Distinguishes this run's events from those that a data directory holds already.
    run: String,
}

impl Samples {
    fn new(clock: Clock) -> io::Result<Self> {
        let run = payonce_runtime::random::attempt_id().to_string()[..8].to_owned();
        Ok(Self {
            payment: serde_json::from_str(PAYMENT)?,
            ignored: serde_json::from_str(IGNORED)?,
            unrouted: serde_json::from_str(UNROUTED)?,
            clock,
            run,
        })
    }

    /// A payment event and the payout key that it asks for.
    fn payment(&self, name: &str, payee: &str) -> (Value, String) {
        let mut event = self.payment.clone();
        let payment = format!("pi_{}{name}", self.run);
        event["data"]["object"]["metadata"]["payee"] = payee.into();
        event["data"]["object"]["id"] = payment.as_str().into();
        (self.stamped(event, name), format!("stripe/{payment}"))
    }

    fn stamped(&self, mut event: Value, name: &str) -> Value {
        event["id"] = format!("evt_{}{name}", self.run).into();
        event["created"] = (self.clock.now() / 1000).into();
        event
    }
}

/// Plays everything. What came of it is in the books.
pub async fn play(stack: &Stack) -> io::Result<()> {
    let samples = Samples::new(stack.clock.clone())?;
    let sender = &stack.sender;
    let sandbox = Behaviour::SANDBOX.len();
    let bar = ProgressBar::new((2 * PAYMENTS + STORM + DURING_OUTAGE + sandbox + 25) as u64);
    if let Ok(style) = ProgressStyle::with_template("  {bar:40.green/dim} {pos:>3}/{len} {msg}") {
        bar.set_style(style);
    }
    let scene = |name: &'static str| bar.set_message(name);

    scene("payments");
    let payments: Vec<(Value, String)> =
        (0..PAYMENTS).map(|number| samples.payment(&format!("pay{number:03}"), GOOD_PAYEE)).collect();
    for (event, key) in &payments {
        sender.deliver(event, Some(key), Expected::Payout).await?;
        bar.inc(1);
    }

    scene("the same again, as providers do");
    for (event, key) in &payments {
        let mut again = event.clone();
        again["pending_webhooks"] = 0.into();
        sender.deliver(&again, Some(key), Expected::Payout).await?;
        bar.inc(1);
    }

    scene("64 copies at once");
    storm(sender, samples.payment("storm", GOOD_PAYEE), &bar).await?;

    scene("forged");
    forged(sender, &samples, &bar).await?;

    scene("conflicting");
    conflicting(sender, &samples, &bar).await?;

    scene("unrouted and ignored");
    for number in 0..3 {
        let event = samples.stamped(samples.unrouted.clone(), &format!("unrouted{number}"));
        sender.deliver(&event, None, Expected::Case).await?;
        bar.inc(1);
    }
    for number in 0..2 {
        let event = samples.stamped(samples.ignored.clone(), &format!("ignored{number}"));
        sender.deliver(&event, None, Expected::Nothing).await?;
        bar.inc(1);
    }

    scene("malformed");
    malformed(sender, &samples, &bar).await?;

    scene("a rail that misbehaves");
    for (payee, _) in Behaviour::SANDBOX {
        let (event, key) = samples.payment(&payee["acct_".len()..], payee);
        until_acknowledged(sender, &event, &key).await?;
        bar.inc(1);
    }

    scene("a function that dies while it pays");
    dies_while_paying(stack, &samples).await?;
    bar.inc(1);

    scene("a rail that is down for a while");
    outage(stack, &samples, &bar).await?;

    scene("the sweeper, as if some minutes had passed");
    for minutes in [5, 21] {
        stack.sweep_as_if_in(minutes).await?;
    }
    bar.finish_and_clear();
    Ok(())
}

async fn storm(sender: &Arc<Sender>, (event, key): (Value, String), bar: &ProgressBar) -> io::Result<()> {
    let mut copies = JoinSet::new();
    for _ in 0..STORM {
        let (sender, event, key) = (sender.clone(), event.clone(), key.clone());
        copies.spawn(async move { sender.deliver(&event, Some(&key), Expected::Payout).await });
    }
    while let Some(copy) = copies.join_next().await {
        copy.map_err(io::Error::other)??;
        bar.inc(1);
    }
    Ok(())
}

/// Nobody signed these: they are on nobody's list, and must leave no trace.
async fn forged(sender: &Sender, samples: &Samples, bar: &ProgressBar) -> io::Result<()> {
    let (event, _) = samples.payment("forged", GOOD_PAYEE);
    let body = event.to_string();
    let signed = sender.sign(body.as_bytes());
    let raised = body.replacen("4200", "9200", 1);
    let unsigned: Vec<_> = vec![];
    let other_body = sender.sign(b"{}");
    for (body, headers) in [(raised.as_str(), signed), (&body, unsigned), (&body, other_body)] {
        sender.post(body.as_bytes(), headers).await?;
        bar.inc(1);
    }
    Ok(())
}

async fn conflicting(sender: &Sender, samples: &Samples, bar: &ProgressBar) -> io::Result<()> {
    let (event, key) = samples.payment("conflict", GOOD_PAYEE);
    sender.deliver(&event, Some(&key), Expected::Payout).await?;
    let mut other_sum = event.clone();
    other_sum["data"]["object"]["amount_received"] = 9900.into();
    sender.deliver(&other_sum, Some(&key), Expected::Payout).await?;
    let mut other_event = event.clone();
    other_event["id"] = format!("evt_{}second", samples.run).into();
    for _ in 0..2 {
        sender.deliver(&other_event, Some(&key), Expected::Case).await?;
    }
    bar.inc(4);
    Ok(())
}

/// Signed, and yet nothing that may be paid.
async fn malformed(sender: &Sender, samples: &Samples, bar: &ProgressBar) -> io::Result<()> {
    let wrong: [(&str, &str, Value); 6] = [
        ("noAmount", "/data/object/amount_received", Value::Null),
        ("zero", "/data/object/amount_received", json!(0)),
        ("fraction", "/data/object/amount_received", json!(42.5)),
        ("tooMuch", "/data/object/amount_received", json!(100_000_000)),
        ("payee", "/data/object/metadata/payee", json!("acct_1/../refunds")),
        ("live", "/livemode", json!(true)),
    ];
    for (name, pointer, value) in wrong {
        let (mut event, _) = samples.payment(name, GOOD_PAYEE);
        if let Some(place) = event.pointer_mut(pointer) {
            *place = value;
        }
        sender.deliver(&event, None, Expected::Case).await?;
        bar.inc(1);
    }
    let id = format!("not JSON {}", samples.run);
    sender.deliver_bytes(&id, format!("<event>{id}</event>").as_bytes(), vec![], None, Expected::Case).await?;
    bar.inc(1);
    Ok(())
}

/// As a provider does: again, until it is acknowledged.
async fn until_acknowledged(sender: &Sender, event: &Value, key: &str) -> io::Result<Answered> {
    let mut answered = sender.deliver(event, Some(key), Expected::Payout).await?;
    for _ in 0..REDELIVERIES {
        if answered.status < 500 {
            break;
        }
        answered = sender.deliver(event, Some(key), Expected::Payout).await?;
    }
    Ok(answered)
}

/// The rail executes and does not answer; the function is ended there. The provider sees a 502 and comes back.
async fn dies_while_paying(stack: &Stack, samples: &Samples) -> io::Result<()> {
    let (event, key) = samples.payment("dies", "acct_sandboxExecutesThenHangs");
    let sender = stack.sender.clone();
    let delivery = tokio::spawn({
        let (event, key) = (event.clone(), key.clone());
        async move { sender.deliver(&event, Some(&key), Expected::Payout).await }
    });
    while !stack.rail.executed().iter().any(|transfer| transfer.transfer_group == key) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stack.front.kill_functions();
    delivery.await.map_err(io::Error::other)??;
    until_acknowledged(&stack.sender, &event, &key).await?;
    Ok(())
}

async fn outage(stack: &Stack, samples: &Samples, bar: &ProgressBar) -> io::Result<()> {
    stack.rail.set_weather(Weather::Down).await;
    let mut refused = BTreeSet::new();
    let payments: Vec<(Value, String)> =
        (0..DURING_OUTAGE).map(|number| samples.payment(&format!("outage{number:03}"), GOOD_PAYEE)).collect();
    for (number, (event, key)) in payments.iter().enumerate() {
        if stack.sender.deliver(event, Some(key), Expected::Payout).await?.status == 503 {
            refused.insert(number);
        }
        bar.inc(1);
    }
    stack.rail.set_weather(Weather::Fair).await;
    for number in refused {
        let (event, key) = &payments[number];
        until_acknowledged(&stack.sender, event, key).await?;
    }
    Ok(())
}
