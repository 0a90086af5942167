//! One case: what is known, what may be done next and why, and everything that happened to it.

use askama::Template;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, Ending, Status};
use payonce_protocol::money::Money;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reissue::{Reissue, Why};

use super::case_books::CaseBooks;
use super::evidence::Attached;
use super::facts::{Facts, facts};
use super::format::{Due, Moment as _, Sum as _, Text as _};
use super::frame::{Frame, PersonOption};
use super::icon::Icon;
use super::offer::Offer;
use super::reasons::{Reasons, reasons};
use super::stand::Stand;
use super::standing::{Check, Deliveries, Standing};
use super::words::{self, Words as _};

/// Where the payout was, or would be, asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rail {
    pub name: String,
    /// The idempotency key that the rail was given last.
    pub key: String,
    pub generation: u16,
}

/// Whether, and how well, the rail was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    NotAsked,
    /// Nothing was seen, and that says nothing.
    Blind,
    NotThere,
    Found,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The rail has it, and as all others say.
    Equal,
    /// By how much, where both are sums of one currency.
    Differs(Option<String>),
    NotAsked,
    Blind,
    NotThere,
    /// The rail has the payout, and does not tell this.
    NotTold,
}

impl Mark {
    fn label(&self) -> String {
        match self {
            Self::Equal => "Equal".to_owned(),
            Self::Differs(Some(by)) => format!("Differs by {by}"),
            Self::Differs(None) => "Differs".to_owned(),
            Self::NotAsked => "Not asked".to_owned(),
            Self::Blind => "Not seen: the look-up was blind".to_owned(),
            Self::NotThere => "Not there".to_owned(),
            Self::NotTold => "The rail does not tell".to_owned(),
        }
    }

    fn icon(&self) -> Icon {
        match self {
            Self::Equal => Icon::Equal,
            Self::Differs(_) => Icon::Differs,
            Self::NotThere => Icon::Missing,
            Self::NotAsked | Self::Blind | Self::NotTold => Icon::NoAttempt,
        }
    }

    fn tone(&self) -> &'static str {
        match self {
            Self::Equal => "good",
            Self::Differs(_) => "bad",
            Self::NotThere => "warn",
            Self::NotAsked | Self::Blind | Self::NotTold => "none",
        }
    }
}

/// One line of expected against found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// In words: "Amount".
    pub field: String,
    /// By the event.
    pub expected: Option<String>,
    /// By our claim.
    pub claimed: Option<String>,
    /// By the rail's books.
    pub found: Option<String>,
    pub mark: Mark,
}

/// Only what was found at the rail can be equal: two of our own records agree by themselves.
pub fn mark(expected: Option<&str>, claimed: Option<&str>, found: Option<&str>, look: Look) -> Mark {
    let said: Vec<&str> = [expected, claimed, found].into_iter().flatten().collect();
    match (said.as_slice(), found, look) {
        ([first, rest @ ..], ..) if rest.iter().any(|other| other != first) => Mark::Differs(None),
        (_, Some(_), _) => Mark::Equal,
        (_, None, Look::NotAsked) => Mark::NotAsked,
        (_, None, Look::Blind) => Mark::Blind,
        (_, None, Look::NotThere) => Mark::NotThere,
        (_, None, Look::Found) => Mark::NotTold,
    }
}

/// One thing that happened, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub at: UnixMillis,
    /// The history's own word, such as `look_up`; shown in plain words.
    pub kind: String,
    /// A person's name, or a function's.
    pub by: String,
    pub is_person: bool,
    pub note: Option<String>,
    /// Evidence, by the tables' names; a `link` that begins with `https://` becomes one, `…_at` becomes a time.
    pub facts: Vec<(String, String)>,
}

impl Entry {
    pub(crate) fn what(&self) -> String {
        words::happened(&self.kind)
    }

    pub(crate) fn icon(&self) -> Icon {
        if self.is_person { Icon::Person } else { Icon::Machine }
    }

    pub(crate) fn by_kind(&self) -> &'static str {
        if self.is_person { "person" } else { "machine" }
    }

    fn facts(&self) -> Facts {
        facts(&self.facts)
    }
}

/// An ending that somebody proposed and nobody decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    pub ending: Ending,
    /// One of [`words::codes`], or of another version's.
    pub code: String,
    pub note: String,
    pub by: String,
    pub at: UnixMillis,
    /// The reader proposed it, and must not decide.
    pub is_own: bool,
    /// Of a payout: the rail key's generation that it would take.
    pub generation: Option<u16>,
    pub duplicate_of: Option<String>,
    /// It is decided on the batch's page.
    pub batch: Option<String>,
}

