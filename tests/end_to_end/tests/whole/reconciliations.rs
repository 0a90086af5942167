//! The reconciler as it is invoked: windows chained, breaks filed once, cut off anywhere.

use payonce_protocol::fact::FactName;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use payonce_end_to_end::{PAYEE, World, cut_after, cut_once, key_of, payment};
use payonce_ledger::{CaseAct, KeptRun, Who};
use payonce_local::sandbox_rail::Transfer;
use payonce_local::stack::sandbox_secret;
use payonce_protocol::outcome::Reason;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::telemetry::Captured;
use reconciler::{App, AppError, Lists, Parts, Report, Windows};
use serde_json::Value;

const HOUR_MS: u64 = 3_600_000;
const WITHIN: Duration = Duration::from_secs(600);

struct Reconciler {
    app: App,
    lines: Captured,
    _folder: tempfile::TempDir,
}

/// Of windows of an hour, the first from the world's beginning.
fn reconciler(world: &World) -> Reconciler {
    let (metrics, lines) = Metrics::captured(world.clock.clone());
    let folder = tempfile::tempdir().unwrap();
    let parts = world.reconciler(Lists::default(), world.clock.now() / HOUR_MS * HOUR_MS, folder.path());
    let app = App::new(Parts { metrics, windows: Windows::Of(HOUR_MS), ..parts });
    Reconciler { app, lines, _folder: folder }
}

impl Reconciler {
    async fn runs(&self) -> Report {
        self.app.run_within(WITHIN).await.unwrap()
    }

    fn last_line(&self) -> Value {
        serde_json::from_str(self.lines.text().lines().last().unwrap()).unwrap()
    }
}

/// Payments within the hour; what is done to them at the rail is known by number.
async fn changed(world: &World) -> BTreeMap<Reason, BTreeSet<String>> {
    let mut keys = vec![];
    for number in 0..12 {
        let event = payment(&format!("books{number}"), PAYEE, world.clock.now());
        assert_eq!(world.deliver(&event).await.status, 200, "{number}");
        keys.push(key_of(&event).to_string());
        world.clock.advance(60_000);
    }
    assert!(world.rail.change(&keys[3], |_| None));
    assert!(world.rail.change(&keys[4], |paid| Some(Transfer { amount_reversed: paid.amount, ..paid })));
    assert!(world.rail.change(&keys[5], |paid| Some(Transfer { amount: paid.amount + 100, ..paid })));
    let twice = world.rail.executed().into_iter().find(|paid| paid.payout_key() == keys[6]).unwrap();
    world.rail.plant([Transfer { id: "tr_sandboxAgain".into(), ..twice }]);
    assert!(world.rail.change(&keys[7], |paid| Some(Transfer { destination: "acct_1Somebody".into(), ..paid })));
    let of = |number: usize| BTreeSet::from([keys[number].clone()]);
    BTreeMap::from([
        (Reason::PayoutMissing, of(3)),
        (Reason::PayoutReturned, of(4)),
        (Reason::AmountMismatch, of(5)),
        (Reason::PayoutOrphan, of(6)),
        (Reason::PayeeMismatch, of(7)),
    ])
}

async fn cases(world: &World) -> BTreeMap<Reason, BTreeSet<String>> {
    let mut found: BTreeMap<Reason, BTreeSet<String>> = BTreeMap::new();
    for case in world.cases().await {
        assert!(found.entry(case.reason).or_default().insert(case.key.unwrap().to_string()), "twice: {}", case.reason);
    }
    found
}

/// The rail counts in seconds, and its clock is behind: its first payout is of before the first window. One event came again with
/// another sum, which is a case already.
#[tokio::test(flavor = "multi_thread")]
async fn books_that_agree_are_no_breaks() {
    let world = World::start().await;
    let reconciler = reconciler(&world);
    let began = world.clock.now();
    let event = payment("agrees", PAYEE, began);
    world.deliver(&event).await;
    let key = key_of(&event).to_string();
    assert!(world.rail.change(&key, |paid| Some(Transfer { created: paid.created - 20, ..paid })));
    let mut other = event.clone();
    other["data"]["object"]["amount_received"] = 9_900.into();
    assert_eq!(world.deliver(&other).await.reason(), "conflicting_duplicate");
    world.clock.set(began + HOUR_MS + 600_000);
    assert_eq!(reconciler.runs().await.cases, 0);
    assert_eq!(reconciler.last_line()["OpenBreaks"], 0);
    let manifest: Value = serde_json::from_str(&kept(&world).await[0].manifest).unwrap();
    let counts =
        ["carried", "asked", "paid", "residual"].map(|line| manifest["statement"]["EUR"][line]["count"].as_i64());
    assert_eq!(counts, [0, 1, 1, 0].map(Some));
}

