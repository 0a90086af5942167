//! An event is a photograph: what it says may be over when it comes. A payment that was given back or is disputed is not
//! paid out, in whatever order the two events come; what is too old is a case; an order's birth is not its payment's time.

use payonce_end_to_end::{Desk, PAYEE, World, cut_after, key_of, own_secret, payment};
use payonce_ledger::Case;
use payonce_local::sandbox_rail::Weather;
use payonce_protocol::case::Ending;
use payonce_protocol::fact::FactName;
use payonce_protocol::hold::Hold;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Reason;
use payonce_suite::faults::Fault;
use serde_json::{Value, json};

const HOUR_MS: u64 = 3_600_000;
pub const DAY_MS: u64 = 24 * HOUR_MS;

/// That the charge of `payment(name)` was given back.
pub fn refund(name: &str, number: u8, now: u64) -> Value {
    json!({
        "id": format!("evt_r{number}{name}"), "object": "event", "created": now / 1000, "livemode": false,
        "type": "charge.refunded",
        "data": { "object": {
            "id": format!("ch_{name}"), "object": "charge", "payment_intent": format!("pi_{name}"), "refunded": true,
            "amount_refunded": 4200
        } }
    })
}

fn dispute(name: &str, now: u64) -> Value {
    let mut event = refund(name, 9, now);
    event["type"] = "charge.dispute.created".into();
    event
}

pub async fn cases_of(world: &World, reason: Reason) -> Vec<Case> {
    world.cases().await.into_iter().filter(|case| case.reason == reason).collect()
}

#[tokio::test]
async fn pays_nothing_when_the_refund_came_first() {
    let world = World::start().await;
    let (event, back) = (payment("back", PAYEE, world.clock.now()), refund("back", 1, world.clock.now()));
    for _ in 0..2 {
        let answer = world.deliver(&back).await;
        assert_eq!((answer.status, answer.outcome()), (200, "barred"));
    }
    assert!(world.cases().await.is_empty(), "nothing asked for it yet");
    world.clock.advance(3 * DAY_MS);
    for _ in 0..2 {
        let answer = world.deliver(&event).await;
        assert_eq!((answer.status, answer.reason()), (200, "blocked_before_payout"));
    }
    let cases = world.cases().await;
    assert_eq!(cases.len(), 1, "one case for key and event");
    assert_eq!((cases[0].key.clone(), cases[0].destination.is_some()), (Some(key_of(&event)), true));
    assert_eq!(cases[0].money.unwrap().minor(), 4200);
    assert_eq!(world.payout_requests(), 0);
    world.minutes_pass(5).await;
    assert_eq!(world.reasons().await, [(Reason::BlockedBeforePayout, 1)].into(), "a bar is not swept");
    assert!(world.ledger.payout(&key_of(&event)).await.unwrap().barred.is_some());
}

