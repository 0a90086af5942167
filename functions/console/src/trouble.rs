//! What a person reads when something is not as they wanted: what it is, and what to do.

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
    #[error("{0}")]
    Wrong(String),
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
    #[error("The file could not be written.")]
    Csv(#[from] csv::Error),
    #[error("The page could not be made.")]
    Page(#[from] askama::Error),
}

impl Trouble {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SignedOut | Self::Forged | Self::NotAllowed | Self::Own => StatusCode::FORBIDDEN,
            Self::Wrong(_) | Self::Identity(_) => StatusCode::BAD_REQUEST,
            Self::Changed | Self::NotNow | Self::NotPaid(_) | Self::NotClosed(_) => StatusCode::CONFLICT,
            Self::Ledger(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Page(_) | Self::Csv(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub fn title(&self) -> &'static str {
        match self {
            Self::NotFound => "Not found",
            Self::SignedOut => "Signed out",
            Self::Forged => "Not from our page",
            Self::NotAllowed => "Not allowed",
            Self::Wrong(_) => "Something is missing",
            Self::Changed => "Somebody was faster",
            Self::Own => "Another person must decide",
            Self::NotNow => "Not now",
            Self::NotPaid(_) => "Not paid",
            Self::NotClosed(_) => "Not ended",
            Self::Identity(_) => "Not signed in",
            Self::Ledger(_) => "The tables do not answer",
            Self::Page(_) | Self::Csv(_) => "No page",
        }
    }
}
