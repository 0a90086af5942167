//! What is around every page, and the pages that say that something is not as the reader wanted.

use askama::Error as PageError;

use crate::app::{App, BASE, Visit};
use crate::pages::{Frame, MessagePage, Section, SignedOutPage};
use crate::reply::Reply;
use crate::trouble::Trouble;

impl App {
    pub(crate) fn frame(&self, visit: Option<&Visit>, title: &str, section: Section) -> Frame {
        Frame {
            base: BASE.to_owned(),
            title: title.to_owned(),
            person: visit.map(|visit| visit.session.person.name.clone()),
            roles: visit.map(|visit| visit.roles.clone()).unwrap_or_default(),
            csrf: visit.map(|visit| visit.csrf.clone()).unwrap_or_default(),
            section,
            banners: vec![],
            is_sandbox: self.parts.is_sandbox,
            now: self.parts.clock.now(),
            search: String::new(),
            hold: visit.and_then(|visit| visit.around.hold.clone()),
            to_approve: visit.and_then(|visit| visit.around.to_approve.clone()),
        }
    }

    pub(crate) fn landing_page(&self) -> Result<String, PageError> {
        let frame = self.frame(None, "Signed out", Section::Other);
        SignedOutPage { frame, is_goodbye: false }.render()
    }

    /// `note`: what the reader wrote, and would lose.
    pub(crate) fn trouble(&self, visit: Option<&Visit>, trouble: &Trouble, note: Option<&str>) -> Reply {
        tracing::warn!(status = trouble.status().as_u16(), what = trouble.kind(), "not done");
        let back = trouble.back().map(|(place, words)| (format!("{BASE}{place}"), words.to_owned()));
        let page = MessagePage {
            frame: self.frame(visit, &trouble.title(), Section::Other),
            status: trouble.status().as_u16(),
            heading: trouble.title().into_owned(),
            text: trouble.text(),
            meanwhile: vec![],
            lost_note: note.map(str::to_owned),
            back: if visit.is_none() { Some((format!("{BASE}/sign-in"), "Sign in".to_owned())) } else { back },
            request_id: None,
        };
        Reply::html(trouble.status(), page.render().unwrap_or_else(|_| trouble.to_string()))
    }
}
