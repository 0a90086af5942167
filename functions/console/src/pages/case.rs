//! One case: what is known, what may be done next and why, and everything that happened to it.

use askama::Template;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, Ending, Status};
use payonce_protocol::money::Money;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reissue::{Reissue, Said, Why};

use super::evidence::Attached;
use super::facts::{Facts, facts};
use super::format::{Ago, Due, Moment as _, Sum as _, Text as _};
use super::frame::{Frame, PersonOption};
use super::icon::Icon;
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

/// How long the rail key can be counted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyClock {
    pub first_used_at: UnixMillis,
    /// Until then the rail answers a repeated request with the first result; its life less our margin. `None`: the rail
    /// keeps no keys.
    pub counts_until: Option<UnixMillis>,
    /// From then on the rail has surely forgotten it.
    pub forgotten_at: Option<UnixMillis>,
}

/// The last time that the rail was asked about this payout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedUpAt {
    pub at: UnixMillis,
    pub said: Said,
    /// Why a blind one is blind.
    pub why: Option<String>,
}

impl LookedUpAt {
    fn in_words(&self) -> &'static str {
        match self.said {
            Said::Found => "found",
            Said::Absent => "not found",
            Said::Blind => "blind, which says nothing",
        }
    }
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
    /// One of [`words::CODES`], or of another version's.
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
pub struct Decided {
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

impl Decided {
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
}

impl Attempted {
    fn words(&self) -> String {
        self.outcome.map_or_else(|| "no outcome yet".to_owned(), |outcome| words::outcome(outcome).to_lowercase())
    }
}

#[derive(Clone, Debug, Template)]
#[template(path = "case.html", whitespace = "minimize")]
pub struct CasePage {
    pub frame: Frame,
    pub id: String,
    /// As the reader sees it; every form sends it back.
    pub version: Stand,
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
    pub owner: Option<String>,
    pub is_mine: bool,
    pub due: Option<Due>,
    /// From when its age counts.
    pub since: UnixMillis,
    /// Facts of the case itself that no field above holds.
    pub details: Vec<(String, String)>,
    /// What the rules offer for a further attempt now. `None`: the case is about no attempt, or it has not ended.
    pub reissue: Option<Reissue>,
    pub key_clock: Option<KeyClock>,
    pub looked_up: Option<LookedUpAt>,
    /// How the payout stands now, where more is known of it than the reason of the case.
    pub standing: Option<Standing>,
    /// Before an approval that moves money.
    pub checks: Vec<Check>,
    /// Of a case about two deliveries that differ.
    pub deliveries: Option<Deliveries>,
    /// Shown after an act on another case.
    pub is_next: bool,
    pub compared: Vec<Compared>,
    /// The oldest first.
    pub timeline: Vec<Entry>,
    /// What people attached, the oldest first.
    pub evidence: Vec<Attached>,
    /// What this reader may do in this state; nothing else is shown.
    pub acts: Vec<Act>,
    /// What may be proposed for this case.
    pub endings: Vec<Ending>,
    pub people: Vec<PersonOption>,
    pub proposed: Option<Proposed>,
    pub decided: Option<Decided>,
    pub body: Body,
    /// Other cases of the same payout key or event.
    pub related: Vec<CaseLink>,
    /// The next open case in the queue.
    pub next: Option<String>,
}

impl CasePage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn may(&self, act: &str) -> bool {
        self.acts.iter().any(|allowed| allowed.as_str() == act)
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
            None if self.may("propose") && !self.endings.is_empty() => Some(("#h-next", "What to do next")),
            _ => None,
        }
    }

    fn heading(&self) -> String {
        self.money.as_ref().map_or_else(|| self.reason.label().to_owned(), |money| money.shown())
    }

    fn certainty_words(&self) -> &'static str {
        words::certainty(self.reason)
    }

    /// The proposal says that the payee has nothing of the rail, or pays once more, and the rail has it: nobody can agree.
    fn is_contradicted(&self) -> bool {
        let is_found = matches!(self.reissue, Some(Reissue::NotOffered(Why::FoundAtTheRail | Why::AlreadyAccepted)));
        is_found && self.proposed.as_ref().is_some_and(|proposed| proposed.ending.denies_the_rail())
    }

    /// What was proposed, and the rules do not allow as things stand now.
    fn against(&self) -> Option<String> {
        let is_reissue = self.proposed.as_ref().is_some_and(|proposed| proposed.ending == Ending::Reissue);
        if self.is_contradicted() && !is_reissue {
            return Some("The rail has this payout. What was proposed cannot be approved; send it back.".to_owned());
        }
        let is_against = matches!(self.reissue, Some(Reissue::NotOffered(_) | Reissue::NotBefore(_)));
        let (title, why) = self.offer().filter(|_| is_reissue && is_against)?;
        Some(format!("{title}, as things stand now. {why}"))
    }

    fn known(&self) -> &str {
        match (&self.standing, &self.decided) {
            (Some(standing), _) => &standing.headline,
            (None, Some(decided)) => words::ended(decided.ending),
            (None, None) => words::known(self.reason),
        }
    }

    fn tone(&self) -> &'static str {
        words::tone(self.reason)
    }

    fn certainty_icon(&self) -> Icon {
        words::certainty_icon(self.reason)
    }

    fn status_icon(&self) -> Icon {
        words::status_icon(self.status)
    }

    fn incident_words(&self) -> Option<(String, String)> {
        let name = self.incident.as_ref()?;
        let filter = super::QueueFilter { incident: Some(name.clone()), ..super::QueueFilter::default() };
        Some((words::incident(name), format!("{}{}", self.frame.home(), filter.query(None))))
    }

    fn details(&self) -> Facts {
        facts(&self.details)
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
        self.endings.iter().copied().map(reasons).collect()
    }

    /// Nobody can name another case as the same without the field for it.
    fn offers_duplicate(&self) -> bool {
        self.endings.contains(&Ending::DuplicateOf)
    }

    /// What the rules say of a further attempt: a short answer, and why.
    fn offer(&self) -> Option<(&'static str, String)> {
        let until = self.key_clock.and_then(|clock| clock.counts_until);
        Some(match self.reissue? {
            Reissue::SameKey => match until.filter(|until| *until > self.frame.now) {
                Some(until) => (
                    "May be tried again under the same rail key",
                    format!(
                        "Until {} (in {}). Should the first request have arrived, the rail answers with its result and \
                         pays nothing twice.",
                        self.frame.clock(until),
                        self.frame.span(until)
                    ),
                ),
                None => (
                    "May be tried again under the same rail key",
                    "The first request never reached the rail, so its key is still unused.".to_owned(),
                ),
            },
            Reissue::NextKey(generation) => (
                "May be tried again under a new rail key",
                format!(
                    "It is key number {generation}. Under the old key the rail would only repeat its answer, or has forgotten it."
                ),
            ),
            Reissue::NotBefore(at) => (
                "May not be paid again yet",
                format!(
                    "Not before {} (in {}): until then neither the old rail key nor a new one is safe. Look the payout up \
                     meanwhile.",
                    self.frame.clock(at),
                    self.frame.span(at)
                ),
            ),
            Reissue::LookUpFirst { times } => (
                "Ask the rail first",
                match (times, self.looked_up.as_ref().and_then(|look| look.why.as_deref())) {
                    (_, Some(why)) => format!("The last look-up was blind and counts for nothing: {why}."),
                    (1, None) => {
                        "The rail must be seen once more not to have it, just before it is paid again.".to_owned()
                    }
                    _ => format!("The rail must be seen {times} times not to have it, some minutes apart."),
                },
            ),
            Reissue::NotOffered(why) => ("May not be paid again", not_offered(why).to_owned()),
        })
    }

    fn offer_icon(&self) -> Icon {
        match self.reissue {
            Some(Reissue::SameKey | Reissue::NextKey(_)) => Icon::Done,
            Some(Reissue::NotBefore(_)) => Icon::Clock,
            Some(Reissue::LookUpFirst { .. }) => Icon::Search,
            Some(Reissue::NotOffered(_)) | None => Icon::Refused,
        }
    }

    fn offer_tone(&self) -> &'static str {
        match self.reissue {
            Some(Reissue::SameKey | Reissue::NextKey(_)) => "good",
            Some(Reissue::NotBefore(_) | Reissue::LookUpFirst { .. }) => "warn",
            Some(Reissue::NotOffered(_)) | None => "calm",
        }
    }

    /// How much of the key's life that counts is used up, 0 to 100.
    fn key_used(&self) -> Option<u64> {
        let clock = self.key_clock?;
        let life = clock.counts_until?.saturating_sub(clock.first_used_at).max(1);
        let used = self.frame.now.saturating_sub(clock.first_used_at);
        Some((used.saturating_mul(100) / life).min(100))
    }

    fn key_first_used(&self) -> Ago {
        self.frame.ago(self.key_clock.map(|clock| clock.first_used_at).unwrap_or_default())
    }

    fn key_left(&self) -> Option<String> {
        let until = self.key_clock?.counts_until?;
        let is_over = until <= self.frame.now;
        Some(if is_over {
            format!("over since {}", self.frame.span(until))
        } else {
            format!("{} left", self.frame.span(until))
        })
    }

    /// What to do when nothing of a further attempt can be said.
    fn advice(&self) -> &'static str {
        match self.reason {
            Reason::SecondEventForKey => {
                "Compare both events. If both are rightful, propose to pay this one as an order of its own."
            }
            Reason::ConflictingDuplicate => "Compare both deliveries, and ask the provider which terms hold.",
            Reason::InvalidEvent | Reason::UnroutedEvent => {
                "Find out what the sender meant. If the rules are wrong, have them corrected; then resolve this case."
            }
            Reason::StaleEvent => {
                "Look at the payment in the provider's dashboard as it stands today: was it paid out, given back, disputed?"
            }
            Reason::BlockedBeforePayout => {
                "Look at the payment in the provider's dashboard. Of what was given back in part, payonce pays nothing: propose \
                 \"Paid another way\", and once that is approved pay what remains at the rail yourself."
            }
            Reason::BlockedAfterPayout => {
                "Read the payout's outcome in the timeline. If the payee was paid, settle with the payee what was given back: all of \
                 it, or the part that the provider's dashboard names."
            }
            Reason::BeforeCutover => "Find out whether the payout was made before payonce took over.",
            Reason::RefusedNotRedelivered | Reason::EventMissing => {
                "Look at the provider's dashboard: deliver the event again there, or settle it another way."
            }
            Reason::LateOutcome => "Read the late answer in the timeline, and compare it with the rail's books.",
            Reason::PayoutReturned => "Find out why the rail gave it back, and settle it with the payee.",
            Reason::PayoutReplayed | Reason::PayoutOrphan => "Find out who else sends payouts to this rail account.",
            Reason::PayoutMissing | Reason::AmountMismatch => "Ask the rail, and compare its books with ours.",
            Reason::PayoutRejected | Reason::PayoutUnknown | Reason::PayoutNotSent | Reason::AttemptAbandoned => {
                "The attempt has not been closed yet. The sweeper closes it within minutes; come back then."
            }
        }
    }
}

fn not_offered(why: Why) -> &'static str {
    match why {
        Why::AlreadyAccepted => "The rail accepted it. Another attempt would pay twice.",
        Why::FoundAtTheRail => "The rail's books show it. Another attempt would pay twice.",
        Why::LateOutcome => {
            "An answer came after the attempt was given up. Read it first: it may say that it was paid."
        }
        Why::RailCannotBeAsked => {
            "Nobody can know: the rail key no longer counts, and this rail cannot be asked for one payout. Settle it with \
             the payee's or the rail's statement."
        }
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