impl Proposed {
    fn code_words(&self) -> String {
        words::code(&self.code)
    }
}

/// How a resolved case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedBy {
    pub ending: Ending,
    pub code: String,
    pub note: String,
    pub proposed_by: String,
    pub approved_by: String,
    pub at: UnixMillis,
    /// The attempt that was begun for it.
    pub further: Option<Further>,
    pub duplicate_of: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Further {
    pub key: String,
    pub number: u16,
    /// `None`: not yet.
    pub ended: Option<Outcome>,
}

impl Further {
    fn outcome(&self) -> &'static str {
        words::attempt(self.ended).0
    }

    fn tone(&self) -> &'static str {
        words::attempt(self.ended).1
    }

    fn icon(&self) -> Icon {
        words::attempt(self.ended).2
    }
}

impl ResolvedBy {
    /// No person ended it.
    fn is_by_the_books(&self) -> bool {
        !self.ending.is_for_people()
    }

    fn code_words(&self) -> String {
        words::code(&self.code)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// The case is about no delivery.
    None,
    /// As it is shown, indented by the caller when it is JSON. `kept_until`: `None` when its end is not known.
    Shown { text: String, sha256: String, kept_until: Option<UnixMillis> },
    /// Its time is over.
    NotKept { sha256: String },
    /// Not for a role without bodies.
    NotAllowed { sha256: String },
}

/// Another case, in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseLink {
    pub id: String,
    pub reason: Reason,
    pub status: Status,
    pub since: UnixMillis,
}

impl CaseLink {
    pub(crate) fn status_icon(&self) -> Icon {
        words::status_icon(self.status)
    }
}

/// The last attempt, in a case's facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    pub number: u16,
    /// `None` while it runs.
    pub outcome: Option<Outcome>,
    pub rail_says: Option<String>,
}

impl Attempted {
    fn words(&self) -> String {
        self.outcome.map_or_else(|| "no outcome yet".to_owned(), |outcome| words::outcome(outcome).to_lowercase())
    }
}

/// What the case is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseAbout {
    pub reason: Reason,
    /// Why its event is not paid, in words.
    pub cause: Option<String>,
    pub status: Status,
    pub money: Option<Money>,
    pub payee: Option<String>,
    pub key: Option<String>,
    pub event: Option<String>,
    pub provider: Option<String>,
    pub rail: Option<Rail>,
    pub attempt: Option<Attempted>,
    /// As the tables have it; shown in plain words.
    pub incident: Option<String>,
    /// From when its age counts.
    pub since: UnixMillis,
    pub due: Option<Due>,
    /// Facts of the case itself that no field above holds.
    pub details: Vec<(String, String)>,
}

/// Who works on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseOwner {
    pub name: Option<String>,
    /// It is the reader.
    pub is_mine: bool,
}

/// What this reader may do in this state; nothing else is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    pub acts: Vec<Act>,
    /// What may be proposed for this case.
    pub endings: Vec<Ending>,
    /// Whom it may be given to.
    pub people: Vec<PersonOption>,
}

#[derive(Clone, Debug, Template)]
#[template(path = "case.html", whitespace = "minimize")]
pub struct CasePage {
    pub frame: Frame,
    pub id: String,
    /// As the reader sees it; every form sends it back.
    pub version: Stand,
    pub about: CaseAbout,
    pub owner: CaseOwner,
    pub offer: Offer,
    /// How the payout stands now, where more is known of it than the reason of the case.
    pub standing: Option<Standing>,
    /// Before an approval that moves money.
    pub checks: Vec<Check>,
    /// Of a case about two deliveries that differ.
    pub deliveries: Option<Deliveries>,
    pub compared: Vec<Compared>,
    /// Of a case that the books opened.
    pub books: Option<CaseBooks>,
    /// The oldest first.
    pub timeline: Vec<Entry>,
    /// What people attached, the oldest first.
    pub evidence: Vec<Attached>,
    pub choices: Choices,
    pub proposed: Option<Proposed>,
    pub decided: Option<ResolvedBy>,
    pub body: Body,
    /// Other cases of the same payout key or event.
    pub related: Vec<CaseLink>,
    /// Shown after an act on another case.
    pub is_next: bool,
    /// The next open case in the queue.
    pub next: Option<String>,
}

