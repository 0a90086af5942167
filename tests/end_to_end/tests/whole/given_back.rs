//! What was paid and then given back is a case, whoever paid it and under whatever key: by an attempt after an ending, as an
//! order of its own, by hand, or by rules that were replaced.

use payonce_end_to_end::{Desk, PAYEE, World, key_of, payment};
use payonce_ledger::{Case, NotAccepted, Wish};
use payonce_protocol::case::Ending;
use payonce_protocol::fact::FactName;
use payonce_protocol::hold::Hold;
use payonce_protocol::outcome::Reason;
use payonce_protocol::release::SEEN_AFTER_MS;
use payonce_suite::faults::Fault;
use serde_json::json;

use crate::blocks::{DAY_MS, cases_of, refund};
use crate::endings::{Cause, Claimless, closed, id_of, its_time_is_over, never_came_back, reissue};
use crate::further_attempts::{attempted, case_of, why};
use crate::replaced_rules::{accept, hold, renamed};

async fn given_back(world: &World, name: &str) -> Vec<Case> {
    let answer = world.deliver(&refund(name, 1, world.clock.now())).await;
    assert_eq!((answer.status, answer.reason()), (200, "blocked_after_payout"));
    cases_of(world, Reason::BlockedAfterPayout).await
}

#[tokio::test]
async fn opens_a_case_for_a_refund_of_what_was_paid_by_hand() {
    for (ending, is_paid) in [(Ending::PaidElsewhere, true), (Ending::NotPaid, false)] {
        let world = World::start().await;
        let event = payment("hand", PAYEE, world.clock.now());
        never_came_back(&world, &event).await;
        let case = case_of(&world, &key_of(&event)).await.id();
        assert_eq!(Desk::new().ends(&world, &case, ending).await, closed(&case));
        if !is_paid {
            assert_eq!(
                world.deliver(&refund("hand", 1, world.clock.now())).await.outcome(),
                "barred",
                "nobody was paid"
            );
            continue;
        }
        let cases = given_back(&world, "hand").await;
        assert_eq!((cases.len(), cases[0].money.unwrap().minor()), (1, 4200));
        assert_eq!(cases[0].details.get(FactName::PaidByHand).unwrap(), case.to_string());
        // It can be ended.
        let back = cases[0].id();
        assert_eq!(Desk::new().ends(&world, &back, Ending::WrittenOff).await, closed(&back));
    }
}

#[tokio::test]
async fn opens_a_case_for_a_refund_of_what_was_paid_after_an_ending() {
    let mut it = Claimless::of(Cause::BeforeCutover).await;
    it.ends(Ending::NotPaid).await;
    it.world.restart_with(|text| text).await;
    let shown = reissue(&mut it).await;
    let request = it.desk.approves(&it.world, &shown);
    assert_eq!(it.desk.ask(&it.world, &request).await, attempted(&it.key, 2, "accepted"));
    let cases = given_back(&it.world, "1").await;
    assert_eq!(cases.iter().map(|case| case.attempt).collect::<Vec<_>>(), [Some(2)]);
}

#[tokio::test]
async fn opens_a_case_for_each_payout_of_a_payment_that_was_given_back() {
    let world = World::start().await;
    let mut desk = Desk::new();
    let first = payment("1", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&first).await.outcome(), "accepted");
    let mut second = payment("1", PAYEE, world.clock.now());
    second["id"] = json!("evt_another");
    second["data"]["object"]["latest_charge"] = json!("ch_another_4200eur");
    assert_eq!(world.deliver(&second).await.reason(), "second_event_for_key");
    let case = case_of(&world, &key_of(&first)).await;
    let shown = desk.propose(&world, &case, Ending::OwnOrder, 1, 1).await;
    let own = shown.approval.key.clone();
    let request = desk.approves(&world, &shown);
    assert_eq!(desk.ask(&world, &request).await, attempted(&own, 1, "accepted"));
    let cases = given_back(&world, "1").await;
    let mut keys: Vec<_> = cases.into_iter().filter_map(|case| case.key).collect();
    keys.sort();
    assert_eq!(keys, [key_of(&first), own]);
    assert_eq!(own_event(&world, &key_of(&first)).await, [id_of(&second).to_string()]);
}

