//! infra/rails/modern_treasury.toml at a sandbox that behaves as Modern Treasury's pages say; the file names them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use payonce_protocol::order::PayoutOrder;
use payonce_protocol::outcome::{Outcome, Verdict};
use payonce_rails::{LookUpFailure, Rail};
use serde_json::{Value, json};

use crate::sandbox::{Answer, Request, Sandbox};
use crate::{book, now, order, pay, rail_at};

const FILE: &str = include_str!("../../../../infra/rails/modern_treasury.toml");
const SECRET: &str = "ORGANIZATION_ID:live_key";
/// `printf %s ORGANIZATION_ID:live_key | base64`
const BASIC: &str = "Basic T1JHQU5JWkFUSU9OX0lEOmxpdmVfa2V5";

/// What the sandbox does to the next requests.
#[derive(Clone, Debug, Default)]
enum Weather {
    #[default]
    Fair,
    /// Before anything is done.
    Says(Answer),
    /// Done, and the answer is lost.
    Dies,
    /// Done with this status.
    Status(&'static str),
    /// Done, and another field than asked for.
    Changes(&'static str, Value),
}

#[derive(Default)]
struct Bank {
    weather: Weather,
    orders: Vec<Value>,
    answers: BTreeMap<String, Answer>,
}

fn error(status: u16, code: &str, parameter: &str) -> Answer {
    let errors = json!({"code": code, "message": "planted Jane Doe", "parameter": parameter});
    Answer::json(status, json!({ "errors": errors })).with("x-request-id", "req-1")
}

impl Bank {
    fn serve(&mut self, request: &Request) -> Option<Answer> {
        if request.header("authorization") != Some(BASIC) {
            return Some(error(401, "unauthorized", ""));
        }
        if let Weather::Says(answer) = &self.weather {
            return Some(answer.clone());
        }
        match (request.method.as_str(), request.path().as_str()) {
            ("GET", "/api/payment_orders") => Some(self.list(request)),
            ("POST", "/api/payment_orders") => {
                let key = request.header("idempotency-key").unwrap().to_owned();
                // "We will echo the original response", whatever is asked this time.
                if let Some(answer) = self.answers.get(&key) {
                    return Some(answer.clone());
                }
                let answer = self.create(&request.json());
                // "Results are only saved if the request successfully executed."
                if answer.status < 300 {
                    self.answers.insert(key, answer.clone());
                }
                (!matches!(self.weather, Weather::Dies)).then_some(answer)
            }
            _ => Some(error(404, "resource_not_found", "")),
        }
    }

    fn create(&mut self, body: &Value) -> Answer {
        for name in ["type", "direction", "originating_account_id", "receiving_account_id", "currency"] {
            if !body[name].is_string() {
                return error(422, "parameter_missing", name);
            }
        }
        if body["amount"].as_u64().is_none_or(|amount| amount == 0) {
            return error(422, "parameter_invalid", "amount");
        }
        if self.orders.iter().any(|order| order["external_id"] == body["external_id"]) {
            return error(422, "parameter_invalid", "external_id");
        }
        let mut order = body.clone();
        let n = self.orders.len();
        order["id"] = json!(format!("0f2c1a7e-0000-4000-8000-{n:012}"));
        order["object"] = json!("payment_order");
        order["live_mode"] = json!(true);
        order["created_at"] = json!(format!("2026-11-23T{:02}:{:02}:00Z", 11 + n / 60, n % 60));
        order["status"] = json!(if let Weather::Status(status) = self.weather { status } else { "approved" });
        if let Weather::Changes(name, value) = &self.weather {
            order[*name] = value.clone();
        }
        self.orders.push(order.clone());
        Answer::json(201, order).with("x-request-id", "req-1")
    }

    fn list(&self, request: &Request) -> Answer {
        let query = request.query();
        let size: usize = query.get("per_page").map_or(25, |text| text.parse().unwrap());
        let size = size.min(100);
        let from: usize = query.get("after_cursor").map_or(0, |text| text.parse().unwrap());
        let found: Vec<&Value> = self
            .orders
            .iter()
            .filter(|order| query.get("external_id").is_none_or(|id| order["external_id"] == json!(id)))
            .filter(|order| query.get("direction").is_none_or(|direction| order["direction"] == json!(direction)))
            .filter(|order| {
                query
                    .get("created_at_start")
                    .is_none_or(|start| order["created_at"].as_str().unwrap() >= start.as_str())
            })
            .filter(|order| {
                query.get("created_at_end").is_none_or(|end| order["created_at"].as_str().unwrap() <= end.as_str())
            })
            .collect();
        let page: Vec<&Value> = found.iter().skip(from).take(size).copied().collect();
        let after = if from + size < found.len() { (from + size).to_string() } else { String::new() };
        Answer::json(200, json!(page)).with("x-after-cursor", &after)
    }
}

struct World {
    bank: Arc<Mutex<Bank>>,
    sandbox: Sandbox,
    rail: Rail,
}

fn world() -> World {
    let bank = Arc::<Mutex<Bank>>::default();
    let served = bank.clone();
    let sandbox = Sandbox::start(move |request| served.lock().unwrap().serve(request));
    let rail = rail_at(&sandbox.url(), FILE, SECRET);
    World { bank, sandbox, rail }
}

impl World {
    fn weather(&self, weather: Weather) {
        self.bank.lock().unwrap().weather = weather;
    }

    fn executed(&self) -> usize {
        self.bank.lock().unwrap().orders.len()
    }
}

fn usual() -> PayoutOrder {
    order("stripe/pi_1", 1234, "USD", "c743edb7-4059-496a-94b8-06fc081156fd")
}

#[test]
fn an_order_arrives_as_documented() {
    let world = world();
    let payment = pay(&world.rail, &usual(), 1).unwrap();
    assert_eq!(payment.verdict, Verdict::plain(Outcome::Accepted));
    assert_eq!(payment.evidence.rail_status.as_deref(), Some("approved"));
    assert_eq!(payment.evidence.request_id.as_deref(), Some("req-1"));
    let requests = world.sandbox.requests();
    assert_eq!((requests.len(), requests[0].target.as_str()), (1, "/api/payment_orders"));
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    assert_eq!(
        requests[0].json(),
        json!({
            "type": "ach", "direction": "credit", "originating_account_id": "INTERNAL_ACCOUNT_ID",
            "receiving_account_id": "c743edb7-4059-496a-94b8-06fc081156fd", "amount": 1234, "currency": "USD",
            "external_id": "stripe/pi_1", "metadata": {"payout_key": "stripe/pi_1"},
        })
    );
}

#[test]
fn a_repeat_under_the_same_key_executes_nothing() {
    let world = world();
    world.weather(Weather::Dies);
    let lost = pay(&world.rail, &usual(), 1).unwrap();
    assert_eq!((lost.verdict, lost.evidence.failure), (Verdict::UNKNOWN, Some("answer_cut")));
    world.weather(Weather::Fair);
    assert_eq!(pay(&world.rail, &usual(), 1).unwrap().verdict.outcome, Outcome::Accepted);
    assert_eq!(world.executed(), 1);
    // The same key for another sum: the first answer comes back, and it is not this order's.
    let other = PayoutOrder { money: order("x", 9900, "USD", "x").money, ..usual() };
    let payment = pay(&world.rail, &other, 1).unwrap();
    assert_eq!((payment.verdict, payment.evidence.failure), (Verdict::UNKNOWN, Some("other_order")));
    assert_eq!(world.executed(), 1);
}

/// The next key generation for a payout that is there already: the reference is taken.
#[test]
fn second_key_for_a_payout_that_was_made_is_unknown() {
    let world = world();
    pay(&world.rail, &usual(), 1).unwrap();
    let second = pay(&world.rail, &usual(), 2).unwrap();
    assert_eq!((second.verdict, second.evidence.failure), (Verdict::UNKNOWN, Some("listed_as_unknown")));
    assert_eq!(world.executed(), 1);
}

#[test]
fn every_answer_has_its_place_on_the_ladder() {
    let not_begun = Verdict { not_begun: true, ..Verdict::plain(Outcome::Rejected) };
    let html = |status| Answer { status, headers: vec![], body: "<html>Jane Doe</html>".into() };
    for (answer, verdict) in [
        (error(401, "unauthorized", ""), not_begun),
        (error(403, "forbidden", ""), not_begun),
        (error(404, "resource_not_found", "receiving_account_id"), not_begun),
        (error(422, "parameter_invalid", "amount"), not_begun),
        (error(422, "parameter_invalid", "external_id"), Verdict::UNKNOWN),
        (error(400, "parameter_invalid", ""), Verdict::UNKNOWN),
        (error(409, "conflict", ""), Verdict::UNKNOWN),
        (error(429, "rate_limited", ""), Verdict::UNKNOWN),
        (error(500, "internal", ""), Verdict::UNKNOWN),
        (error(503, "unavailable", ""), Verdict::UNKNOWN),
        (html(403), Verdict::UNKNOWN),
        (html(422), Verdict::UNKNOWN),
        (html(502), Verdict::UNKNOWN),
        (html(200), Verdict::UNKNOWN),
        (Answer::json(202, json!({})), Verdict::UNKNOWN),
    ] {
        let world = world();
        world.weather(Weather::Says(answer.clone()));
        let payment = pay(&world.rail, &usual(), 1).unwrap();
        assert_eq!(payment.verdict, verdict, "{answer:?}");
        assert!(!format!("{payment:?}").contains("Jane"), "{payment:?}");
        assert_eq!(world.executed(), 0);
    }
}

#[test]
fn reads_each_status_inside_a_2xx() {
    for (status, outcome) in [
        ("approved", Outcome::Accepted),
        ("pending", Outcome::Accepted),
        ("processing", Outcome::Accepted),
        ("sent", Outcome::Accepted),
        ("completed", Outcome::Accepted),
        ("denied", Outcome::Rejected),
        ("cancelled", Outcome::Rejected),
        ("needs_approval", Outcome::Unknown),
        ("failed", Outcome::Unknown),
        ("held", Outcome::Unknown),
        ("new_in_2027", Outcome::Unknown),
    ] {
        let world = world();
        world.weather(Weather::Status(status));
        let payment = pay(&world.rail, &usual(), 1).unwrap();
        assert_eq!((payment.verdict.outcome, payment.evidence.rail_status.as_deref()), (outcome, Some(status)));
    }
}

#[test]
fn unknown_when_a_2xx_is_for_something_else() {
    for (name, value, doubt) in [
        ("amount", json!(123_400), "other_order"),
        ("currency", json!("CAD"), "other_order"),
        ("receiving_account_id", json!("somebody-else"), "other_order"),
        ("external_id", json!(null), "other_order"),
        ("direction", json!("debit"), "other_object"),
        ("live_mode", json!(false), "other_object"),
        ("object", json!("expected_payment"), "other_object"),
        ("id", json!(null), "no_payout_id"),
    ] {
        let world = world();
        world.weather(Weather::Changes(name, value));
        let payment = pay(&world.rail, &usual(), 1).unwrap();
        assert_eq!((payment.verdict, payment.evidence.failure), (Verdict::UNKNOWN, Some(doubt)), "{name}");
    }
}

#[test]
fn one_look_up_finds_what_a_lost_answer_left_behind() {
    let world = world();
    assert_eq!(now(crate::find(&world.rail, &usual().key)).unwrap(), []);
    world.weather(Weather::Dies);
    pay(&world.rail, &usual(), 1).unwrap();
    pay(&world.rail, &order("stripe/pi_2", 1, "USD", "a"), 1).unwrap();
    world.weather(Weather::Fair);
    let found = now(crate::find(&world.rail, &usual().key)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].amount, found[0].currency.as_str(), found[0].returned), (1234, "USD", false));
    assert_eq!(found[0].reference, Some(world.rail.reference(&usual().key)));
    assert_eq!((found[0].created_at, found[0].status.as_deref()), (1_795_431_600_000, Some("approved")));
    let targets: Vec<_> =
        world.sandbox.requests().into_iter().filter(|r| r.method == "GET").map(|r| r.target).collect();
    assert_eq!(targets, ["/api/payment_orders?external_id=stripe%2Fpi_1&per_page=100"; 2]);
    for answer in [error(401, "unauthorized", ""), error(404, "resource_not_found", ""), Answer::json(200, json!({}))] {
        world.weather(Weather::Says(answer));
        assert!(now(crate::find(&world.rail, &usual().key)).is_err());
    }
    world.weather(Weather::Says(error(429, "rate_limited", "")));
    let refused = now(crate::find(&world.rail, &usual().key));
    assert!(matches!(refused, Err(LookUpFailure::Refused(429))), "{refused:?}");
}

