//! On the page of a case that the books opened: what differs from what, each side's rows as they stood, and the way to the run.

use payonce_books::line::Line;
use payonce_protocol::UnixMillis;
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::money::Money;
use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::rows::Book;

use super::book_words::{self, BreakSaid, RowSaid, break_said, whose};
use super::format::money;

/// What this section says, and no list of facts beside it.
const SAID_HERE: [FactName; 8] = [
    FactName::BookBreakKind,
    FactName::Book,
    FactName::BookRow,
    FactName::BookExpected,
    FactName::BookFound,
    FactName::BookOurs,
    FactName::BookTheirs,
    FactName::BookRun,
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseBooks {
    kind: BreakKind,
    book: Book,
    /// Of the book, the row that it is about.
    row: Option<String>,
    expected: Option<String>,
    found: Option<String>,
    apart: Option<String>,
    ours: Vec<Line>,
    theirs: Vec<Line>,
    run: Option<UnixMillis>,
}

/// One side's column.
pub(crate) struct Side {
    pub title: String,
    pub rows: Vec<RowSaid>,
    /// What an empty column means.
    pub none: &'static str,
}

impl CaseBooks {
    /// From the facts of a case. `None`: the books did not open it, or another version did, whose facts are then shown as they are.
    pub fn of(facts: &Facts) -> Option<Self> {
        let lines = |name| facts.get(name).map_or(Some(vec![]), |rows| serde_json::from_str::<Vec<Line>>(rows).ok());
        let sum = |name| facts.get(name).map(|text| (text, amount(text)));
        let (expected, found) = (sum(FactName::BookExpected), sum(FactName::BookFound));
        let both = expected.and_then(|(_, sum)| sum).zip(found.and_then(|(_, sum)| sum));
        let apart = both.filter(|(expected, found)| !expected.same_sum(found));
        let shown = |(text, sum): (&str, Option<Money>)| sum.map_or_else(|| text.to_owned(), |sum| money(&sum));
        Some(Self {
            kind: BreakKind::parse(facts.get(FactName::BookBreakKind)?)?,
            book: Book::parse(facts.get(FactName::Book)?)?,
            row: facts.get(FactName::BookRow).map(str::to_owned),
            expected: expected.map(shown),
            found: found.map(shown),
            apart: apart.and_then(|(expected, found)| crate::cases::comparison::difference(&expected, &found)),
            ours: lines(FactName::BookOurs)?,
            theirs: lines(FactName::BookTheirs)?,
            run: facts.moment(FactName::BookRun),
        })
    }

    pub fn says(name: &str) -> bool {
        SAID_HERE.iter().any(|said| said.as_str() == name)
    }

    fn said(&self) -> BreakSaid {
        break_said(self.kind, self.book)
    }

    pub(crate) fn label(&self) -> &'static str {
        self.said().label
    }

    pub(crate) fn known(&self) -> &'static str {
        self.said().known
    }

    pub(crate) fn advice(&self) -> &'static str {
        self.said().advice
    }

    pub(crate) fn row(&self) -> Option<String> {
        self.row.as_ref().map(|row| format!("{row}, in {}", whose(self.book)))
    }

    pub(crate) fn expected(&self) -> Option<&str> {
        self.expected.as_deref()
    }

    pub(crate) fn found(&self) -> Option<&str> {
        self.found.as_deref()
    }

    pub(crate) fn apart(&self) -> Option<&str> {
        self.apart.as_deref()
    }

    pub(crate) fn run(&self) -> Option<UnixMillis> {
        self.run
    }

    pub(crate) fn sides(&self) -> [Side; 2] {
        let side =
            |title: String, rows: &[Line], none| Side { title, rows: rows.iter().map(book_words::row).collect(), none };
        // Of a difference within our own records, the rail's rows stand beside them.
        let theirs = if self.book == Book::Ours { Book::Rail } else { self.book };
        let theirs = whose(theirs).trim_start_matches("the ");
        [
            side("Our own book".to_owned(), &self.ours, "Nothing of this payout was in our records."),
            side(format!("The {theirs}"), &self.theirs, "Nothing of this payout was in it."),
        ]
    }
}

/// As `Money` writes itself.
fn amount(text: &str) -> Option<Money> {
    let (number, currency) = text.split_once(' ')?;
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    let minor = format!("{whole}{rest}").parse().ok()?;
    Money::new(minor, u8::try_from(rest.len()).ok()?, currency.parse().ok()?).ok()
}
