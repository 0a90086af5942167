//! What the sweeper sees: an index that lags, puts that land late, minutes with many rows.

use payonce_protocol::fact::FactName;
use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_ledger::{Abandoned, Claim, Entry, IndexRow, RefusalNote};
use payonce_protocol::event::{ClaimAnswer, Recorded};
use payonce_protocol::ids::{Digest, Shards};
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reconcile::run::Window;
use payonce_protocol::sweep::{Minute, Progress};
use payonce_suite::faults::Fault;

use crate::bench::{Bench, MINUTE, NOW, case_of, claim, outcome, text};

pub async fn rows(bench: &Bench, minute: Minute) -> Vec<IndexRow> {
    bench.ledger.minute(minute, bench.ledger.shards().await.unwrap()).await.unwrap().rows
}

/// The put timed out, twice; the delivery was answered 503; then the put landed, with its old time.
pub async fn put_that_lands_late_is_swept(bench: Bench) {
    let ours = claim("pi_1", 1);
    bench.proxy.plan(2, "PutItem", "#claim", Fault::Hold);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::NoAnswer);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::NoAnswer);
    assert_eq!(rows(&bench, MINUTE).await, vec![]);
    assert_eq!(bench.ledger.attempt(&ours.key, 1).await, Ok(None));

    let landed: Vec<u16> = bench.proxy.release_held().await.into_iter().map(|(status, _)| status).collect();
    assert_eq!(landed, [200, 400], "the condition holds for late puts too");
    let row = IndexRow { key: ours.key.clone(), entry: Entry::Claim(1), received_at: NOW };
    assert_eq!(rows(&bench, MINUTE).await, vec![row]);
    assert_eq!(bench.ledger.attempt(&ours.key, 1).await, Ok(Some((ours.clone(), None))));
    assert_eq!(bench.ledger.abandon(&ours, NOW + 200_000).await, Ok(Abandoned::Filed));
    let (_, given_up) = bench.ledger.attempt(&ours.key, 1).await.unwrap().unwrap();
    assert_eq!(given_up.unwrap().verdict.outcome, Outcome::Unknown);
}

pub async fn claim_behind_a_lagging_index_is_found_later(bench: Bench) {
    let (early, late) = (claim("pi_early", 1), claim("pi_late", 2));
    assert_eq!(bench.ledger.put_claim(&early).await, ClaimAnswer::Written);
    bench.proxy.lag_index();
    assert_eq!(bench.ledger.put_claim(&late).await, ClaimAnswer::Written);
    let early_rows = rows(&bench, MINUTE).await;
    assert_eq!(early_rows.iter().map(|row| &row.key).collect::<Vec<_>>(), [&early.key]);
    // The table itself does not lag.
    assert!(bench.ledger.attempt(&late.key, 1).await.unwrap().is_some());
    bench.proxy.release_index();
    assert_eq!(rows(&bench, MINUTE).await.len(), 2);
}

/// Some in every shard.
pub async fn every_row_of_a_busy_minute_is_read(bench: Bench) {
    let mut expected = Vec::new();
    let mut found = BTreeSet::new();
    let shards = Shards::new(16).unwrap();
    let ledger = bench.ledger.clone().listing_under(shards);
    for number in 0..80 {
        let ours = claim(&format!("pi_{number}"), 1);
        assert_eq!(ledger.put_claim(&ours).await, ClaimAnswer::Written);
        found.insert(shards.of(&ours.key));
        expected.push(ours.key.to_string());
    }
    assert_eq!(found.len(), 16, "this test needs claims in every shard");
    let mut neighbour = claim("pi_next", 1);
    neighbour.received_at += 60_000;
    assert_eq!(ledger.put_claim(&neighbour).await, ClaimAnswer::Written);

    let rows = ledger.minute(MINUTE, shards).await.unwrap().rows;
    let mut found: Vec<String> = rows.iter().map(|row| row.key.to_string()).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(ledger.minute(MINUTE + 1, shards).await.unwrap().rows.len(), 1);
}

