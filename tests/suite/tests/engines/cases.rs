//! The reconcile table: cases, the sweeper's own items; and the table of bodies.

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_ledger::{Case, Claim, DueLookUp, LedgerError, Opened, Sample, Snapshot, Totals, create_tables};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::Digest;
use payonce_protocol::order::{EventId, PayoutKey};
use payonce_protocol::outcome::Reason;
use payonce_protocol::slo::{Counts, OutcomeCounts};
use payonce_protocol::sweep::Progress;
use payonce_suite::faults::Fault;

use crate::bench::{Bench, NOW, case_of, claim, text, until};

pub async fn case_opens_once(bench: Bench) {
    let mut case = case_of(&claim("pi_1", 1), Reason::PayoutUnknown);
    case.incident = Some("rail stripe: timeout".to_owned());
    case.say(FactName::Problem, "it hung");
    bench.proxy.plan(1, "TransactWriteItems", "", Fault::DropAnswer);
    assert_eq!(bench.ledger.open_case(&case).await, Ok(Opened::New));
    // The same cause seen later, and with other details, is the same case.
    let mut again = case.clone();
    again.opened_at += 60_000;
    again.details = Facts::default();
    assert_eq!(bench.ledger.open_case(&again).await, Ok(Opened::Existing));
    bench.proxy.plan(2, "TransactWriteItems", "", Fault::Conflict);
    assert_eq!(bench.ledger.open_case(&again).await, Ok(Opened::Existing));
    let filed = bench.ledger.case(&case.id()).await.unwrap().unwrap();
    assert_eq!(filed.case, case);
    let history = bench.reconcile(case.id(), "history#000001").await.expect("its first record");
    assert_eq!(history["act"], AttributeValue::S("opened".to_owned()));
    // A case about little is a case too.
    let bare = Case::new(Reason::UnroutedEvent, vec!["stripe".to_owned(), "charge.odd".to_owned()], NOW);
    assert_eq!(bench.ledger.open_case(&bare).await, Ok(Opened::New));
    assert_eq!(bench.ledger.case(&bare.id()).await.unwrap().unwrap().case, bare);
}

pub async fn open_cases_are_queried_in_order(bench: Bench) {
    let cases: Vec<Case> = (0..40)
        .map(|number| Case::new(Reason::InvalidEvent, vec![format!("evt_{number}")], NOW + (number * 7) % 40))
        .collect();
    for case in &cases {
        bench.ledger.open_case(case).await.unwrap();
    }
    // One that is resolved leaves the index.
    let mut resolved = bench.reconcile(cases[0].id(), "case").await.unwrap();
    resolved.remove("open");
    bench.plant(&bench.tables.reconcile, resolved).await;

    let open = bench.ledger.open_cases(100).await.unwrap();
    assert_eq!(open.len(), 39);
    assert!(open.is_sorted_by_key(|case| case.opened_at));
    assert!(!open.contains(&cases[0]));
    assert_eq!(bench.ledger.open_cases(3).await.unwrap(), open[..3]);
    assert_eq!(bench.proxy.count("Scan"), 0);
}

pub async fn evidence_is_kept_with_its_history(bench: Bench) {
    let case = case_of(&claim("pi_1", 1), Reason::PayoutUnknown);
    let id = case.id();
    let absent = Facts::from([(FactName::LookedUp, "absent"), (FactName::RailPayouts, "")]);
    assert_eq!(
        bench.ledger.add_evidence(&id, "sweeper", &absent, NOW).await,
        Err(LedgerError::Missing { what: "the case" })
    );
    bench.ledger.open_case(&case).await.unwrap();
    // Two at the same time: the second reads again.
    bench.proxy.forget();
    bench.proxy.plan(1, "TransactWriteItems", "absent", Fault::Hold);
    let found = Facts::from([(FactName::LookedUp, "found"), (FactName::RailPayouts, "tr_1")]);
    let (first, second) = tokio::join!(bench.ledger.add_evidence(&id, "sweeper", &absent, NOW), async {
        until(|| bench.proxy.count("TransactWriteItems") == 1).await;
        bench.ledger.add_evidence(&id, "sweeper", &found, NOW + 1).await
    });
    assert_eq!((first, second), (Ok(()), Ok(())));
    let filed = bench.ledger.case(&id).await.unwrap().unwrap();
    // What people act on stands as it was.
    assert_eq!((filed.version, filed.revision, filed.evidence.get(FactName::LookedUp).unwrap()), (1, 2, "absent"));
    assert_eq!(filed.case, case);
    for (sk, looked_up) in [("history#added#000001", "found"), ("history#added#000002", "absent")] {
        let history = bench.reconcile(&id, sk).await.expect(sk);
        let facts = history["facts"].as_m().unwrap();
        assert_eq!(facts["looked_up"], AttributeValue::S(looked_up.to_owned()), "{sk}");
    }
}

