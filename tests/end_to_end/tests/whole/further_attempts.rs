//! What two people may still have paid: once, under the key that the ladder says, and only what both approved.

use payer::{Answer, OneCase, Request};
use payonce_end_to_end::{Desk, PAYEE, Shown, TestIssuer, World, approval, cut_after, filed, key_of, payment};
use payonce_lists::{Source, SourceConfig};
use payonce_local::sandbox_rail::Weather;
use payonce_protocol::approval::{Hand, nonce};
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::fact::FactName;
use payonce_protocol::hold::Hold;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_rails::RailSecret;
use payonce_suite::faults::Fault;
use serde_json::json;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

pub(crate) fn attempted(key: &PayoutKey, attempt: u16, outcome: &str) -> Answer {
    Answer::Attempted { payout_key: key.to_string(), attempt, outcome: Outcome::parse(outcome).unwrap() }
}

pub(crate) fn why(answer: &Answer) -> &str {
    match answer {
        Answer::Refused { why, .. } => why,
        Answer::Attempted { outcome, .. } => outcome.as_str(),
        Answer::Closed { .. } => "closed",
    }
}

/// A payout that was claimed and filed, and nothing left: payouts were held.
pub(crate) async fn not_sent(name: &str) -> (World, Desk, PayoutKey) {
    let mut world = World::start().await;
    world.deliver(&payment("before", PAYEE, world.clock.now())).await;
    set_hold(&mut world, Hold::Record).await;
    let key = not_sent_too(&world, name).await;
    set_hold(&mut world, Hold::Pay).await;
    (world, Desk::new(), key)
}

pub(crate) async fn not_sent_too(world: &World, name: &str) -> PayoutKey {
    let event = payment(name, PAYEE, world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "not_sent");
    key_of(&event)
}

pub(crate) async fn set_hold(world: &mut World, hold: Hold) {
    world.ledger.set_hold(hold, "a person", "a test", world.clock.now()).await.unwrap();
    world.restart_with(|text| text).await;
}

/// The one open case of this payout.
pub(crate) async fn case_of(world: &World, key: &PayoutKey) -> payonce_ledger::Case {
    let mut cases = world.cases().await.into_iter().filter(|case| case.key.as_ref() == Some(key));
    let case = cases.next().expect("a case");
    assert_eq!(cases.next(), None);
    case
}

pub(crate) async fn propose(world: &World, desk: &Desk, key: &PayoutKey, attempt: u16, generation: u16) -> Shown {
    desk.propose(world, &case_of(world, key).await, Ending::Reissue, attempt, generation).await
}

#[tokio::test]
async fn pays_once_what_was_not_sent() {
    let (world, mut desk, key) = not_sent("1").await;
    let shown = propose(&world, &desk, &key, 2, 1).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(desk.ask(&world, &request).await, attempted(&key, 2, "accepted"));
    assert_eq!(world.executed(&key).len(), 1);
    let first = world.ledger.read_claim(&key, 1).await.unwrap().unwrap();
    let second = world.ledger.read_claim(&key, 2).await.unwrap().unwrap();
    assert_eq!((&second.rail_key, second.request), (&first.rail_key, first.request), "same key, same bytes");
    let case = filed(&world, &shown.case).await;
    assert_eq!((case.status, case.resolution.unwrap().attempt), (Status::Resolved, Some(2)));
    assert!(world.cases().await.is_empty());
    // The very same approval again, and the webhook again.
    assert_eq!(why(&desk.ask(&world, &request).await), "not_awaited");
    assert_eq!(world.deliver(&payment("1", PAYEE, world.clock.now())).await.outcome(), "duplicate");
    world.minutes_pass(30).await;
    assert_eq!(world.executed(&key).len(), 1);
    assert!(world.cases().await.is_empty(), "an attempt that was accepted is swept");
}