#[test]
fn a_list_follows_the_cursor() {
    let world = world();
    for n in 0..5 {
        pay(&world.rail, &order(&format!("stripe/pi_{n}"), 100 + n, "USD", "a"), 1).unwrap();
    }
    world.bank.lock().unwrap().orders[4]["status"] = json!("returned");
    // From 2026-11-23T11:01:00Z on, for three minutes: the end is excluded.
    let listed = now(book(&world.rail, 1_795_431_660_000..1_795_431_840_000)).unwrap();
    let amounts: Vec<_> = listed.iter().map(|payout| (payout.amount, payout.returned)).collect();
    assert_eq!(amounts, [(101, false), (102, false), (103, false)]);
    for n in 5..250 {
        pay(&world.rail, &order(&format!("stripe/pi_{n}"), 100 + n, "USD", "a"), 1).unwrap();
    }
    world.sandbox.requests();
    let listed = now(book(&world.rail, 0..u64::MAX / 2_000_000)).unwrap();
    assert_eq!(listed.len(), 250);
    let requests = world.sandbox.requests();
    assert_eq!(
        requests.iter().map(|r| r.query().get("after_cursor").cloned()).collect::<Vec<_>>(),
        [None, Some("100".to_owned()), Some("200".to_owned())]
    );
}

#[test]
fn refuses_a_payout_key_that_is_too_long() {
    let rail = world().rail;
    let key = |length: usize| order(&format!("s/{}", "x".repeat(length - 2)), 1234, "USD", "a");
    assert!(rail.prepare(&key(180), 1).is_ok());
    assert_eq!(rail.prepare(&key(181), 1), Err(payonce_rails::Misfit::Reference));
}
