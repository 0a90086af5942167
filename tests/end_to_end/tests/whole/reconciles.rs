//! The books against each other, on the whole: what was changed at the rail behind our back is found, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use payonce_end_to_end::{PAYEE, WINDOW_MS, World, book_settings, key_of, payment};
use payonce_local::sandbox_rail::Transfer;
use payonce_protocol::reconcile::finding::Finding;
use payonce_protocol::reconcile::run::{Manifest, RunVerdict, Window};
use reconciler::{Before, GatherError, Lists, reconcile};
use serde_json::Value;

/// The window of `day`, counted from the world's beginning.
fn window(began: u64, day: u64) -> Window {
    Window::new(began + day * WINDOW_MS, began + (day + 1) * WINDOW_MS).unwrap()
}

async fn run(
    world: &World,
    window: Window,
    before: &Before,
    folder: &Path,
) -> (Manifest, BTreeSet<(String, String, String)>) {
    let rail = world.parts().1;
    let manifest = reconcile(
        &world.ledger,
        &rail,
        &book_settings(Lists::default()),
        window,
        before,
        None,
        folder,
        world.clock.now(),
    )
    .await
    .unwrap();
    (manifest, breaks(folder))
}

/// Life, kind and key of each.
pub fn breaks(folder: &Path) -> BTreeSet<(String, String, String)> {
    let lines = std::fs::read_to_string(folder.join("breaks.jsonl")).unwrap();
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let parsed = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    parsed.map(|line| (text(&line, "life"), text(&line, "kind"), text(&line, "key"))).collect()
}

/// 40 payments over an hour, two of them to payees at which the rail misbehaves.
async fn paid(world: &World) -> Vec<String> {
    let mut keys = vec![];
    for number in 0..40 {
        let payee = match number {
            7 => "acct_sandboxRefuses",
            8 => "acct_sandboxExecutesThen500",
            _ => PAYEE,
        };
        let event = payment(&format!("recon{number}"), payee, world.clock.now());
        assert_eq!(world.deliver(&event).await.status, 200, "{number}");
        keys.push(key_of(&event).to_string());
        world.clock.advance(90_000);
    }
    keys
}

