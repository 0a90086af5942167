//! Whoever depends on a payout is told how it ended: each attempt and each case, as they stand, and again until the bus took them.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use notices::App;
use payonce_end_to_end::{PAYEE, World, key_of, payment};
use payonce_ledger::OutcomeRecord;
use payonce_protocol::case::Ending;
use payonce_protocol::event::Recorded;
use payonce_protocol::fact::Facts;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::{Outcome, Verdict};
use payonce_runtime::environment::Environment;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::start::Tables;
use payonce_suite::faults::Fault;
use serde_json::{Value, json};

use crate::arrives::change;
use crate::endings::{Cause, Claimless};

/// What `infra/notices.md` shows of each.
fn documented() -> [Value; 2] {
    let page = include_str!("../../../../infra/notices.md");
    let blocks: Vec<Value> = page
        .split("```json")
        .skip(1)
        .map(|rest| serde_json::from_str(rest.split("```").next().unwrap()).unwrap())
        .collect();
    blocks.try_into().unwrap()
}

/// EventBridge, as far as it is asked. It refuses as many entries as it is told to, one in each request.
#[derive(Clone, Default)]
struct Bus {
    taken: Arc<Mutex<Vec<Value>>>,
    requests: Arc<Mutex<Vec<usize>>>,
    refuses: Arc<Mutex<u32>>,
}

impl Bus {
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bus = self.clone();
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| bus.answer(stream)));
        url
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut length, mut target) = (0, String::new());
        for line in (&mut reader).lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
            let lower = line.to_ascii_lowercase();
            if let Some(of) = lower.strip_prefix("content-length: ") {
                length = of.parse().unwrap();
            }
            if lower.starts_with("x-amz-target: ") {
                target = line;
            }
        }
        assert!(target.ends_with(": AWSEvents.PutEvents"), "{target}");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let entries = asked["Entries"].as_array().unwrap();
        self.requests.lock().unwrap().push(entries.len());
        let mut refuses = self.refuses.lock().unwrap();
        let answers: Vec<Value> = entries
            .iter()
            .map(|entry| {
                if *refuses > 0 {
                    *refuses -= 1;
                    return json!({ "ErrorCode": "InternalFailure", "ErrorMessage": "planted" });
                }
                self.taken.lock().unwrap().push(entry.clone());
                json!({ "EventId": "1" })
            })
            .collect();
        let failed = answers.iter().filter(|answer| answer["ErrorCode"].is_string()).count();
        let answer = json!({ "FailedEntryCount": failed, "Entries": answers }).to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
        stream.write_all(format!("{head}{answer}").as_bytes()).unwrap();
    }

    fn app(&self, world: &World) -> App {
        let variables = [("AWS_ENDPOINT_URL", self.start()), ("PAYONCE_NOTICES_BUS", "payonce".to_owned())];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let environment = Environment::planted(&variables).unwrap();
        let (clock, metrics) = (world.clock.clone(), Metrics::stdout(world.clock.clone()));
        App::new(Tables { environment, clock, ledger: world.ledger.narrowed(), metrics }).unwrap()
    }

    fn details(&self) -> Vec<(String, Value)> {
        let parsed = |entry: &Value| {
            assert_eq!((&entry["EventBusName"], &entry["Source"]), (&json!("payonce"), &json!("payonce")));
            let detail = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
            (entry["DetailType"].as_str().unwrap().to_owned(), detail)
        };
        std::mem::take(&mut *self.taken.lock().unwrap()).iter().map(parsed).collect()
    }
}

fn batch(keys: &[(String, &str)]) -> Value {
    let record = |(pk, sk): &(String, &str)| json!({ "eventName": "INSERT", "dynamodb": { "Keys": { "pk": { "S": pk }, "sk": { "S": sk } } } });
    json!({ "Records": keys.iter().map(record).collect::<Vec<_>>() })
}

fn ended(key: &PayoutKey) -> (String, &'static str) {
    (key.to_string(), "0001#outcome")
}

