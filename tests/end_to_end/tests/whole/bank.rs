//! The bank's book in a run: a line is a payout's by our reference, it may be days later than the payout, and what no statement
//! covers proves nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use payonce_end_to_end::{PAYEE, World, book_settings, key_of, payment};
use payonce_ledger::{KeptImport, Who};
use payonce_protocol::ids::Digest;
use payonce_protocol::outcome::Reason;
use payonce_protocol::reconcile::finding::Finding;
use payonce_protocol::reconcile::rows::Book;
use payonce_protocol::reconcile::run::{Manifest, Window};
use payonce_protocol::reconcile::terms::Settle;
use payonce_statements::chain::Doubt;
use payonce_statements::import::{Imported, import};
use payonce_statements::kept::{Imports, Learned};
use payonce_statements::{Charset, Format, Limits};
use reconciler::{Account, App, Bank, Before, Lists, Parts, Settings, Windows, reconcile};

use crate::reconciles::breaks;

const HOUR_MS: u64 = 3_600_000;

/// MT940: what our reference says and how many cents moved.
fn statement(day: Date, opening: i64, rows: &[(String, i64)]) -> String {
    let short = day.strftime("%y%m%d").to_string();
    let written = |minor: i64| format!("{},{:02}", minor.abs() / 100, minor.abs() % 100);
    let side = |minor: i64| if minor < 0 { 'D' } else { 'C' };
    let balance = |minor: i64| format!("{}{short}EUR{}", side(minor), written(minor));
    let mut text = format!(":20:A\r\n:25:NL08PAYO0000000001\r\n:28C:1/1\r\n:60F:{}\r\n", balance(opening));
    for (reference, minor) in rows {
        let _ = write!(text, ":61:{short}{}{}NTRFNONREF\r\n:86:/EREF/{reference}\r\n", side(*minor), written(*minor));
    }
    let closing = opening + rows.iter().map(|(_, minor)| minor).sum::<i64>();
    text + &format!(":62F:{}\r\n-\r\n", balance(closing))
}

struct Desk {
    world: World,
    midnight: u64,
    imports: Imports,
    /// The line of the last import.
    last: String,
    folder: tempfile::TempDir,
}

impl Desk {
    /// Half past ten in the evening.
    async fn open() -> Self {
        let world = World::start().await;
        let midnight = world.clock.now();
        world.clock.advance(22 * HOUR_MS + HOUR_MS / 2);
        Self { world, midnight, imports: Imports::default(), last: String::new(), folder: tempfile::tempdir().unwrap() }
    }

    fn day(&self, number: u64) -> Date {
        let at = i64::try_from(self.midnight + number * 24 * HOUR_MS).unwrap();
        Timestamp::from_millisecond(at).unwrap().to_zoned(TimeZone::UTC).date()
    }

    fn learn(&mut self, text: &str) {
        let (format, known) = (Format::Mt940(Charset::Utf8), &self.imports.known);
        let read = import(&format, Limits::default(), &mut text.as_bytes(), known, Doubt::Refuse).unwrap();
        let Imported::Plan(plan) = read else { panic!("imported before") };
        let learned = Learned::of(&plan);
        self.last = learned.line().unwrap();
        self.imports.add(learned);
    }

    async fn pay(&self, name: &str) -> String {
        let event = payment(name, PAYEE, self.world.clock.now());
        assert_eq!(self.world.deliver(&event).await.outcome(), "accepted");
        self.world.clock.advance(60_000);
        key_of(&event).to_string()
    }

