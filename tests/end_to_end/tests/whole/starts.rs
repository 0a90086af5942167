//! Only a person starts payouts: on a new stack, for a new provider, by new rules of payout keys, in restored tables.

use payonce_end_to_end::{Desk, PAYEE, World, key_of, payment};
use payonce_ledger::{Accepted, Agreed, Books, Closed, Closing, NotAccepted, Who, Wish};
use payonce_protocol::case::Ending;
use payonce_protocol::hold::Hold;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::release::{KeyRules, NotYet, SEEN_AFTER_MS};
use payonce_protocol::sweep::MARGIN_MS;
use payonce_suite::faults::Fault;
use serde_json::{Value, json};

use crate::further_attempts::{attempted, case_of, not_sent_too, why};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

fn as_it_is(text: String) -> String {
    text
}

fn rules<'w>(world: &'w World, provider: &str) -> &'w KeyRules {
    world.config.key_rules().iter().find(|rules| rules.provider == provider).unwrap()
}

async fn accept(world: &World, provider: &str) -> Result<Accepted, NotAccepted> {
    world.ledger.accept_keys(rules(world, provider), Wish::default(), "a person", world.clock.now()).await
}

async fn hold(world: &World, hold: Hold) {
    world.ledger.set_hold(hold, "a person", "a test", world.clock.now()).await.unwrap();
}

/// Hold, wait until it is seen, accept, release.
async fn accept_new(world: &World, provider: &str) {
    hold(world, Hold::Refuse).await;
    world.clock.advance(SEEN_AFTER_MS);
    accept(world, provider).await.unwrap();
    hold(world, Hold::Pay).await;
    world.clock.advance(4_000);
}

fn charge(name: &str) -> Value {
    json!({
        "event": "charge.success",
        "data": {
            "id": 302_961, "status": "success", "reference": format!("ref_{name}"), "receipt": format!("rc_{name}"),
            "amount": 4200, "currency": "USD", "metadata": { "payee": PAYEE },
        },
    })
}

/// Paystack signs no time.
async fn paystack() -> World {
    let mut world = World::of("paystack", as_it_is).await;
    world.switch_to("paystack", "PAYONCE_SANDBOX_PAYSTACK", as_it_is).await;
    world
}

#[tokio::test]
async fn a_new_stack_pays_nothing_before_a_person_releases() {
    let world = World::unreleased("stripe", as_it_is).await;
    let event = payment("first", PAYEE, world.clock.now());
    let refused = |answer: payonce_end_to_end::Answered| (answer.status, answer.reason().to_owned());
    assert_eq!(refused(world.deliver(&event).await), (503, "tables_not_released".to_owned()));
    world.ledger.release(Books::First, "a person", "go", world.clock.now()).await.unwrap();
    world.clock.advance(4_000);
    assert_eq!(refused(world.deliver(&event).await), (503, "rules_not_accepted".to_owned()));
    assert_eq!(world.payout_requests(), 0);
    // Nothing of a new provider was ever paid, so there is nobody to wait for.
    world
        .ledger
        .accept_keys(
            rules(&world, "stripe"),
            Wish { paid_from: Some(0), ..Wish::default() },
            "a person",
            world.clock.now(),
        )
        .await
        .unwrap();
    world.clock.advance(4_000);
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
}

#[tokio::test]
async fn adding_a_provider_stops_no_other() {
    let named = |text: String| text.replace("scheme = \"stripe\"", "scheme = \"stripe\"\nnamespace = \"stripe\"");
    let added = |text: String| {
        let text = named(text);
        format!(
            "{text}\n[providers.second]\nscheme = \"stripe\"\nnamespace = \"second\"\nsecrets = [\"env:PAYONCE_SANDBOX_STRIPE\"]\n\
             [[providers.second.payouts]]\nevent = \"payment_intent.succeeded\"\nkey = \"/data/object/id\"\n\
             amount = \"/data/object/amount_received\"\ncurrency = \"/data/object/currency\"\n\
             destination = \"/data/object/metadata/payee\"\n"
        )
    };
    let mut world = World::start().await;
    world.restart_with(added).await;
    assert_eq!(world.deliver(&payment("one", PAYEE, world.clock.now())).await.outcome(), "accepted");
    world.switch_to("second", "PAYONCE_SANDBOX_STRIPE", added).await;
    let two = payment("two", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&two).await.reason(), "rules_not_accepted");
    accept(&world, "second").await.unwrap();
    world.clock.advance(4_000);
    assert_eq!(world.deliver(&two).await.outcome(), "accepted");
}

