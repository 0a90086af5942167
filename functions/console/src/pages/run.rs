//! One run of the books: what it came to, what it could read, its statement, and every difference with its case.

use askama::Template;
use payonce_books::said::{BreakLine, GoneLine, SaidLine, SumLine};
use payonce_protocol::UnixMillis;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::finding::Life;
use payonce_protocol::reconcile::rows::Book;
use payonce_protocol::reconcile::run::RunVerdict;
use payonce_protocol::reconcile::terms::{Gap, Why};

use super::book_words::{self, RowSaid, book_sum, signed_count, signed_sum, whose, why};
use super::books::number;
use super::case::CaseLink;
use super::format::{Moment as _, Text as _, moment, shown};
use super::frame::Frame;
use super::icon::Icon;
use super::run_said::{Bridge, RunSaid};
use super::words::Words as _;
use crate::cases::spreadsheet::Style;

/// Of one book; a lost page is one gap, and a thousand rows that cannot be read are a thousand.
const GAPS_SHOWN: usize = 8;
/// Of what explains a break that is gone.
const ROWS_SHOWN: usize = 4;

/// A break, or one of the run before that is explained now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakRow {
    pub said: SaidLine,
    /// Where there is one.
    pub case: Option<CaseLink>,
}

/// What could be read of a run's list of breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakList {
    /// Of page `number`, which begins at 1, of `of`.
    Shown { rows: Vec<BreakRow>, number: usize, of: usize },
    /// In a sentence, why not.
    Not(&'static str),
}

#[derive(Clone, Debug, Template)]
#[template(path = "run.html", whitespace = "minimize")]
pub struct RunPage {
    pub frame: Frame,
    pub finished_at: UnixMillis,
    pub said: RunSaid,
    pub breaks: BreakList,
}

/// A source's line.
struct Source {
    book: Book,
    rows: String,
    label: String,
    tone: &'static str,
    icon: Icon,
    gaps: Vec<String>,
    more: usize,
}

struct Step {
    sign: &'static str,
    what: &'static str,
    says: &'static str,
    count: String,
    sum: String,
    class: &'static str,
}

impl RunPage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn known(&self) -> String {
        let said = &self.said;
        let all = said.breaks(Life::New) + said.breaks(Life::Persisting);
        let more = match all {
            0 => String::new(),
            1 if said.verdict == RunVerdict::Incomplete => " One difference shows all the same.".to_owned(),
            all if said.verdict == RunVerdict::Incomplete => {
                format!(" {} differences show all the same.", number(all))
            }
            _ => String::new(),
        };
        format!("{}{more}", said.verdict.says())
    }

    fn sources(&self) -> Vec<Source> {
        Book::ALL.iter().map(|book| self.source(*book)).collect()
    }

    fn source(&self, book: Book) -> Source {
        let said = &self.said;
        let gaps: Vec<&Gap> = said.gaps_of(book).collect();
        let rows = said.rows.get(&book).copied().unwrap_or_default();
        let first = gaps.iter().map(|gap| gap.from).min();
        let is_none_kept = gaps.iter().any(|gap| gap.why == Why::NotAskable);
        let (label, tone, icon) = match first {
            // A run does not say whether a statement of the bank was meant to be there.
            None if book == Book::Bank && rows == 0 => ("No line of it was read".to_owned(), "none", Icon::NoAttempt),
            None => (format!("Complete until {}", moment(said.to)), "good", Icon::Done),
            // It tells of a day after it is over: how far its files reach is said by where they end.
            Some(from) if book == Book::Bank && matches!(gaps[..], [gap] if gap.why == Why::ReportNotReady) => {
                (format!("Complete until {}", moment(from)), "warn", Icon::Missing)
            }
            Some(_) if is_none_kept => ("Not kept for us".to_owned(), "warn", Icon::Missing),
            Some(from) if from > said.from => (format!("Complete until {}", moment(from)), "warn", Icon::Missing),
            Some(_) => ("Not complete".to_owned(), "warn", Icon::Missing),
        };
        let more = gaps.len().saturating_sub(GAPS_SHOWN);
        let gaps = gaps.into_iter().take(GAPS_SHOWN).map(|gap| self.gap(gap)).collect();
        Source { book, rows: number(rows), label, tone, icon, gaps, more }
    }

    fn gap(&self, gap: &Gap) -> String {
        let is_all = gap.from <= self.said.from && self.said.to <= gap.until;
        let when = if is_all { "All of this time".to_owned() } else { times(gap) };
        let why = match (gap.book, gap.why) {
            (Book::Bank, Why::ReportNotReady) => "No file that was imported speaks of it yet.",
            (_, other) => why(other),
        };
        format!("{when}: {why}")
    }

    fn earlier(&self) -> Vec<String> {
        let earlier = self.said.earlier_gaps().take(GAPS_SHOWN * 2);
        earlier.map(|gap| format!("{}, {}: {}", gap.book.label(), times(gap), why(gap.why))).collect()
    }

    fn keys(&self) -> Vec<(&'static str, &'static str, String)> {
        let all = self.said.findings.iter().filter(|(_, count)| **count > 0);
        all.map(|(finding, count)| (finding.label(), finding.says(), number(*count))).collect()
    }

    fn open_words(&self) -> String {
        let open = self.said.open;
        format!(
            "{} were not done with before, {} came, {} are done with now: {} are carried into the next run.",
            number(open.before),
            number(open.new),
            number(open.gone),
            number(open.now)
        )
    }

    fn count_words(&self) -> String {
        let of = |life| number(self.said.breaks(life));
        format!("{} new, {} still there, {} gone", of(Life::New), of(Life::Persisting), of(Life::Gone))
    }

    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.frame.run(self.said.to))
    }

    fn styles(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        Style::ALL.iter().map(|style| (style.as_str(), style.label(), *style == Style::default()))
    }

    fn page(&self, number: usize) -> String {
        format!("{}?page={number}#h-breaks", self.frame.run(self.said.to))
    }
}

