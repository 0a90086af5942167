//! Stripe transfers to a connected account: the request, the table of answers, the look-up by our reference.
//! Pages: <https://docs.stripe.com/api/transfers>, <https://docs.stripe.com/error-low-level>.

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use payonce_protocol::UnixMillis;
use payonce_protocol::exponents::{self, ExponentError};
use payonce_protocol::ids::{Digest, KeyGeneration, RailKey};
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, PayoutKey, PayoutOrder};
use payonce_protocol::reissue::{LookUp, RailPromises};
use serde_json::Value;
use thiserror::Error;

use crate::answer::{Means, Refusal, Table, text_at};

/// Pinned, so that a new default of the account changes neither what we send nor what the table reads.
const VERSION: &str = "2026-09-30.endive";
const PATH: &str = "/v1/transfers";

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

/// Why an order cannot be put to this rail. It names no value, and lies in the event: a case, not a retry.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Misfit {
    #[error("the rail does not pay in this currency")]
    Currency,
    #[error("the amount cannot be expressed in the rail's units")]
    Amount,
    #[error("the destination is not an account of the rail (acct_…)")]
    Destination,
    #[error("the rail takes no field {0}")]
    Field(String),
    #[error("the value of the rail's field {0} is empty or too long")]
    FieldValue(String),
}

/// The exact request of one payout. Only [`crate::Rail::prepare`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    host: String,
    rail_key: RailKey,
    money: Money,
    destination: Destination,
    reference: PayoutKey,
    body: String,
}

