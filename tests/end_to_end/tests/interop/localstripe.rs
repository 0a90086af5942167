//! The books of a day against a Stripe that nobody here wrote: PyPI's `localstripe`, whose real list of events is read as a list that
//! is described. Unlike Stripe, it lists the oldest first, takes no restricted key and names no account.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use payonce_end_to_end::{Desk, PAYEE, WINDOW_MS, World, key_of};
use payonce_ledger::Case;
use payonce_lists::{ListConfig, ProviderList, Source, SourceConfig};
use payonce_local::sandbox_rail::Transfer;
use payonce_protocol::case::Ending;
use payonce_protocol::order::{Mode, PayoutKey};
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_rails::RailSecret;
use reconciler::{App, Lists};
use serde_json::{Value, json};

const HOUR_MS: u64 = 3_600_000;
const SECRET: &str = "sk_test_12345";

struct LocalStripe {
    child: Child,
    port: u16,
}

impl Drop for LocalStripe {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl LocalStripe {
    fn start() -> Self {
        let python = payonce_tools::INTEROP_PYTHON.path();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../interop/localstripe_on.py");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(python);
        command.arg(script).arg(port.to_string()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = Self { child: command.spawn().unwrap(), port };
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return started;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("localstripe did not start")
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn ask(&self, method: &str, path: &str, form: &str) -> Value {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            socket,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {SECRET}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        )
        .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        serde_json::from_str(body).unwrap()
    }

    /// Each a payment intent that succeeded, with the sum of its number.
    fn payments(&self, count: u64) {
        let card = "type=card&card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2040&card[cvc]=123";
        let card = self.ask("POST", "/v1/payment_methods", card);
        for number in 1..=count {
            let form = format!(
                "amount={}&currency=eur&confirm=true&payment_method={}&metadata[payee]={PAYEE}",
                1000 + number,
                card["id"].as_str().unwrap()
            );
            let intent = self.ask("POST", "/v1/payment_intents", &form);
            assert_eq!(intent["status"], "succeeded");
        }
    }

    /// As a webhook would bring them.
    fn succeeded(&self) -> Vec<Value> {
        let (mut all, mut after) = (vec![], String::new());
        loop {
            let page = self.ask("GET", &format!("/v1/events?type=payment_intent.succeeded&limit=100{after}"), "");
            let data = page["data"].as_array().unwrap().clone();
            if let Some(last) = data.last() {
                after = format!("&starting_after={}", last["id"].as_str().unwrap());
            }
            all.extend(data);
            if page["has_more"] != true {
                return all;
            }
        }
    }

    /// Where payer asks whether a payment stands.
    fn source(&self) -> Source {
        let config: SourceConfig = serde_json::from_value(json!({
            "url": self.url(), "path": "/v1/payment_intents/{object}", "query": {"expand[]": "latest_charge"},
            "secret": "env:SOURCE", "object": "/data/object/id", "must_hold": {"/id": "{object}", "/status": "succeeded"},
            "blocks": ["/latest_charge/refunded", "/latest_charge/amount_refunded"],
        }))
        .unwrap();
        Source::new(&config, &RailSecret::new(SECRET).unwrap(), None).unwrap()
    }

    fn list(&self) -> ProviderList {
        let config: ListConfig = serde_json::from_value(json!({
            "kind": "http", "url": self.url(), "secret": "env:LIST", "http": {
                "path": "/v1/events",
                "query": {"created[gte]": "{since}", "created[lt]": "{until}", "limit": "60"},
                "times_as": "seconds", "must_hold": {"/object": "list"}, "items": "/data",
                "item_must_hold": {"/object": "event", "/livemode": "false"},
                "id": "/id", "created": "/created", "created_as": "seconds", "askable_days": 30,
                "next": {"by": "last_id", "query": "starting_after", "more": "/has_more"},
            }
        }))
        .unwrap();
        assert_eq!(config.check(), []);
        ProviderList::new(&config, &RailSecret::new(SECRET).unwrap(), Mode::Test, None).unwrap()
    }
}

fn app(world: &World, list: ProviderList, first: u64, folder: &std::path::Path) -> App {
    let mut lists = Lists::default();
    lists.add(world.config.provider(Some("stripe")).unwrap(), "stripe", list);
    App::new(world.reconciler(lists, first, folder))
}

fn counted(cases: &[Case]) -> BTreeMap<Reason, usize> {
    let mut counted = BTreeMap::new();
    for case in cases {
        *counted.entry(case.reason).or_default() += 1;
    }
    counted
}

/// 200 payments, of which 20 events are never delivered; and at the rail 5 payouts that nobody asked for, 5 removed, 3 returned and 2
/// of another sum.
#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_was_dropped_and_changed_is_found_once() {
    let stripe = LocalStripe::start();
    stripe.payments(200);
    let events = stripe.succeeded();
    assert_eq!(events.len(), 200);