#[tokio::test]
async fn two_approvers_at_once_pay_once() {
    let (world, mut desk, key) = not_sent("1").await;
    let shown = propose(&world, &desk, &key, 2, 1).await;
    let dee = desk.token(&world, "dee", "approver", Hand::Checker, &shown.approval);
    let (ben, dee) =
        (desk.approves(&world, &shown), Request::Case(OneCase { case: shown.case.to_string(), checker: dee }));
    let payers = [desk.payer(&world), desk.payer(&world)];
    let deadline = world.clock.now() + 25_000;
    let (ben, dee) = tokio::join!(payers[0].answer(&ben, "1", deadline), payers[1].answer(&dee, "2", deadline));
    let paid = [&ben, &dee].into_iter().filter(|answer| **answer == attempted(&key, 2, "accepted")).count();
    assert_eq!(paid, 1, "{ben:?} {dee:?}");
    let told = [&ben, &dee].into_iter().map(why).find(|why| *why != "accepted").unwrap();
    // However late the other one comes: before the claim, while it is paid, or when the rail has it already.
    let reasons = ["claimed", "changed", "not_awaited", "not_begun", "under_way", "not_offered"];
    assert!(reasons.contains(&told), "{told}");
    assert_eq!(world.executed(&key).len(), 1);
}

/// The rail paid and its answer was lost: its own books say so, and nothing is paid again.
#[tokio::test]
async fn refuses_an_unknown_payout_that_was_made() {
    let world = World::start().await;
    let mut desk = Desk::new();
    let event = payment("1", "acct_sandboxExecutesThenDies", world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "unknown");
    let key = key_of(&event);
    for later in [MINUTE_MS, 11 * MINUTE_MS, 30 * HOUR_MS] {
        world.clock.advance(later);
        let seen = case_of(&world, &key).await;
        if filed(&world, &seen.id()).await.status == Status::Open {
            propose(&world, &desk, &key, 2, 1).await;
        }
        let shown = Shown {
            case: seen.id(),
            approval: approval(&world, &filed(&world, &seen.id()).await, Ending::Reissue, 2, 1),
        };
        let request = desk.approves(&world, &shown);
        assert_eq!(why(&desk.ask(&world, &request).await), "not_offered");
    }
    assert_eq!(world.executed(&key).len(), 1);
    assert_eq!(world.payout_requests(), 1);
}

/// It answered 503 and paid nothing; the same key holds that answer, so it has to die first, and "absent" be seen twice.
#[tokio::test]
async fn unknown_payout_takes_a_new_key_only_when_the_old_one_has_died() {
    let world = World::start().await;
    let mut desk = Desk::new();
    world.rail.set_weather(Weather::Unavailable).await;
    let event = payment("1", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "unknown");
    world.rail.set_weather(Weather::Fair).await;
    let key = key_of(&event);
    let shown = propose(&world, &desk, &key, 2, 2).await;
    for (later, expected) in [
        (MINUTE_MS, "not_before"),
        (11 * MINUTE_MS, "not_before"),
        (24 * HOUR_MS, "not_before"),
        // Forgotten by the rail; it was asked above already, a day ago.
        (2 * HOUR_MS, "accepted"),
    ] {
        world.clock.advance(later);
        if later == 11 * MINUTE_MS {
            // By this one the look-ups show that they see: the first one must have been executed by now, had it arrived.
            assert_eq!(world.deliver(&payment("seen", PAYEE, world.clock.now())).await.outcome(), "accepted");
            world.sweeper().run().await.unwrap();
        }
        let request = desk.approves(&world, &shown);
        let answer = desk.ask(&world, &request).await;
        // A refusal leaves what was found out, and so another version: what was approved stays the same.
        assert_eq!(why(&answer), expected, "{answer:?}");
    }
    assert_eq!(world.executed(&key).len(), 1);
    let second = world.ledger.read_claim(&key, 2).await.unwrap().unwrap();
    assert_eq!(second.key_generation, 2);
}

#[tokio::test]
async fn refused_payout_takes_the_next_key() {
    let world = World::start().await;
    let mut desk = Desk::new();
    let event = payment("1", "acct_sandboxRefuses", world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "rejected");
    let key = key_of(&event);
    let shown = propose(&world, &desk, &key, 2, 1).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(why(&desk.ask(&world, &request).await), "other_key", "the people approved another key");
    let seen = filed(&world, &shown.case).await;
    let doing = payonce_ledger::CaseAct::SendBack("the key".to_owned());
    world.ledger.act(&seen, &doing, &payonce_ledger::Who::function("ben"), world.clock.now()).await.unwrap();
    let shown = propose(&world, &desk, &key, 2, 2).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(desk.ask(&world, &request).await, attempted(&key, 2, "rejected"));
    // The further attempt has a case of its own; the first one's is resolved.
    let next = case_of(&world, &key).await;
    assert_eq!((next.reason, next.attempt), (Reason::PayoutRejected, Some(2)));
    assert_eq!((world.payout_requests(), world.executed(&key).len()), (2, 0));
}

