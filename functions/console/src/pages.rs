//! The pages, as compiled templates: what is put into them is escaped by the compiler's own rules, whoever wrote it.

use askama::Template;
use payonce_ledger::Cursor;

use crate::app::BASE;

/// Our two files, by the name in their address.
pub(crate) fn asset(name: &str) -> Option<(&'static str, &'static [u8])> {
    match name {
        "console.css" => Some(("text/css; charset=utf-8", include_bytes!("../assets/console.css"))),
        "app.js" => Some(("text/javascript; charset=utf-8", include_bytes!("../assets/app.js"))),
        _ => None,
    }
}

/// Around every page.
pub(crate) struct Frame {
    pub title: String,
    /// Who is signed in, with their roles; `None` on the way in.
    pub person: Option<(String, String)>,
    pub csrf: String,
    pub section: &'static str,
    pub is_sandbox: bool,
    /// Whether it is good news, and the text.
    pub told: Option<(bool, String)>,
}

#[derive(Template)]
#[template(path = "message.html")]
pub(crate) struct MessagePage {
    pub frame: Frame,
    pub text: String,
    /// Where to, and its name.
    pub way: (String, &'static str),
}

pub(crate) struct TotalRow {
    pub currency: String,
    pub sum: String,
    pub cases: u64,
}

pub(crate) struct AgeBar {
    pub name: &'static str,
    pub count: u64,
    /// Of 100.
    pub width: u64,
    pub y: u64,
}

pub(crate) struct IncidentRow {
    pub name: String,
    pub cases: u64,
    pub first_seen: String,
    pub query: String,
}

pub(crate) struct CaseRow {
    pub id: String,
    pub sum: String,
    pub currency: String,
    pub payee: String,
    pub provider: String,
    pub reason: &'static str,
    /// Class, sign and word.
    pub certainty: (&'static str, &'static str, &'static str),
    pub age: String,
    pub due: String,
    pub is_late: bool,
    pub owner: String,
    pub status: &'static str,
}

/// A choice of a form: value, text, chosen.
pub(crate) type Choice = (String, String, bool);

#[derive(Template)]
#[template(path = "queue.html")]
pub(crate) struct QueuePage {
    pub frame: Frame,
    pub totals: Vec<TotalRow>,
    pub ages: Vec<AgeBar>,
    pub incidents: Vec<IncidentRow>,
    pub swept: Option<String>,
    pub is_silent: bool,
    pub open: u64,
    pub rows: Vec<CaseRow>,
    pub next: Option<String>,
    pub is_first: bool,
    /// Sorted by risk, else by age.
    pub is_by_risk: bool,
    pub by_age: String,
    pub by_risk: String,
    pub mine: String,
    pub is_narrow: bool,
    pub statuses: Vec<Choice>,
    pub reasons: Vec<Choice>,
    pub certainties: Vec<Choice>,
    pub ages_of: Vec<Choice>,
    pub provider: String,
    pub currency: String,
    pub from: String,
    pub to: String,
    pub owner: String,
    pub incident: String,
    pub may_act: bool,
    pub people: Vec<Choice>,
    pub codes: Vec<Choice>,
    pub endings: Vec<Choice>,
}

pub(crate) struct BulkRow {
    pub id: String,
    pub what: String,
    pub result: String,
    pub is_good: bool,
}

#[derive(Template)]
#[template(path = "bulk.html")]
pub(crate) struct BulkPage {
    pub frame: Frame,
    pub rows: Vec<BulkRow>,
    pub good: usize,
    pub is_done: bool,
    /// The form once more, for the confirmation: names and values.
    pub again: Vec<(String, String)>,
}

/// One line of what happened.
pub(crate) struct Moment {
    pub at: String,
    pub what: String,
    pub who: String,
    pub is_person: bool,
    pub facts: Vec<(String, String)>,
}

pub(crate) struct Compared {
    pub field: &'static str,
    pub event: String,
    pub claimed: String,
    pub found: String,
    pub verdict: &'static str,
}

pub(crate) struct Proposed {
    pub ending: &'static str,
    pub explained: &'static str,
    pub pays: bool,
    pub code: String,
    pub note: String,
    pub by: String,
    pub at: String,
    pub is_mine: bool,
}

#[derive(Template)]
#[template(path = "case.html")]
pub(crate) struct CasePage {
    pub frame: Frame,
    pub id: String,
    pub version: u64,
    pub sum: String,
    pub currency: String,
    pub payee: String,
    pub label: &'static str,
    pub sentence: &'static str,
    pub certainty: (&'static str, &'static str, &'static str),
    pub status: &'static str,
    pub facts: Vec<(&'static str, String)>,
    pub offer: Option<String>,
    pub key_clock: Option<String>,
    pub compared: Vec<Compared>,
    pub moments: Vec<Moment>,
    pub proposed: Option<Proposed>,
    pub ended: Option<String>,
    pub may_assign: bool,
    pub may_comment: bool,
    pub may_look_up: bool,
    pub may_propose: bool,
    pub may_decide: bool,
    pub may_reopen: bool,
    pub people: Vec<Choice>,
    /// Value, text, explanation, whether it pays.
    pub endings: Vec<(String, &'static str, &'static str, bool)>,
    pub codes: Vec<Choice>,
    pub body: Option<String>,
    pub body_told: String,
}

#[derive(Template)]
#[template(path = "payout.html")]
pub(crate) struct PayoutPage {
    pub frame: Frame,
    pub key: String,
    pub moments: Vec<Moment>,
    pub cases: Vec<CaseRow>,
}

#[derive(Template)]
#[template(path = "absence.html")]
pub(crate) struct AbsencePage {
    pub frame: Frame,
    pub people: Vec<Choice>,
    pub mine: Option<(String, String)>,
    pub others: Vec<(String, String, String)>,
}

/// The address of the page that begins after `cursor`.
pub(crate) fn page_after(query: String, cursor: Option<&Cursor>) -> Option<String> {
    cursor.map(|_| format!("{BASE}?{query}"))
}
