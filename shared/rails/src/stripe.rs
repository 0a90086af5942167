//! Stripe transfers to a connected account: the request, the table of answers, the look-up by our metadata.
//! Pages: <https://docs.stripe.com/api/transfers>, <https://docs.stripe.com/error-low-level>.
//!
//! A payout is known by `metadata[payout_key]`, which only we write. `transfer_group` is not sent at all: with a
//! `source_transaction` Stripe gives the transfer the charge's group, or `group_` and the PaymentIntent's id to both
//! (<https://docs.stripe.com/connect/separate-charges-and-transfers#transfer-availability>). A list cannot be searched by
//! metadata, so a payout is looked for among those of its payee, in a window of time, over all pages.

use http::Method;
use payonce_protocol::exponents::ExponentError;
use payonce_protocol::ids::{KeyGeneration, RailKey};
use payonce_protocol::money::Money;
use payonce_protocol::order::PayoutOrder;
use payonce_protocol::reissue::{LookUp, RailPromises};
use payonce_providers::units;
use payonce_wire::{Form, TimeForm};

use crate::amount::{AmountForm, Units};
use crate::answer::{Echo, Means, RefusalRow, Table};
use crate::books::{Account, Books, More, Next, NextBy, Page, Returned, Search, Term};
use crate::config::is_stripe_account;
use crate::request::{Misfit, Prepared};

/// Pinned, so that a new default of the account changes neither what we send nor what the table reads.
const VERSION: &str = "2026-09-30.endive";
const PATH: &str = "/v1/transfers";
const REFERENCE: &str = "/metadata/payout_key";

/// Fields that a rule may copy from the event into the request, and how long a value may be. All others are ours to set
/// or not to be set at all.
const RAIL_FIELDS: &[(&str, usize)] = &[("description", 500), ("source_transaction", 64), ("source_type", 16)];

pub(crate) const PROMISES: RailPromises = RailPromises {
    // "We remove keys after at least 24 hours" (API reference, idempotent requests).
    key_life_ms: Some(24 * 3_600_000),
    // Stripe promises no time. Its own clients give a request up after 80 seconds, and a list may lag behind a create;
    // ten minutes is far above both, and short beside the key's life.
    settle_ms: 600_000,
    look_up: LookUp::ByReference,
};

pub(crate) fn prepare(host: &str, order: &PayoutOrder, generation: KeyGeneration) -> Result<Prepared, Misfit> {
    let money = rail_money(&order.money)?;
    if !is_stripe_account(order.destination.as_str()) {
        return Err(Misfit::Destination);
    }
    let currency = money.currency().as_str().to_ascii_lowercase();
    let mut form = Form::default();
    form.field("amount", &money.minor().to_string());
    form.field("currency", &currency);
    form.field("destination", order.destination.as_str());
    // The payout key alone, never the attempt: one look-up must see every attempt (our-own-mark).
    form.field("metadata[payout_key]", order.key.as_str());
    for (name, value) in &order.rail_fields {
        let Some((name, at_most)) = RAIL_FIELDS.iter().find(|(allowed, _)| allowed == name) else {
            return Err(Misfit::Field(name.clone()));
        };
        if value.is_empty() || value.len() > *at_most {
            return Err(Misfit::FieldValue((*name).to_owned()));
        }
        form.field(name, value);
    }
    let body = form.into_text();
    let rail_key = RailKey::new(&order.key, generation);
    let headers = [
        ("host", host.to_owned()),
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("content-length", body.len().to_string()),
        ("idempotency-key", rail_key.to_string()),
        ("stripe-version", VERSION.to_owned()),
    ];
    // The reference is among what a 2xx must repeat: were a payout kept without it, look-ups would say "absent", and the
    // case must say so first.
    let echo = [
        ("/amount", Echo::Amount(AmountForm::Integer, money)),
        ("/currency", Echo::Text(currency)),
        ("/destination", Echo::Text(order.destination.to_string())),
        (REFERENCE, Echo::Text(order.key.to_string())),
    ];
    Ok(Prepared {
        method: Method::POST,
        path: PATH.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        body,
        rail_key,
        key_generation: generation,
        money,
        echo: echo.map(|(pointer, echo)| (pointer.to_owned(), echo)).into(),
    })
}