fn expected(life: &str, kind: &str, keys: &[String]) -> BTreeSet<(String, String, String)> {
    keys.iter().map(|key| (life.to_owned(), kind.to_owned(), key.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn books_that_agree_leave_nothing_but_the_cases_that_are_open() {
    let world = World::start().await;
    let began = world.clock.now();
    paid(&world).await;
    world.clock.set(began + WINDOW_MS + 3_600_000);
    let folder = tempfile::tempdir().unwrap();
    let (manifest, breaks) = run(&world, window(began, 0), &Before::default(), &folder.path().join("0")).await;
    assert_eq!(breaks, BTreeSet::new());
    assert!(manifest.statement.closes());
    // The provider's own list is not read here, and the run says so before anything else.
    assert_eq!(manifest.verdict, RunVerdict::Incomplete);
    let euros = &manifest.statement.currencies[&"EUR".parse().unwrap()];
    assert_eq!((euros.asked.count, euros.paid.count), (40, 39));
    // What the rail refused, and what it paid and did not say so: both have an open case.
    assert_eq!(manifest.statement.count(Finding::Rejected), 1);
    assert_eq!(manifest.statement.count(Finding::Unknown), 1);
    assert_eq!(manifest.statement.open.now(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_at_the_rail_is_one_break_once() {
    let world = World::start().await;
    let began = world.clock.now();
    let keys = paid(&world).await;
    let (gone, returned, altered) = (&keys[10..15], &keys[20..23], &keys[30..32]);
    for key in gone {
        assert!(world.rail.change(key, |_| None));
    }
    for key in returned {
        assert!(world.rail.change(key, |paid| Some(Transfer { amount_reversed: paid.amount, ..paid })));
    }
    for key in altered {
        assert!(world.rail.change(key, |paid| Some(Transfer { amount: paid.amount + 100, ..paid })));
    }
    let mut foreign = world.rail.executed()[0].clone();
    foreign.id = "tr_sandboxForeign".into();
    foreign.metadata.clear();
    world.rail.plant([foreign]);
    world.clock.set(began + WINDOW_MS + 3_600_000);

    let folder = tempfile::tempdir().unwrap();
    let of = |day: u64| folder.path().join(day.to_string());
    let (manifest, found) = run(&world, window(began, 0), &Before::default(), &of(0)).await;
    let orphan = format!("!rail/{}/tr_sandboxForeign", world.parts().1.account());
    let all = |life: &str| {
        let mut all = expected(life, "payout_missing", gone);
        all.extend(expected(life, "payout_returned", returned));
        all.extend(expected(life, "amount_mismatch", altered));
        all.extend(expected(life, "payout_orphan", std::slice::from_ref(&orphan)));
        all
    };
    assert_eq!(found, all("new"));
    assert!(manifest.statement.closes());

    // The same window again says the same, and the next one knows them all.
    let (_, again) = run(&world, window(began, 0), &Before::default(), &folder.path().join("again")).await;
    assert_eq!(again, found);
    world.clock.set(began + 2 * WINDOW_MS + 3_600_000);
    let before = Before::read(&of(0)).unwrap().unwrap();
    let (manifest, next) = run(&world, window(began, 1), &before, &of(1)).await;
    assert_eq!(next, all("persisting"));
    assert!(manifest.statement.closes());
}

/// Paid behind an answer of 500, and paid again at the rail while its case is open: both payouts stand in the books of the run that
/// sees the second.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_payout_of_an_earlier_key_is_held_against_the_first() {
    let world = World::start().await;
    let began = world.clock.now();
    let event = payment("unsure", "acct_sandboxExecutesThen500", began);
    world.deliver(&event).await;
    let folder = tempfile::tempdir().unwrap();
    let of = |day: u64| folder.path().join(day.to_string());
    world.clock.set(began + WINDOW_MS + 3_600_000);
    let (_, none) = run(&world, window(began, 0), &Before::default(), &of(0)).await;
    assert_eq!(none, BTreeSet::new());
    let mut second = world.rail.executed()[0].clone();
    (second.id, second.created) = ("tr_sandboxSecond".into(), (began + WINDOW_MS + 1_800_000) / 1000);
    world.rail.plant([second]);
    world.clock.set(began + 2 * WINDOW_MS + 3_600_000);
    let before = Before::read(&of(0)).unwrap().unwrap();
    let (_, found) = run(&world, window(began, 1), &before, &of(1)).await;
    assert_eq!(found, expected("new", "paid_twice", &[key_of(&event).to_string()]));
}

/// It comes in the last second of one window, and is claimed in the next.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_across_the_edge_of_a_window_is_in_one_of_them() {
    let world = World::start().await;
    let began = world.clock.now();
    let event = payment("edge", PAYEE, began);
    world.deliver(&event).await;
    let pattern = world.ledger.read_claim(&key_of(&event), 1).await.unwrap().unwrap();
    let edge = began + WINDOW_MS;
    let claim = payonce_ledger::Claim {
        key: payonce_protocol::order::PayoutKey::new("stripe/pi_over_the_edge").unwrap(),
        received_at: edge - 400,
        claimed_at: edge + 200,
        expires_at: edge + 25_000,
        ..pattern
    };
    assert_eq!(world.ledger.put_claim(&claim).await, payonce_protocol::event::ClaimAnswer::Written);
    let folder = tempfile::tempdir().unwrap();
    let of = |day: u64| folder.path().join(day.to_string());
    world.clock.set(edge + 3_600_000);
    run(&world, window(began, 0), &Before::default(), &of(0)).await;
    world.clock.set(edge + WINDOW_MS + 3_600_000);
    let before = Before::read(&of(0)).unwrap().unwrap();
    let (_, found) = run(&world, window(began, 1), &before, &of(1)).await;
    assert_eq!(found, expected("new", "outcome_missing", &["stripe/pi_over_the_edge".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_run_when_its_books_are_settled_and_follows_an_unaltered_run() {
    let world = World::start().await;
    let began = world.clock.now();
    paid(&world).await;
    let folder = tempfile::tempdir().unwrap();
    let rail = world.parts().1;
    let window = window(began, 0);
    let early = reconcile(
        &world.ledger,
        &rail,
        &book_settings(Lists::default()),
        window,
        &Before::default(),
        None,
        folder.path(),
        window.to(),
    )
    .await;
    assert!(matches!(early, Err(GatherError::NotSettled { .. })), "{early:?}");
    world.clock.set(began + WINDOW_MS + 3_600_000);
    run(&world, window, &Before::default(), folder.path()).await;
    assert!(Before::read(folder.path()).unwrap().is_some());
    std::fs::write(folder.path().join("carried.jsonl"), "").unwrap();
    assert!(Before::read(folder.path()).is_err());
}

/// Its rail tells nobody, and lists it at the time at which it was made.
#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_payout_is_looked_at_again_after_one_five_and_thirty_days() {
    let world = World::start().await;
    let began = world.clock.now();
    let keys = paid(&world).await;
    assert!(world.rail.change(&keys[20], |paid| Some(Transfer { amount_reversed: paid.amount, ..paid })));
    let folder = tempfile::tempdir().unwrap();
    for (days, is_seen) in [(1, true), (2, false), (5, true), (30, true), (31, false)] {
        let later = began + days * 86_400_000;
        world.clock.set(later + WINDOW_MS + 3_600_000);
        let of = folder.path().join(days.to_string());
        let (manifest, found) = run(&world, window(later, 0), &Before::default(), &of).await;
        let seen = if is_seen { &keys[20..=20] } else { &[] };
        assert_eq!(found, expected("new", "payout_returned", seen), "{days}");
        assert!(manifest.statement.closes(), "{days}");
        let lines = manifest.statement.currencies.values().next().cloned().unwrap_or_default();
        // It was counted as paid, and is paid no more.
        assert_eq!(lines.paid.count, if is_seen { -1 } else { 0 }, "{days}");
    }
}

/// What people know of it they need not be told again.
#[tokio::test(flavor = "multi_thread")]
async fn a_return_whose_case_people_ended_changes_no_later_statement() {
    let world = World::start().await;
    let began = world.clock.now();
    let event = payment("known", PAYEE, began);
    world.deliver(&event).await;
    let key = key_of(&event).to_string();
    assert!(world.rail.change(&key, |paid| Some(Transfer { amount_reversed: paid.amount, ..paid })));
    world.clock.set(began + WINDOW_MS + 3_600_000);
    let folder = tempfile::tempdir().unwrap();
    let app = reconciler::App::new(world.reconciler(Lists::default(), began, folder.path()));
    assert_eq!(app.run_within(std::time::Duration::from_secs(300)).await.unwrap().cases, 1);
    let case = world.cases().await.remove(0);
    payonce_end_to_end::Desk::new().ends(&world, &case.id(), payonce_protocol::case::Ending::WrittenOff).await;
    for days in [1, 5] {
        let later = began + days * 86_400_000;
        world.clock.set(later + WINDOW_MS + 3_600_000);
        let of = folder.path().join(days.to_string());
        let (manifest, found) = run(&world, window(later, 0), &Before::default(), &of).await;
        assert_eq!(found, BTreeSet::new(), "{days}");
        let lines = manifest.statement.currencies.values().next().cloned().unwrap_or_default();
        assert_eq!(lines.paid.count, 0, "{days}");
    }
}

/// A rail that takes two requests a second is asked every five eighths of one: four times of its book are four pages at the least.
#[tokio::test(flavor = "multi_thread")]
async fn the_rails_book_is_read_no_faster_than_the_rail_takes() {
    let world = World::with(|text| text.replace("[rail]\n", "[rail]\npayouts_a_second = 2\n")).await;
    let began = world.clock.now();
    let event = payment("paced", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    world.clock.set(began + WINDOW_MS + 3_600_000);
    let folder = tempfile::tempdir().unwrap();
    let asked = Instant::now();
    let (manifest, breaks) = run(&world, window(began, 0), &Before::default(), folder.path()).await;
    assert_eq!((manifest.verdict, breaks.len()), (RunVerdict::Incomplete, 0));
    assert!(asked.elapsed() >= 3 * Duration::from_millis(625), "{:?}", asked.elapsed());
}