fn times(gap: &Gap) -> String {
    // One row of a book that could not be read lasts for a millisecond.
    let is_moment = gap.until.saturating_sub(gap.from) <= 1;
    if is_moment { gap.from.utc() } else { format!("{} to {}", moment(gap.from), moment(gap.until)) }
}

impl Bridge {
    /// From what was asked for down to nothing.
    fn steps(&self) -> Vec<Step> {
        let step = |sign, what, says, total, class| Step {
            sign,
            what,
            says,
            count: signed_count(total),
            sum: signed_sum(total, &self.currency),
            class,
        };
        let mut steps = vec![
            step("", "Carried from earlier runs", "Not done with when this run began", self.carried, ""),
            step("+", "Asked for", "Orders that we took in this time", self.asked, ""),
            step("\u{2212}", "Paid by the rail", "By the rail's book", self.paid, ""),
            step("\u{2212}", "Paid by hand", "By two people's word", self.by_hand, ""),
            step("=", "To be explained", "", self.open(), "total"),
        ];
        let findings = self.left.iter().filter(|(_, total)| !total.is_zero());
        steps.extend(findings.map(|(finding, total)| step("\u{2212}", finding.label(), finding.says(), *total, "")));
        let difference = self.difference();
        let class = if difference.is_zero() { "total closes" } else { "total open" };
        steps.push(step("=", "Not explained", "", difference, class));
        steps
    }

    fn closes(&self) -> bool {
        self.difference().is_zero()
    }
}

impl BreakRow {
    fn kind(&self) -> String {
        let (kind, book) = match &self.said {
            SaidLine::Break(it) => (it.kind.as_str(), it.book.as_str()),
            SaidLine::Gone(gone) => {
                let mut parts = gone.subject.splitn(3, ':');
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
        };
        match (BreakKind::parse(kind), Book::parse(book)) {
            (Some(kind), Some(book)) => book_words::break_said(kind, book).label.to_owned(),
            _ => shown(kind).replace('_', " "),
        }
    }

    fn life(&self) -> Option<Life> {
        match &self.said {
            SaidLine::Break(it) => Life::parse(&it.life),
            SaidLine::Gone(_) => Some(Life::Gone),
        }
    }

    fn life_words(&self) -> (&'static str, &'static str, Icon) {
        self.life().map_or(("Not known", "none", Icon::NoAttempt), |life| {
            let (tone, icon) = book_words::life_tone(life);
            (life.label(), tone, icon)
        })
    }

    fn key(&self) -> &str {
        match &self.said {
            SaidLine::Break(it) => &it.key,
            SaidLine::Gone(GoneLine { key, .. }) => key,
        }
    }

    /// What carries no mark of ours has no payout key.
    fn payout_key(&self) -> Option<&str> {
        let key = self.key();
        (!key.starts_with('!') && PayoutKey::new(key).is_ok()).then_some(key)
    }

    /// `rail tr_1`: whose, and its id there.
    fn unmarked(&self) -> String {
        let mut parts = self.key().trim_start_matches('!').splitn(3, '/');
        let (book, rest) = (parts.next().unwrap_or_default(), parts.last());
        let whose = Book::parse(book).map_or("a book", whose);
        rest.map_or_else(|| self.key().to_owned(), |id| format!("{id}, in {whose}"))
    }

    fn it(&self) -> Option<&BreakLine> {
        match &self.said {
            SaidLine::Break(it) => Some(it),
            SaidLine::Gone(_) => None,
        }
    }

    fn sum(of: Option<&SumLine>) -> String {
        of.map_or_else(|| "–".to_owned(), |sum| book_sum(sum.minor, &sum.currency))
    }

    fn expected(&self) -> String {
        Self::sum(self.it().and_then(|it| it.expected.as_ref()))
    }

    fn found(&self) -> String {
        Self::sum(self.it().and_then(|it| it.found.as_ref()))
    }

    fn explained(&self) -> Vec<RowSaid> {
        match &self.said {
            SaidLine::Gone(gone) => gone.explained_by.iter().take(ROWS_SHOWN).map(book_words::row).collect(),
            SaidLine::Break(_) => vec![],
        }
    }

    /// Where there is no case, why not.
    fn no_case(&self) -> &'static str {
        match &self.said {
            SaidLine::Break(it) if it.case.is_none() => "None: payouts are on hold until it is understood",
            SaidLine::Break(_) => "None was filed",
            SaidLine::Gone(_) => "–",
        }
    }
}

/// Those that are work before those that are done.
pub fn in_order(lines: &mut [SaidLine]) {
    let place = |line: &SaidLine| match line {
        SaidLine::Break(it) if Life::parse(&it.life) == Some(Life::New) => 0,
        SaidLine::Break(_) => 1,
        SaidLine::Gone(_) => 2,
    };
    lines.sort_by_key(place);
}
