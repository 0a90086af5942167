//! All runs of the books, the latest first, and two pictures of the same figures: differences, and what was lost.

use askama::Template;
use payonce_protocol::UnixMillis;
use payonce_protocol::reconcile::finding::Life;
use payonce_protocol::reconcile::run::RunVerdict;

use super::book_words::verdict_tone;
use super::chart::{Bar, Chart};
use super::format::{Text as _, grouped};
use super::frame::Frame;
use super::icon::Icon;
use super::run_said::{Lost, RunSaid, day};
use super::words::Words as _;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    pub from: UnixMillis,
    pub to: UnixMillis,
    /// `None`: its manifest cannot be read.
    pub said: Option<RunSaid>,
}

impl RunRow {
    fn day(&self) -> String {
        day(self.from, self.to)
    }
}

#[derive(Clone, Debug, Template)]
#[template(path = "books.html", whitespace = "minimize")]
pub struct BooksPage {
    pub frame: Frame,
    /// The latest first.
    pub runs: Vec<RunRow>,
    pub is_first: bool,
    /// There are older ones.
    pub has_next: bool,
}

impl BooksPage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn next(&self) -> Option<String> {
        let last = self.runs.last().filter(|_| self.has_next)?;
        Some(format!("{}/books?before={}", self.frame.base, last.to))
    }

    fn has_unknown_loss(&self) -> bool {
        self.runs.iter().filter_map(|run| run.said.as_ref()).any(|said| !said.lost().is_all)
    }

    fn charts(&self) -> [Chart; 2] {
        let of = |bar: fn(&RunSaid) -> Bar| {
            let bar = |run: &RunRow| run.said.as_ref().map_or_else(Bar::unknown, bar).on(run.day());
            self.runs.iter().rev().map(bar).collect::<Vec<_>>()
        };
        let breaks = of(|said| {
            let (old, new) = (said.breaks(Life::Persisting), said.breaks(Life::New));
            let is_whole = said.verdict != RunVerdict::Incomplete;
            Bar::of(format!("{old} still there, {new} new"), old, new, is_whole)
        });
        let lost = of(|said| {
            let lost = said.lost();
            Bar::of(lost.words(), lost.seen, 0, lost.is_all)
        });
        [
            Chart {
                id: "breaks",
                title: "Differences between the books",
                parts: Some(("still there", "new")),
                bars: breaks,
            },
            Chart { id: "lost", title: "Lost: never reached us, or not paid and nobody told", parts: None, bars: lost },
        ]
    }
}

impl Lost {
    pub(crate) fn words(&self) -> String {
        match (self.seen, self.is_all) {
            (seen, true) => number(seen),
            (0, false) => "not known".to_owned(),
            (seen, false) => format!("at least {}", number(seen)),
        }
    }
}

pub(crate) fn number(number: u64) -> String {
    grouped(u128::from(number))
}

impl RunSaid {
    pub(crate) fn new_breaks(&self) -> String {
        number(self.breaks(Life::New))
    }

    pub(crate) fn persisting_breaks(&self) -> String {
        number(self.breaks(Life::Persisting))
    }

    pub(crate) fn gone_breaks(&self) -> String {
        number(self.breaks(Life::Gone))
    }

    pub(crate) fn open_keys(&self) -> String {
        number(self.open.now)
    }

    pub(crate) fn tone(&self) -> &'static str {
        verdict_tone(self.verdict).0
    }

    pub(crate) fn icon(&self) -> Icon {
        verdict_tone(self.verdict).1
    }
}