    // What localstripe made is of this API version: no sum of what was received, and no id of a charge.
    let world = World::with(|text| {
        let changed = text.replacen("/data/object/amount_received", "/data/object/amount", 1);
        changed.replacen("rail_fields = { source_transaction = \"/data/object/latest_charge\" }", "", 1)
    })
    .await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    world.clock.set(now);
    let is_dropped = |number: usize| number % 10 == 3;
    let (mut delivered, mut dropped) = (vec![], vec![]);
    for (number, event) in events.iter().enumerate() {
        if is_dropped(number) {
            dropped.push(key_of(event));
            continue;
        }
        let answered = world.deliver(event).await;
        assert_eq!((answered.status, answered.outcome()), (200, "accepted"), "{}", answered.body);
        delivered.push(key_of(event));
    }
    let foreign = |number: usize| {
        let mut foreign = world.rail.executed()[number].clone();
        foreign.id = format!("tr_byHand{number}");
        foreign.metadata.clear();
        foreign
    };
    let foreign: Vec<Transfer> = (0..5).map(foreign).collect();
    world.rail.plant(foreign);
    for key in &delivered[20..25] {
        assert!(world.rail.change(key.as_str(), |_| None));
    }
    for key in &delivered[40..43] {
        assert!(world.rail.change(key.as_str(), |paid| Some(Transfer { amount_reversed: paid.amount, ..paid })));
    }
    for key in &delivered[60..62] {
        assert!(world.rail.change(key.as_str(), |paid| Some(Transfer { amount: paid.amount + 100, ..paid })));
    }

    // The payments may stand on both sides of a midnight.
    let first = events[0]["created"].as_u64().unwrap() * 1000 / WINDOW_MS * WINDOW_MS;
    world.clock.set(first + 2 * WINDOW_MS + 2 * HOUR_MS);
    let folder = tempfile::tempdir().unwrap();
    let report = app(&world, stripe.list(), first, folder.path()).run_within(Duration::from_secs(600)).await.unwrap();
    assert_eq!((report.runs, report.cases), (2, 35));
    let cases = world.cases().await;
    let mut expected = BTreeMap::from([
        (Reason::EventMissing, 20),
        (Reason::PayoutOrphan, 5),
        (Reason::PayoutMissing, 5),
        (Reason::PayoutReturned, 3),
        (Reason::AmountMismatch, 2),
    ]);
    assert_eq!(counted(&cases), expected);
    let missing: Vec<&Case> = cases.iter().filter(|case| case.reason == Reason::EventMissing).collect();
    let mut found: Vec<PayoutKey> = missing.iter().filter_map(|case| case.key.clone()).collect();
    found.sort();
    dropped.sort();
    assert_eq!(found, dropped);
    for case in missing {
        let body = world.ledger.body(case.body.unwrap()).await.unwrap().unwrap();
        let event: Value = serde_json::from_slice(&body.bytes).unwrap();
        assert!(events.contains(&event), "{event}");
    }

    // Two people replay each of them. Then the provider delivers them after all.
    let mut desk = Desk::new();
    let replayed =
        |cases: &[Case]| cases.iter().filter(|case| case.reason == Reason::EventMissing).cloned().collect::<Vec<_>>();
    for case in replayed(&cases) {
        let key = case.key.clone().unwrap();
        let shown = desk.propose(&world, &case, Ending::Replay, 1, 1).await;
        let request = desk.approves(&world, &shown);
        desk.sources = Some(("stripe".to_owned(), stripe.source()));
        let answer = desk.ask(&world, &request).await;
        let is_paid = matches!(answer, payer::Answer::Attempted { outcome: Outcome::Accepted, .. });
        assert!(is_paid, "{answer:?}");
        assert_eq!(world.executed(&key).len(), 1);
    }
    for (number, event) in events.iter().enumerate().filter(|(number, _)| is_dropped(*number)) {
        assert_eq!(world.deliver(event).await.outcome(), "duplicate", "{number}");
        assert_eq!(world.executed(&key_of(event)).len(), 1);
    }
    expected.remove(&Reason::EventMissing);
    assert_eq!(counted(&world.cases().await), expected);

    world.clock.advance(WINDOW_MS);
    let report = app(&world, stripe.list(), first, folder.path()).run_within(Duration::from_secs(600)).await.unwrap();
    assert_eq!((report.runs, report.cases), (1, 0));
    assert_eq!(counted(&world.cases().await), expected);
}