/// In Stripe's units: its own table of exponents, exact or refused (money-is-integer).
fn rail_money(money: &Money) -> Result<Money, Misfit> {
    units::STRIPE.convert(money).map_err(|error| match error {
        ExponentError::Unlisted => Misfit::Currency,
        ExponentError::Step(_) | ExponentError::Money(_) => Misfit::Amount,
    })
}

/// What Stripe's answers mean. The quotations are from its page "Advanced error handling".
pub(crate) fn table() -> Table {
    let row = |http_status: u16, means| RefusalRow {
        http_status: Some(http_status),
        error_type: None,
        error_code: None,
        means,
    };
    let typed = |error_type: &str, means| RefusalRow {
        http_status: None,
        error_type: Some(error_type.into()),
        error_code: None,
        means,
    };
    Table {
        id: "/id".into(),
        id_prefix: "tr_".into(),
        must_hold: vec![("/object".into(), "transfer".into()), ("/reversed".into(), "false".into())],
        status: None,
        error_type: Some("/error/type".into()),
        error_code: Some("/error/code".into()),
        // "A human-readable message providing more details about the error" (<https://docs.stripe.com/api/errors>).
        error_message: Some("/error/message".into()),
        refusals: vec![
            // The key was used with other parameters: that speaks of an earlier request.
            typed("idempotency_error", Means::Unknown),
            // "Any other type of problem", on Stripe's side: nothing certain.
            typed("api_error", Means::Unknown),
            // An object was locked while the request was at work: not the limiter that the 429 row means.
            RefusalRow { error_code: Some("lock_timeout".into()), ..row(429, Means::Unknown) },
            // "Rate limiters run before the API's idempotency layer."
            row(429, Means::NotBegun),
            // No valid API key: "401 without a key" is not kept under the idempotency key either.
            row(401, Means::NotBegun),
            // 4xx: "failed given the information provided"; kept under the key once execution has begun.
            row(400, Means::Rejected),
            row(402, Means::Rejected),
            row(403, Means::Rejected),
            row(404, Means::Rejected),
            row(405, Means::Rejected),
            row(410, Means::Rejected),
            row(413, Means::Rejected),
            row(415, Means::Rejected),
            row(422, Means::Rejected),
            // Not listed, and so unknown: 408 and 425; 409, "conflicts with another request (perhaps due to using the
            // same idempotent key)"; 424, a failure outside Stripe; 5xx, "treat the result as indeterminate"; 3xx.
        ],
        replay_mark: Some(("idempotent-replayed".into(), "true".into())),
        request_id: Some("request-id".into()),
    }
}

const PAGE: &str = "100";

/// <https://docs.stripe.com/api/transfers/list>: newest first, up to 100 a page, by `destination` and by `created`.
/// `GET /v1/account` is the account of the key that asks (<https://docs.stripe.com/api/accounts/retrieve>; the path
/// without an id is that of Stripe's own libraries). A restricted key needs a permission for it, else it is answered 403.
pub(crate) fn books(host: &str) -> Books {
    let search = |terms: &[(&str, Term)]| {
        let mut query: Vec<_> = terms.iter().map(|(name, term)| ((*name).to_owned(), term.clone())).collect();
        query.push(("limit".to_owned(), Term::Fixed(PAGE.to_owned())));
        let next = Some(Next { query: "starting_after".into(), by: NextBy::LastId });
        Search { path: PATH.into(), query, next }
    };
    let since = ("created[gte]", Term::Since(TimeForm::Seconds));
    let until = ("created[lte]", Term::Until(TimeForm::Seconds));
    let object = |name: &str| vec![("/object".to_owned(), name.to_owned())];
    Books {
        headers: vec![("host".into(), host.into()), ("stripe-version".into(), VERSION.into())],
        find: Some(search(&[("destination", Term::Destination), since.clone(), until.clone()])),
        list: Some(search(&[since, until])),
        payout: Some(PATH.into()),
        account: Some(Account { path: "/v1/account".into(), must_hold: object("account"), id: "/id".into() }),
        page: Page {
            must_hold: object("list"),
            items: "/data".into(),
            more: More::Pointer("/has_more".into()),
            item_must_hold: object("transfer"),
            id: "/id".into(),
            id_prefix: "tr_".into(),
            amount: "/amount".into(),
            form: AmountForm::Integer,
            units: Units { listed: units::STRIPE.digits().collect(), iso_4217: false },
            currency: "/currency".into(),
            destination: Some("/destination".into()),
            reference: Some(REFERENCE.into()),
            status: None,
            created: "/created".into(),
            created_as: TimeForm::Seconds,
            returned: vec![
                Returned::AboveZero("/amount_reversed".into()),
                Returned::OneOf("/reversed".into(), vec!["true".into()]),
            ],
        },
    }
}

