//! Samples of the books' pages. The runs are real: a month of made-up rows, reconciled day after day as the function does it.

use std::fs;
use std::io::BufReader;
use std::path::Path;
use std::sync::LazyLock;

use console::pages::*;
use payonce_books::intake::Intake;
use payonce_books::reconcile::{BREAKS, Books, CARRIED};
use payonce_books::said::{BreakLine, SaidLine, read};
use payonce_books::{line::Line, manifest};
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::order::{Destination, EventId};
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reconcile::rows::{Book, BookKey, Direction, RailState, Record, Row, RowId, Sum};
use payonce_protocol::reconcile::run::{Before, Window};
use payonce_protocol::reconcile::terms::{Gap, Settle, Why};
use payonce_statements::chain::Doubt;

use super::{DAY, HOUR, MARKUP, MINUTE, NOW, QUOTES, case, frame};

const DAYS: u64 = 36;
const SETTLE: Settle = Settle { provider_ms: 2 * HOUR, ours_ms: HOUR, rail_ms: HOUR, bank_ms: 2 * DAY };

pub struct RealRun {
    pub from: u64,
    pub to: u64,
    pub manifest: String,
    pub lines: Vec<SaidLine>,
}

/// What the books of one day say.
#[derive(Default)]
struct Day {
    rows: Vec<Row>,
    gaps: Vec<Gap>,
    from: u64,
}

impl Day {
    fn add(&mut self, key: &str, id: &str, minutes: u64, record: Record) {
        self.add_to("acct_1QfT7xLkdIwHu7", key, id, minutes, record);
    }

    /// To this payee, where such a row names one.
    fn add_to(&mut self, payee: &str, key: &str, id: &str, minutes: u64, record: Record) {
        let (key, id) = (BookKey::parse(key).unwrap(), RowId::new(id).unwrap());
        let names = matches!(record, Record::Event { .. } | Record::Claim { .. } | Record::Payout { .. });
        let payee = names.then(|| Destination::new(payee).unwrap());
        self.rows.push(Row { key, id, at: self.from + minutes * MINUTE, carried: false, payee, record });
    }

    fn lacks(&mut self, book: Book, hours: std::ops::Range<u64>, why: Why) {
        self.gaps.push(Gap { book, from: self.from + hours.start * HOUR, until: self.from + hours.end * HOUR, why });
    }

    /// All books agree, but for what is left out of them.
    fn paid(&mut self, name: &str, sum: Sum, without: &[&str]) -> String {
        let (key, at) = (format!("stripe/{name}"), 10 + self.rows.len() as u64);
        let event = EventId::new(format!("evt_{name}")).unwrap();
        let claim = Record::Claim { attempt: 1, event: event.clone(), sum, expires_at: self.from + (at + 2) * MINUTE };
        let outcome = Record::Outcome { attempt: 1, outcome: Outcome::Accepted };
        let payout = Record::Payout { sum, state: RailState::Paid, shows_at_bank: true };
        for (id, later, record) in [
            (event.to_string(), 0, Record::Event { sum: Some(sum) }),
            ("0001#claim".to_owned(), 1, claim),
            ("0001#outcome".to_owned(), 2, outcome),
            (format!("tr_{name}"), 2, payout),
            (format!("line_{name}"), 3, Record::Line { sum, direction: Direction::Out }),
        ] {
            if !without.contains(&record.kind()) {
                self.add(&key, &id, at + later, record);
            }
        }
        key
    }
}

fn sum(minor: u64, currency: &str) -> Sum {
    Sum::new(minor, currency.parse().unwrap()).unwrap()
}

fn day(number: u64) -> Day {
    let mut day = Day { from: NOW / DAY * DAY - (DAYS - number) * DAY, ..Day::default() };
    let name = |what: &str| format!("pi_{number:02}{what}");
    for payout in 0..4 + number % 3 {
        day.paid(&name(&format!("ok{payout}")), sum(123_450 + 1_000 * payout, "EUR"), &[]);
    }
    day.paid(&name("yen"), sum(98_000, "JPY"), &[]);
    if number % 5 == 1 {
        day.paid(&name("lost"), sum(4_200, "EUR"), &["claim", "outcome", "payout", "line"]);
    }
    if number % 9 == 4 {
        day.paid(&name("gone"), sum(61_200, "EUR"), &["payout", "line"]);
    }
    // What was missing at the rail stands there a day later.
    if number % 9 == 5 {
        let record = Record::Payout { sum: sum(61_200, "EUR"), state: RailState::Paid, shows_at_bank: false };
        day.add(&format!("stripe/pi_{:02}gone", number - 1), "tr_late", 30, record);
    }
    if number == 20 || number == 21 {
        day.lacks(Book::Rail, 9..14, Why::PageLost);
        day.lacks(Book::Provider, 0..24, Why::NotAskable);
    }
    day
}