/// Renaming a namespace, or pointing a key elsewhere, makes every redelivery a new payout.
#[tokio::test]
async fn rules_are_accepted_only_while_held_and_seen() {
    let renamed = |text: String| text.replace("scheme = \"stripe\"", "scheme = \"stripe\"\nnamespace = \"stripe_eu\"");
    let mut world = World::start().await;
    let paid = payment("paid", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&paid).await.outcome(), "accepted");
    let old_version = world.app();
    world.restart_with(renamed).await;
    assert_eq!(world.deliver(&paid).await.outcome(), "duplicate", "paid by the rules that are accepted");
    let unpaid = payment("unpaid", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&unpaid).await.reason(), "rules_not_accepted");

    assert_eq!(accept(&world, "stripe").await, Err(NotYet::NotHeld.into()));
    hold(&world, Hold::Refuse).await;
    let seen = world.clock.now() + SEEN_AFTER_MS;
    // The old version has not seen the hold, and still pays.
    let late = payment("late", PAYEE, world.clock.now());
    let answered = old_version.handle(world.request(late.to_string().as_bytes())).await;
    assert_eq!((answered.status().as_u16(), world.payout_requests()), (200, 2));
    world.clock.advance(SEEN_AFTER_MS - 1);
    assert_eq!(accept(&world, "stripe").await, Err(NotYet::Until { until: seen }.into()));
    world.clock.advance(1);
    assert_eq!(accept(&world, "stripe").await.unwrap().paid_from, Some(seen));
    hold(&world, Hold::Pay).await;
    world.clock.advance(4_000);

    for old in [&paid, &late] {
        let answer = world.deliver(old).await;
        assert_eq!((answer.status, answer.outcome()), (200, "duplicate"), "paid by the rules before these");
    }
    let new = payment("new", PAYEE, world.clock.now());
    // By the old version this one would have another key: it refuses.
    let answered = old_version.handle(world.request(new.to_string().as_bytes())).await;
    assert_eq!(answered.status().as_u16(), 503);
    assert_eq!(world.deliver(&new).await.outcome(), "accepted");
    assert_eq!(world.payout_requests(), 3, "what was paid under the old key is not paid under the new one");
}

const BY_RECEIPT: &str = "key = \"/data/receipt\"\nformerly = [{ namespace = \"paystack\", event = \"charge.success\", \
                          key = \"/data/reference\" }]";

fn of_paystack(text: &str, key: &str) -> String {
    let (before, paystack) = text.split_once("[providers.paystack]").unwrap();
    format!("{before}[providers.paystack]{}", paystack.replacen("key = \"/data/reference\"", key, 1))
}

#[tokio::test]
async fn a_provider_without_signed_time_pays_after_accept_keys() {
    let mut world = paystack().await;
    let paid = charge("paid");
    assert_eq!(world.deliver(&paid).await.outcome(), "accepted");

    world.restart_with(|text| of_paystack(&text, "key = \"/data/receipt\"")).await;
    hold(&world, Hold::Refuse).await;
    world.clock.advance(SEEN_AFTER_MS);
    let uncovered = accept(&world, "paystack").await;
    assert!(
        matches!(&uncovered, Err(NotAccepted::Uncovered(was)) if was[0].key == ["/data/reference"]),
        "{uncovered:?}"
    );

    world.restart_with(|text| of_paystack(&text, BY_RECEIPT)).await;
    assert_eq!(
        world.deliver(&paid).await.outcome(),
        "duplicate",
        "known by its former key while payouts are held, too"
    );
    accept(&world, "paystack").await.unwrap();
    hold(&world, Hold::Pay).await;
    world.clock.advance(4_000);

    let answer = world.deliver(&paid).await;
    assert_eq!((answer.status, answer.outcome()), (200, "duplicate"), "its old event under the new key");
    let mut other_sum = paid.clone();
    other_sum["data"]["amount"] = 9900.into();
    assert_eq!(world.deliver(&other_sum).await.reason(), "second_event_for_key");
    assert_eq!(world.deliver(&charge("new")).await.outcome(), "accepted");
    assert_eq!(world.payout_requests(), 2);
    let claim = world.ledger.read_claim(&PayoutKey::new("paystack/rc_new").unwrap(), 1).await.unwrap();
    assert!(claim.is_some(), "claimed under the new key");
}

