//! infra/rails/razorpayx.toml at a sandbox that behaves as RazorpayX's pages say; the file names them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use payonce_protocol::fact::FactName;
use payonce_protocol::order::{PayoutKey, PayoutOrder};
use payonce_protocol::outcome::{Outcome, Verdict};
use payonce_rails::{Misfit, Rail};
use serde_json::{Value, json};

use crate::sandbox::{Answer, Request, Sandbox};
use crate::{book, now, order, pay, rail_at};

const FILE: &str = include_str!("../../../../infra/rails/razorpayx.toml");
const SECRET: &str = "rzp_live_key:secret";
/// `printf %s rzp_live_key:secret | base64`
const BASIC: &str = "Basic cnpwX2xpdmVfa2V5OnNlY3JldA==";

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
}

#[derive(Default)]
struct Bank {
    weather: Weather,
    /// The newest first, as it lists them.
    payouts: Vec<Value>,
    /// Body and payout of each key.
    keys: BTreeMap<String, (Vec<u8>, Value)>,
}

fn error(status: u16, code: &str, reason: &str) -> Answer {
    let error = json!({
        "code": code, "description": "planted Jane Doe", "source": "business", "step": "NA", "reason": reason,
        "metadata": {},
    });
    Answer::json(status, json!({ "error": error }))
}

impl Bank {
    fn serve(&mut self, request: &Request) -> Option<Answer> {
        if request.header("authorization") != Some(BASIC) {
            return Some(error(401, "BAD_REQUEST_ERROR", "NA"));
        }
        if let Weather::Says(answer) = &self.weather {
            return Some(answer.clone());
        }
        match (request.method.as_str(), request.path().as_str()) {
            ("GET", "/v1/payouts") => Some(self.list(request)),
            ("POST", "/v1/payouts") => {
                let answer = self.pay(request);
                (!matches!(self.weather, Weather::Dies)).then_some(answer)
            }
            _ => Some(error(404, "BAD_REQUEST_ERROR", "NA")),
        }
    }