/// The day with everything.
fn last_day() -> Day {
    let mut day = Day { rows: vec![], ..day(DAYS - 1) };
    for payout in 0..3 {
        day.paid(&format!("pi_ok{payout}"), sum(123_450, "EUR"), &[]);
    }
    day.paid("pi_3Qmissing", sum(61_200, "EUR"), &["payout", "line"]);
    day.paid("pi_3Qnotbanked", sum(8_800, "EUR"), &["line"]);
    for lost in 0..2 {
        day.paid(&format!("pi_3Qlost{lost}"), sum(4_200, "EUR"), &["claim", "outcome", "payout", "line"]);
    }
    let other = day.paid("pi_3Qother", sum(123_450, "EUR"), &["payout", "line"]);
    let paid =
        |minor, currency| Record::Payout { sum: sum(minor, currency), state: RailState::Paid, shows_at_bank: false };
    day.add(&other, "tr_3Qother", 70, paid(133_450, "EUR"));
    let elsewhere = day.paid("pi_3Qelsewhere", sum(5_200, "EUR"), &["payout"]);
    day.add_to("acct_1Somebody", &elsewhere, "tr_3Qelsewhere", 75, paid(5_200, "EUR"));
    let twice = day.paid("pi_3Qtwice", sum(29_900, "EUR"), &[]);
    day.add(&twice, "tr_3Qtwice_again", 95, paid(29_900, "EUR"));
    let back = day.paid("pi_3Qback", sum(2_500_000, "JPY"), &["payout"]);
    let returned = Record::Payout { sum: sum(2_500_000, "JPY"), state: RailState::Returned, shows_at_bank: false };
    day.add(&back, "tr_3Qback", 80, returned);
    let foreign = format!("!rail/acct_1QfT7xLkdIwHu7/tr_{MARKUP}");
    day.add(&foreign, &format!("tr_{MARKUP}"), 130, paid(77_700, "EUR"));
    let late = day.paid("pi_3Qlate", sum(5_400, "EUR"), &["outcome"]);
    day.add(&late, "0001#outcome", 20, Record::Outcome { attempt: 1, outcome: Outcome::Unknown });
    day.add(&late, "0001#late", 40, Record::Late { attempt: 1, outcome: Outcome::Accepted });
    let open = Record::Case {
        reason: Reason::PayoutUnknown,
        attempt: Some(1),
        event: None,
        is_open: true,
        ending: None,
        subject: None,
        sum: None,
    };
    day.add(&late, "case_1", 21, open.clone());
    let refused = day.paid("pi_3Qrefused", sum(19_900, "EUR"), &["outcome", "payout", "line"]);
    day.add(&refused, "0001#outcome", 20, Record::Outcome { attempt: 1, outcome: Outcome::Rejected });
    day.add(&refused, "case_2", 21, open);
    let by_hand = day.paid("pi_3Qbyhand", sum(31_000, "EUR"), &["outcome", "payout", "line"]);
    day.add(&by_hand, "0001#outcome", 20, Record::Outcome { attempt: 1, outcome: Outcome::NotSent });
    let ended = Record::Case {
        reason: Reason::PayoutNotSent,
        attempt: Some(1),
        event: None,
        is_open: false,
        ending: Some(Ending::PaidElsewhere),
        subject: None,
        sum: None,
    };
    day.add(&by_hand, "case_3", 21, ended);
    day.add(&by_hand, "by_hand", 90, Record::ByHand { sum: sum(31_000, "EUR"), shows_at_bank: false });
    day.paid("pi_3Qhung", sum(1_000, "EUR"), &["outcome", "payout", "line"]);
    let settles = day.paid("pi_3Qsettles", sum(700, "EUR"), &["claim", "outcome", "payout", "line", "event"]);
    day.add(&settles, "evt_late", 23 * 60, Record::Event { sum: Some(sum(700, "EUR")) });
    day
}

fn run(day: &Day, before: Option<&Before>, folders: [&Path; 2]) -> (Before, RealRun) {
    let mut carried = Intake::new(None, 1 << 16);
    if before.is_some() {
        carried.push_lines(BufReader::new(fs::File::open(folders[0].join(CARRIED)).unwrap())).unwrap();
    }
    let mut shelves = vec![carried.done().unwrap()];
    for book in Book::ALL {
        let mut intake = Intake::new(Some(*book), 1 << 16);
        day.rows.iter().filter(|row| row.record.book() == Some(*book)).for_each(|row| intake.push(row).unwrap());
        day.gaps.iter().filter(|gap| gap.book == *book).for_each(|gap| intake.lacks(*gap));
        shelves.push(intake.done().unwrap());
    }
    let (from, to) = (day.from, day.from + DAY);
    let books = Books { shelves, window: Window::new(from, to).unwrap(), settle: SETTLE, unread: Default::default() };
    let made = books.reconcile_into(folders[1], before).unwrap();
    let lines = read(BufReader::new(fs::File::open(folders[1].join(BREAKS)).unwrap())).map(Result::unwrap).collect();
    (made.as_before(), RealRun { from, to, manifest: manifest::to_json(&made).unwrap().to_string(), lines })
}