    /// Windows of two hours, of which the first ends at midnight. Two hours may pass until a line stands.
    async fn run(&self, number: u64) -> (Manifest, BTreeSet<(String, String, String)>) {
        let from = self.midnight + (22 + 2 * number) * HOUR_MS;
        let window = Window::new(from, from + 2 * HOUR_MS).unwrap();
        self.world.clock.set(window.to() + HOUR_MS);
        let settings = book_settings(Lists::default());
        let settings = Settings { settle: Settle { bank_ms: 2 * HOUR_MS, ..settings.settle }, ..settings };
        let of = |number: u64| self.folder.path().join(number.to_string());
        let before =
            number.checked_sub(1).map(|before| Before::read(&of(before)).unwrap().unwrap()).unwrap_or_default();
        let namespaces = BTreeSet::from(["stripe".to_owned()]);
        let bank = Bank { imports: &self.imports, account: Account::OfTheRail, namespaces: &namespaces };
        let (rail, folder) = (self.world.parts().1, of(number));
        let now = self.world.clock.now();
        let ran = reconcile(&self.world.ledger, &rail, &settings, window, &before, Some(bank), &folder, now).await;
        let manifest = ran.unwrap();
        assert!(manifest.statement.closes());
        (manifest, breaks(&folder))
    }
}

