//! That payouts are not made, in a line on every page: since when, by whom, why, and what works all the same. Whoever approves
//! reads it before the sign-in that would be for nothing.

use payonce_protocol::UnixMillis;

use super::format::Moment as _;
use super::frame::Frame;

/// Why no payout is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Events are turned away.
    Refuse,
    /// Events become cases.
    Record,
    /// Nobody ever released payouts.
    NeverReleased,
    /// They were released for other tables than those that are there.
    OtherTables,
    /// What stands could not be read, and then nothing is paid.
    Unreadable,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldNotice {
    pub held: Held,
    /// Of who set it: when, their name, their reason.
    pub set: Option<HoldSet>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldSet {
    pub at: UnixMillis,
    pub by: String,
    pub why: String,
}

impl HoldNotice {
    pub(crate) fn title(&self) -> &'static str {
        match self.held {
            Held::Refuse | Held::Record => "Payouts are held",
            Held::NeverReleased => "Payouts were never released",
            Held::OtherTables => "Payouts are not released for the tables that are there now",
            Held::Unreadable => "Whether payouts are held cannot be read now",
        }
    }

    pub(crate) fn since(&self, frame: &Frame) -> String {
        self.set.as_ref().map_or_else(String::new, |set| format!("{}, {}", set.at.utc(), frame.ago(set.at).words()))
    }

    pub(crate) fn by(&self) -> &str {
        match self.set.as_ref().map(|set| set.by.as_str()) {
            Some("sweeper" | "audit-watch") => "payonce itself",
            by => by.unwrap_or_default(),
        }
    }

    pub(crate) fn why(&self) -> &str {
        self.set.as_ref().map(|set| set.why.as_str()).unwrap_or_default()
    }

    /// What becomes of events meanwhile.
    pub(crate) fn events(&self) -> &'static str {
        match self.held {
            Held::Refuse => {
                "New events are turned away and nothing is claimed; their providers keep them and send them again."
            }
            Held::Record => "New events are claimed, and each becomes a case; nothing is paid.",
            Held::NeverReleased | Held::OtherTables => {
                "New events are turned away until somebody releases payouts; their providers keep them and send them again."
            }
            Held::Unreadable => "What cannot be read counts as a hold: nothing is paid.",
        }
    }

    /// What people can do meanwhile.
    pub(crate) fn meanwhile(&self) -> &'static str {
        "Here you can read, search, comment, ask the rail, propose, and approve endings that pay nothing. An approval that moves \
         money is refused until payouts are released: do not sign in for one before."
    }
}