#[tokio::test]
async fn a_former_key_that_cannot_be_read_refuses() {
    let mut world = paystack().await;
    world.deliver(&charge("paid")).await;
    world.restart_with(|text| of_paystack(&text, BY_RECEIPT)).await;
    accept_new(&world, "paystack").await;
    world.proxy.plan(100, "GetItem", "paystack/ref_", Fault::SERVER_ERROR);
    for event in [charge("paid"), charge("new")] {
        assert_eq!(world.deliver(&event).await.reason(), "claim_uncertain");
    }
    assert_eq!(world.payout_requests(), 1);
    world.proxy.forget();
    assert_eq!(world.deliver(&charge("paid")).await.outcome(), "duplicate");
    assert_eq!(world.deliver(&charge("new")).await.outcome(), "accepted");
}

/// Books backed up, more paid, the older books restored, everything redelivered.
#[tokio::test]
async fn a_restored_table_does_not_pay_before_a_person_releases() {
    let mut world = World::start().await;
    let at = |world: &World, name: &str| payment(name, PAYEE, world.clock.now());
    let before: Vec<Value> = (0..3).map(|number| at(&world, &format!("before{number}"))).collect();
    for event in &before {
        assert_eq!(world.deliver(event).await.outcome(), "accepted");
    }
    let backup = world.backup().await;
    world.clock.advance(MINUTE_MS);
    let after: Vec<Value> = (0..3).map(|number| at(&world, &format!("after{number}"))).collect();
    for event in &after {
        assert_eq!(world.deliver(event).await.outcome(), "accepted");
    }
    hold(&world, Hold::Refuse).await;
    world.clock.advance(SEEN_AFTER_MS);
    let held = at(&world, "held");
    assert_eq!(world.deliver(&held).await.reason(), "hold");

    world.move_to(backup).await;
    assert_eq!(world.ledger.control().await.unwrap().unwrap().hold, Hold::Pay, "the item says what it said then");
    for event in &before {
        assert_eq!(world.deliver(event).await.outcome(), "duplicate");
    }
    for event in after.iter().chain([&held]) {
        let answer = world.deliver(event).await;
        assert_eq!((answer.status, answer.reason()), (503, "tables_not_released"));
    }
    // However old: that it was not sent is not known.
    world.clock.advance(3 * DAY_MS);
    assert_eq!(world.deliver(&after[0]).await.reason(), "tables_not_released");

    world.ledger.release(Books::Restored, "a person", "restored", world.clock.now()).await.unwrap();
    // A provider's clock may be ahead of ours: what it dates a little later may be from before as well.
    world.clock.advance(MARGIN_MS - 1_000);
    assert_eq!(world.deliver(&at(&world, "soon")).await.reason(), "before_cutover");
    world.clock.advance(4_000);
    for event in &before {
        assert_eq!(world.deliver(event).await.outcome(), "duplicate", "known, however old");
    }
    for event in after.iter().chain([&held]) {
        assert_eq!(world.deliver(event).await.reason(), "before_cutover");
    }
    assert_eq!(world.deliver(&at(&world, "new")).await.outcome(), "accepted");
    for event in before.iter().chain(&after) {
        assert_eq!(world.executed(&key_of(event)).len(), 1, "0 paid twice");
    }
    assert_eq!(world.payout_requests(), 7);
    assert_eq!(world.reasons().await[&Reason::BeforeCutover], 5, "what is not known to be paid is a case");
}

#[tokio::test]
async fn a_restored_table_does_not_pay_undated_events_that_may_be_old() {
    let mut world = paystack().await;
    let backup = world.backup().await;
    assert_eq!(world.deliver(&charge("lost")).await.outcome(), "accepted");
    hold(&world, Hold::Refuse).await;
    world.clock.advance(SEEN_AFTER_MS);
    world.move_to(backup).await;
    world.ledger.release(Books::Restored, "a person", "restored", world.clock.now()).await.unwrap();
    let whole_from = world.clock.now() + MARGIN_MS;
    for name in ["lost", "soon"] {
        let answer = world.deliver(&charge(name)).await;
        assert_eq!((answer.status, answer.reason()), (200, "before_cutover"));
    }
    world.clock.set(whole_from + rules(&world, "paystack").comes_back_ms);
    assert_eq!(world.deliver(&charge("later")).await.outcome(), "accepted", "it is not locked out for ever");
    assert_eq!(world.payout_requests(), 2);
}