async fn kept(world: &World) -> Vec<KeptRun> {
    world.ledger.runs(None, 100).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_window_is_one_run_and_each_break_one_case() {
    let world = World::start().await;
    let reconciler = reconciler(&world);
    let began = world.clock.now();
    let expected = changed(&world).await;
    assert_eq!(reconciler.runs().await.runs, 0, "the window is not over");
    world.clock.set(began + HOUR_MS + 599_000);
    assert_eq!(reconciler.runs().await.runs, 0, "its books are not settled");
    world.clock.set(began + HOUR_MS + 600_000);
    let report = reconciler.runs().await;
    assert_eq!((report.runs, report.cases, report.behind_s), (1, 5, Some(600)));
    assert_eq!(cases(&world).await, expected);
    let line = reconciler.last_line();
    let figures =
        ["Reconciliations", "BooksBehindSeconds", "BooksIncomplete", "OpenBreaks", "PaidTwice", "WrongPayee", "Lost"];
    assert_eq!(figures.map(|name| line[name].as_u64()), [1, 600, 0, 5, 1, 1, 0].map(Some));
    assert_eq!(line["CasesFiled"], 5);

    // Three hours later: a run for each, and nothing is filed again.
    world.clock.set(began + 4 * HOUR_MS + 600_000);
    let report = reconciler.runs().await;
    assert_eq!((report.runs, report.cases), (3, 0));
    assert_eq!(cases(&world).await, expected);
    let windows: Vec<(u64, u64)> = kept(&world).await.iter().map(|run| (run.from - began, run.to - began)).collect();
    assert_eq!(windows, [3, 2, 1, 0].map(|hour| (hour * HOUR_MS, (hour + 1) * HOUR_MS)));
    assert_eq!(reconciler.last_line()["OpenBreaks"], 5, "carried from run to run");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_case_of_a_break_says_both_sides_and_what_is_at_stake() {
    let world = World::start().await;
    let reconciler = reconciler(&world);
    let began = world.clock.now();
    let altered = changed(&world).await[&Reason::AmountMismatch].first().unwrap().clone();
    world.clock.set(began + HOUR_MS + 600_000);
    reconciler.runs().await;
    let case = world.cases().await.into_iter().find(|case| case.reason == Reason::AmountMismatch).unwrap();
    let claim = world.ledger.payout(case.key.as_ref().unwrap()).await.unwrap().attempts[0].claim.clone();
    assert_eq!(case.key.as_ref().unwrap().as_str(), altered);
    assert_eq!((case.money, case.destination.as_ref()), (Some(claim.money), Some(&claim.destination)));
    assert_eq!((case.provider.as_deref(), case.event.as_ref()), (Some(PROVIDER), Some(&claim.event)));
    assert_eq!((case.concerns, case.attempt), (Some(100), None), "it is no attempt's own case");
    let says = |name| case.details.get(name).unwrap_or_default();
    assert_eq!((says(FactName::BookBreakKind), says(FactName::Book)), ("amount_mismatch", "rail"));
    assert_ne!(says(FactName::BookExpected), says(FactName::BookFound));
    for side in [FactName::BookOurs, FactName::BookTheirs] {
        assert!(!serde_json::from_str::<Vec<Value>>(says(side)).unwrap().is_empty(), "{side}");
    }
    let history = world.ledger.history(&case.id()).await.unwrap();
    assert_eq!(history.len(), 1, "opened, and nothing else");
}

const PROVIDER: &str = "stripe";

/// Cut off while it reads, then at every wait from its first write on, and begun anew each time: one run, each case once.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cut_off_anywhere_is_made_again_to_the_same_end() {
    let world = World::start().await;
    let reconciler = reconciler(&world);
    let began = world.clock.now();
    let expected = changed(&world).await;
    let all = expected.values().map(BTreeSet::len).sum::<usize>();
    world.clock.set(began + HOUR_MS + 600_000);
    for waits in [1, 10, 100] {
        assert!(cut_after(waits, reconciler.app.run_within(WITHIN)).await.is_none(), "it was still reading");
        assert!(cases(&world).await.is_empty());
    }
    let (mut filed_without_a_run, mut cuts) = (0, 0);
    loop {
        cuts += 1;
        world.proxy.forget();
        let is_writing = || world.proxy.count("TransactWriteItems") + world.proxy.count("PutItem") > 0;
        let before = cases(&world).await.values().map(BTreeSet::len).sum::<usize>();
        let ended = cut_once(is_writing, cuts, reconciler.app.run_within(WITHIN)).await;
        let found = cases(&world).await;
        assert!(found.iter().all(|(reason, keys)| keys.is_subset(&expected[reason])), "{cuts}: {found:?}");
        match ended {
            None if kept(&world).await.is_empty() => filed_without_a_run += usize::from(!found.is_empty()),
            // The last write was on its way.
            None => assert_eq!(found, expected),
            Some(ended) => {
                assert!(before + ended.unwrap().cases as usize <= all, "one was filed twice");
                break;
            }
        }
    }
    assert!(filed_without_a_run > 5, "only {filed_without_a_run} of {cuts} cuts lay between its cases and its run");
    assert_eq!(cases(&world).await, expected);
    assert_eq!(kept(&world).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_invocations_of_one_window_are_one_run() {
    let world = World::start().await;
    let (one, other) = (reconciler(&world), reconciler(&world));
    let began = world.clock.now();
    let expected = changed(&world).await;
    world.clock.set(began + HOUR_MS + 600_000);
    let (first, second) = tokio::join!(one.runs(), other.runs());
    assert_eq!(first.cases + second.cases, 5);
    assert_eq!(cases(&world).await, expected);
    let runs = kept(&world).await;
    assert_eq!(runs.len(), 1);
    for name in ["breaks.jsonl", "breaks.csv", "statement.csv", "carried.jsonl"] {
        let file = world.ledger.run_file(&runs[0], name).await.unwrap().unwrap();
        assert!(!file.is_empty(), "{name}");
    }
}

/// People ended the case between the window's end and the run that sees its break again.
#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_people_ended_is_not_opened_again_by_its_break() {
    let world = World::start().await;
    let reconciler = reconciler(&world);
    let began = world.clock.now();
    changed(&world).await;
    world.clock.set(began + HOUR_MS + 600_000);
    reconciler.runs().await;
    let returned = world.cases().await.into_iter().find(|case| case.reason == Reason::PayoutReturned).unwrap();
    let mut desk = payonce_end_to_end::Desk::new();
    desk.ends(&world, &returned.id(), payonce_protocol::case::Ending::WrittenOff).await;
    let open = |cases: BTreeMap<Reason, BTreeSet<String>>| cases.into_keys().collect::<Vec<_>>();
    let left = open(cases(&world).await);
    assert!(!left.contains(&Reason::PayoutReturned));
    for hours in [2, 3] {
        world.clock.set(began + hours * HOUR_MS + 700_000);
        assert_eq!(reconciler.runs().await.cases, 0);
        assert_eq!(open(cases(&world).await), left);
    }
    assert_eq!(reconciler.last_line()["OpenBreaks"], 4);
}

/// Else a rail that is away for a minute leaves a day of which nobody ever knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_whose_book_did_not_answer_is_read_again_until_it_does_or_half_a_day_is_over() {
    let world = World::start().await;
    let reconciler = reconciler(&world);
    let began = world.clock.now();
    let expected = changed(&world).await;
    let secrets = ["PAYONCE_SANDBOX_RAIL", "PAYONCE_SANDBOX_RAIL_LOOKUP"].map(|name| sandbox_secret(name).unwrap());
    let away = |is_away: bool| {
        world.rail.set_secrets(if is_away {
            ["sk_test_other", "rk_test_other"].map(str::to_owned)
        } else {
            secrets.clone()
        });
    };
    away(true);
    world.clock.set(began + HOUR_MS + 600_000);
    assert!(matches!(reconciler.app.run_within(WITHIN).await, Err(AppError::PageLost(_))));
    assert_eq!(kept(&world).await, []);
    away(false);
    assert_eq!(reconciler.runs().await.runs, 1);
    assert_eq!(cases(&world).await, expected);
    // The next one is never answered, and what is behind it is not kept waiting for ever.
    away(true);
    world.clock.set(began + 2 * HOUR_MS + 700_000);
    assert!(matches!(reconciler.app.run_within(WITHIN).await, Err(AppError::PageLost(_))));
    world.clock.set(began + 2 * HOUR_MS + 700_000 + 12 * HOUR_MS);
    assert!(matches!(reconciler.app.run_within(WITHIN).await, Err(AppError::PageLost(_))));
    assert_eq!(kept(&world).await.len(), 2);
}

/// What came back after thirty days no later run asks for.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_page_of_what_is_looked_at_again_is_read_again_and_after_half_a_day_incomplete() {
    let world = World::start().await;
    let reconciler = reconciler(&world);
    let began = world.clock.now();
    world.rail.lose_lists_before(began - HOUR_MS);
    world.clock.set(began + HOUR_MS + 600_000);
    assert!(matches!(reconciler.app.run_within(WITHIN).await, Err(AppError::PageLost(_))));
    assert_eq!(kept(&world).await, []);
    world.clock.set(began + 2 * HOUR_MS + 12 * HOUR_MS);
    let _later_ones_are_lost_too = reconciler.app.run_within(WITHIN).await;
    let run = world.ledger.runs(None, 100).await.unwrap().pop().unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&run.manifest).unwrap();
    let rail = |gap: &&serde_json::Value| gap["book"] == "rail" && gap["lack"] == "due";
    assert!(manifest["incomplete"].as_array().unwrap().iter().any(|gap| rail(&gap)), "{manifest}");
    world.rail.lose_lists_before(0);
    assert!(reconciler.runs().await.runs >= 1);
}

