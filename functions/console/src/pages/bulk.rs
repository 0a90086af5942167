//! Many cases at once: first what would happen, then what did. Nothing here pays; a release is decided by another person.

use askama::Template;
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::money::Money;
use payonce_protocol::outcome::Reason;

use super::format::{Sum as _, Text as _};
use super::frame::{CurrencyTotal, Frame, cases};
use super::icon::Icon;
use super::words::{self, Words as _};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BulkAct {
    Take,
    /// The subject that the form sends, and the name.
    Assign {
        to: String,
        name: String,
    },
    Comment {
        note: String,
    },
    Propose {
        ending: Ending,
        code: String,
        note: String,
    },
    /// Propose a batch of further attempts, at payouts that were surely not paid.
    Release {
        code: String,
        note: String,
    },
    /// Approve endings that pay nothing, each as it was proposed.
    Approve {
        note: String,
    },
}

impl BulkAct {
    /// As the form sends it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Assign { .. } => "assign",
            Self::Comment { .. } => "comment",
            Self::Propose { .. } => "propose",
            Self::Release { .. } => "release",
            Self::Approve { .. } => "approve",
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Take => "Take".to_owned(),
            Self::Assign { name, .. } => format!("Give to {}", name.shown()),
            Self::Comment { .. } => "Comment on".to_owned(),
            Self::Propose { ending, .. } => format!("Propose \u{201c}{}\u{201d} for", ending.label()),
            Self::Release { .. } => "Propose to try again".to_owned(),
            Self::Approve { .. } => "Approve the endings of".to_owned(),
        }
    }

    /// Names and values of the form, for the button that confirms.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![("act", self.as_str().to_owned())];
        match self {
            Self::Take => {}
            Self::Assign { to, .. } => fields.push(("to", to.clone())),
            Self::Comment { note } | Self::Approve { note } => fields.push(("note", note.clone())),
            Self::Propose { ending, code, note } => {
                fields.extend([("ending", ending.to_string()), ("code", code.clone()), ("note", note.clone())]);
            }
            Self::Release { code, note } => fields.extend([("code", code.clone()), ("note", note.clone())]),
        }
        fields
    }

    fn note(&self) -> Option<&str> {
        match self {
            Self::Take | Self::Assign { .. } => None,
            Self::Comment { note } | Self::Propose { note, .. } | Self::Release { note, .. } => Some(note),
            Self::Approve { note } => Some(note.as_str()).filter(|note| !note.is_empty()),
        }
    }

    fn code_words(&self) -> Option<String> {
        match self {
            Self::Propose { code, .. } | Self::Release { code, .. } => Some(words::code(code)),
            _ => None,
        }
    }
}

/// What happens, or happened, to one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    WillSucceed,
    /// Why, as a half sentence: "it is resolved".
    NotEligible(String),
    Done,
    Failed(String),
}

impl Fate {
    fn words(&self) -> String {
        match self {
            Self::WillSucceed => "Will succeed".to_owned(),
            Self::NotEligible(why) => format!("Not eligible: {}", why.shown()),
            Self::Done => "Done".to_owned(),
            Self::Failed(why) => format!("Failed: {}", why.shown()),
        }
    }

    fn icon(&self) -> Icon {
        match self {
            Self::WillSucceed => Icon::Open,
            Self::NotEligible(_) => Icon::NotSent,
            Self::Done => Icon::Done,
            Self::Failed(_) => Icon::Error,
        }
    }

    fn tone(&self) -> &'static str {
        match self {
            Self::WillSucceed => "calm",
            Self::NotEligible(_) => "warn",
            Self::Done => "good",
            Self::Failed(_) => "bad",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkRow {
    pub id: String,
    pub version: u64,
    pub money: Option<Money>,
    pub payee: Option<String>,
    pub reason: Reason,
    /// Its incident, as the tables have it.
    pub cause: Option<String>,
    pub status: Status,
    /// Where endings are approved: the ending, by whom, and why.
    pub proposed: Option<(Ending, String, String)>,
    pub fate: Fate,
}

impl BulkRow {
    fn will_succeed(&self) -> bool {
        self.fate == Fate::WillSucceed
    }

    /// The incident says more than the reason: the rail's own word for it.
    fn why(&self) -> String {
        self.cause.as_deref().map_or_else(|| self.reason.label().to_owned(), words::incident)
    }
}

#[derive(Clone, Debug, Template)]
#[template(path = "bulk.html", whitespace = "minimize")]
pub struct BulkPage {
    pub frame: Frame,
    pub act: BulkAct,
    /// Nothing was written yet.
    pub is_preview: bool,
    pub rows: Vec<BulkRow>,
    /// Of the rows that will succeed, or did.
    pub totals: Vec<CurrencyTotal>,
}

impl BulkPage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn count(&self, wanted: impl Fn(&Fate) -> bool) -> u64 {
        self.rows.iter().filter(|row| wanted(&row.fate)).count() as u64
    }

    fn good(&self) -> u64 {
        self.count(|fate| matches!(fate, Fate::WillSucceed | Fate::Done))
    }

    fn good_words(&self) -> String {
        cases(self.good())
    }

    fn not_eligible(&self) -> u64 {
        self.count(|fate| matches!(fate, Fate::NotEligible(_)))
    }

    fn failed(&self) -> u64 {
        self.count(|fate| matches!(fate, Fate::Failed(_)))
    }

    fn is_approval(&self) -> bool {
        matches!(self.act, BulkAct::Approve { .. })
    }

    fn is_release(&self) -> bool {
        matches!(self.act, BulkAct::Release { .. })
    }
}