#[cfg(test)]
mod tests {
    use payonce_protocol::order::{Destination, EventId, PayoutKey};

    use super::*;

    fn order(minor: u64, exponent: u8, currency: &str, rail_fields: &[(&str, &str)]) -> PayoutOrder {
        PayoutOrder {
            key: PayoutKey::new("stripe/pi_1").unwrap(),
            event: EventId::new("evt_1").unwrap(),
            money: Money::new(minor, exponent, currency.parse().unwrap()).unwrap(),
            destination: Destination::new("acct_1Payee").unwrap(),
            rail_fields: rail_fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            former_keys: vec![],
        }
    }

    fn prepare(order: &PayoutOrder, generation: KeyGeneration) -> Result<Prepared, Misfit> {
        super::prepare("api.stripe.com", order, generation)
    }

    /// A re-issue under the same key must send these very bytes again, from whichever release.
    #[test]
    fn golden_request_never_changes() {
        let fields = [("source_transaction", "ch_1"), ("description", "a&amount=1 ü")];
        let prepared = prepare(&order(1234, 2, "EUR", &fields), 1).unwrap();
        let expected = "POST /v1/transfers HTTP/1.1\r\n\
            host: api.stripe.com\r\n\
            content-type: application/x-www-form-urlencoded\r\n\
            content-length: 147\r\n\
            idempotency-key: 6d432469-ccf2-87e1-ace8-28ea03d7f6b1\r\n\
            stripe-version: 2026-09-30.endive\r\n\
            \r\n\
            amount=1234&currency=eur&destination=acct_1Payee\
            &metadata%5Bpayout_key%5D=stripe%2Fpi_1&description=a%26amount%3D1%20%C3%BC&source_transaction=ch_1";
        assert_eq!(String::from_utf8(prepared.bytes()).unwrap(), expected);
    }

    #[test]
    fn a_generation_changes_the_key_and_nothing_else() {
        let order = order(1234, 2, "EUR", &[]);
        let [one, two] = [1, 2].map(|generation| prepare(&order, generation).unwrap());
        assert_ne!(one.rail_key(), two.rail_key());
        assert_eq!(one.body, two.body);
        assert_ne!(one.digest(), two.digest());
        assert_eq!(one, prepare(&order, 1).unwrap());
    }

    #[test]
    fn amounts_go_out_in_stripes_own_units() {
        let units =
            |minor, exponent, currency| prepare(&order(minor, exponent, currency, &[]), 1).map(|p| p.money().minor());
        assert_eq!(units(1234, 2, "USD"), Ok(1234));
        assert_eq!(units(500, 0, "JPY"), Ok(500));
        assert_eq!(units(50_000, 2, "JPY"), Ok(500));
        assert_eq!(units(50_001, 2, "JPY"), Err(Misfit::Amount));
        assert_eq!(units(10_000, 0, "ISK"), Ok(1_000_000));
        assert_eq!(units(100, 2, "XXX"), Err(Misfit::Currency));
    }

    #[test]
    fn refuses_a_field_that_is_ours_or_unknown() {
        for name in ["amount", "destination", "transfer_group", "metadata[payout_key]", "currency", "expand[]", ""] {
            let order = order(1, 2, "EUR", &[(name, "x")]);
            assert_eq!(prepare(&order, 1), Err(Misfit::Field(name.to_owned())));
        }
        let long = "x".repeat(501);
        for value in ["", &long] {
            let order = order(1, 2, "EUR", &[("description", value)]);
            assert_eq!(prepare(&order, 1), Err(Misfit::FieldValue("description".into())));
        }
    }

    #[test]
    fn refuses_a_destination_that_is_no_account() {
        for wrong in ["acct_", "acct_1/../refunds", "acct_1&amount=9", "ba_1", "ACCT_1"] {
            let order = PayoutOrder { destination: Destination::new(wrong).unwrap(), ..order(1, 2, "EUR", &[]) };
            assert_eq!(prepare(&order, 1), Err(Misfit::Destination), "{wrong}");
        }
    }
}
