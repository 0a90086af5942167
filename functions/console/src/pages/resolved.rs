//! What was resolved in a period, the latest first: how each case ended, and who agreed.

use askama::Template;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::Ending;
use payonce_protocol::money::Money;
use payonce_protocol::outcome::Reason;

use super::format::{Moment as _, Sum as _, Text as _};
use super::frame::Frame;
use super::icon::Icon;
use super::words::Words as _;
use crate::cases::spreadsheet::Style;

/// As it stands in the address, and in the form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvedAsked {
    pub from: String,
    pub to: String,
    /// What a payee begins with.
    pub payee: Option<String>,
}

impl ResolvedAsked {
    fn query(&self, after: Option<&(String, String)>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("from", &self.from).append_pair("to", &self.to);
        if let Some(payee) = &self.payee {
            query.append_pair("payee", payee);
        }
        if let Some((place, id)) = after {
            query.append_pair("after", place).append_pair("id", id);
        }
        query.finish()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedRow {
    pub id: String,
    pub money: Option<Money>,
    pub payee: Option<String>,
    pub reason: Reason,
    pub ending: Ending,
    pub proposed_by: String,
    pub approved_by: String,
    pub at: UnixMillis,
}

#[derive(Clone, Debug, Template)]
#[template(path = "resolved.html", whitespace = "minimize")]
pub struct ResolvedPage {
    pub frame: Frame,
    pub asked: ResolvedAsked,
    /// Why nothing was looked for.
    pub wrong: Option<String>,
    /// Up to 50.
    pub rows: Vec<ResolvedRow>,
    /// `after` and `id` of the next page.
    pub next: Option<(String, String)>,
    pub is_first: bool,
}

impl ResolvedPage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn address(&self) -> String {
        format!("{}/resolved", self.frame.base)
    }

    fn first(&self) -> String {
        format!("{}?{}", self.address(), self.asked.query(None))
    }

    fn next(&self) -> String {
        format!("{}?{}", self.address(), self.asked.query(self.next.as_ref()))
    }

    fn styles(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        Style::ALL.iter().map(|style| (style.as_str(), style.label(), *style == Style::default()))
    }
}