/// The latest last.
pub static RUNS: LazyLock<Vec<RealRun>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let of = |number: u64| folder.path().join(number.to_string());
    let (mut before, mut runs) = (None, vec![]);
    for number in 0..DAYS {
        let day = if number + 1 == DAYS { last_day() } else { day(number) };
        let (next, made) = run(&day, before.as_ref(), [&of(number.saturating_sub(1)), &of(number)]);
        before = Some(next);
        runs.push(made);
    }
    runs
});

fn said(run: &RealRun) -> RunSaid {
    RunSaid::read(&run.manifest).unwrap()
}

pub fn all(base: &str) -> Vec<(&'static str, String)> {
    let f = || frame(base, Section::Books, "Reconciliation");
    let last = RUNS.last().unwrap();
    let incomplete = &RUNS[20];
    let quiet = &RUNS[2];
    let unread = "The list of differences cannot be read: a part of it is missing or was changed.";
    vec![
        ("books", books(f(), true).render().unwrap()),
        ("books_few", books_few(f()).render().unwrap()),
        ("books_none", BooksPage { runs: vec![], has_next: false, ..books(f(), true) }.render().unwrap()),
        ("run", run_page(f(), last).render().unwrap()),
        ("run_incomplete", run_page(f(), incomplete).render().unwrap()),
        ("run_quiet", run_page(f(), quiet).render().unwrap()),
        ("run_unread", RunPage { breaks: BreakList::Not(unread), ..run_page(f(), last) }.render().unwrap()),
        ("bank", bank(f()).render().unwrap()),
        ("bank_none", BankPage { imports: vec![], more: 0, may_import: false, ..bank(f()) }.render().unwrap()),
        ("bank_plan", bank_check(f(), Checked::Plan(bank_plan())).render().unwrap()),
        ("bank_same", bank_check(f(), Checked::Same(bank(f()).imports.pop())).render().unwrap()),
        ("bank_refused", bank_check(f(), bank_refused()).render().unwrap()),
        ("case_event_missing", case_of_books(base, "event_missing", Reason::EventMissing).render().unwrap()),
        ("case_amount_mismatch", case_of_books(base, "amount_mismatch", Reason::AmountMismatch).render().unwrap()),
        ("case_payee_mismatch", case_of_books(base, "payee_mismatch", Reason::PayeeMismatch).render().unwrap()),
        ("case_payout_orphan", case_of_books(base, "payout_orphan", Reason::PayoutOrphan).render().unwrap()),
        ("case_payout_missing", case_of_books(base, "payout_missing", Reason::PayoutMissing).render().unwrap()),
        ("case_payout_returned", case_of_books(base, "payout_returned", Reason::PayoutReturned).render().unwrap()),
        ("case_late_outcome", case_of_books(base, "late_outcome", Reason::LateOutcome).render().unwrap()),
    ]
}

fn bank(frame: Frame) -> BankPage {
    let import = |days: Option<(&str, &str)>, name: &str, doubtful| ImportRow {
        at: NOW - 3 * HOUR,
        by: MARKUP.to_owned(),
        name: name.to_owned(),
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        days: days.map(|(first, last)| (first.to_owned(), last.to_owned())),
        new: 1_204,
        known: 31,
        changed: 1,
        doubtful,
    };
    let imports = vec![
        import(Some(("2026-11-23", "2026-11-23")), "camt053-2026-11-23.xml", 0),
        import(Some(("2026-11-20", "2026-11-22")), QUOTES, 2),
        import(None, "empty.csv", 0),
    ];
    let formats = ["camt", "mt940", "bai2", MARKUP].map(str::to_owned).to_vec();
    BankPage { frame, may_import: true, formats, imports, more: 7, bytes_at_most: 3 << 20 }
}

fn bank_check(frame: Frame, checked: Checked) -> BankCheckPage {
    let file = HeldFile { name: QUOTES.to_owned(), bytes: 48_211, base64: "PD94bWw+".to_owned() };
    let sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned();
    BankCheckPage { frame, file, sha256, format: Some(MARKUP.to_owned()), doubt: Doubt::Repeats, seen: 41, checked }
}

