//! What records say is known, by name: the evidence of an attempt, what a case says of its event, and the history of a case.
//! Writers and readers have only these names, and the console's page says each in words.

use std::collections::{BTreeMap, btree_map};

use crate::UnixMillis;
use crate::ids::Digest;
use crate::reissue::Said;

crate::words! {
    pub enum FactName {
        // How an exchange with the rail went.
        Phase = "phase",
        Offered = "offered",
        FirstByteAt = "first_byte_at",
        AnsweredAt = "answered_at",
        HttpStatus = "http_status",
        RailPayout = "rail_payout",
        RailStatus = "rail_status",
        ErrorType = "error_type",
        ErrorCode = "error_code",
        RailRequest = "rail_request",
        /// The rail's own sentence.
        RailSays = "rail_says",
        Replayed = "replayed",
        Failure = "failure",

        // A look-up.
        LookedUp = "looked_up",
        LookedUpAt = "looked_up_at",
        LookedUpBy = "looked_up_by",
        LookedUpSha256 = "looked_up_sha256",
        /// The rail's ids of what it has.
        RailPayouts = "rail_payouts",
        /// What it has, as JSON.
        Found = "found",
        /// What the search did find, when it did not find this.
        Sight = "sight",
        /// Why nothing found means nothing.
        Blind = "blind",

        // What payer found out before it paid.
        RailAccount = "rail_account",
        Source = "source",
        SourceSha256 = "source_sha256",
        MakerTokenSha256 = "maker_token_sha256",
        CheckerTokenSha256 = "checker_token_sha256",
        PayoutKey = "payout_key",
        Attempt = "attempt",
        RailKey = "rail_key",
        Batch = "batch",

        // What people did.
        To = "to",
        ToName = "to_name",
        Note = "note",
        Ending = "ending",
        Code = "code",
        DuplicateOf = "duplicate_of",
        /// The payout key that an ending took.
        Closed = "closed",
        Paid = "paid",
        Stopped = "stopped",

        // What people attached.
        Title = "title",
        Link = "link",
        KeptAt = "kept_at",
        File = "file",
        Bytes = "bytes",
        Sha256 = "sha256",

        // An event, and why it is not paid by itself.
        Event = "event",
        BodySha256 = "body_sha256",
        Sum = "sum",
        Case = "case",
        Problem = "problem",
        RefusedBy = "refused_by",
        Outcome = "outcome",
        PaidByHand = "paid_by_hand",
        BlockedBy = "blocked_by",
        BlockedByType = "blocked_by_type",
        BlockedByBody = "blocked_by_body",
        /// For which break of the books a case was opened: `Break::subject`.
        BookBreak = "book_break",
        /// What it is about: its kind, and the book that contradicts ours.
        BookBreakKind = "book_break_kind",
        Book = "book",
        /// The row of that book.
        BookRow = "book_row",
        BookExpected = "book_expected",
        BookFound = "book_found",
        /// Both sides' rows, as JSON.
        BookOurs = "book_ours",
        BookTheirs = "book_theirs",
        /// Where the window ended of the run that saw it first.
        BookRun = "book_run",
        /// The rows by which the books agree again, as JSON.
        BookExplains = "book_explains",

        // A claim.
        Request = "request",
        RequestSha256 = "request_sha256",
        AttemptId = "attempt_id",
    }
}

crate::words! {
    /// What [`FactName::Source`] says: the state of the payment that a payout is made from, as its provider told it.
    pub enum SourceSays {
        /// Nobody can ask the provider.
        NotConfigured = "not_configured",
        Paid = "paid",
        /// It was given back, is disputed or was not paid.
        Blocks = "blocks",
    }
}

/// Before the pointer to a field of the source's answer, which the configuration names.
pub const SOURCE_FIELD: &str = "source ";

/// What a record says. Nothing else than a [`FactName`] or a field of the source's answer is written or asked for; what another
/// version wrote under a name of its own stays, to be shown as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<String, String>);

impl Facts {
    /// As a table has them.
    pub fn stored(all: BTreeMap<String, String>) -> Self {
        Self(all)
    }

    pub fn add(&mut self, name: FactName, value: impl ToString) {
        self.0.insert(name.to_string(), value.to_string());
    }

    pub fn add_source_field(&mut self, pointer: &str, value: impl ToString) {
        self.0.insert(format!("{SOURCE_FIELD}{pointer}"), value.to_string());
    }

