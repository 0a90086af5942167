//! Whose event it is, and whether real money moves in it: what the event bears itself is believed before the configuration.
//! A payout needs all of it to fit; a bar is refused only by what is plainly somebody else's or of another mode.

use payonce_protocol::order::Mode;
use serde_json::Value;

use crate::event::ParsedEvent;
use crate::marker::{Marker, Odd};
use crate::pointer::Pointer;
use crate::preset::{Live, Preset};

#[derive(Debug)]
pub(crate) struct Sender {
    live: LiveFrom,
    markers: &'static [Marker],
    accounts: Vec<Pointer>,
    allows_connected: bool,
}

#[derive(Debug)]
enum LiveFrom {
    Flag(Pointer),
    Word(Pointer),
    Always(Mode),
}

/// Why an event is not taken for our own.
pub(crate) enum Stranger {
    /// It says that it is another account's, or of another mode.
    Other(String),
    /// What it says cannot be read.
    Unreadable(String),
}

impl Stranger {
    pub fn problem(self) -> String {
        match self {
            Self::Other(problem) | Self::Unreadable(problem) => problem,
        }
    }
}

impl Sender {
    /// `mode` is the configured one, where the provider's events do not say it. `None`: it is missing, which is an error of the
    /// configuration by itself.
    pub fn new(preset: &Preset, mode: Option<Mode>, allows_connected: bool) -> Option<Self> {
        let live = match preset.live {
            Live::Flag(at) => Pointer::parse(at).ok().map(LiveFrom::Flag),
            Live::Word(at) => Pointer::parse(at).ok().map(LiveFrom::Word),
            Live::Configured => mode.map(LiveFrom::Always),
        };
        let accounts = preset.accounts.iter().filter_map(|at| Pointer::parse(at).ok()).collect();
        Some(Self { live: live?, markers: preset.markers, accounts, allows_connected })
    }

    /// `rule` is the name of the rule or block in the configuration.
    pub fn check(&self, rule: &str, event: &ParsedEvent, rail_mode: Mode) -> Result<(), Stranger> {
        let says = |at: &str, what: &str| format!("{rule}: {at} {what}");
        let is_there = |at: &&Pointer| at.of(&event.body).is_some_and(|account| !account.is_null());
        if let Some(account) = self.accounts.iter().find(is_there)
            && !self.allows_connected
        {
            let what = "is there: an event of a connected account, which the rule does not allow";
            return Err(Stranger::Other(says(account.as_str(), what)));
        }
        let unreadable = |at: &str, what: &str| Err(Stranger::Unreadable(says(at, what)));
        let (mode, who) = match &self.live {
            LiveFrom::Always(mode) => (*mode, format!("{rule}: the provider's mode is")),
            LiveFrom::Flag(at) => match at.of(&event.body) {
                Some(Value::Bool(true)) => (Mode::Live, says(at.as_str(), "says")),
                Some(Value::Bool(false)) => (Mode::Test, says(at.as_str(), "says")),
                _ => return unreadable(at.as_str(), "is neither true nor false"),
            },
            LiveFrom::Word(at) => match at.of(&event.body).and_then(Value::as_str) {
                Some("live") => (Mode::Live, says(at.as_str(), "says")),
                Some("test") => (Mode::Test, says(at.as_str(), "says")),
                _ => return unreadable(at.as_str(), "is neither `live` nor `test`"),
            },
        };
        let other = |who: String| {
            let problem = format!("{who} another mode than the rail's key, which is {}", rail_mode.as_str());
            Err(Stranger::Other(problem))
        };
        if mode != rail_mode {
            return other(who);
        }
        for marker in self.markers {
            match marker.mode(&event.body) {
                Some(Ok(mode)) if mode != rail_mode => return other(says(marker.at, "says")),
                Some(Err(Odd)) => return unreadable(marker.at, "says neither live nor test"),
                Some(Ok(_)) | None => {}
            }
        }
        Ok(())
    }
}