#[tokio::test]
async fn opens_one_case_for_each_refund_of_what_was_paid() {
    let world = World::start().await;
    let event = payment("late", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    for number in [1, 2] {
        for _ in 0..2 {
            let answer = world.deliver(&refund("late", number, world.clock.now())).await;
            assert_eq!((answer.status, answer.reason()), (200, "blocked_after_payout"));
        }
    }
    assert_eq!(world.deliver(&dispute("late", world.clock.now())).await.reason(), "blocked_after_payout");
    let cases = world.cases().await;
    assert_eq!(cases.len(), 3);
    for case in &cases {
        assert_eq!((case.reason, case.money.unwrap().minor()), (Reason::BlockedAfterPayout, 4200));
        assert_eq!(case.destination.as_ref().unwrap().as_str(), PAYEE);
        assert!(case.details.get(FactName::BlockedBy).unwrap().starts_with("evt_r"));
    }
    assert_eq!(world.deliver(&event).await.outcome(), "duplicate");
    assert_eq!(world.executed(&key_of(&event)).len(), 1);
}

/// Where the provider tells of one refund by several events, they are one sum to settle.
#[tokio::test]
async fn opens_one_case_for_the_events_of_one_refund() {
    let block = "event = \"charge.refunded\"\n";
    let world =
        World::with(|text| text.replacen(block, &format!("{block}subject = \"/data/object/refund\"\n"), 1)).await;
    let event = payment("late", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    for (number, name) in [(1, "re_1"), (2, "re_1"), (3, "re_2")] {
        let mut back = refund("late", number, world.clock.now());
        back["data"]["object"]["refund"] = name.into();
        assert_eq!(world.deliver(&back).await.reason(), "blocked_after_payout");
    }
    assert_eq!(cases_of(&world, Reason::BlockedAfterPayout).await.len(), 2);
}

#[tokio::test]
async fn bars_in_one_delivery_whatever_the_order() {
    let world = World::of_own("gocardless", |text| text).await;
    let created = jiff::Timestamp::from_millisecond(world.clock.now() as i64).unwrap().to_string();
    let event = |id: &str, action: &str, of: &str| {
        json!({
            "id": id, "created_at": created, "resource_type": "payments", "action": action, "links": { "payment": of },
            "resource_metadata": { "payout_pence": "4200", "payee": PAYEE },
        })
    };
    for (index, actions) in [["charged_back", "confirmed"], ["confirmed", "charged_back"]].into_iter().enumerate() {
        let of = format!("PM{index}");
        let events = actions.map(|action| event(&format!("EV{index}{action}"), action, &of));
        for _ in 0..2 {
            let answer = world.deliver(&json!({ "events": events })).await;
            assert_eq!(answer.status, 200);
            for (place, action) in actions.iter().enumerate() {
                let expected = if *action == "confirmed" { "filed" } else { "barred" };
                assert_eq!(answer.body["events"][place]["outcome"], expected, "{actions:?}");
            }
        }
    }
    // The bar cannot be written: its neighbour waits with it.
    world.proxy.plan(100, "PutItem", "0000#barred", Fault::SERVER_ERROR);
    let events = ["confirmed", "charged_back"].map(|action| event(&format!("EV9{action}"), action, "PM9"));
    assert_eq!(world.deliver(&json!({ "events": events })).await.status, 503);
    world.proxy.forget();
    assert_eq!(world.deliver(&json!({ "events": events })).await.status, 200);
    assert_eq!(world.payout_requests(), 0);
    assert_eq!(world.reasons().await[&Reason::BlockedBeforePayout], 3);
}

/// Each topic of a shop has an endpoint and a table of its own, and one namespace.
#[tokio::test]
async fn bars_an_order_whose_refund_comes_to_another_endpoint() {
    let own = |text: String| own_secret(text, "shopify");
    let order = |id: u64, now: u64| {
        let now = jiff::Timestamp::from_millisecond(now as i64).unwrap().to_string();
        json!({
            "id": id, "created_at": now, "updated_at": now, "currency": "USD", "financial_status": "paid",
            "total_price": "10.10", "test": true, "note_attributes": [{ "name": "payee", "value": PAYEE }]
        })
    };
    for (topic, body) in [
        ("shopify_refunds", json!({ "id": 99, "order_id": 5_550_001_u64, "transactions": [] })),
        ("shopify_cancellations", order(5_550_001, 0)),
    ] {
        let mut world = World::of(topic, own).await;
        assert_eq!(world.deliver(&body).await.outcome(), "barred", "{topic}");
        world.switch_to("shopify", "PAYONCE_SANDBOX_STRIPE", own).await;
        let answer = world.deliver(&order(5_550_001, world.clock.now())).await;
        assert_eq!((answer.status, answer.reason()), (200, "blocked_before_payout"), "{topic}");
        assert_eq!(world.deliver(&order(5_550_002, world.clock.now())).await.outcome(), "accepted");
        assert_eq!(world.payout_requests(), 1);

        // Of what was paid, it opens a case.
        world.switch_to(topic, "PAYONCE_SANDBOX_STRIPE", own).await;
        let mut later = body.clone();
        later[if topic == "shopify_refunds" { "order_id" } else { "id" }] = 5_550_002_u64.into();
        assert_eq!(world.deliver(&later).await.reason(), "blocked_after_payout", "{topic}");
    }
}

/// A trial's refund that reaches a live endpoint, or one of another account: whatever payment it names, ours is paid.
#[tokio::test]
async fn pays_when_what_was_given_back_is_another_accounts() {
    let world = World::start().await;
    let event = payment("ours", PAYEE, world.clock.now());
    let mut other = refund("ours", 1, world.clock.now());
    other["account"] = "acct_1OtherWorkshop".into();
    for number in [1, 2] {
        other["id"] = format!("evt_other{number}").into();
        assert_eq!(world.deliver(&other).await.outcome(), "filed");
    }
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    assert_eq!(world.reasons().await, [(Reason::InvalidEvent, 1)].into(), "one case for all of them");
}

#[tokio::test]
async fn bars_while_payouts_are_held() {
    for hold in [Hold::Refuse, Hold::Record] {
        let mut world = World::start().await;
        world.ledger.set_hold(hold, "a person", "a test", world.clock.now()).await.unwrap();
        world.restart_with(|text| text).await;
        assert_eq!(world.deliver(&refund("held", 1, world.clock.now())).await.outcome(), "barred");
        let event = payment("held", PAYEE, world.clock.now());
        assert_eq!(world.deliver(&event).await.reason(), "blocked_before_payout", "{hold:?}");
        world.ledger.set_hold(Hold::Pay, "a person", "over", world.clock.now()).await.unwrap();
        world.restart_with(|text| text).await;
        assert_eq!(world.deliver(&event).await.reason(), "blocked_before_payout", "{hold:?}");
        assert_eq!(world.payout_requests(), 0);
    }
}

/// Where claims may be missing, a bar would call a payout unmade that was made.
#[tokio::test]
async fn refuses_and_notes_a_refund_while_nobody_released_the_tables() {
    let world = World::unreleased("stripe", |text| text).await;
    let back = refund("unreleased", 1, world.clock.now());
    assert_eq!(world.deliver(&back).await.status, 503);
    let key = PayoutKey::new("stripe/pi_unreleased").unwrap();
    assert_eq!(world.ledger.standing(&key, 1).await.unwrap(), None);
    world.minutes_pass(5).await;
    let cases = cases_of(&world, Reason::RefusedNotRedelivered).await;
    assert_eq!((cases.len(), cases[0].key.as_ref()), (1, Some(&key)), "it does not vanish");
}

#[tokio::test]
async fn a_bar_whose_answer_is_lost_stands_all_the_same() {
    let world = World::start().await;
    let back = refund("lost", 1, world.clock.now());
    world.deliver(&payment("warm", PAYEE, world.clock.now())).await;
    world.proxy.plan(1, "PutItem", "0001#claim", Fault::SERVER_ERROR);
    assert_eq!(world.deliver(&back).await.outcome(), "barred");
    world.proxy.forget();
    let event = payment("lost", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&event).await.reason(), "blocked_before_payout");
}

#[tokio::test]
async fn survives_a_crash_at_any_step_of_a_blocking_event() {
    for is_paid in [false, true] {
        let mut world = World::start().await;
        for waits in 1..500 {
            world.restart_with(|text| text).await;
            let name = format!("cut{waits}");
            let (event, back) = (payment(&name, PAYEE, world.clock.now()), refund(&name, 1, world.clock.now()));
            if is_paid {
                assert_eq!(world.deliver(&event).await.outcome(), "accepted");
            }
            let request = world.request(back.to_string().as_bytes());
            let whole = cut_after(waits, world.app().handle(request)).await.is_some();
            world.restart_with(|text| text).await;
            assert_eq!(world.deliver(&back).await.status, 200, "{waits}");
            let answer = world.deliver(&event).await;
            let key = key_of(&event);
            let cases = world.cases().await.into_iter().filter(|case| case.key.as_ref() == Some(&key)).count();
            let expected = if is_paid { "duplicate" } else { "filed" };
            assert_eq!((answer.outcome(), cases), (expected, 1), "cut after {waits}");
            assert_eq!(world.executed(&key).len(), usize::from(is_paid));
            assert!(world.ledger.is_barred(&key).await.unwrap());
            if whole {
                assert!(waits > 3);
                break;
            }
        }
    }
}

/// Whichever claims the place, money and case agree: paid and a case, or not paid and a case.
#[tokio::test]
async fn refund_and_payment_at_once_agree() {
    let world = World::start().await;
    for number in 0..20 {
        let name = format!("race{number}");
        let (event, back) = (payment(&name, PAYEE, world.clock.now()), refund(&name, 1, world.clock.now()));
        let (paid, barred) = tokio::join!(world.deliver(&event), world.deliver(&back));
        assert_eq!((paid.status, barred.status), (200, 200));
        let cases = world.cases().await.into_iter().filter(|case| case.key == Some(key_of(&event)));
        let reasons: Vec<Reason> = cases.map(|case| case.reason).collect();
        let is_paid = world.executed(&key_of(&event)).len() == 1;
        let expected = if is_paid { Reason::BlockedAfterPayout } else { Reason::BlockedBeforePayout };
        assert_eq!(reasons, [expected]);
    }
}

#[tokio::test]
async fn a_refund_without_its_payment_is_one_case_for_its_rule() {
    let world = World::start().await;
    for number in 0..3 {
        let mut back = refund("nameless", number, world.clock.now());
        back["data"]["object"]["payment_intent"] = Value::Null;
        assert_eq!(world.deliver(&back).await.reason(), "invalid_event");
    }
    assert_eq!(world.reasons().await, [(Reason::InvalidEvent, 1)].into());
}

#[tokio::test]
async fn an_event_that_is_too_old_is_a_case() {
    let world = World::start().await;
    let before = payment("paid", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&before).await.outcome(), "accepted");
    world.clock.advance(40 * DAY_MS);
    assert_eq!(world.deliver(&before).await.outcome(), "duplicate", "it was claimed by this very event");
    let old = payment("old", PAYEE, world.clock.now() - 40 * DAY_MS);
    for _ in 0..2 {
        let answer = world.deliver(&old).await;
        assert_eq!((answer.status, answer.reason()), (200, "stale_event"));
    }
    assert_eq!(world.reasons().await, [(Reason::StaleEvent, 1)].into());
    let recent = payment("recent", PAYEE, world.clock.now() - 3 * DAY_MS);
    assert_eq!(world.deliver(&recent).await.outcome(), "accepted", "its provider may still come by itself");
}