    /// Where both say something, the others count.
    pub fn add_all(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// What the others do not say.
    pub fn without(mut self, others: &Self) -> Self {
        self.0.retain(|name, _| !others.0.contains_key(name));
        self
    }

    pub fn get(&self, name: FactName) -> Option<&str> {
        self.0.get(name.as_str()).map(String::as_str)
    }

    /// An empty text says nothing: it replaced what an earlier record said.
    pub fn said(&self, name: FactName) -> Option<&str> {
        self.get(name).filter(|text| !text.is_empty())
    }

    pub fn moment(&self, name: FactName) -> Option<UnixMillis> {
        self.get(name)?.parse().ok()
    }

    pub fn digest(&self, name: FactName) -> Option<Digest> {
        Digest::from_hex(self.get(name)?)
    }

    /// Of the rail's answer.
    pub fn http_status(&self) -> Option<u16> {
        self.get(FactName::HttpStatus)?.parse().ok()
    }

    /// The latest look-up.
    pub fn look_up(&self) -> Option<LookUpSays> {
        LookUpSays::parse(self.get(FactName::LookedUp)?)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By the tables' names, in their order: to be stored and shown.
    pub fn iter(&self) -> btree_map::Iter<'_, String, String> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Facts {
    type Item = (&'a String, &'a String);
    type IntoIter = btree_map::Iter<'a, String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<V: ToString> FromIterator<(FactName, V)> for Facts {
    fn from_iter<I: IntoIterator<Item = (FactName, V)>>(facts: I) -> Self {
        Self(facts.into_iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
    }
}

impl<V: ToString, const N: usize> From<[(FactName, V); N]> for Facts {
    fn from(facts: [(FactName, V); N]) -> Self {
        facts.into_iter().collect()
    }
}

/// What [`FactName::LookedUp`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookUpSays {
    Said(Said),
    /// The rail could not be asked.
    NoAnswer,
}

impl LookUpSays {
    const NO_ANSWER: &str = "no_answer";

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Said(said) => said.as_str(),
            Self::NoAnswer => Self::NO_ANSWER,
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        if text == Self::NO_ANSWER { Some(Self::NoAnswer) } else { Said::parse(text).map(Self::Said) }
    }
}

impl std::fmt::Display for LookUpSays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_look_up_says_is_read_back_as_it_was_written() {
        let all = Said::ALL.iter().copied().map(LookUpSays::Said).chain([LookUpSays::NoAnswer]);
        for says in all {
            let facts = Facts::from([(FactName::LookedUp, says)]);
            assert_eq!(facts.look_up(), Some(says));
        }
        let written: Vec<_> = Said::ALL.iter().map(|said| said.as_str()).collect();
        assert_eq!(written, ["found", "absent", "blind"]);
        assert_eq!(Facts::default().look_up(), None);
    }

    #[test]
    fn value_of_a_type_is_read_back_as_it_was_written() {
        let digest = Digest::of("a file");
        let mut facts = Facts::from([(FactName::Sha256, digest)]);
        facts.add(FactName::AnsweredAt, 1_764_000_123_456_u64);
        facts.add(FactName::HttpStatus, 402);
        facts.add(FactName::Blind, "");
        assert_eq!(facts.digest(FactName::Sha256), Some(digest));
        assert_eq!(facts.moment(FactName::AnsweredAt), Some(1_764_000_123_456));
        assert_eq!(facts.http_status(), Some(402));
        assert_eq!((facts.get(FactName::Blind), facts.said(FactName::Blind)), (Some(""), None));
        assert_eq!(facts.said(FactName::HttpStatus), Some("402"));
        // Text of another version that is none of these is no value, and still a text.
        let odd = ["sha256", "answered_at", "http_status"].map(|name| (name.to_owned(), "odd".to_owned()));
        let facts = Facts::stored(odd.into());
        assert_eq!(
            (facts.digest(FactName::Sha256), facts.moment(FactName::AnsweredAt), facts.http_status()),
            Default::default()
        );
        assert_eq!(facts.get(FactName::HttpStatus), Some("odd"));
    }

    #[test]
    fn name_of_another_version_stays() {
        let later = ("rail_mood".to_owned(), "so_so".to_owned());
        let mut facts = Facts::stored([later.clone()].into());
        facts.add(FactName::Note, "seen");
        let all: Vec<_> = facts.iter().collect();
        assert_eq!(all, [(&"note".to_owned(), &"seen".to_owned()), (&later.0, &later.1)]);
        assert_eq!(facts.without(&Facts::from([(FactName::Note, "")])), Facts::stored([later].into()));
    }

    #[test]
    fn later_record_counts_where_both_say_something() {
        let mut facts = Facts::from([(FactName::Note, "early"), (FactName::Code, "kept")]);
        assert!(!facts.is_empty() && Facts::default().is_empty());
        facts.add_all(Facts::from([(FactName::Note, "late")]));
        let all: Vec<_> = (&facts).into_iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(all, [("code", "kept"), ("note", "late")]);
    }

    #[test]
    fn field_of_the_source_is_told_from_every_other_fact() {
        let mut facts = Facts::from([(FactName::Source, "paid")]);
        facts.add_source_field("/status", "succeeded");
        assert_eq!(facts.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["source", "source /status"]);
        assert!(FactName::ALL.iter().all(|name| !name.as_str().starts_with(SOURCE_FIELD)));
    }
}