#[tokio::test]
async fn tables_whose_ids_cannot_be_read_refuse_and_are_asked_again() {
    let world = World::start().await;
    let event = payment("blind", PAYEE, world.clock.now());
    world.proxy.plan(100, "DescribeTable", "", Fault::SERVER_ERROR);
    assert_eq!(world.deliver(&event).await.reason(), "control_unreadable");
    world.proxy.forget();
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    // Known for a minute; then, or after any read that failed, they are asked for again.
    world.proxy.forget();
    world.clock.advance(10_000);
    world.deliver(&event).await;
    assert_eq!(world.proxy.count("DescribeTable"), 0);
    world.clock.advance(MINUTE_MS);
    world.deliver(&event).await;
    assert_eq!(world.proxy.count("DescribeTable"), 2);
}

/// A hold is a person's will and files what waits too long; what is barred is not even called "not sent".
#[tokio::test]
async fn an_old_event_is_filed_under_a_hold_and_refused_where_nothing_is_released() {
    let world = World::start().await;
    let event = payment("old", PAYEE, world.clock.now());
    hold(&world, Hold::Refuse).await;
    world.clock.advance(3 * DAY_MS);
    assert_eq!(world.deliver(&event).await.outcome(), "not_sent");
    assert_eq!(world.outcome(&key_of(&event)).await, Some(Outcome::NotSent));
    let bare = World::unreleased("stripe", as_it_is).await;
    let event = payment("old", PAYEE, bare.clock.now());
    bare.clock.advance(3 * DAY_MS);
    assert_eq!(bare.deliver(&event).await.status, 503);
    assert!(bare.ledger.read_claim(&key_of(&event), 1).await.unwrap().is_none());
}

/// Two people may have had it paid after the backup: then a second further attempt would pay again.
#[tokio::test]
async fn a_case_from_before_the_restore_is_not_paid_by_people() {
    let mut world = World::start().await;
    let mut desk = Desk::new();
    hold(&world, Hold::Record).await;
    world.clock.advance(4_000);
    let key = not_sent_too(&world, "filed").await;
    hold(&world, Hold::Pay).await;
    world.clock.advance(4_000);
    let shown = desk.propose(&world, &case_of(&world, &key).await, Ending::Reissue, 2, 1).await;
    let backup = world.backup().await;
    let request = desk.approves(&world, &shown);
    assert_eq!(desk.ask(&world, &request).await, attempted(&key, 2, "accepted"));

    world.move_to(backup).await;
    assert_eq!(why(&desk.ask(&world, &request).await), "not_released");
    world.clock.advance(1_000);
    world.ledger.release(Books::Restored, "a person", "restored", world.clock.now()).await.unwrap();
    assert_eq!(why(&desk.ask(&world, &request).await), "before_books");
    assert_eq!(world.executed(&key).len(), 1);
}

/// People closed the case of an event from before the cutover that came with other rules, and were wrong. It was paid under
/// its old key, which nobody sees under the new one.
#[tokio::test]
async fn what_earlier_rules_paid_is_not_paid_after_a_closing() {
    let other_key =
        |text: String| text.replacen("key = \"/data/object/id\"", "key = \"/data/object/latest_charge\"", 1);
    let mut world = World::of("stripe", as_it_is).await;
    let paid = payment("1", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&paid).await.outcome(), "accepted");
    world.restart_with(other_key).await;
    accept_new(&world, "stripe").await;
    assert_eq!(world.deliver(&paid).await.outcome(), "duplicate");
    // As a console that lies writes it, or an event whose former key could not be read.
    let claim = world.ledger.read_claim(&key_of(&paid), 1).await.unwrap().unwrap();
    let charge = paid["data"]["object"]["latest_charge"].as_str().unwrap();
    let case = payonce_ledger::Case {
        provider: Some(claim.provider.clone()),
        event: Some(claim.event.clone()),
        key: Some(PayoutKey::new(format!("stripe/{charge}")).unwrap()),
        money: Some(claim.money),
        destination: Some(claim.destination.clone()),
        body: Some(claim.body),
        ..payonce_ledger::Case::new(
            Reason::BeforeCutover,
            vec!["stripe".to_owned(), claim.event.to_string()],
            world.clock.now(),
        )
    };
    world.ledger.open_case(&case).await.unwrap();
    assert_eq!(closed_and_reissued(world, case).await, "before_books");
}