/// Every way in which a sign-in is not one for just this. Nothing may be claimed.
#[tokio::test]
async fn refuses_every_token_that_is_not_for_this() {
    let (world, mut desk, key) = not_sent("1").await;
    let other = {
        world.ledger.set_hold(Hold::Record, "a person", "a test", world.clock.now()).await.unwrap();
        world.clock.advance(5_000);
        let other = not_sent_too(&world, "2").await;
        world.ledger.set_hold(Hold::Pay, "a person", "a test", world.clock.now()).await.unwrap();
        other
    };
    let elsewhere = propose(&world, &desk, &other, 2, 1).await;
    let shown = propose(&world, &desk, &key, 2, 1).await;
    let case = || shown.case.to_string();
    let terms = std::slice::from_ref(&shown.approval);
    let (maker, checker) = (nonce(Hand::Maker, terms), nonce(Hand::Checker, terms));
    let now = world.clock.now();
    let claims = |person: &str, role: &str| TestIssuer::claims(person, role, &checker, now);
    let changed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut claims = claims("ben", "approver");
        change(&mut claims);
        desk.issuer.sign(&claims)
    };
    let day = json!(now / 1000 - 86_400);
    let tokens = [
        ("token", "none at all", String::new()),
        ("token", "unsigned", TestIssuer::unsigned(&claims("ben", "approver"))),
        ("token", "another issuer's key", TestIssuer::default().sign(&claims("ben", "approver"))),
        ("token", "another case's", desk.token(&world, "ben", "approver", Hand::Checker, &elsewhere.approval)),
        ("token", "a maker's", desk.issuer.sign(&TestIssuer::claims("ben", "approver", &maker, now))),
        ("token", "a plain sign-in's", changed(&|claims| claims["nonce"] = json!("random"))),
        ("token", "another audience's", changed(&|claims| claims["aud"] = json!("wiki"))),
        ("token", "another issuer's", changed(&|claims| claims["iss"] = json!("https://evil.example"))),
        ("token", "yesterday's", changed(&|claims| claims["iat"] = day.clone())),
        ("token", "expired", changed(&|claims| claims["exp"] = json!(now / 1000 - 120))),
        ("token", "of a session of yesterday", changed(&|claims| claims["auth_time"] = day.clone())),
        (
            "token",
            "without a fresh sign-in",
            changed(&|claims| drop(claims.as_object_mut().unwrap().remove("auth_time"))),
        ),
        ("same_person", "the maker's own", desk.issuer.sign(&claims("ann", "approver"))),
        ("role", "an analyst's", desk.issuer.sign(&claims("ben", "analyst"))),
        ("role", "an auditor's", desk.issuer.sign(&claims("ben", "auditor"))),
        ("role", "nobody's", desk.issuer.sign(&claims("ben", "stranger"))),
    ];
    for (expected, what, checker) in tokens {
        let answer = desk.ask(&world, &Request::Case(OneCase { case: case(), checker })).await;
        assert_eq!(why(&answer), expected, "{what}: {answer:?}");
    }
    assert_eq!((world.executed(&key).len(), world.executed(&other).len()), (0, 0));
    assert_eq!(world.ledger.read_claim(&key, 2).await, Ok(None));
    // And the right one still pays.
    let request = desk.approves(&world, &shown);
    assert_eq!(desk.ask(&world, &request).await, attempted(&key, 2, "accepted"));
}

