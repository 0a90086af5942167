//! A page that only says something: what was wrong and the way back, or that one is signed out.

use askama::Template;

use super::case::Entry;
use super::format::{Moment as _, Text as _};
use super::frame::Frame;
use super::icon::Icon;

#[derive(Clone, Debug, Template)]
#[template(path = "message.html", whitespace = "minimize")]
pub struct MessagePage {
    pub frame: Frame,
    /// The status of the answer: 400, 403, 404, 409, 503.
    pub status: u16,
    /// "Somebody was faster".
    pub heading: String,
    /// What was wrong, and whether anything was written.
    pub text: String,
    /// What others did to the case meanwhile.
    pub meanwhile: Vec<Entry>,
    /// What the reader wrote and would lose.
    pub lost_note: Option<String>,
    /// Address and words: "Back to the case". `None`: back to the queue.
    pub back: Option<(String, String)>,
    /// For whoever looks into the log.
    pub request_id: Option<String>,
}

impl MessagePage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn icon(&self) -> Icon {
        match self.status {
            404 => Icon::Search,
            409 => Icon::Warn,
            _ => Icon::Error,
        }
    }

    fn tone(&self) -> &'static str {
        match self.status {
            404 => "calm",
            409 => "warn",
            _ => "bad",
        }
    }
}

/// Where one lands without a session.
#[derive(Clone, Debug, Template)]
#[template(path = "signed_out.html", whitespace = "minimize")]
pub struct SignedOutPage {
    pub frame: Frame,
    /// The reader has just signed out.
    pub is_goodbye: bool,
}

impl SignedOutPage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }
}