fn bank_plan() -> CheckedPlan {
    let line = |number: usize, says: &str| {
        format!("line {number}, Stmt[1]/Ntry[{number}]: {says} -42.00 EUR on 2026-11-23, {MARKUP}")
    };
    let sums = ["1000.00 EUR", "-84.00 EUR", "916.00 EUR"].map(str::to_owned);
    let told = |account: &str, sums| Told { account: account.to_owned(), days: "2026-11-23".to_owned(), sums };
    CheckedPlan {
        new: 102,
        known: 31,
        changed: 1,
        doubtful: 1,
        statements: vec![told("NL08PAYO0000000001", Some(sums)), told(MARKUP, None)],
        odd: (vec![line(7, "changed (servicer):"), line(9, "doubtful, changed (servicer) or a second one alike:")], 0),
        added: ((10..110).map(|number| line(number, "new:")).collect(), 2),
    }
}

fn bank_refused() -> Checked {
    let closes =
        "line 7, field 62F: 100.00 EUR and the rows (-12.34 EUR) make 87.66 EUR, but the closing balance is 90.00 EUR";
    Checked::Refused { lines: vec![closes.to_owned(), format!("line 9, {MARKUP}: is missing")], is_unplaced: true }
}

pub fn books(frame: Frame, is_first: bool) -> BooksPage {
    let row = |run: &RealRun| RunRow { from: run.from, to: run.to, said: RunSaid::read(&run.manifest) };
    let mut runs: Vec<RunRow> = RUNS.iter().rev().take(35).map(row).collect();
    runs[8].said = None;
    BooksPage { frame, runs, is_first, has_next: true }
}

fn books_few(frame: Frame) -> BooksPage {
    let mut page = books(frame, false);
    page.runs.truncate(3);
    page.has_next = false;
    page
}

pub fn run_page(frame: Frame, run: &RealRun) -> RunPage {
    let case = |said: &SaidLine| match said {
        SaidLine::Break(it) if it.kind != "payout_orphan" => Some(CaseLink {
            id: it.case.clone()?,
            reason: Reason::parse(it.reason.as_deref()?)?,
            status: Status::Open,
            since: it.at,
        }),
        _ => None,
    };
    let mut lines = run.lines.clone();
    in_order(&mut lines);
    let rows = lines.into_iter().map(|said| BreakRow { case: case(&said), said }).collect();
    RunPage {
        frame,
        finished_at: run.to + 2 * HOUR,
        said: said(run),
        breaks: BreakList::Shown { rows, number: 1, of: 3 },
    }
}

/// The facts as the reconciler files them.
fn facts(it: &BreakLine, run: u64) -> Facts {
    let rows = |rows: &[Line]| serde_json::to_string(rows).unwrap();
    let money = |sum: &Option<payonce_books::said::SumLine>| {
        let sum = sum.as_ref()?;
        let digits = if sum.currency == "JPY" { 0 } else { 2 };
        super::money(sum.minor, digits, &sum.currency).map(|money| money.to_string())
    };
    let facts = [
        (FactName::BookBreak, Some(it.subject())),
        (FactName::BookBreakKind, Some(it.kind.clone())),
        (FactName::Book, Some(it.book.clone())),
        (FactName::BookRow, Some(it.which.clone()).filter(|which| !which.is_empty())),
        (FactName::BookExpected, money(&it.expected)),
        (FactName::BookFound, money(&it.found)),
        (FactName::BookOurs, Some(rows(&it.ours)).filter(|_| !it.ours.is_empty())),
        (FactName::BookTheirs, Some(rows(&it.theirs)).filter(|_| !it.theirs.is_empty())),
        (FactName::BookRun, Some(run.to_string())),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

pub fn case_of_books(base: &str, kind: &str, reason: Reason) -> CasePage {
    let last = RUNS.last().unwrap();
    let mut breaks = last.lines.iter().filter_map(|line| match line {
        SaidLine::Break(it) if it.kind == kind && it.life == "new" => Some(it),
        _ => None,
    });
    let it = breaks.next_back().unwrap();
    let facts = facts(it, last.to);
    let mut page = case(frame(base, Section::Queue, "Case"));
    page.about.reason = reason;
    page.about.key = Some(it.key.clone()).filter(|key| !key.starts_with('!'));
    page.about.details =
        facts.iter().filter(|(name, _)| !CaseBooks::says(name)).map(|(a, b)| (a.clone(), b.clone())).collect();
    page.about.incident = None;
    page.books = CaseBooks::of(&facts);
    assert!(page.books.is_some());
    (page.standing, page.deliveries, page.compared) = (None, None, vec![]);
    if kind == "event_missing" {
        (page.about.attempt, page.about.rail) = (None, None);
    }
    page.offer = Offer { reissue: None, key_clock: None, looked_up: None };
    page.choices.endings.retain(|ending| ending.is_offered(reason, None));
    page.timeline.truncate(1);
    page.frame.banners.clear();
    page.frame.search = QUOTES.to_owned();
    page
}