/// Whoever owns the console writes cases as they like. What the people signed in for is another thing then.
#[tokio::test]
async fn refuses_what_a_console_that_lies_asks_for() {
    type Lie = fn(&mut payonce_ledger::Proposal);
    let lies: [(&str, Lie); 4] = [
        ("same_person", |proposal| proposal.by.subject = "ben".to_owned()),
        ("token", |proposal| proposal.note = "something else".to_owned()),
        ("token", |proposal| proposal.code = "other".to_owned()),
        ("other_key", |proposal| proposal.key_generation = Some(2)),
    ];
    for (number, (expected, lie)) in lies.into_iter().enumerate() {
        let (world, mut desk, key) = not_sent("1").await;
        let seen = filed(&world, &case_of(&world, &key).await.id()).await;
        let honest = approval(&world, &seen, Ending::Reissue, 2, 1);
        // The console shows one thing to Ann, and writes another.
        let hand = if number == 0 { "ben" } else { "ann" };
        let token = desk.token(&world, hand, "approver", Hand::Maker, &honest);
        let mut written = honest.clone();
        let mut proposal = payonce_ledger::Proposal {
            ending: Ending::Reissue,
            code: honest.code.clone(),
            note: honest.note.clone(),
            by: payonce_ledger::Who { subject: "ann".to_owned(), name: None },
            at: world.clock.now(),
            version: seen.version,
            key_generation: Some(1),
            duplicate_of: None,
            batch: None,
        };
        lie(&mut proposal);
        (written.code, written.note) = (proposal.code.clone(), proposal.note.clone());
        written.key_generation = proposal.key_generation.unwrap();
        let by = proposal.by.clone();
        let doing = payonce_ledger::CaseAct::Propose(proposal, Some(token));
        world.ledger.act(&seen, &doing, &by, world.clock.now()).await.unwrap();
        let request = desk.approves(&world, &Shown { case: seen.case.id(), approval: honest });
        let answer = desk.ask(&world, &request).await;
        assert_eq!(why(&answer), expected, "lie {number}: {answer:?}");
        assert_eq!(world.payout_requests(), 1, "the one before");
    }
}

#[tokio::test]
async fn hold_stops_people_too() {
    let (mut world, mut desk, key) = not_sent("1").await;
    let shown = propose(&world, &desk, &key, 2, 1).await;
    for hold in [Hold::Refuse, Hold::Record] {
        set_hold(&mut world, hold).await;
        let request = desk.approves(&world, &shown);
        assert_eq!(why(&desk.ask(&world, &request).await), "held");
    }
    assert_eq!(world.executed(&key).len(), 0);
}

/// Answers every question about a payment with this, and says how often it was asked.
pub(crate) fn provider_says(refunded: bool) -> (Source, std::sync::Arc<std::sync::atomic::AtomicU32>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = json!({
        "url": format!("http://{}", listener.local_addr().unwrap()), "path": "/v1/payment_intents/{object}",
        "secret": "env:SOURCE", "object": "/data/object/id", "must_hold": {"/id": "{object}"}, "blocks": ["/refunded"],
    });
    let asked = std::sync::Arc::<std::sync::atomic::AtomicU32>::default();
    let times = asked.clone();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            times.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut request = [0; 4096];
            let length = connection.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"GET /v1/payment_intents/pi_1 "));
            let body = json!({"id": "pi_1", "refunded": refunded}).to_string();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            connection.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    let config: SourceConfig = serde_json::from_value(config).unwrap();
    (Source::new(&config, &RailSecret::new("rk_test_source").unwrap(), None).unwrap(), asked)
}

#[tokio::test]
async fn refuses_a_payment_that_was_refunded_meanwhile() {
    for (refunded, expected) in [(true, "source_blocks"), (false, "accepted")] {
        let (world, mut desk, key) = not_sent("1").await;
        let shown = propose(&world, &desk, &key, 2, 1).await;
        let (source, asked) = provider_says(refunded);
        desk.sources = Some(("stripe".to_owned(), source));
        let request = desk.approves(&world, &shown);
        assert_eq!(why(&desk.ask(&world, &request).await), expected);
        assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1);
        assert_eq!(world.executed(&key).len(), usize::from(!refunded));
        // What the provider said stays with the case, whichever way it went.
        let history = world.ledger.history(&shown.case).await.unwrap().pop().unwrap();
        let says = |(name, value): (&String, &String)| name == "source /refunded" && *value == refunded.to_string();
        assert!(history.facts.iter().any(says), "{:?}", history.facts);
        assert_eq!(history.facts.get(FactName::SourceSha256).unwrap().len(), 64);
    }
}

