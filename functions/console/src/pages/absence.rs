//! Who stands in while somebody is away: new work goes there. It gives nobody a role.

use askama::Template;
use payonce_protocol::UnixMillis;

use super::format::{Moment as _, Text as _};
use super::frame::{Frame, PersonOption};
use super::icon::Icon;

/// Somebody is away, and somebody stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    pub who: String,
    pub to: String,
    /// The end of the last day.
    pub until: UnixMillis,
    pub is_mine: bool,
}

impl Delegation {
    /// The day that was entered: the last one away.
    fn last_day(&self) -> String {
        self.until.saturating_sub(1).day()
    }
}

#[derive(Clone, Debug, Template)]
#[template(path = "absence.html", whitespace = "minimize")]
pub struct AbsencePage {
    pub frame: Frame,
    /// Whoever can stand in; the reader is left out.
    pub people: Vec<PersonOption>,
    pub delegations: Vec<Delegation>,
}

impl AbsencePage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn mine(&self) -> Option<&Delegation> {
        self.delegations.iter().find(|delegation| delegation.is_mine)
    }

    /// The first day that can be chosen.
    fn today(&self) -> String {
        self.frame.now.iso().chars().take(10).collect()
    }
}