pub async fn history_ends_at_five_hundred_of_the_events_that_share_a_case(bench: Bench) {
    let shared = Case::new(Reason::UnroutedEvent, vec!["stripe".to_owned(), "charge.odd".to_owned()], NOW);
    bench.ledger.open_case(&shared).await.unwrap();
    let further = Case { event: EventId::new("evt_0").ok(), ..shared.clone() };
    assert_eq!(bench.ledger.note_further_event(&further).await, Ok(true));
    let mut beside = bench.reconcile(shared.id(), "history#event#evt_0").await.unwrap();
    for number in 1..502 {
        beside.insert("sk".to_owned(), text(format!("history#event#evt_{number}")));
        bench.plant(&bench.tables.reconcile, beside.clone()).await;
    }
    let history = bench.ledger.history(&shared.id()).await.unwrap();
    assert_eq!((history.len(), history[0].act.as_str()), (1 + 500, "opened"));
    // They get cases of their own, no more at a time than is wanted.
    assert_eq!(bench.ledger.spread(&shared.id(), 3).await, Ok(3));
}

/// A look-up needs one that the rail has shown before: of a minute ago, and of hours ago.
pub async fn samples_of_what_the_rail_accepted_are_kept_ten_minutes_apart(bench: Bench) {
    let apart = 600_000;
    for (at, kept) in [
        (0, vec![0]),
        (apart - 1, vec![0, apart - 1]),
        (apart, vec![0, apart]),
        (2 * apart, vec![0, apart, 2 * apart]),
        (5, vec![0, apart, 2 * apart]),
    ] {
        let accepted = Claim { claimed_at: NOW + at, ..claim("pi_1", 1) };
        bench.ledger.remember_accepted(&Sample::of(&accepted)).await.unwrap();
        let samples = bench.ledger.accepted_samples().await.unwrap();
        assert_eq!(samples.iter().map(|sample| sample.claimed_at - NOW).collect::<Vec<_>>(), kept);
    }
}

pub async fn tables_that_are_there_stay_as_they_are(bench: Bench) {
    let case = case_of(&claim("pi_1", 1), Reason::PayoutUnknown);
    bench.ledger.open_case(&case).await.unwrap();
    assert_eq!(create_tables(&bench.ledger).await, Ok(()));
    assert_eq!(bench.proxy.count("UpdateTimeToLive"), 0);
    assert!(bench.ledger.case(&case.id()).await.unwrap().is_some());
    bench.proxy.plan(1, "CreateTable", "", Fault::Answer(400, "AccessDeniedException"));
    assert!(create_tables(&bench.ledger).await.is_err(), "it may not be there");
}

pub async fn case_of_a_newer_schema_is_left_alone(bench: Bench) {
    let case = case_of(&claim("pi_1", 1), Reason::PayoutUnknown);
    bench.ledger.open_case(&case).await.unwrap();
    let mut newer = bench.reconcile(case.id(), "case").await.unwrap();
    newer.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    bench.plant(&bench.tables.reconcile, newer.clone()).await;
    let absent = Facts::from([(FactName::LookedUp, "absent")]);
    let unreadable = Err(LedgerError::Unreadable { what: "the case", attribute: "v" });
    assert_eq!(bench.ledger.add_evidence(&case.id(), "sweeper", &absent, NOW).await, unreadable);
    assert_eq!(bench.reconcile(case.id(), "case").await, Some(newer));
}

pub async fn round_and_snapshot_are_found_again(bench: Bench) {
    assert_eq!(bench.ledger.progress().await, Ok(None));
    bench.ledger.set_round(29_400_001).await.unwrap();
    let mut progress = Progress::through(29_400_002);
    progress.owed.extend([29_399_001, 29_399_002]);
    bench.ledger.set_progress(&progress).await.unwrap();
    assert_eq!(bench.ledger.progress().await, Ok(Some(progress)));
    assert_eq!(bench.ledger.snapshot().await, Ok(None));
    let totals = Totals { open: 3, ages: [1, 2, 0, 0], ..Totals::default() };
    let snapshot = Snapshot { taken_at: NOW, counted_at: NOW - 60_000, totals };
    bench.ledger.put_snapshot(&snapshot).await.unwrap();
    assert_eq!(bench.ledger.snapshot().await, Ok(Some(snapshot)));
    assert_eq!(bench.ledger.outcome_counts().await, Ok(OutcomeCounts::default()));
    let mut counts = OutcomeCounts::default();
    counts.count(29_400_001, Counts { good: 5, failed: 1 });
    bench.ledger.set_outcome_counts(&counts).await.unwrap();
    assert_eq!(bench.ledger.outcome_counts().await, Ok(counts));
}