impl Prepared {
    pub(crate) fn new(host: String, order: &PayoutOrder, generation: KeyGeneration) -> Result<Self, Misfit> {
        let money = rail_money(&order.money)?;
        let account = order.destination.as_str().strip_prefix("acct_").unwrap_or_default();
        if account.is_empty() || !account.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Misfit::Destination);
        }
        let mut form = Form::default();
        form.field("amount", &money.minor().to_string());
        form.field("currency", &money.currency().as_str().to_ascii_lowercase());
        form.field("destination", order.destination.as_str());
        // The payout key alone, never the attempt: one look-up must see every attempt (C2).
        form.field("transfer_group", order.key.as_str());
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
        let rail_key = RailKey::new(&order.key, generation);
        Ok(Self {
            host,
            rail_key,
            money,
            destination: order.destination.clone(),
            reference: order.key.clone(),
            body: form.0,
        })
    }

    /// SHA-256 of the request as it goes out, without the line of the secret.
    pub fn digest(&self) -> Digest {
        Digest::of(self.bytes())
    }

    pub fn rail_key(&self) -> &RailKey {
        &self.rail_key
    }

    /// In the rail's units.
    pub fn money(&self) -> Money {
        self.money
    }

    /// Head and body as they are offered to the connection, but for the `authorization` line at the end of the head.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("POST {PATH} HTTP/1.1\r\n");
        for (name, value) in self.headers() {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        bytes.push_str("\r\n");
        bytes.push_str(&self.body);
        bytes.into_bytes()
    }

    fn headers(&self) -> [(&'static str, String); 5] {
        [
            ("host", self.host.clone()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("content-length", self.body.len().to_string()),
            ("idempotency-key", self.rail_key.to_string()),
            ("stripe-version", VERSION.to_owned()),
        ]
    }

    pub(crate) fn request(&self, authorization: HeaderValue) -> Result<Request<Full<Bytes>>, http::Error> {
        let builder = Request::builder().method(Method::POST).uri(PATH);
        let builder = self.headers().into_iter().fold(builder, |builder, (name, value)| builder.header(name, value));
        builder.header(http::header::AUTHORIZATION, authorization).body(Full::from(self.body.clone()))
    }

    /// What a 2xx must repeat. The reference is among it: were a payout kept under another one (a charge that belongs to
    /// a transfer group could impose its own), look-ups would say "absent", and the case must say so first.
    pub(crate) fn echo(&self) -> [(&'static str, String); 4] {
        [
            ("/amount", self.money.minor().to_string()),
            ("/currency", self.money.currency().as_str().to_ascii_lowercase()),
            ("/destination", self.destination.to_string()),
            ("/transfer_group", self.reference.to_string()),
        ]
    }
}

/// In Stripe's units: its own table of exponents, exact or refused (C4).
fn rail_money(money: &Money) -> Result<Money, Misfit> {
    exponents::STRIPE.convert(money).map_err(|error| match error {
        ExponentError::Unlisted => Misfit::Currency,
        ExponentError::Step(_) | ExponentError::Money(_) => Misfit::Amount,
    })
}

/// What Stripe's answers mean. The quotations are from its page "Advanced error handling".
pub(crate) fn table() -> Table {
    let row =
        |http_status: u16, means| Refusal { http_status: Some(http_status), error_type: None, error_code: None, means };
    let typed = |error_type: &str, means| Refusal {
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
        error_type: "/error/type".into(),
        error_code: "/error/code".into(),
        refusals: vec![
            // The key was used with other parameters: that speaks of an earlier request.
            typed("idempotency_error", Means::Unknown),
            // "Any other type of problem", on Stripe's side: nothing certain.
            typed("api_error", Means::Unknown),
            // An object was locked while the request was at work: not the limiter that the 429 row means.
            Refusal { error_code: Some("lock_timeout".into()), ..row(429, Means::Unknown) },
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
        request_id: "request-id".into(),
    }
}

/// A question to the rail. Its request is a GET, and nothing here can make it another.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    path_and_query: String,
    host: String,
}

const PAGE: usize = 100;

impl Question {
    pub(crate) fn by_reference(host: String, key: &PayoutKey) -> Self {
        let mut form = Form::default();
        form.field("transfer_group", key.as_str());
        Self::new(host, form, None)
    }

    pub(crate) fn since(host: String, since: UnixMillis, after: Option<&str>) -> Self {
        let mut form = Form::default();
        form.field("created[gte]", &(since / 1000).to_string());
        Self::new(host, form, after)
    }

    fn new(host: String, mut form: Form, after: Option<&str>) -> Self {
        form.field("limit", &PAGE.to_string());
        if let Some(after) = after {
            form.field("starting_after", after);
        }
        Self { path_and_query: format!("{PATH}?{}", form.0), host }
    }

    pub(crate) fn request(&self, authorization: HeaderValue) -> Result<Request<Full<Bytes>>, http::Error> {
        Request::builder()
            .method(Method::GET)
            .uri(&self.path_and_query)
            .header(http::header::HOST, &self.host)
            .header("stripe-version", VERSION)
            .header(http::header::AUTHORIZATION, authorization)
            .body(Full::default())
    }
}

/// A payout as the rail's books have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RailPayout {
    pub id: String,
    /// In the rail's units.
    pub amount: u64,
    /// As the rail writes it, in upper case.
    pub currency: String,
    pub destination: Option<String>,
    /// Our payout key, where the payout carries one.
    pub reference: Option<String>,
    pub created_at: UnixMillis,
    /// The whole sum or a part of it was given back.
    pub returned: bool,
}

/// One page of a list, and whether more follows; `None` when it is not a list of transfers as documented. A look-up that
/// took such an answer for "absent" could pay twice.
pub(crate) fn page(body: &[u8]) -> Option<(Vec<RailPayout>, bool)> {
    let body: Value = serde_json::from_slice(body).ok()?;
    if text_at(&body, "/object")? != "list" {
        return None;
    }
    let more = body.pointer("/has_more")?.as_bool()?;
    let payouts = body.pointer("/data")?.as_array()?.iter().map(rail_payout).collect::<Option<Vec<_>>>()?;
    Some((payouts, more))
}

fn rail_payout(item: &Value) -> Option<RailPayout> {
    if text_at(item, "/object")? != "transfer" {
        return None;
    }
    Some(RailPayout {
        id: text_at(item, "/id").filter(|id| id.starts_with("tr_"))?,
        amount: item.pointer("/amount")?.as_u64()?,
        currency: text_at(item, "/currency")?.to_ascii_uppercase(),
        destination: text_at(item, "/destination"),
        reference: text_at(item, "/transfer_group"),
        created_at: item.pointer("/created")?.as_u64()?.checked_mul(1000)?,
        returned: item.pointer("/amount_reversed")?.as_u64()? > 0 || item.pointer("/reversed")?.as_bool()?,
    })
}

/// `application/x-www-form-urlencoded`. Everything outside RFC 3986's unreserved set is percent-encoded, so a value can
/// never add a field (H4).
#[derive(Default)]
struct Form(String);

impl Form {
    fn field(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.encode(name);
        self.0.push('=');
        self.encode(value);
    }

    fn encode(&mut self, text: &str) {
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                self.0.push(char::from(byte));
            } else {
                self.0.push_str(&format!("%{byte:02X}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use payonce_protocol::order::EventId;

    use super::*;

    fn order(minor: u64, exponent: u8, currency: &str, rail_fields: &[(&str, &str)]) -> PayoutOrder {
        PayoutOrder {
            key: PayoutKey::new("stripe/pi_1").unwrap(),
            event: EventId::new("evt_1").unwrap(),
            money: Money::new(minor, exponent, currency.parse().unwrap()).unwrap(),
            destination: Destination::new("acct_1Payee").unwrap(),
            rail_fields: rail_fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    fn prepare(order: &PayoutOrder, generation: KeyGeneration) -> Result<Prepared, Misfit> {
        Prepared::new("api.stripe.com".into(), order, generation)
    }

    /// A re-issue under the same key must send these very bytes again, from whichever release.
    #[test]
    fn golden_request_never_changes() {
        let fields = [("source_transaction", "ch_1"), ("description", "a&amount=1 ü")];
        let prepared = prepare(&order(1234, 2, "EUR", &fields), 1).unwrap();
        let expected = "POST /v1/transfers HTTP/1.1\r\n\
            host: api.stripe.com\r\n\
            content-type: application/x-www-form-urlencoded\r\n\
            content-length: 176\r\n\
            idempotency-key: 6d432469-ccf2-87e1-ace8-28ea03d7f6b1\r\n\
            stripe-version: 2026-09-30.endive\r\n\
            \r\n\
            amount=1234&currency=eur&destination=acct_1Payee&transfer_group=stripe%2Fpi_1\
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
    fn a_field_that_is_ours_or_unknown() {
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
    fn a_destination_that_is_no_account() {
        for wrong in ["acct_", "acct_1/../refunds", "acct_1&amount=9", "ba_1", "ACCT_1"] {
            let order = PayoutOrder { destination: Destination::new(wrong).unwrap(), ..order(1, 2, "EUR", &[]) };
            assert_eq!(prepare(&order, 1), Err(Misfit::Destination), "{wrong}");
        }
    }
}