impl CasePage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn may(&self, act: &str) -> bool {
        self.choices.acts.iter().any(|allowed| allowed.as_str() == act)
    }

    fn post(&self, act: &str) -> String {
        format!("{}/{act}", self.frame.case(&self.id))
    }

    /// What the reader most likely came for, in words, and where it stands on the page. A phone shows the way there first.
    fn main_act(&self) -> Option<(&'static str, &'static str)> {
        match &self.proposed {
            Some(proposed) if self.may("approve") && !proposed.is_own && proposed.batch.is_none() => {
                Some(("#h-prop", "Decide about it"))
            }
            None if self.may("propose") && !self.choices.endings.is_empty() => Some(("#h-next", "What to do next")),
            _ => None,
        }
    }

    fn heading(&self) -> String {
        self.about.money.as_ref().map_or_else(|| self.about.reason.label().to_owned(), |money| money.shown())
    }

    fn certainty_words(&self) -> &'static str {
        words::certainty(self.about.reason)
    }

    /// The proposal says that the payee has nothing of the rail, or pays once more, and the rail has it: nobody can agree.
    fn is_contradicted(&self) -> bool {
        let is_found =
            matches!(self.offer.reissue, Some(Reissue::NotOffered(Why::FoundAtTheRail | Why::AlreadyAccepted)));
        is_found && self.proposed.as_ref().is_some_and(|proposed| proposed.ending.denies_the_rail())
    }

    /// What was proposed, and the rules do not allow as things stand now.
    fn against(&self) -> Option<String> {
        let is_reissue = self.proposed.as_ref().is_some_and(|proposed| proposed.ending == Ending::Reissue);
        if self.is_contradicted() && !is_reissue {
            return Some("The rail has this payout. What was proposed cannot be approved; send it back.".to_owned());
        }
        let is_against = matches!(self.offer.reissue, Some(Reissue::NotOffered(_) | Reissue::NotBefore(_)));
        let (title, why) = self.offer.said(&self.frame).filter(|_| is_reissue && is_against)?;
        Some(format!("{title}, as things stand now. {why}"))
    }

    fn known(&self) -> &str {
        match (&self.standing, &self.decided) {
            (Some(standing), _) => &standing.headline,
            (None, Some(decided)) => words::ended(decided.ending),
            (None, None) => self.books.as_ref().map_or_else(|| words::known(self.about.reason), CaseBooks::known),
        }
    }

    /// Beside what is known, why there is a case.
    fn says(&self) -> &'static str {
        let Some(books) = &self.books else { return self.about.reason.says() };
        if self.known() == books.known() { "" } else { books.known() }
    }

    fn tone(&self) -> &'static str {
        words::tone(self.about.reason)
    }

    fn certainty_icon(&self) -> Icon {
        words::certainty_icon(self.about.reason)
    }

    fn status_icon(&self) -> Icon {
        words::status_icon(self.about.status)
    }

    fn incident_words(&self) -> Option<(String, String)> {
        let name = self.about.incident.as_ref()?;
        let filter = super::QueueFilter { incident: Some(name.clone()), ..super::QueueFilter::default() };
        Some((words::incident(name), format!("{}{}", self.frame.home(), filter.query(None))))
    }

    fn details(&self) -> Facts {
        facts(&self.about.details)
    }

    fn has_comparison(&self) -> bool {
        !self.compared.is_empty()
    }

    /// It ended, or is to end, with the money at the payee, and nothing here shows it.
    fn lacks_evidence(&self) -> bool {
        let proposed = self.proposed.as_ref().map(|made| made.ending);
        let ending = proposed.or(self.decided.as_ref().map(|done| done.ending));
        self.evidence.is_empty() && ending.is_some_and(Ending::wants_evidence)
    }

    fn reasons_by_ending(&self) -> Vec<Reasons> {
        self.choices.endings.iter().copied().map(reasons).collect()
    }

    /// Nobody can name another case as the same without the field for it.
    fn offers_duplicate(&self) -> bool {
        self.choices.endings.contains(&Ending::DuplicateOf)
    }

    /// In the rail's own words.
    fn rail_says(&self) -> Option<&str> {
        self.about.attempt.as_ref()?.rail_says.as_deref()
    }

    /// What to do when nothing of a further attempt can be said.
    fn advice(&self) -> &'static str {
        self.books.as_ref().map_or_else(|| words::advice(self.about.reason), CaseBooks::advice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_both_sides_show_is_equal() {
        let equal = |found, look| mark(Some("1"), Some("1"), found, look);
        assert_eq!(equal(Some("1"), Look::Found), Mark::Equal);
        assert_eq!(equal(Some("2"), Look::Found), Mark::Differs(None));
        assert_eq!(mark(Some("1"), Some("2"), None, Look::NotAsked), Mark::Differs(None));
        assert_eq!(equal(None, Look::NotAsked), Mark::NotAsked);
        assert_eq!(equal(None, Look::NotThere), Mark::NotThere);
        assert_eq!(equal(None, Look::Blind), Mark::Blind);
        assert_eq!(equal(None, Look::Found), Mark::NotTold);
    }
}
