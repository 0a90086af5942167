//! What people attached to a case: the list on its page, and a page for each file.

use askama::Template;
use payonce_protocol::UnixMillis;

use super::format::{Moment as _, Text as _, grouped};
use super::frame::Frame;
use super::icon::Icon;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    pub title: Option<String>,
    /// The name of a file that is kept here.
    pub file: Option<String>,
    pub bytes: Option<u64>,
    pub sha256: Option<String>,
    /// Begins with `https://`.
    pub link: Option<String>,
    /// Where a file is that is kept elsewhere.
    pub kept_at: Option<String>,
    pub by: String,
    pub at: UnixMillis,
}

impl Attached {
    pub(crate) fn name(&self) -> &str {
        let named = self.title.as_deref().or(self.file.as_deref());
        named.or(self.link.as_deref()).unwrap_or("Without a title")
    }

    pub(crate) fn size(&self) -> Option<String> {
        self.bytes.map(|bytes| format!("{}\u{a0}bytes", grouped(u128::from(bytes))))
    }

    /// The page of a file that is kept here.
    pub(crate) fn page(&self, frame: &Frame, case: &str) -> Option<String> {
        let sha256 = self.sha256.as_ref().filter(|_| self.file.is_some())?;
        Some(format!("{}/evidence/{sha256}", frame.case(case)))
    }
}

/// What of a file is on its page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    Text(String),
    Picture,
    /// Not of a kind that is safe to show.
    OnlySaved,
    /// Its time is over.
    NotKept,
}

#[derive(Clone, Debug, Template)]
#[template(path = "evidence.html", whitespace = "minimize")]
pub struct EvidencePage {
    pub frame: Frame,
    /// The case's id.
    pub case: String,
    pub attached: Attached,
    pub shown: Shown,
    pub kept_until: Option<UnixMillis>,
}

impl EvidencePage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn address(&self, what: &str) -> String {
        format!("{}/{what}", self.attached.page(&self.frame, &self.case).unwrap_or_default())
    }
}