async fn own_event(world: &World, key: &payonce_protocol::order::PayoutKey) -> Vec<String> {
    let mut events = vec![];
    for own in world.ledger.payout(key).await.unwrap().own_orders {
        events.push(world.ledger.read_claim(&own, 1).await.unwrap().unwrap().event.to_string());
    }
    events
}

/// Disputes come for months; redeliveries do not.
#[tokio::test]
async fn opens_a_case_for_a_refund_of_what_was_paid_in_an_earlier_namespace() {
    let mut world = World::start().await;
    let event = payment("old", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    hold(&world, Hold::Refuse).await;
    world.clock.advance(SEEN_AFTER_MS);
    world.restart_with(renamed).await;
    accept(&world).await;
    hold(&world, Hold::Pay).await;
    world.clock.advance(100 * DAY_MS);
    let cases = given_back(&world, "old").await;
    assert_eq!((cases.len(), cases[0].key.clone()), (1, Some(key_of(&event))));
}

/// Redelivered, it would be paid once more under the namespace of the new name.
#[tokio::test]
async fn refuses_the_first_rules_of_a_table_that_may_be_another_under_a_new_name() {
    let mut world = World::start().await;
    let anew = |text: String| text.replace("[providers.stripe", "[providers.stripe_eu");
    let secret = "PAYONCE_SANDBOX_STRIPE";
    world.switch_to("stripe_eu", secret, anew).await;
    let accepted = async |world: &World| {
        let rules = world.config.key_rules().iter().find(|rules| rules.provider == "stripe_eu").unwrap();
        world.ledger.accept_keys(rules, Wish::default(), "a person", world.clock.now()).await.map(drop)
    };
    assert_eq!(accepted(&world).await, Err(NotAccepted::AnotherName("stripe".to_owned())));
    let written =
        |text: String| anew(text).replacen("scheme = \"stripe\"", "scheme = \"stripe\"\nnamespace = \"stripe\"", 1);
    world.switch_to("stripe_eu", secret, written).await;
    assert_eq!(accepted(&world).await, Ok(()), "the same namespace, in writing: what was paid is found");
}

fn above_a_new_limit(text: String) -> String {
    let limit = "max_amount = { eur = 500000, usd = 500000 }";
    assert!(text.contains(limit));
    let former =
        "formerly = [{ namespace = \"stripe\", event = \"payment_intent.succeeded\", key = \"/data/object/id\" }]";
    text.replacen("key = \"/data/object/id\"", &format!("key = \"/data/object/latest_charge\"\n{former}"), 1).replacen(
        limit,
        "max_amount = { eur = 1, usd = 1 }",
        1,
    )
}

/// What was paid is no case because its rule would not pay it today.
#[tokio::test]
async fn answers_duplicate_for_what_was_paid_before_its_limit_was_lowered() {
    let mut world = World::start().await;
    let event = payment("high", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    world.restart_with(above_a_new_limit).await;
    assert_eq!(world.deliver(&event).await.outcome(), "duplicate");
    // Where that cannot be seen it is a case, and no ending pays it by hand.
    world.proxy.plan(1_000, "GetItem", "0001#claim", Fault::SERVER_ERROR);
    assert_eq!(world.deliver(&event).await.reason(), "invalid_event");
    world.proxy.forget();
    its_time_is_over(&world).await;
    let case = cases_of(&world, Reason::InvalidEvent).await.remove(0).id();
    assert_eq!(why(&Desk::new().ends(&world, &case, Ending::PaidElsewhere).await), "came_after_all");
    assert_eq!(world.executed(&key_of(&event)).len(), 1);
}