/// The same where no time is signed: the former key says that it was paid.
#[tokio::test]
async fn what_a_former_key_has_is_not_paid_after_a_closing() {
    let mut world = paystack().await;
    let charged = charge("paid");
    assert_eq!(world.deliver(&charged).await.outcome(), "accepted");
    let former = "formerly = [{ namespace = \"paystack\", event = \"charge.success\", key = [\"/data/reference\"] }]\nkey = \"/data/receipt\"";
    world.restart_with(|text| of_paystack(&text, former)).await;
    accept_new(&world, "paystack").await;
    // As a console that lies writes it, or an event whose former key could not be read.
    let claim = world.ledger.read_claim(&PayoutKey::new("paystack/ref_paid").unwrap(), 1).await.unwrap().unwrap();
    let case = payonce_ledger::Case {
        provider: Some(claim.provider.clone()),
        event: Some(claim.event.clone()),
        key: Some(PayoutKey::new("paystack/rc_paid").unwrap()),
        money: Some(claim.money),
        destination: Some(claim.destination.clone()),
        body: Some(claim.body),
        ..payonce_ledger::Case::new(
            Reason::InvalidEvent,
            vec!["paystack".to_owned(), claim.event.to_string()],
            world.clock.now(),
        )
    };
    world.ledger.open_case(&case).await.unwrap();
    assert_eq!(closed_and_reissued(world, case).await, "claimed");
}

fn closing_of(world: &World, case: &payonce_ledger::Case) -> Closing {
    let (_, rail) = world.parts();
    Closing {
        key: case.key.clone().unwrap(),
        attempt_id: payonce_protocol::ids::AttemptId([7; 16]),
        case: case.id(),
        ending: Ending::NotPaid,
        closed_at: world.clock.now(),
        event: case.event.clone(),
        provider: case.provider.clone(),
        terms: case.money.zip(case.destination.clone()),
        rail: rail.name().to_owned(),
        rail_account: rail.account(),
        rail_mode: rail.mode(),
    }
}

/// Two people end the case as not paid, reopen it and approve one more attempt: why it is refused. Nothing more was paid.
async fn closed_and_reissued(world: World, case: payonce_ledger::Case) -> String {
    let mut desk = Desk::new();
    let requests = world.payout_requests();
    world.clock.advance(90 * MINUTE_MS);
    // payer finds what was paid under the other key, and lets nobody end the case.
    assert_eq!(why(&desk.ends(&world, &case.id(), Ending::NotPaid).await), "came_after_all");
    // As if it had not.
    let awaited = payonce_end_to_end::filed(&world, &case.id()).await;
    let closing = closing_of(&world, &case);
    let agreed = Agreed { case: &awaited, checker: &Who::function("ben"), note: "seen", at: closing.closed_at };
    assert_eq!(world.ledger.close(&closing, &[], agreed).await, Ok(Closed::Done));
    desk.reopens(&world, &case.id()).await;
    let seen = payonce_end_to_end::filed(&world, &case.id()).await;
    let mut known = seen.clone();
    let kept = world.ledger.body(case.body.unwrap()).await.unwrap().unwrap();
    let event = case.event.clone().unwrap();
    let event = world.provider.kept(&kept.bytes, case.body.unwrap(), &event).unwrap();
    let context = payonce_providers::RouteContext {
        rail_mode: payonce_protocol::order::Mode::Test,
        paid_from: None,
        files_undated: false,
        now: 0,
    };
    let payonce_providers::Routed::Order(order) = world.provider.route_by_people(&event, &context) else {
        panic!("no order");
    };
    known.case = seen.case.clone().with_order(&order);
    let shown = payonce_end_to_end::approval(&world, &known, Ending::Reissue, 2, 1);
    let token = desk.token(&world, "ann", "analyst", payonce_protocol::approval::Hand::Maker, &shown);
    desk.propose_with(&world, &seen, &shown, token).await;
    let request = desk.approves(&world, &payonce_end_to_end::Shown { case: case.id(), approval: shown });
    let answer = desk.ask(&world, &request).await;
    assert_eq!(world.payout_requests(), requests, "{answer:?}");
    why(&answer).to_owned()
}