/// More than fit into one item, and then fewer.
pub async fn due_look_ups_are_found(bench: Bench) {
    let due = |number: usize| DueLookUp {
        attempt: (PayoutKey::new(format!("stripe/pi_{number}")).unwrap(), 2),
        since: NOW + number as u64,
    };
    let many: Vec<DueLookUp> = (0..1_200).map(due).collect();
    assert_eq!(bench.ledger.due_look_ups().await, Ok(vec![]));
    bench.ledger.set_due_look_ups(&[], &many).await.unwrap();
    assert_eq!(bench.ledger.due_look_ups().await, Ok(many.clone()));
    bench.proxy.forget();
    let mut fewer = many.clone();
    fewer.pop();
    bench.ledger.set_due_look_ups(&many, &fewer).await.unwrap();
    assert_eq!(bench.proxy.count("PutItem"), 1, "the rest stands already");
    bench.ledger.set_due_look_ups(&fewer, &fewer[..3]).await.unwrap();
    assert_eq!(bench.ledger.due_look_ups().await, Ok(fewer[..3].to_vec()));
}

/// Sixteen shards, of which a run counts as many as it may; what many cases share is added up over all.
pub async fn each_open_case_is_counted_once(bench: Bench) {
    for number in 0..64 {
        let case = Case { since: NOW + number, ..case_of(&claim(&format!("pi_{number}"), 1), Reason::PayoutUnknown) };
        bench.ledger.open_case(&case.of_cause("timeout")).await.unwrap();
    }
    bench.proxy.forget();
    let first = bench.ledger.count_open(NOW + 1_000, 10_000).await.unwrap();
    assert_eq!(bench.proxy.count("Query"), 16);
    let totals = &first.snapshot.totals;
    assert_eq!((totals.open, totals.ages[0], totals.by_reason["payout_unknown"]), (64, 64, 64));
    assert_eq!((totals.at_risk["EUR"].cases, totals.at_risk["EUR"].minor), (64, 64 * 12_345));
    assert_eq!(totals.incidents.values().map(|incident| incident.cases).collect::<Vec<_>>(), [64]);
    assert_eq!((first.oldest, first.snapshot.counted_at, first.unreadable), (Some(NOW), NOW + 1_000, 0));
    // One more, and a budget for a part of the shards: the oldest counts are renewed first.
    let more = Case { since: NOW - 7, ..case_of(&claim("pi_more", 1), Reason::PayoutUnknown) };
    bench.ledger.open_case(&more).await.unwrap();
    for minute in 1..=16 {
        let stock = bench.ledger.count_open(NOW + 1_000 + minute, 1).await.unwrap();
        assert_eq!(stock.oldest, Some(NOW - 7), "it is asked for in every run");
        assert_eq!(bench.ledger.snapshot().await, Ok(Some(stock.snapshot)));
    }
    let last = bench.ledger.count_open(NOW + 2_000, 1).await.unwrap();
    assert_eq!(last.snapshot.totals.open, 65);
    assert!(last.snapshot.counted_at > NOW + 1_000 && last.snapshot.counted_at < NOW + 2_000);
    // What cannot be read is in no figure but this.
    for number in 0..8 {
        let id = case_of(&claim(&format!("pi_{number}"), 1), Reason::PayoutUnknown).id();
        let mut odd = bench.reconcile(id, "case").await.unwrap();
        odd.insert("reason".to_owned(), AttributeValue::S("of a later version".to_owned()));
        bench.plant(&bench.tables.reconcile, odd).await;
    }
    let odd = bench.ledger.count_open(NOW + 3_000, 10_000).await.unwrap();
    assert_eq!((odd.snapshot.totals.open, odd.unreadable), (65 - 8, 8));
}

pub async fn body_is_found_again(bench: Bench) {
    let body = br#"{"id":"evt_1"}"#;
    let digest = Digest::of(body);
    assert_eq!(bench.ledger.body(digest).await, Ok(None));
    assert_eq!(bench.ledger.put_body(digest, body, NOW, 400).await, Ok(()));
    assert_eq!(bench.ledger.put_body(digest, body, NOW + 60_000, 400).await, Ok(()));
    let stored = bench.ledger.body(digest).await.unwrap().unwrap();
    assert_eq!((stored.bytes.as_slice(), stored.received_at, stored.is_cut), (body.as_slice(), NOW, false));
    let seen = bench.proxy.seen();
    let put = seen.iter().find(|seen| seen.target == "PutItem").unwrap();
    let expires = NOW / 1_000 + 400 * 86_400;
    assert_eq!(put.body["Item"]["expires"]["N"], expires.to_string());
}