/// A delivery that came before a window may have been claimed in it: no invocation lasts longer.
pub async fn window_lists_what_came_up_to_a_quarter_of_an_hour_before_it(bench: Bench) {
    let window = Window::new(MINUTE * 60_000, (MINUTE + 1) * 60_000).unwrap();
    let [inside, outside] = [("pi_inside", 0), ("pi_outside", 1)].map(|(name, earlier)| {
        let received_at = window.from() - 15 * 60_000 - earlier;
        Claim { received_at, ..claim(name, 1) }
    });
    for ours in [&inside, &outside] {
        assert_eq!(bench.ledger.put_claim(ours).await, ClaimAnswer::Written);
    }
    let listed = bench.ledger.keys_within(window).await.unwrap();
    assert_eq!(listed.keys.into_keys().collect::<Vec<_>>(), [inside.key]);
}

/// A version that lists under more of them, or fewer, hides nothing that another one listed; nor does a stack of which nobody wrote
/// the number down.
pub async fn another_number_of_shards_hides_nothing(bench: Bench) {
    let (many, few) = (bench.ledger.clone().listing_under(Shards::MOST), bench.ledger.clone());
    assert_eq!((few.shards().await, many.shards().await), (Ok(Shards::ONE), Ok(Shards::MOST)));
    for number in 0..20 {
        let ledger = if number % 2 == 0 { &many } else { &few };
        assert_eq!(ledger.put_claim(&claim(&format!("pi_{number}"), 1)).await, ClaimAnswer::Written);
    }
    assert_eq!(many.minute(MINUTE, Shards::MOST).await.unwrap().rows.len(), 20);
    let written = async |wanted| bench.ledger.clone().listing_under_at_most(wanted).await.shards_written();
    assert_eq!(written(Shards::MOST).await, Shards::ONE, "no sweeper says that it reads more");
    few.set_progress(&Progress { shards: Shards::MOST, ..Progress::through(MINUTE) }).await.unwrap();
    assert_eq!(few.shards().await, Ok(Shards::MOST));
    assert_eq!((written(Shards::MOST).await, written(Shards::ONE).await), (Shards::MOST, Shards::ONE));
    assert_eq!(rows(&bench, MINUTE).await.len(), 20);

    let mut older = bench.reconcile("sweeper", "round").await.unwrap();
    assert_eq!(older.remove("shards"), Some(AttributeValue::N("64".to_owned())));
    bench.plant(&bench.tables.reconcile, older.clone()).await;
    assert_eq!(few.shards().await, Ok(Shards::UNCHOSEN));
    older.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    bench.plant(&bench.tables.reconcile, older).await;
    assert_eq!(few.shards().await, Ok(Shards::MOST), "nobody can read it");
}

pub async fn second_page_is_read(bench: Bench) {
    for number in 0..40 {
        let ours = claim(&format!("pi_{number}"), 1);
        assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Written);
        bench.ledger.open_case(&case_of(&ours, Reason::InvalidEvent)).await.unwrap();
    }
    bench.proxy.cut_pages(1);
    assert_eq!(rows(&bench, MINUTE).await.len(), 40);
    assert_eq!(bench.ledger.open_cases(100).await.unwrap().len(), 40);
}

/// What another version lists, or what nobody can read, must not hide the rest of its minute.
pub async fn odd_row_does_not_stop_the_sweep(bench: Bench) {
    let (ours, odd) = (claim("pi_1", 1), claim("pi_odd", 2));
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Written);
    assert_eq!(bench.ledger.put_claim(&odd).await, ClaimAnswer::Written);
    let mut item = bench.audit(&odd.key, "0001#claim").await.unwrap();
    item.insert("sk".to_owned(), text("0001#reserved"));
    bench.plant(&bench.tables.audit, item.clone()).await;
    let event = Digest::of(odd.event.as_str());
    item.insert("sk".to_owned(), text(format!("0000#refused#{event}")));
    bench.plant(&bench.tables.audit, item).await;
    let rows = rows(&bench, MINUTE).await;
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert_eq!(bench.ledger.minute(MINUTE, Shards::ONE).await.unwrap().unreadable, 1);
    let gone = [Digest::of("evt_gone"), Digest::of("evt_gone_too")].into();
    assert_eq!(bench.ledger.records(&ours.key, &gone).await.unwrap().unreadable, 2, "the book is not complete");
    assert!(rows.iter().any(|row| row.key == ours.key));
    assert_eq!(bench.ledger.refusal(&odd.key, event).await, Ok(None));
}

