//! How a payout stands now, whatever a case was opened for and whoever acted last; and what is checked before one is approved.

use super::case::CaseLink;
use super::icon::Icon;

/// The headline of a case, and of a payout's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// A word or two: "Paid", "Not paid".
    pub label: &'static str,
    /// For the style sheet: `good` only where nothing is left to do.
    pub tone: &'static str,
    pub icon: Icon,
    pub headline: String,
    /// The open case on which it goes on, where that is another one.
    pub goes_on: Option<CaseLink>,
}

/// One question that is asked before money moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub what: String,
    /// A word: "checked", "not checked".
    pub label: &'static str,
    pub tone: &'static str,
    pub icon: Icon,
    /// What came of it, when and by whom; or why it was not made.
    pub says: String,
}

/// What two deliveries of one event ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deliveries {
    /// Field, the first delivery, this one, and how they differ; the last is empty where they agree.
    pub lines: Vec<(&'static str, String, String, String)>,
}
