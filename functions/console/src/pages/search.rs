//! What an id led to, when that is not exactly one page.

use askama::Template;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::Status;
use payonce_protocol::money::Money;
use payonce_protocol::outcome::Reason;

use super::format::{Sum as _, Text as _};
use super::frame::Frame;
use super::icon::Icon;
use super::words::{self, Words as _};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hit {
    Case {
        id: String,
        reason: Reason,
        status: Status,
        money: Option<Money>,
        payee: Option<String>,
        since: UnixMillis,
    },
    /// A payout without a case.
    Payout {
        key: String,
        money: Option<Money>,
        payee: Option<String>,
        since: UnixMillis,
    },
}

#[derive(Clone, Debug, Template)]
#[template(path = "search.html", whitespace = "minimize")]
pub struct SearchPage {
    pub frame: Frame,
    /// What was looked for; `frame.search` should say the same.
    pub query: String,
    pub hits: Vec<Hit>,
}

impl SearchPage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn icon(&self, status: &Status) -> Icon {
        words::status_icon(*status)
    }
}