#[tokio::test]
async fn an_order_of_days_ago_that_is_paid_now_is_patient() {
    for has_time in [false, true] {
        let world = World::of_own("shopify", |text| text).await;
        // After a restore, or a first release, an event without a time may be from before for a while.
        world.clock.advance(40 * DAY_MS);
        let moment = |ago| jiff::Timestamp::from_millisecond((world.clock.now() - ago) as i64).unwrap().to_string();
        let mut order = json!({
            "id": 820982911946154508_u64, "confirmation_number": "70ABAB5F2E", "created_at": moment(3 * DAY_MS),
            "currency": "USD", "financial_status": "paid", "total_price": "10.10", "test": false,
            "note_attributes": [{ "name": "payee", "value": PAYEE }]
        });
        if has_time {
            order["updated_at"] = moment(60_000).into();
        }
        world.rail.set_weather(Weather::Down).await;
        assert_eq!(world.deliver(&order).await.status, 503, "the provider comes back for hours");
        world.rail.set_weather(Weather::Fair).await;
        assert_eq!(world.deliver(&order).await.outcome(), "accepted");
        assert!(world.cases().await.is_empty());
    }
}

/// No ending of its case pays, and none lifts the bar; what comes again opens the case again.
#[tokio::test]
async fn a_case_of_a_barred_payment_ends_without_money() {
    let world = World::start().await;
    let mut desk = Desk::new();
    let event = payment("ended", PAYEE, world.clock.now());
    world.deliver(&refund("ended", 1, world.clock.now())).await;
    world.deliver(&event).await;
    let case = world.cases().await.remove(0);
    for ending in Ending::ALL {
        assert!(!(ending.pays() && ending.is_offered(case.reason, None)), "{ending}");
    }
    let answer = desk.ends(&world, &case.id(), Ending::PaidElsewhere).await;
    assert_eq!(answer, payer::Answer::Closed { case: case.id().to_string() });
    assert!(world.cases().await.is_empty());
    assert_eq!(world.deliver(&event).await.reason(), "blocked_before_payout");
    assert_eq!(world.reasons().await, [(Reason::BlockedBeforePayout, 1)].into());
    world.minutes_pass(30).await;
    assert_eq!(world.payout_requests(), 0);
}
