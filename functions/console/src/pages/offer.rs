//! What the rules say of a further attempt now, and until when the rail key counts.

use payonce_protocol::UnixMillis;
use payonce_protocol::reissue::{Reissue, Said, Why};

use super::format::Ago;
use super::frame::Frame;
use super::icon::Icon;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// `None`: the case is about no attempt, or it has not ended.
    pub reissue: Option<Reissue>,
    pub key_clock: Option<KeyClock>,
    pub looked_up: Option<LookedUpAt>,
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
    pub(crate) fn in_words(&self) -> &'static str {
        match self.said {
            Said::Found => "found",
            Said::Absent => "not found",
            Said::Blind => "blind, which says nothing",
        }
    }
}

impl Offer {
    /// What the rules say of a further attempt: a short answer, and why.
    pub(crate) fn said(&self, frame: &Frame) -> Option<(&'static str, String)> {
        let until = self.key_clock.and_then(|clock| clock.counts_until);
        Some(match self.reissue? {
            Reissue::SameKey => match until.filter(|until| *until > frame.now) {
                Some(until) => (
                    "May be tried again under the same rail key",
                    format!(
                        "Until {} (in {}). Should the first request have arrived, the rail answers with its result and \
                         pays nothing twice.",
                        frame.clock(until),
                        frame.span(until)
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
                    frame.clock(at),
                    frame.span(at)
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

    pub(crate) fn icon(&self) -> Icon {
        match self.reissue {
            Some(Reissue::SameKey | Reissue::NextKey(_)) => Icon::Done,
            Some(Reissue::NotBefore(_)) => Icon::Clock,
            Some(Reissue::LookUpFirst { .. }) => Icon::Search,
            Some(Reissue::NotOffered(_)) | None => Icon::Refused,
        }
    }

    pub(crate) fn tone(&self) -> &'static str {
        match self.reissue {
            Some(Reissue::SameKey | Reissue::NextKey(_)) => "good",
            Some(Reissue::NotBefore(_) | Reissue::LookUpFirst { .. }) => "warn",
            Some(Reissue::NotOffered(_)) | None => "calm",
        }
    }

    /// How much of the key's life that counts is used up, 0 to 100.
    pub(crate) fn key_used(&self, frame: &Frame) -> Option<u64> {
        let clock = self.key_clock?;
        let life = clock.counts_until?.saturating_sub(clock.first_used_at).max(1);
        let used = frame.now.saturating_sub(clock.first_used_at);
        Some((used.saturating_mul(100) / life).min(100))
    }

    pub(crate) fn key_first_used(&self, frame: &Frame) -> Ago {
        frame.ago(self.key_clock.map(|clock| clock.first_used_at).unwrap_or_default())
    }

    pub(crate) fn key_left(&self, frame: &Frame) -> Option<String> {
        let until = self.key_clock?.counts_until?;
        let is_over = until <= frame.now;
        Some(if is_over { format!("over since {}", frame.span(until)) } else { format!("{} left", frame.span(until)) })
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