fn names(detail: &Value) -> Vec<&String> {
    detail.as_object().unwrap().keys().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_told_as_the_page_says_and_names_no_payee() {
    let (world, bus) = (World::start().await, Bus::default());
    let app = bus.app(&world);
    let event = payment("1", PAYEE, world.clock.now());
    world.deliver(&event).await;
    let key = key_of(&event);
    assert_eq!(app.run(&batch(&[ended(&key), ended(&key)])).await.unwrap().told, 1);
    let [(kind, detail)] = bus.details().try_into().unwrap();
    let [page, _] = documented();
    assert_eq!((kind.as_str(), names(&detail)), ("Payout Attempt Ended", names(&page)));
    assert_eq!(
        (&detail["payout_key"], &detail["attempt"], &detail["outcome"]),
        (&json!(key.as_str()), &json!(1), &json!("accepted"))
    );
    assert_eq!(detail["rail_payout"], json!(world.executed(&key)[0].id));
    assert_eq!(names(&detail["money"]), names(&page["money"]));
    assert!(!detail.to_string().contains(PAYEE), "{detail}");
}

/// The sweeper gives it up, and then its worker answers.
#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_an_attempt_since_is_told_whatever_comes_from_the_stream() {
    let (world, bus) = (World::start().await, Bus::default());
    let app = bus.app(&world);
    world.deliver(&payment("warm", PAYEE, world.clock.now())).await;
    let event = payment("1", PAYEE, world.clock.now());
    let key = key_of(&event);
    world.proxy.plan(100, "PutItem", "#outcome", Fault::SERVER_ERROR);
    world.deliver(&event).await;
    world.proxy.forget();
    assert_eq!(app.run(&batch(&[ended(&key)])).await.unwrap().told, 0, "it has not ended");
    world.minutes_pass(5).await;
    app.run(&batch(&[ended(&key)])).await.unwrap();
    let [(_, detail)] = bus.details().try_into().unwrap();
    assert_eq!((&detail["outcome"], &detail["given_up"]), (&json!("unknown"), &json!(true)));

    let (claim, _) = world.ledger.attempt(&key, 1).await.unwrap().unwrap();
    let late = OutcomeRecord {
        verdict: Verdict::plain(Outcome::Accepted),
        evidence: Facts::default(),
        recorded_at: world.clock.now(),
    };
    assert_eq!(world.ledger.record(&claim, &late, None).await, Recorded::Late);
    // The stream says of the outcome once more, and of the late one for the first time.
    for sk in ["0001#outcome", "0001#late"] {
        app.run(&batch(&[(key.to_string(), sk)])).await.unwrap();
        let [(_, detail)] = bus.details().try_into().unwrap();
        assert_eq!((&detail["outcome"], &detail["given_up"]), (&json!("accepted"), &json!(true)), "{sk}");
    }
}

/// A record that this version cannot read must not keep those behind it from being told.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_read_keeps_nothing_else_from_being_told() {
    let (world, bus) = (World::start().await, Bus::default());
    let app = bus.app(&world);
    let events: Vec<Value> = ["1", "2"].map(|id| payment(id, PAYEE, world.clock.now())).into();
    for event in &events {
        world.deliver(event).await;
    }
    let keys: Vec<PayoutKey> = events.iter().map(key_of).collect();
    let newer = |item: &mut HashMap<String, AttributeValue>| {
        item.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    };
    change(&world, keys[0].as_str(), "0001#outcome", newer).await;
    assert_eq!(app.run(&batch(&[ended(&keys[0]), ended(&keys[1])])).await.unwrap().told, 1);
    let [(_, detail)] = bus.details().try_into().unwrap();
    assert_eq!(detail["payout_key"], json!(keys[1].as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_told_when_it_is_resolved_and_when_it_is_open_again() {
    let bus = Bus::default();
    let mut it = Claimless::of(Cause::BeforeCutover).await;
    let app = bus.app(&it.world);
    it.ends(Ending::PaidElsewhere).await;
    let told = batch(&[(it.case.to_string(), "case")]);
    app.run(&told).await.unwrap();
    let [(kind, detail)] = bus.details().try_into().unwrap();
    let [_, page] = documented();
    assert_eq!((kind.as_str(), names(&detail)), ("Case Resolved", names(&page)));
    assert_eq!((&detail["ending"], &detail["reason"]), (&page["ending"], &json!("before_cutover")));
    it.desk.reopens(&it.world, &it.case).await;
    app.run(&told).await.unwrap();
    let [(kind, detail)] = bus.details().try_into().unwrap();
    assert_eq!(
        (kind.as_str(), &detail["ending"], &detail["resolved_at"]),
        ("Case Reopened", &Value::Null, &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bus_did_not_take_is_handed_over_again() {
    let (world, bus) = (World::start().await, Bus::default());
    let app = bus.app(&world);
    let mut keys = vec![];
    for number in 0..12 {
        let event = payment(&number.to_string(), PAYEE, world.clock.now());
        world.deliver(&event).await;
        keys.push(ended(&key_of(&event)));
    }
    *bus.refuses.lock().unwrap() = 1;
    assert!(app.run(&batch(&keys)).await.is_err());
    bus.details();
    bus.requests.lock().unwrap().clear();
    assert_eq!(app.run(&batch(&keys)).await.unwrap().told, 12);
    assert_eq!((bus.details().len(), bus.requests.lock().unwrap().as_slice()), (12, &[10, 2][..]));
}
