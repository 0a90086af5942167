//! Stripe's events, <https://docs.stripe.com/api/events/list>: newest first, a hundred to a page, the next page behind the last
//! one's id, back to 30 days. Each is shown in the version of the API that the account had when it was made, whatever version the
//! question names; it was delivered in the same, unless the endpoint has a version of its own
//! (<https://docs.stripe.com/webhooks/versioning>): then what the rules find in a delivery they may not find here.
//!
//! An event of a connected account is not among them: it is listed under that account
//! (<https://docs.stripe.com/connect/webhooks>), and this list asks for its own alone.

use http::header;
use payonce_protocol::order::Mode;
use payonce_wire::{ApiSecret, Scheme, TimeForm};

use crate::list::{Account, Api, Term};
use crate::page::{More, Next, Page};

/// Pinned, so that a new default of the account changes nothing that is read here.
const VERSION: &str = "2026-09-30.endive";
const DAY_MS: u64 = 24 * 3_600_000;

pub(crate) fn events(account: Option<&str>, mode: Mode) -> Api {
    let is_live = mode == Mode::Live;
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let term = |name: &str, term| (name.to_owned(), term);
    Api {
        path: "/v1/events".to_owned(),
        query: vec![
            term("limit", Term::Fixed("100".to_owned())),
            term("created[gte]", Term::Since),
            term("created[lt]", Term::Until),
        ],
        times_as: TimeForm::Seconds,
        headers: owned(&[("stripe-version", VERSION)]),
        scheme: Scheme::Bearer,
        secret_header: header::AUTHORIZATION,
        page: Page {
            must_hold: owned(&[("/object", "list")]),
            items: "/data".to_owned(),
            item_must_hold: owned(&[("/object", "event"), ("/livemode", if is_live { "true" } else { "false" })]),
            id: "/id".to_owned(),
            created: "/created".to_owned(),
            created_as: TimeForm::Seconds,
            event: None,
        },
        next: Next::LastId { query: "starting_after".to_owned(), more: More::Pointer("/has_more".to_owned()) },
        askable_ms: 30 * DAY_MS,
        // <https://docs.stripe.com/api/accounts/retrieve>: of the key itself.
        account: account.map(|is| Account {
            path: "/v1/account".to_owned(),
            must_hold: owned(&[("/object", "account")]),
            at: "/id".to_owned(),
            is: is.to_owned(),
        }),
    }
}

/// Stripe writes into its keys their mode, and whether they may do only what they were given
/// (<https://docs.stripe.com/keys#limit-access>): a key that may do everything could pay.
pub(crate) fn is_key_of(secret: &ApiSecret, mode: Mode) -> bool {
    secret.begins_with(match mode {
        Mode::Live => "rk_live_",
        Mode::Test => "rk_test_",
    })
}