#[tokio::test]
async fn pays_a_second_event_once_as_its_own_order() {
    let world = World::start().await;
    let mut desk = Desk::new();
    let first = payment("1", PAYEE, world.clock.now());
    world.deliver(&first).await;
    let mut second = payment("1", PAYEE, world.clock.now());
    second["id"] = json!("evt_another");
    // Nothing is left of the first one's charge.
    second["data"]["object"]["latest_charge"] = json!("ch_another_4200eur");
    assert_eq!(world.deliver(&second).await.reason(), "second_event_for_key");
    let case = case_of(&world, &key_of(&first)).await;
    let shown = desk.propose(&world, &case, Ending::OwnOrder, 1, 1).await;
    let own = shown.approval.key.clone();
    let request = desk.approves(&world, &shown);
    assert_eq!(desk.ask(&world, &request).await, attempted(&own, 1, "accepted"));
    assert_eq!((world.executed(&key_of(&first)).len(), world.executed(&own).len()), (1, 1));
    // Reopened, proposed and approved once more: this event's own order is claimed for ever.
    let seen = filed(&world, &shown.case).await;
    let reopen = payonce_ledger::CaseAct::Reopen("again".to_owned());
    world.ledger.act(&seen, &reopen, &payonce_ledger::Who::function("ann"), world.clock.now()).await.unwrap();
    let shown = desk.propose(&world, &case, Ending::OwnOrder, 1, 1).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(why(&desk.ask(&world, &request).await), "claimed");
    assert_eq!(world.executed(&own).len(), 1);
}

#[tokio::test]
async fn pays_at_most_once_when_an_answer_of_the_tables_is_lost() {
    for fault in [Fault::DropAnswer, Fault::Conflict] {
        let (world, mut desk, key) = not_sent("1").await;
        let shown = propose(&world, &desk, &key, 2, 1).await;
        world.proxy.forget();
        world.proxy.plan(1, "TransactWriteItems", "0002#claim", fault);
        let request = desk.approves(&world, &shown);
        let answer = desk.ask(&world, &request).await;
        match fault {
            Fault::DropAnswer => assert_eq!(answer, attempted(&key, 2, "accepted")),
            _ => assert_eq!(why(&answer), "not_begun", "{answer:?}"),
        }
        let paid = world.executed(&key).len();
        assert_eq!(paid, usize::from(matches!(fault, Fault::DropAnswer)));
    }
}

/// The handler is dropped at its k-th wait, for every k; then the same people ask again, and the sweeper goes round.
#[tokio::test]
async fn survives_a_crash_at_any_step_of_a_further_attempt() {
    let mut waits = 1;
    loop {
        let (world, mut desk, key) = not_sent("1").await;
        let shown = propose(&world, &desk, &key, 2, 1).await;
        let request = desk.approves(&world, &shown);
        let payer = desk.payer(&world);
        let deadline = world.clock.now() + 25_000;
        let whole = cut_after(waits, payer.answer(&request, "1", deadline)).await.is_some();
        let again = desk.ask(&world, &request).await;
        world.minutes_pass(6).await;
        let what = format!("cut after {waits} waits, then {}", why(&again));
        let executed = world.executed(&key).len();
        assert!(executed <= 1, "{what}: paid {executed} times");
        let outcome = world.ledger.attempt(&key, 2).await.unwrap().and_then(|(_, outcome)| outcome);
        let accepted = outcome.is_some_and(|outcome| outcome.verdict.outcome == Outcome::Accepted);
        let open = world.cases().await.iter().any(|case| case.key.as_ref() == Some(&key));
        assert!((accepted && executed == 1) || open, "{what}: neither paid and recorded, nor a case");
        if whole {
            break;
        }
        waits += 1;
        assert!(waits < 500);
    }
    println!("crashed at each of {} waits", waits - 1);
    assert!(waits > 12, "a further attempt waits more often than {waits} times");
}

/// Whatever two people decided before they knew.
#[tokio::test]
async fn a_payout_whose_payment_was_given_back_is_refused() {
    let (world, mut desk, key) = not_sent("1").await;
    let shown = propose(&world, &desk, &key, 2, 1).await;
    let bar = payonce_ledger::Bar {
        key: key.clone(),
        event: payonce_protocol::order::EventId::new("evt_refund").unwrap(),
        provider: "stripe".to_owned(),
        body: payonce_protocol::ids::Digest::of("a refund"),
        received_at: world.clock.now(),
        barred_at: world.clock.now(),
    };
    assert!(matches!(world.ledger.bar(&bar).await.unwrap()[..], [payonce_ledger::Made::Claimed(_)]));
    let request = desk.approves(&world, &shown);
    assert_eq!(why(&desk.ask(&world, &request).await), "barred");
    assert!(world.ledger.read_claim(&key, 2).await.unwrap().is_none());
    assert!(world.executed(&key).is_empty());
}