fn one(life: &str, kind: &str, key: &str) -> (String, String, String) {
    (life.to_owned(), kind.to_owned(), key.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_may_come_later_and_is_missing_after_that_until_it_comes() {
    let mut desk = Desk::open().await;
    let keys = [desk.pay("bank0").await, desk.pay("bank1").await, desk.pay("bank2").await];
    let line = |key: &str| (key.to_owned(), -4_200);
    desk.learn(&statement(desk.day(0), 1_000_000, &[line(&keys[0])]));
    let (manifest, none) = desk.run(0).await;
    assert_eq!(none, BTreeSet::new());
    assert_eq!((manifest.statement.count(Finding::Pending), manifest.statement.count(Finding::Reconciled)), (2, 1));

    let next = desk.day(1);
    desk.learn(&statement(next, 995_800, &[line(&keys[1])]));
    let (manifest, missing) = desk.run(1).await;
    assert_eq!(missing, [one("new", "payout_missing", &keys[2])].into());
    assert_eq!(manifest.statement.open.now(), 1);

    // A later export of the same day has it.
    desk.learn(&statement(next, 995_800, &[line(&keys[1]), line(&keys[2])]));
    let (manifest, gone) = desk.run(2).await;
    assert_eq!(gone, [one("gone", "", &keys[2])].into());
    assert_eq!(manifest.statement.open.now(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn unmarked_debits_second_lines_and_returns_are_breaks_and_income_is_none() {
    let mut desk = Desk::open().await;
    let keys = [desk.pay("odd0").await, desk.pay("odd1").await];
    let rows = [
        (keys[0].clone(), -4_200),
        (keys[1].clone(), -4_200),
        (keys[1].clone(), -4_200),
        (format!("{}/RTRN/AC04", keys[0]), 4_200),
        ("INVOICE-7".to_owned(), -700),
        ("TOP-UP".to_owned(), 50_000),
    ];
    desk.learn(&statement(desk.day(0), 1_000_000, &rows));
    let marked = |life| [one(life, "payout_returned", &keys[0]), one(life, "paid_twice", &keys[1])];
    assert_eq!(desk.run(0).await.1, marked("new").into());
    // What the bank has booked at the end of a day may be of the rail's next minutes.
    let next = desk.day(1);
    desk.learn(&statement(next, 1_040_900, &[]));
    let (unmarked, found): (BTreeSet<_>, BTreeSet<_>) =
        desk.run(1).await.1.into_iter().partition(|(_, _, key)| key.starts_with("!bank/NL08PAYO0000000001/"));
    assert_eq!(unmarked.iter().map(|(_, kind, _)| kind.as_str()).collect::<Vec<_>>(), ["payout_orphan"]);
    assert_eq!(found, marked("persisting").into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_no_statement_covers_proves_nothing_missing() {
    let mut desk = Desk::open().await;
    desk.pay("unseen").await;
    desk.learn(&statement(desk.day(0), 1_000_000, &[]));
    desk.run(0).await;
    let (manifest, none) = desk.run(1).await;
    assert_eq!((none, manifest.statement.count(Finding::Incomplete)), (BTreeSet::new(), 1));
}

const DAY_MS: u64 = 24 * HOUR_MS;
const WITHIN: std::time::Duration = std::time::Duration::from_secs(600);

/// A deployed stack: people import files in the console, and the reconciler reconciles days. Two days may pass until a line stands.
struct Deployed {
    desk: Desk,
    app: App,
    closing: i64,
}

impl Deployed {
    async fn open() -> Self {
        Self::beginning(0).await
    }

    /// Its books are held against each other from this day on.
    async fn beginning(day: u64) -> Self {
        let desk = Desk::open().await;
        desk.world.clock.advance(day * DAY_MS);
        let app = Self::app(&desk, desk.midnight + day * DAY_MS, 2);
        Self { desk, app, closing: 1_000_000 }
    }

    /// So many days may pass until a line stands.
    fn app(desk: &Desk, first: u64, bank_days: u64) -> App {
        let parts = desk.world.reconciler(Lists::default(), first, desk.folder.path());
        let settle = Settle { bank_ms: bank_days * DAY_MS, ..parts.settings.settle };
        App::new(Parts { settings: Settings { settle, ..parts.settings }, windows: Windows::Of(DAY_MS), ..parts })
    }

    /// The bank's file of this day, as the console keeps it.
    async fn import(&mut self, day: u64, rows: &[(String, i64)]) {
        self.import_as(day, rows, str::to_owned).await;
    }

    /// Of the third day nobody has the file; the balance of the next one shows that something was booked.
    async fn import_but_the_third(&mut self, day: u64) {
        match day {
            2 => self.closing -= 700,
            _ => self.import(day, &[]).await,
        }
    }

    /// And what another bank's would have said of it: `said` changes the file, and what is learned of it.
    async fn import_as(&mut self, day: u64, rows: &[(String, i64)], said: impl Fn(&str) -> String) {
        let text = said(&statement(self.desk.day(day), self.closing, rows));
        self.closing += rows.iter().map(|(_, minor)| minor).sum::<i64>();
        let before = self.desk.imports.last();
        self.desk.learn(&text);
        let line = said(&self.desk.last);
        let ledger = &self.desk.world.ledger;
        let learned = Learned::read(line.as_bytes()).unwrap();
        let import = KeptImport {
            number: before + 1,
            at: self.desk.world.clock.now(),
            by: Who { subject: "ann".to_owned(), name: None },
            name: format!("{day}.sta"),
            file: Digest::of(&text),
            days: learned.days().map(|(first, last)| (first.to_string(), last.to_string())),
            new: rows.len() as u64,
            known: 0,
            changed: 0,
            doubtful: 0,
            kept: ledger.keep_import_lines(line.as_bytes()).await.unwrap(),
        };
        assert!(ledger.finish_import(&import).await.unwrap());
    }

    /// At one in the morning after this day. What the run says, and its breaks.
    async fn run(&self, day: u64) -> (serde_json::Value, BTreeSet<(String, String, String)>) {
        self.run_after(1, day).await
    }

    /// The last of so many days of which none was reconciled.
    async fn run_after(&self, days: u32, day: u64) -> (serde_json::Value, BTreeSet<(String, String, String)>) {
        let world = &self.desk.world;
        world.clock.set(self.desk.midnight + (day + 1) * DAY_MS + HOUR_MS);
        assert_eq!(self.app.run_within(WITHIN).await.unwrap().runs, days, "{day}");
        let run = world.ledger.runs(None, 1).await.unwrap().remove(0);
        let lines = world.ledger.run_file(&run, "breaks.jsonl").await.unwrap().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("breaks.jsonl"), lines).unwrap();
        (serde_json::from_str(&run.manifest).unwrap(), breaks(folder.path()))
    }
}

/// What its book is to the run.
fn of_the_bank(manifest: &serde_json::Value) -> &'static str {
    let gaps = manifest["incomplete"].as_array().unwrap().iter().filter(|gap| gap["book"] == "bank");
    let all: Vec<&str> = gaps.map(|gap| gap["lack"].as_str().unwrap()).collect();
    ["due", "awaited"].into_iter().find(|word| all.contains(word)).unwrap_or("whole")
}

/// Of a day, the key of an unmarked line stands for itself.
fn without_unmarked(found: BTreeSet<(String, String, String)>) -> (usize, BTreeSet<(String, String, String)>) {
    let (unmarked, marked): (BTreeSet<_>, BTreeSet<_>) = found.into_iter().partition(|(.., key)| key.starts_with('!'));
    (unmarked.len(), marked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_days_file_that_is_imported_after_its_run_is_held_against_that_day_by_the_next() {
    let mut stack = Deployed::open().await;
    // The bank's book begins with a day before the first payout.
    stack.import(0, &[]).await;
    stack.run(0).await;
    let mut keys = vec![];
    for name in ["lined", "missing", "back", "twice"] {
        keys.push(stack.desk.pay(name).await);
    }
    let pending = |manifest: &serde_json::Value| manifest["findings"]["pending"].as_u64().unwrap_or_default();
    let incomplete = |manifest: &serde_json::Value| manifest["findings"]["incomplete"].as_u64().unwrap_or_default();

    // Nobody has the file of that day yet: its payouts wait for it, and the bank is not called incomplete for it.
    let (manifest, none) = stack.run(1).await;
    assert_eq!((pending(&manifest), none), (4, BTreeSet::new()), "{manifest}");

    let [lined, missing, back, twice] = &keys[..] else { panic!("four") };
    let rows = [
        (lined.clone(), -4_200),
        (back.clone(), -4_200),
        (format!("{back}/RTRN/AC04"), 4_200),
        (twice.clone(), -4_200),
        (twice.clone(), -4_200),
        ("INVOICE-7".to_owned(), -700),
    ];
    stack.import(1, &rows).await;
    let asked = stack.desk.world.rail.connections();
    let (manifest, found) = stack.run(2).await;
    let marked = |life| [one(life, "payout_returned", back), one(life, "paid_twice", twice)];
    assert_eq!(without_unmarked(found), (1, marked("new").into()));
    assert_eq!(pending(&manifest), 1, "{manifest}");
    // What the rail was seen to have paid is not asked for there again.
    assert_eq!(stack.desk.world.rail.connections() - asked, 4, "the book of the window, and of three earlier ones");

    // Its two days are over, and of the second no file speaks.
    let (manifest, found) = stack.run(3).await;
    assert_eq!((without_unmarked(found), incomplete(&manifest)), ((1, marked("persisting").into()), 1), "{manifest}");

    stack.import(2, &[]).await;
    stack.import(3, &[]).await;
    let (manifest, found) = stack.run(4).await;
    let all: BTreeSet<_> = marked("persisting").into_iter().chain([one("new", "payout_missing", missing)]).collect();
    assert_eq!((without_unmarked(found), incomplete(&manifest)), ((1, all), 0), "{manifest}");
    let cases = stack.desk.world.ledger.cases_of_key(missing).await.unwrap();
    assert_eq!(cases.iter().map(|filed| filed.case.reason).collect::<Vec<_>>(), [Reason::PayoutMissing]);

    // It was on its way for three days.
    stack.import(4, &[(missing.clone(), -4_200)]).await;
    let (_, found) = stack.run(5).await;
    assert!(found.contains(&one("gone", "", missing)), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_file_no_run_speaks_of_the_bank() {
    let stack = Deployed::open().await;
    let key = stack.desk.pay("unbanked").await;
    let (manifest, none) = stack.run(0).await;
    assert_eq!((manifest["findings"]["reconciled"].as_u64(), none), (Some(1), BTreeSet::new()), "{key} {manifest}");
    assert!(!manifest["incomplete"].to_string().contains("bank"), "{manifest}");
}

/// What a lost file held is in no later window: a return there, or a debit that nobody asked for, would never be seen to be missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_between_imported_ones_is_lacking_in_the_run_in_which_its_time_is_over() {
    let mut stack = Deployed::open().await;
    let mut said = vec![];
    for day in 0..7 {
        stack.import_but_the_third(day).await;
        let (manifest, none) = stack.run(day).await;
        assert_eq!(none, BTreeSet::new(), "{day}");
        said.push(of_the_bank(&manifest));
    }
    assert_eq!(said, ["whole", "whole", "awaited", "awaited", "due", "whole", "whole"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sum_whose_payouts_are_not_listed_is_lacking_as_long_as_its_list() {
    let mut stack = Deployed::open().await;
    stack.import(0, &[]).await;
    stack.run(0).await;
    let key = stack.desk.pay("summed").await;
    let of_three = |line: &str| line.replacen("\"transactions\":null", "\"transactions\":3", 1);
    stack.import_as(1, &[("BATCH-1".to_owned(), -12_600)], of_three).await;
    for day in 1..6 {
        if day > 1 {
            stack.import(day, &[]).await;
        }
        let (manifest, none) = stack.run(day).await;
        assert_eq!(none, BTreeSet::new(), "{day}: nobody knows whether {key} is among the three");
        let seen = (of_the_bank(&manifest), manifest["findings"]["incomplete"].as_u64().unwrap_or_default());
        assert_eq!(
            seen,
            [("awaited", 0), ("awaited", 0), ("due", 1), ("whole", 1), ("whole", 1)][day as usize - 1],
            "{day}: {manifest}"
        );
    }
}

/// Files are imported late, and the days that they speak of are reconciled.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_of_a_day_that_is_long_over_is_said_by_the_run_that_learns_of_it() {
    let mut stack = Deployed::open().await;
    stack.import(0, &[]).await;
    stack.run(0).await;
    stack.run_after(4, 4).await;
    let of_three = |line: &str| line.replacen("\"transactions\":null", "\"transactions\":3", 1);
    stack.import_as(1, &[("BATCH-1".to_owned(), -12_600)], of_three).await;
    let mut said = vec![];
    for day in 2..8 {
        stack.import(day, &[]).await;
        if day >= 5 {
            said.push(of_the_bank(&stack.run(day).await.0));
        }
    }
    assert_eq!(said, ["due", "whole", "whole"]);
}

/// A run does not read what speaks of days that are long over, and knows all the same that it is there.
#[tokio::test(flavor = "multi_thread")]
async fn three_months_without_a_file_are_not_forgotten_and_an_old_file_is_new_once() {
    const LATER: u64 = 100;
    let mut stack = Deployed::beginning(LATER).await;
    stack.import(0, &[]).await;
    let key = stack.desk.pay("unbanked").await;
    let mut rows = vec![];
    for day in LATER..LATER + 6 {
        if day == LATER + 2 {
            stack.import(1, &[(key.clone(), -4_200), (format!("{key}/RTRN/AC04"), 4_200)]).await;
        }
        let (manifest, _) = stack.run(day).await;
        assert_eq!(of_the_bank(&manifest), "due", "{day}: {manifest}");
        rows.push(manifest["rows"]["bank"].as_u64().unwrap_or_default());
    }
    assert_eq!(rows, [0, 0, 2, 0, 0, 0]);
}

/// A lost day of the one account is not forgotten when a file of another comes.
#[tokio::test(flavor = "multi_thread")]
async fn each_account_has_days_of_its_own_and_stays_one_when_its_files_are_old() {
    let other = |line: &str| line.replace("NL08PAYO0000000001", "NL91PAYO0000000002");
    let mut stack = Deployed::open().await;
    let mut said = vec![];
    for day in 0..6 {
        stack.import_but_the_third(day).await;
        if day >= 3 {
            stack.import_as(day, &[], other).await;
        }
        said.push(of_the_bank(&stack.run(day).await.0));
    }
    assert_eq!(
        said,
        ["whole", "whole", "awaited", "awaited", "due", "whole"],
        "the other account begins with the fourth day"
    );

    const LATER: u64 = 100;
    let mut stack = Deployed::beginning(LATER).await;
    stack.import(0, &[]).await;
    stack.desk.pay("unseen").await;
    for day in LATER..LATER + 5 {
        stack.import_as(day, &[], other).await;
        let (manifest, found) = stack.run(day).await;
        assert_eq!((of_the_bank(&manifest), found), ("due", BTreeSet::new()), "{day}: {manifest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_first_file_what_carries_our_mark_is_held_against_what_was_reconciled_before() {
    let mut stack = Deployed::open().await;
    let keys = [stack.desk.pay("lined").await, stack.desk.pay("back").await, stack.desk.pay("twice").await];
    stack.run(0).await;
    let [lined, back, twice] = &keys;
    let line = |key: &String| (key.clone(), -4_200);
    let returned = (format!("{back}/RTRN/AC04"), 4_200);
    let foreign = ("INVOICE-7".to_owned(), -700);
    stack.import(0, &[line(lined), line(back), returned, line(twice), line(twice), foreign]).await;
    for day in 1..3 {
        let (manifest, found) = stack.run(day).await;
        let life = if day == 1 { "new" } else { "persisting" };
        let marked = [one(life, "payout_returned", back), one(life, "paid_twice", twice)];
        assert_eq!(found, marked.into(), "{day}: what else moved is from before anybody compared it: {manifest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lacking_day_is_told_by_an_invocation_that_goes_on_to_later_days() {
    let mut stack = Deployed::open().await;
    for day in 0..6 {
        stack.import_but_the_third(day).await;
    }
    stack.desk.world.clock.set(stack.desk.midnight + 6 * DAY_MS + HOUR_MS);
    let report = stack.app.run_within(WITHIN).await.unwrap();
    assert_eq!((report.runs, report.incomplete), (6, 1));
    assert_eq!(
        of_the_bank(&serde_json::from_str(&stack.desk.world.ledger.runs(None, 1).await.unwrap()[0].manifest).unwrap()),
        "whole"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_was_waited_for_is_lacking_when_the_time_of_lines_is_shortened() {
    let mut stack = Deployed::open().await;
    let mut said = vec![];
    for day in 0..6 {
        stack.import_but_the_third(day).await;
        if day == 4 {
            stack.app = Deployed::app(&stack.desk, stack.desk.midnight, 1);
        }
        said.push(of_the_bank(&stack.run(day).await.0));
    }
    assert_eq!(said, ["whole", "whole", "awaited", "awaited", "due", "whole"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_counted_by_one_run_however_short_its_window() {
    let mut desk = Desk::open().await;
    desk.learn(&statement(desk.day(0), 1_000_000, &[]));
    desk.run(0).await;
    desk.learn(&statement(desk.day(1), 1_000_000, &[("INVOICE-7".to_owned(), -700)]));
    let mut rows = vec![];
    for number in 1..4 {
        rows.push(desk.run(number).await.0.rows.get(&Book::Bank).copied().unwrap_or_default());
    }
    assert_eq!(rows, [1, 0, 0]);
}

/// One that was closed, or that somebody imported by mistake.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_left_out_is_waited_for_no_more_and_its_rows_do_not_count() {
    let mistaken = |line: &str| line.replace("NL08PAYO0000000001", "NL91PAYO0000000002");
    let mut stack = Deployed::open().await;
    stack.import_as(0, &[("SALARY-7".to_owned(), -90_000)], mistaken).await;
    stack.closing = 1_000_000;
    let mut said = vec![];
    for day in 0..5 {
        stack.import(day, &[]).await;
        if day == 4 {
            let parts = stack.desk.world.reconciler(Lists::default(), stack.desk.midnight, stack.desk.folder.path());
            let left_out = BTreeSet::from(["NL91PAYO0000000002".to_owned()]);
            let settings = Settings { left_out, ..parts.settings };
            stack.app = App::new(Parts { settings, windows: Windows::Of(DAY_MS), ..parts });
        }
        let (manifest, found) = stack.run(day).await;
        said.push((of_the_bank(&manifest), without_unmarked(found).0));
    }
    assert_eq!(said.iter().map(|(of, _)| *of).collect::<Vec<_>>(), ["whole", "awaited", "awaited", "due", "whole"]);
    assert_eq!(said[4].1, 1, "the break that was found stays until a person ends its case");
}