    fn pay(&mut self, request: &Request) -> Answer {
        let Some(key) = request.header("x-payout-idempotency") else {
            return error(400, "BAD_REQUEST_ERROR", "null");
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_ ".contains(&byte);
        if !(4..=36).contains(&key.len()) || !key.bytes().all(allowed) {
            return error(400, "BAD_REQUEST_ERROR", "input_validation_failed");
        }
        if let Some((body, payout)) = self.keys.get(key) {
            // "We return the latest state of the payout", or "a different payload will be rejected".
            return if *body == request.body {
                Answer::json(200, payout.clone())
            } else {
                error(400, "BAD_REQUEST_ERROR", "input_validation_failed")
            };
        }
        let body = request.json();
        let fits = |name: &str, at_most: usize| body[name].as_str().is_some_and(|text| text.len() <= at_most);
        if body["amount"].as_u64().is_none_or(|amount| amount < 100) || !fits("reference_id", 40) {
            return error(400, "BAD_REQUEST_ERROR", "input_validation_failed");
        }
        let mut payout = body.clone();
        payout.as_object_mut().unwrap().remove("account_number");
        payout["id"] = json!(format!("pout_{:014}", self.payouts.len()));
        payout["entity"] = json!("payout");
        payout["created_at"] = json!(1_545_383_000 + self.payouts.len());
        payout["status"] = json!(if let Weather::Status(status) = self.weather { status } else { "queued" });
        self.payouts.insert(0, payout.clone());
        self.keys.insert(key.to_owned(), (request.body.clone(), payout.clone()));
        Answer::json(200, payout)
    }

    fn list(&self, request: &Request) -> Answer {
        let query = request.query();
        assert_eq!(query["account_number"], "ACCOUNT_NUMBER");
        let number = |name: &str, otherwise: u64| query.get(name).map_or(otherwise, |text| text.parse().unwrap());
        let page: Vec<&Value> = self
            .payouts
            .iter()
            .filter(|payout| query.get("reference_id").is_none_or(|id| payout["reference_id"] == json!(id)))
            .filter(|payout| payout["created_at"].as_u64().unwrap() >= number("from", 0))
            .filter(|payout| payout["created_at"].as_u64().unwrap() <= number("to", u64::MAX))
            .skip(number("skip", 0) as usize)
            .take(number("count", 10).min(100) as usize)
            .collect();
        Answer::json(200, json!({"entity": "collection", "count": page.len(), "items": page}))
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
        self.bank.lock().unwrap().payouts.len()
    }
}

fn usual() -> PayoutOrder {
    order("razorpay/pay_1", 1_000_000, "INR", "fa_00000000000001")
}

/// A payout that was made must be found by every later release.
#[test]
fn golden_reference_never_changes() {
    let rail = world().rail;
    assert_eq!(rail.reference(&usual().key), "ab4e0ee67f8861c82cdc816b4dc4b06b");
    let longest = PayoutKey::new("x".repeat(200)).unwrap();
    assert_eq!(rail.reference(&longest).len(), 32);
    assert_ne!(rail.reference(&longest), rail.reference(&PayoutKey::new("x".repeat(199)).unwrap()));
}

#[test]
fn an_order_arrives_as_documented() {
    let world = world();
    let payment = pay(&world.rail, &usual(), 1).unwrap();
    assert_eq!(payment.verdict, Verdict::plain(Outcome::Accepted));
    assert_eq!(payment.evidence.rail_id.as_deref(), Some("pout_00000000000000"));
    let requests = world.sandbox.requests();
    assert_eq!(
        requests[0].json(),
        json!({
            "account_number": "ACCOUNT_NUMBER", "fund_account_id": "fa_00000000000001", "amount": 1_000_000,
            "currency": "INR", "mode": "IMPS", "purpose": "payout", "queue_if_low_balance": true,
            "reference_id": world.rail.reference(&usual().key), "notes": {"payout_key": "razorpay/pay_1"},
        })
    );
    // The longest key that there can be: the sandbox takes 40 characters.
    let longest = order(&"k".repeat(200), 100, "INR", "fa_1");
    assert_eq!(pay(&world.rail, &longest, 1).unwrap().verdict.outcome, Outcome::Accepted);
}

#[test]
fn refuses_a_payee_that_is_no_fund_account() {
    for wrong in ["acct_1", "FA_1", "1fa_"] {
        assert_eq!(world().rail.prepare(&order("k", 100, "INR", wrong), 1), Err(Misfit::Destination), "{wrong}");
    }
    assert_eq!(world().rail.prepare(&order("k", 100, "USD", "fa_1"), 1), Err(Misfit::Currency));
}

#[test]
fn a_repeat_under_the_same_key_executes_nothing() {
    let world = world();
    world.weather(Weather::Dies);
    assert_eq!(pay(&world.rail, &usual(), 1).unwrap().verdict, Verdict::UNKNOWN);
    world.weather(Weather::Fair);
    assert_eq!(pay(&world.rail, &usual(), 1).unwrap().verdict.outcome, Outcome::Accepted);
    assert_eq!(world.executed(), 1);
}

/// "Rejected as a BAD_REQUEST", like any mistake; but the first request under this key may have paid.
#[test]
fn unknown_when_the_key_was_used_for_another_body() {
    let world = world();
    world.weather(Weather::Dies);
    pay(&world.rail, &usual(), 1).unwrap();
    world.weather(Weather::Fair);
    let other = PayoutOrder { money: order("k", 200, "INR", "fa_1").money, ..usual() };
    let payment = pay(&world.rail, &other, 1).unwrap();
    assert_eq!((payment.verdict, payment.evidence.http_status), (Verdict::UNKNOWN, Some(400)));
    assert_eq!(payment.evidence.error_code.as_deref(), Some("input_validation_failed"));
    assert_eq!(world.executed(), 1);
}

/// The secret is sent as base64 of `user:password`; a message may repeat any of its forms.
#[test]
fn keeps_the_rails_own_sentence_unless_it_repeats_a_form_of_the_secret() {
    let says = |description: &str| {
        let world = world();
        let error = json!({"error": {"code": "BAD_REQUEST_ERROR", "reason": "NA", "description": description}});
        world.weather(Weather::Says(Answer::json(400, error)));
        pay(&world.rail, &usual(), 1).unwrap().evidence.record().get(FactName::RailSays).map(str::to_owned)
    };
    assert_eq!(says("The payee is closed").as_deref(), Some("The payee is closed"));
    for form in [SECRET, "secret", BASIC, "cnpwX2xpdmVfa2V5OnNlY3JldA=="] {
        assert_eq!(says(&format!("no such user {form}")), None, "{form}");
    }
}

#[test]
fn every_answer_has_its_place_on_the_ladder() {
    let not_begun = Verdict { not_begun: true, ..Verdict::plain(Outcome::Rejected) };
    let html = |status| Answer { status, headers: vec![], body: "<html>Jane Doe</html>".into() };
    for (answer, verdict) in [
        (error(400, "BAD_REQUEST_ERROR", "insufficient_funds"), Verdict::plain(Outcome::Rejected)),
        (error(400, "BAD_REQUEST_ERROR", "input_validation_failed"), Verdict::UNKNOWN),
        (error(401, "BAD_REQUEST_ERROR", "NA"), not_begun),
        (error(403, "BAD_REQUEST_ERROR", "NA"), Verdict::UNKNOWN),
        (error(409, "BAD_REQUEST_ERROR", "insufficient_funds"), Verdict::UNKNOWN),
        (error(429, "BAD_REQUEST_ERROR", "NA"), Verdict::UNKNOWN),
        (error(500, "SERVER_ERROR", "server_error"), Verdict::UNKNOWN),
        (error(502, "GATEWAY_ERROR", "insufficient_funds"), Verdict::UNKNOWN),
        (html(401), Verdict::UNKNOWN),
        (html(504), Verdict::UNKNOWN),
    ] {
        let world = world();
        world.weather(Weather::Says(answer.clone()));
        let payment = pay(&world.rail, &usual(), 1).unwrap();
        assert_eq!(payment.verdict, verdict, "{answer:?}");
        assert!(!format!("{payment:?}").contains("Jane"), "{payment:?}");
    }
}

#[test]
fn reads_each_refusal_inside_a_2xx() {
    for (status, outcome) in [
        ("queued", Outcome::Accepted),
        ("pending", Outcome::Accepted),
        ("processing", Outcome::Accepted),
        ("processed", Outcome::Accepted),
        ("rejected", Outcome::Rejected),
        ("cancelled", Outcome::Rejected),
        ("failed", Outcome::Rejected),
        ("reversed", Outcome::Rejected),
        ("scheduled", Outcome::Unknown),
    ] {
        let world = world();
        world.weather(Weather::Status(status));
        let payment = pay(&world.rail, &usual(), 1).unwrap();
        assert_eq!((payment.verdict.outcome, payment.evidence.rail_status.as_deref()), (outcome, Some(status)));
    }
}

#[test]
fn one_look_up_finds_what_a_lost_answer_left_behind() {
    let world = world();
    assert_eq!(now(crate::find(&world.rail, &usual().key)).unwrap(), []);
    world.weather(Weather::Dies);
    pay(&world.rail, &order("razorpay/pay_2", 100, "INR", "fa_2"), 1).unwrap();
    pay(&world.rail, &usual(), 1).unwrap();
    world.weather(Weather::Fair);
    let found = now(crate::find(&world.rail, &usual().key)).unwrap();
    assert_eq!(
        (found.len(), found[0].amount, found[0].destination.as_deref()),
        (1, 1_000_000, Some("fa_00000000000001"))
    );
    assert_eq!((found[0].created_at, found[0].returned), (1_545_383_001_000, false));
    for answer in [error(401, "BAD_REQUEST_ERROR", "NA"), Answer::json(200, json!({"entity": "payout", "items": []}))] {
        world.weather(Weather::Says(answer));
        assert!(now(crate::find(&world.rail, &usual().key)).is_err());
    }
}

#[test]
fn a_list_skips_what_was_read() {
    let world = world();
    for n in 0..203 {
        pay(&world.rail, &order(&format!("razorpay/pay_{n}"), 100 + n, "INR", "fa_1"), 1).unwrap();
    }
    world.bank.lock().unwrap().payouts[0]["status"] = json!("reversed");
    world.sandbox.requests();
    let listed = now(book(&world.rail, 1_545_383_003_000..1_545_384_003_000)).unwrap();
    assert_eq!(listed.len(), 200);
    assert_eq!(listed.iter().filter(|payout| payout.returned).count(), 1);
    let skips: Vec<_> = world.sandbox.requests().iter().map(|request| request.query().get("skip").cloned()).collect();
    assert_eq!(skips, [None, Some("100".to_owned()), Some("200".to_owned())]);
}
