//! A form that could not be taken, filled in as it was sent; and the page that holds one while its writer signs in.

use askama::Template;
use payonce_protocol::case::{Act, Ending, Status};
use payonce_protocol::money::Money;
use payonce_protocol::outcome::Reason;

use super::case::Entry;
use super::format::{Moment as _, Sum as _, Text as _, grouped};
use super::frame::{Frame, PersonOption};
use super::icon::Icon;
use super::reasons::{Reasons, reasons};
use super::stand::Stand;
use super::words::{self, Words as _};

/// A file that a page carries, as browsers let no page choose one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldFile {
    pub name: String,
    pub bytes: u64,
    pub base64: String,
}

impl HeldFile {
    pub(crate) fn size(&self) -> String {
        format!("{}\u{a0}bytes", grouped(u128::from(self.bytes)))
    }
}

#[derive(Clone, Debug, Template)]
#[template(path = "again.html", whitespace = "minimize")]
pub struct AgainPage {
    pub frame: Frame,
    pub status: u16,
    pub heading: String,
    /// Why it was not done.
    pub text: String,
    /// The case's id.
    pub id: String,
    pub money: Option<Money>,
    pub payee: Option<String>,
    pub reason: Reason,
    /// As it is now.
    pub state: Status,
    /// What happened since the form was opened, the oldest first.
    pub meanwhile: Vec<Entry>,
    pub form: Option<AgainForm>,
    /// The words, where no form can take them.
    pub written: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgainForm {
    pub act: Act,
    /// What was wanted is not possible any more; the words can stay as a comment.
    pub is_other: bool,
    pub stand: Stand,
    pub note: String,
    pub ending: Option<Ending>,
    pub endings: Vec<Ending>,
    pub code: String,
    pub duplicate_of: String,
    pub to: String,
    pub people: Vec<PersonOption>,
    pub title: String,
    pub link: String,
    pub sha256: String,
    pub kept_at: String,
    pub file: Option<HeldFile>,
}

impl AgainForm {
    fn is(&self, act: &str) -> bool {
        self.act.as_str() == act
    }

    fn has_note(&self) -> bool {
        !matches!(self.act, Act::Assign | Act::Attach | Act::LookUp)
    }

    fn takes_file(&self) -> bool {
        matches!(self.act, Act::Attach | Act::Propose)
    }

    fn is_ending(&self, ending: &Ending) -> bool {
        self.ending == Some(*ending)
    }

    fn reasons_by_ending(&self) -> Vec<Reasons> {
        self.endings.iter().copied().map(reasons).collect()
    }

    fn is_reason(&self, group: &Reasons, code: &str) -> bool {
        self.ending == Some(group.ending) && self.code == code
    }

    fn button(&self) -> &'static str {
        match self.act {
            Act::Assign => "Give",
            Act::Comment if self.is_other => "Keep it as a comment",
            Act::Comment => "Comment",
            Act::Attach => "Attach",
            Act::LookUp => "Ask the rail now",
            Act::Propose => "Propose",
            Act::Approve => "Approve",
            Act::SendBack => "Send back",
            Act::Reopen => "Reopen",
        }
    }
}

impl AgainPage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn tone(&self) -> &'static str {
        if self.status >= 500 { "bad" } else { "warn" }
    }

    fn headline(&self) -> String {
        self.money.as_ref().map_or_else(|| self.reason.label().to_owned(), |money| money.shown())
    }

    fn state_icon(&self) -> Icon {
        words::status_icon(self.state)
    }

    fn post(&self, form: &AgainForm) -> String {
        format!("{}/{}", self.frame.case(&self.id), form.act)
    }
}

#[derive(Clone, Debug, Template)]
#[template(path = "held.html", whitespace = "minimize")]
pub struct HeldPage {
    pub frame: Frame,
    pub heading: String,
    pub text: String,
    /// Where the form leads.
    pub action: String,
    /// All that was sent, by name.
    pub fields: Vec<(String, String)>,
    pub file: Option<HeldFile>,
}

impl HeldPage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    /// What a person wrote, of all that a form bears.
    fn written(&self) -> Vec<(String, String)> {
        let by_people = |name: &str| matches!(name, "note" | "title" | "link" | "kept_at" | "ending" | "until");
        let fields = self.fields.iter().filter(|(name, value)| by_people(name) && !value.trim().is_empty());
        let ending = |name: &str, value: &str| Ending::parse(value).filter(|_| name == "ending");
        let words =
            |name: &str, value: &str| ending(name, value).map_or(value.to_owned(), |end| end.label().to_owned());
        fields.map(|(name, value)| (words::fact(name), words(name, value))).collect()
    }
}