pub async fn refusal_is_listed_when_it_is_final(bench: Bench) {
    let ours = claim("pi_1", 1);
    let note = RefusalNote {
        key: ours.key.clone(),
        event: ours.event.clone(),
        provider: ours.provider,
        money: ours.money,
        destination: ours.destination,
        refused_at: NOW,
        final_after: NOW + 3 * 86_400_000,
    };
    assert_eq!(bench.ledger.note_refusal(&note).await, Ok(()));
    assert_eq!(rows(&bench, MINUTE).await, vec![]);
    let row = IndexRow { key: ours.key, entry: Entry::Refusal(Digest::of(ours.event.as_str())), received_at: NOW };
    assert_eq!(rows(&bench, MINUTE + 3 * 1_440).await, vec![row]);
}

pub async fn outcome_is_not_listed_for_the_sweeper(bench: Bench) {
    let ours = claim("pi_1", 1);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Written);
    assert_eq!(bench.ledger.abandon(&ours, NOW + 200_000).await, Ok(Abandoned::Filed));
    assert_eq!(bench.ledger.record(&ours, &outcome(Outcome::Accepted), None).await, Recorded::Late);
    let rows = rows(&bench, MINUTE).await;
    assert_eq!(rows.iter().map(|row| row.entry).collect::<Vec<_>>(), [Entry::Claim(1)]);
}

/// More than fit into a batch; some are left out of the first answers, as DynamoDB may, and two cannot be read.
pub async fn every_outcome_is_read_across_batches(bench: Bench) {
    let mut names = BTreeSet::new();
    for number in 0..130 {
        let ours = claim(&format!("pi_{number:03}"), 1);
        names.insert((ours.key.clone(), 1));
        bench.ledger.put_claim(&ours).await;
        let ended = if number % 2 == 0 { Outcome::Accepted } else { Outcome::Unknown };
        if number < 120 {
            assert_eq!(bench.ledger.record(&ours, &outcome(ended), None).await, Recorded::Durable);
        }
    }
    for key in ["pi_007", "pi_008"] {
        let mut newer = bench.audit(claim(key, 1).key, "0001#outcome").await.unwrap();
        newer.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
        bench.plant(&bench.tables.audit, newer).await;
    }
    bench.proxy.forget();
    bench.proxy.plan(3, "BatchGetItem", "", Fault::Unprocessed);
    let outcomes = bench.ledger.outcomes(&names, true).await.unwrap();
    assert_eq!(bench.proxy.count("BatchGetItem"), 2 + 3);
    assert_eq!((outcomes.ended.len(), outcomes.unreadable.len()), (118, 2));
    assert!(outcomes.ended.values().all(|ended| ended.evidence.get(FactName::Phase).unwrap() == "answered"));
    let open: BTreeSet<_> = names.into_iter().filter(|name| !outcomes.ended.contains_key(name)).collect();
    let attempts = bench.ledger.attempts(&open).await.unwrap();
    assert_eq!((attempts.found.len(), attempts.unreadable), (10, 2));
    assert!(attempts.found.iter().all(|(_, outcome)| outcome.is_none()));
    bench.proxy.forget();
    bench.proxy.plan(100, "BatchGetItem", "", Fault::Unprocessed);
    assert!(bench.ledger.outcomes(&open, false).await.is_err(), "never an answer with holes");
    assert_eq!(bench.proxy.count("BatchGetItem"), 7);
}

pub async fn another_events_claim_does_not_account_for_a_refused_one(bench: Bench) {
    let ours = claim("pi_1", 1);
    bench.ledger.put_claim(&ours).await;
    let (came, other) = (Digest::of(ours.event.as_str()), Digest::of("evt_other"));
    let refused = [(ours.key.clone(), came), (ours.key.clone(), other), (claim("pi_2", 1).key, came)].into();
    assert_eq!(bench.ledger.came_back(&refused).await, Ok([(ours.key, came)].into()));
}
