//! What a rail answers to a payout: the rail and the HTTP status, headers, a body.
//!
//! * `Accepted` needs a 2xx that names a payout and repeats our reference, sum, currency and payee.
//! * `Rejected` needs a refusal in the rail's own form. No 3xx, 5xx, repeated answer or body of another form is one.
//! * Nothing that was answered was not sent, and what the rail says to people is kept only without the secret.

use std::sync::LazyLock;

use bytes::Bytes;
use http::Response;
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, PayoutKey, PayoutOrder};
use payonce_protocol::outcome::Outcome;
use payonce_rails::{Prepared, Rail, RailConfig, RailSecret};
use serde_json::Value;
use toml::Table;

use crate::{headers, split};

pub(crate) struct Known {
    pub name: &'static str,
    pub rail: Rail,
    /// What may stand nowhere: where a user comes before it, the part behind.
    secret: RailSecret,
    prepared: Prepared,
    /// Where an accepted payout has what, and what it must be.
    echo: Vec<(&'static str, String)>,
    id_prefix: &'static str,
    error: &'static str,
}

pub(crate) static RAILS: LazyLock<[Known; 3]> = LazyLock::new(|| {
    let stripe = "kind = 'stripe'\nurl = 'https://api.stripe.com'\nsecret = 'env:RAIL'\naccount = 'acct_1'";
    let stripe: RailConfig = toml::from_str(stripe).unwrap();
    let key = PayoutKey::new("stripe/pi_1").unwrap();
    [
        known("stripe", &stripe, "sk_test_planted_rail_secret", &key, ("EUR", "acct_1Payee"), |reference| {
            let echo = [("/currency", "eur"), ("/destination", "acct_1Payee"), ("/metadata/payout_key", reference)];
            (echo.to_vec(), "tr_", "/error/type")
        }),
        known(
            "modern_treasury",
            &described(include_str!("../../../infra/rails/modern_treasury.toml")),
            "user:planted_rail_secret",
            &key,
            ("USD", "counterparty_1"),
            |reference| {
                let echo =
                    [("/currency", "USD"), ("/receiving_account_id", "counterparty_1"), ("/external_id", reference)];
                (echo.to_vec(), "", "/errors/code")
            },
        ),
        known(
            "razorpayx",
            &described(include_str!("../../../infra/rails/razorpayx.toml")),
            "rzp_live_user:planted_rail_secret",
            &key,
            ("INR", "fa_1"),
            |reference| {
                let echo = [("/currency", "INR"), ("/fund_account_id", "fa_1"), ("/reference_id", reference)];
                (echo.to_vec(), "pout_", "/error/code")
            },
        ),
    ]
});

const MINOR: u64 = 1_234;

fn described(text: &str) -> RailConfig {
    let table: Table = toml::from_str(text).unwrap();
    table["rail"].clone().try_into().unwrap()
}

type Means<'r> = (Vec<(&'static str, &'r str)>, &'static str, &'static str);

fn known(
    name: &'static str,
    config: &RailConfig,
    secret: &str,
    key: &PayoutKey,
    (currency, destination): (&str, &str),
    means: impl Fn(&str) -> Means<'_>,
) -> Known {
    let part = secret.split_once(':').map_or(secret, |(_, password)| password);
    let rail = Rail::new(config, RailSecret::new(secret).unwrap(), None, None).unwrap();
    let order = PayoutOrder {
        key: key.clone(),
        event: EventId::new("evt_1").unwrap(),
        money: Money::new(MINOR, 2, currency.parse().unwrap()).unwrap(),
        destination: Destination::new(destination).unwrap(),
        rail_fields: [].into(),
        former_keys: vec![],
    };
    let prepared = rail.prepare(&order, 1).unwrap();
    let reference = rail.reference(key);
    let (echo, id_prefix, error) = means(&reference);
    let echo = echo.into_iter().map(|(pointer, text)| (pointer, text.to_owned())).collect();
    Known { name, rail, secret: RailSecret::new(part).unwrap(), prepared, echo, id_prefix, error }
}

/// `stripe 200`, headers, an empty line, a body.
pub(crate) fn answer(input: &[u8]) -> Option<(&str, Response<Bytes>)> {
    let (head, body) = split(input)?;
    let (first, lines) = head.split_first()?;
    let (name, status) = first.split_once(' ')?;
    let mut answer = Response::new(Bytes::copy_from_slice(body));
    *answer.status_mut() = http::StatusCode::from_u16(status.parse().ok()?).ok()?;
    *answer.headers_mut() = headers(lines);
    Some((name, answer))
}

pub fn run(input: &[u8]) {
    let Some((name, answer)) = answer(input) else { return };
    let Some(known) = RAILS.iter().find(|known| known.name == name) else { return };
    let payment = known.rail.read_answer(&known.prepared, &answer);
    assert_eq!(payment, known.rail.read_answer(&known.prepared, &answer));
    let status = answer.status();
    let body = serde_json::from_slice::<Value>(answer.body()).unwrap_or_default();
    let at = |pointer: &str| body.pointer(pointer).map(written).unwrap_or_default();
    match payment.verdict.outcome {
        Outcome::Accepted => {
            assert!(status.is_success(), "{status}");
            let id = at("/id");
            assert!(!id.is_empty() && id.starts_with(known.id_prefix), "no payout is named");
            assert_eq!(at("/amount"), MINOR.to_string());
            for (pointer, text) in &known.echo {
                assert_eq!(at(pointer), *text, "{pointer}");
            }
        }
        Outcome::Rejected => {
            assert!(status.is_success() || status.is_client_error(), "{status}");
            assert!(status.is_success() || !at(known.error).is_empty(), "a refusal that is not the rail's");
            assert!(![408, 409, 425].contains(&status.as_u16()), "{status} may speak of an earlier request");
            let replays = answer.headers().get_all("idempotent-replayed").iter().any(|mark| mark == "true");
            assert!(known.name != "stripe" || !replays, "a refusal of an earlier request");
        }
        Outcome::Unknown => {}
        Outcome::NotSent => panic!("what was answered was sent"),
    }
    // Ids and codes are short words of the rail's own; what it says to people may hold anything.
    if let Some(message) = &payment.evidence.message {
        assert!(!known.secret.stands_in(message.as_str()), "the secret is kept");
        assert!(message.as_str().chars().count() <= 301 && !message.as_str().contains(char::is_control));
    }
    let words = payment.evidence.facts().into_iter().map(|(_, word)| word);
    assert!({ words }.all(|word| word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_graphic())));
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
