//! The bank's files: what was imported, a form to hand one in, and what one would add before it is imported.

use askama::Template;
use payonce_protocol::UnixMillis;
use payonce_statements::amount::Amount;
use payonce_statements::chain::Doubt;
use payonce_statements::cover::Cover;

use super::again::HeldFile;
use super::books::number;
use super::format::{Moment as _, Text as _};
use super::frame::Frame;
use super::icon::Icon;

/// An import that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRow {
    pub at: UnixMillis,
    pub by: String,
    /// Of the file.
    pub name: String,
    pub sha256: String,
    pub days: Option<(String, String)>,
    pub new: u64,
    pub known: u64,
    pub changed: u64,
    pub doubtful: u64,
}

impl ImportRow {
    fn days(&self) -> String {
        self.days.as_ref().map_or_else(|| "no day".to_owned(), |(first, last)| days(first, last))
    }

    fn counts(&self) -> [String; 4] {
        [self.new, self.known, self.changed, self.doubtful].map(number)
    }

    fn hash(&self) -> &str {
        self.sha256.get(..16).unwrap_or(&self.sha256)
    }
}

fn days(first: &str, last: &str) -> String {
    if first == last { first.to_owned() } else { format!("{first} to {last}") }
}

#[derive(Clone, Debug, Template)]
#[template(path = "bank.html", whitespace = "minimize")]
pub struct BankPage {
    pub frame: Frame,
    pub may_import: bool,
    /// Names of formats.
    pub formats: Vec<String>,
    /// The latest first.
    pub imports: Vec<ImportRow>,
    /// Older ones, which are not shown.
    pub more: usize,
    pub bytes_at_most: usize,
}

impl BankPage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }
}

/// A statement that a file holds, as its balances show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub account: String,
    pub days: String,
    /// Opening balance, rows, closing balance; the first and the second make the third, or the file is refused.
    pub sums: Option<[String; 3]>,
}

impl Told {
    pub fn of(cover: &Cover) -> Self {
        let amount = |minor: i64| {
            Amount::new(minor.into(), cover.currency).map_or_else(|_| "–".to_owned(), |amount| amount.to_string())
        };
        let sums =
            cover.balances.map(|(opening, closing)| [opening, closing.saturating_sub(opening), closing].map(amount));
        let (first, last) = (cover.from.to_string(), cover.to.to_string());
        Self { account: cover.account.clone(), days: days(&first, &last), sums }
    }
}

/// What a file would add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedPlan {
    pub new: u64,
    pub known: u64,
    pub changed: u64,
    pub doubtful: u64,
    pub statements: Vec<Told>,
    /// Changed and doubtful rows, by line, and how many more there are.
    pub odd: (Vec<String>, usize),
    /// New ones.
    pub added: (Vec<String>, usize),
}

impl CheckedPlan {
    fn counts(&self) -> String {
        let [new, known, changed, doubtful] = [self.new, self.known, self.changed, self.doubtful].map(number);
        format!("{new} new, {known} known, {changed} changed, {doubtful} doubtful")
    }

    /// With the id and the heading of each list of rows.
    fn rows(&self) -> [(&str, &str, &[String], usize); 2] {
        let (odd, added) = (&self.odd, &self.added);
        [("h-odd", "Rows to look at", &odd.0, odd.1), ("h-new", "New rows", &added.0, added.1)]
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    Plan(CheckedPlan),
    /// With the import that took it, where that is known.
    Same(Option<ImportRow>),
    Refused {
        lines: Vec<String>,
        /// Only a person can say whether its rows are known.
        is_unplaced: bool,
    },
}

#[derive(Clone, Debug, Template)]
#[template(path = "bank_check.html", whitespace = "minimize")]
pub struct BankCheckPage {
    pub frame: Frame,
    /// The page carries it, so that what was looked at is what is imported.
    pub file: HeldFile,
    pub sha256: String,
    /// As it was chosen; `None`: as the file begins.
    pub format: Option<String>,
    pub doubt: Doubt,
    /// The number of the last import before it.
    pub seen: u64,
    pub checked: Checked,
}

impl BankCheckPage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn plan(&self) -> Option<&CheckedPlan> {
        if let Checked::Plan(plan) = &self.checked { Some(plan) } else { None }
    }

    fn refused(&self) -> Option<&[String]> {
        if let Checked::Refused { lines, .. } = &self.checked { Some(lines) } else { None }
    }

    /// Of a file that was imported before: by whom, where that is known.
    fn before(&self) -> Option<&ImportRow> {
        if let Checked::Same(Some(import)) = &self.checked { Some(import) } else { None }
    }

    fn doubt(&self) -> Option<&'static str> {
        match self.doubt {
            Doubt::Refuse => None,
            Doubt::Repeats => Some("repeats"),
            Doubt::Continues => Some("continues"),
        }
    }

    fn asks_for_doubt(&self) -> bool {
        match &self.checked {
            Checked::Plan(plan) => plan.doubtful > 0,
            Checked::Refused { is_unplaced, .. } => *is_unplaced,
            Checked::Same(_) => false,
        }
    }
}