/// The rail's book lacked two payouts and has them again: nobody was at work on the one, and somebody is on the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_break_that_is_explained_ends_its_case_unless_a_person_has_taken_it_up() {
    let world = World::start().await;
    let reconciler = reconciler(&world);
    let began = world.clock.now();
    let keys = ["first", "taken"].map(|name| payment(name, PAYEE, began));
    for event in &keys {
        assert_eq!(world.deliver(event).await.status, 200);
    }
    let keys = keys.map(|event| key_of(&event).to_string());
    let paid = world.rail.executed();
    keys.iter().for_each(|key| assert!(world.rail.change(key, |_| None)));
    world.clock.set(began + HOUR_MS + 600_000);
    assert_eq!(reconciler.runs().await.cases, 2);
    let of = async |key: &String| {
        let case = world.cases().await.into_iter().find(|case| case.key.as_ref().unwrap().as_str() == key).unwrap();
        world.ledger.case(&case.id()).await.unwrap().unwrap()
    };
    let (free, taken) = (of(&keys[0]).await, of(&keys[1]).await);
    let ann = Who { subject: "ann".into(), name: None };
    let act = CaseAct::Assign(ann.clone());
    world.ledger.act(&taken, &act, &ann, world.clock.now()).await.unwrap();

    world.rail.plant(paid);
    world.clock.set(began + 2 * HOUR_MS + 700_000);
    let report = reconciler.runs().await;
    assert_eq!((report.cases, report.explained), (0, 1));
    let free = world.ledger.case(&free.case.id()).await.unwrap().unwrap();
    assert!(free.is_explained());
    let history = world.ledger.history(&free.case.id()).await.unwrap();
    let last = history.last().unwrap();
    assert_eq!((last.act.as_str(), last.by.subject.as_str()), ("explained", "reconciler"));
    let rows: Value = serde_json::from_str(last.facts.get(FactName::BookExplains).unwrap()).unwrap();
    assert!(rows.as_array().unwrap().iter().any(|row| row["kind"] == "payout"), "{rows}");
    let told = world.ledger.case(&taken.case.id()).await.unwrap().unwrap();
    assert!(told.status.is_open() && told.evidence.get(FactName::BookExplains).is_some());
    assert_eq!(reconciler.last_line()["OpenBreaks"], 0);
}
