//! What a person reads when something is not as they wanted: what it is, and what to do.

use std::borrow::Cow;

use http::StatusCode;
use payonce_identity::IdentityError;
use payonce_ledger::LedgerError;
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum Trouble {
    #[error("There is nothing at this address.")]
    NotFound,
    #[error("You are signed out. Nothing was changed; sign in, and do it again.")]
    SignedOut,
    #[error("This did not come from one of our pages. Nothing was changed; open the page again, and do it there.")]
    Forged,
    #[error("Your role does not allow this.")]
    NotAllowed,
    /// One sentence that says what is wrong with what was sent. Nothing was changed for it.
    #[error("{0}")]
    Wrong(String),
    /// At a page of ours, to which the reader goes back.
    #[error(transparent)]
    At(#[from] At),
    #[error("Somebody was faster: the case has changed since you opened it. Nothing of yours was written.")]
    Changed,
    #[error("You proposed this. Another person must decide.")]
    Own,
    #[error("This cannot be done with the case as it stands.")]
    NotNow,
    #[error("It was not paid: {0}.")]
    NotPaid(String),
    #[error("The case was not ended: {0}. Pay nothing by hand for it before it is.")]
    NotClosed(String),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("The tables do not answer as they should ({0}). Nothing may have been changed; look at the case again.")]
    Ledger(#[from] LedgerError),
    /// In a sentence, why not.
    #[error("{0}")]
    RunFile(&'static str),
    #[error("The file could not be written.")]
    Csv(#[from] csv::Error),
    #[error("The page could not be made.")]
    Page(#[from] askama::Error),
}

#[derive(Debug, Error)]
#[error("{trouble}")]
pub(crate) struct At {
    /// Below the console's own path.
    place: String,
    trouble: Box<Trouble>,
}

/// A heading is read at a glance; a longer sentence stands below a shorter one.
const HEADING_CHARS: usize = 90;

impl Trouble {
    /// What was done at this address: what stands behind a page's own part of it, the act, is left out. The first that says
    /// where it was is right.
    pub fn at(self, path: &[&str]) -> Self {
        match (self, path) {
            (Self::At(at), _) => Self::At(at),
            (trouble, [kind @ ("cases" | "batches"), id, ..]) => Self::At(At {
                place: format!("/{kind}/{}", crate::cases::show::encoded(id)),
                trouble: Box::new(trouble),
            }),
            (trouble, ["books", _, ..]) => Self::At(At { place: "/books".to_owned(), trouble: Box::new(trouble) }),
            (trouble, ["bank", ..]) => Self::At(At { place: "/bank".to_owned(), trouble: Box::new(trouble) }),
            (trouble, ["absence", ..]) => Self::At(At { place: "/absence".to_owned(), trouble: Box::new(trouble) }),
            (trouble, _) => trouble,
        }
    }

    /// Address below the console's own path, and words, of the way back. Nobody is sent back to what is not there.
    pub fn back(&self) -> Option<(&str, &'static str)> {
        let Self::At(At { place, trouble }) = self else { return None };
        if matches!(**trouble, Self::NotFound) {
            return None;
        }
        Some((
            place,
            match place.split('/').nth(1) {
                Some("cases") => "Back to the case",
                Some("batches") => "Back to the list",
                Some("books") => "All runs",
                Some("bank") => "The bank's files",
                _ => "Back",
            },
        ))
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::At(at) => at.trouble.status(),
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SignedOut | Self::Forged | Self::NotAllowed | Self::Own => StatusCode::FORBIDDEN,
            Self::Wrong(_) | Self::Identity(_) => StatusCode::BAD_REQUEST,
            Self::Changed | Self::NotNow | Self::NotPaid(_) | Self::NotClosed(_) => StatusCode::CONFLICT,
            Self::Ledger(_) | Self::RunFile(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Page(_) | Self::Csv(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The error itself, for the heading and for the browser's tab.
    pub fn title(&self) -> Cow<'_, str> {
        match self {
            Self::At(at) => at.trouble.title(),
            Self::Wrong(text) if text.chars().count() <= HEADING_CHARS => Cow::Borrowed(text.trim_end_matches('.')),
            _ => Cow::Borrowed(self.kind()),
        }
    }

    /// What stands below the title, and does not repeat it.
    pub fn text(&self) -> String {
        match self {
            Self::At(at) => at.trouble.text(),
            Self::Wrong(text) if text.chars().count() <= HEADING_CHARS => {
                "Nothing was changed. Correct it, and send it again.".to_owned()
            }
            _ => self.to_string(),
        }
    }

    /// For the log: nothing of what was sent.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::At(at) => at.trouble.kind(),
            Self::NotFound => "Nothing is at this address",
            Self::SignedOut => "You are signed out",
            Self::Forged => "This did not come from a page of ours",
            Self::NotAllowed => "Your role does not allow this",
            Self::Wrong(_) => "What was sent cannot be taken",
            Self::Changed => "Somebody was faster",
            Self::Own => "You proposed this: another person must decide",
            Self::NotNow => "This cannot be done with the case as it stands",
            Self::NotPaid(_) => "It was not paid",
            Self::NotClosed(_) => "The case was not ended",
            Self::Identity(_) => "You could not be signed in",
            Self::Ledger(_) => "The tables do not answer",
            Self::RunFile(_) => "What the run left cannot be read",
            Self::Csv(_) => "The file could not be written",
            Self::Page(_) => "The page could not be made",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_says_the_error_and_text_what_to_do() {
        let short = Trouble::Wrong("The note is longer than 500 characters.".to_owned());
        assert_eq!(short.title(), "The note is longer than 500 characters");
        assert!(short.text().starts_with("Nothing was changed."));
        assert_eq!(short.kind(), "What was sent cannot be taken");
        let long = Trouble::Wrong(format!("{}.", "x".repeat(100)));
        assert_eq!((long.title().as_ref(), long.text().len()), ("What was sent cannot be taken", 101));
    }

    #[test]
    fn way_back_leads_to_the_page_that_it_was_done_at() {
        let back = |path: &[&str]| Trouble::NotNow.at(path).back().map(|(place, words)| (place.to_owned(), words));
        assert_eq!(back(&["cases", "20b0", "propose"]), Some(("/cases/20b0".to_owned(), "Back to the case")));
        assert_eq!(back(&["batches", "1", "approve"]), Some(("/batches/1".to_owned(), "Back to the list")));
        assert_eq!(back(&["absence"]), Some(("/absence".to_owned(), "Back")));
        assert_eq!(back(&["bulk"]), None);
        assert_eq!(Trouble::NotFound.at(&["cases", "none"]).back(), None, "it is not there");
        let inner = Trouble::Changed.at(&["cases", "1"]).at(&["batches", "2"]);
        assert_eq!(inner.back().map(|(place, _)| place), Some("/cases/1"));
        assert_eq!((inner.status(), inner.title().as_ref()), (StatusCode::CONFLICT, "Somebody was faster"));
    }
}
