//! The source payment: what the provider says today about the payment that a payout is made from. Asked before a payout by
//! hand, with a key that only reads; money that was given back to the buyer, or is disputed, is not paid out.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Request, StatusCode};
use http_body_util::Full;
use payonce_protocol::config::ConfigError;
use payonce_protocol::ids::Digest;
use payonce_wire::{ApiSecret, Form, Peer, PeerFailure, Scheme, SecretHeader, Target, encoded};
use rustls::RootCertStore;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::check::{are_free_headers, is_plain_path};

/// Stands for the object's id: a whole segment of the path, or the whole of an expected text.
const OBJECT: &str = "{object}";
const OBJECT_BYTES: usize = 200;
/// A payment with everything expanded stays far below.
const ANSWER_BYTES_AT_MOST: u64 = 1 << 20;
const FACT_CHARS: usize = 64;

/// `[sources.PROVIDER]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Scheme, host and port.
    pub url: String,
    /// With `{object}` as one whole segment.
    pub path: String,
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Where a secret is kept that only reads.
    pub secret: String,
    #[serde(default = "bearer")]
    pub scheme: Scheme,
    pub secret_header: Option<String>,
    /// JSON pointer into the event: the object's id.
    pub object: String,
    /// JSON pointers into the answer, and what must stand there: that it is about this object, and that it was paid.
    pub must_hold: BTreeMap<String, String>,
    /// JSON pointers that block: `true`, a number above zero, a text or list or object that is not empty. Each must be there.
    pub blocks: Vec<String>,
}

fn bearer() -> Scheme {
    Scheme::Bearer
}

impl SourceConfig {
    /// Everything that is wrong, by key below `[sources.PROVIDER]`.
    pub fn check(&self) -> Vec<ConfigError> {
        let mut found = vec![];
        let mut add = |key, problem| found.push(ConfigError::new(key, problem));
        if let Err(problem) = Target::parse(&self.url) {
            add("url", problem);
        }
        let named = self.path.split('/').filter(|segment| *segment == OBJECT).count();
        if named != 1 || !is_plain_path(&self.path, Some(OBJECT)) {
            add("path", "is a path of plain segments, one of which is {object}");
        }
        if !are_free_headers(&self.headers) {
            add("headers", "may name any header but those that are set here, in visible ASCII");
        }
        let wants_name = self.scheme == Scheme::Header;
        if self.secret_header.is_some() != wants_name {
            add("secret_header", "stands with scheme = \"header\", and only there");
        }
        if self.secret_header.as_ref().is_some_and(|name| HeaderName::try_from(name).is_err()) {
            add("secret_header", "is no header's name");
        }
        let pointers = [&self.object].into_iter().chain(self.must_hold.keys()).chain(&self.blocks);
        if !{ pointers }.all(|pointer| pointer.starts_with('/')) {
            add("object", "and every key of must_hold and blocks is a JSON pointer, which begins with /");
        }
        if !self.must_hold.values().any(|text| text == OBJECT) {
            add("must_hold", "must hold {object} somewhere: an answer about another payment is none");
        }
        if self.blocks.is_empty() {
            add("blocks", "is empty: say where a refund or a dispute stands");
        }
        found
    }
}

/// What the provider said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// Everything of `must_hold` holds.
    pub paid: bool,
    /// The pointers that block.
    pub blocked_by: Vec<String>,
    /// What stands at each pointer, for the record.
    pub facts: BTreeMap<String, String>,
    /// SHA-256 of the answer's very bytes.
    pub answer: Digest,
}

/// Why the state is not known. It never means "fine".
#[derive(Debug, Error)]
pub enum SourceFailure {
    #[error("the event names no payment that could be asked for")]
    Object,
    #[error(transparent)]
    Peer(#[from] PeerFailure),
    #[error("the provider refused with HTTP {0}")]
    Refused(u16),
    #[error("the provider's answer is not as described")]
    Unreadable,
}

pub struct Source {
    config: SourceConfig,
    peer: Peer,
    secret: SecretHeader,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("url", &self.config.url).finish_non_exhaustive()
    }
}

impl Source {
    /// `roots` instead of the public authorities.
    pub fn new(config: &SourceConfig, secret: &ApiSecret, roots: Option<RootCertStore>) -> Result<Self, ConfigError> {
        if let Some(found) = config.check().into_iter().next() {
            return Err(found);
        }
        let peer = Peer::new(&config.url, roots).map_err(|problem| ConfigError::new("url", problem))?;
        let name = config.secret_header.as_ref().and_then(|name| HeaderName::try_from(name).ok());
        let secret = secret.header(config.scheme, name.unwrap_or(http::header::AUTHORIZATION));
        let unfit = ConfigError::new("secret", "does not fit its header (HTTP Basic takes user:password)");
        Ok(Self { config: config.clone(), peer, secret: secret.ok_or(unfit)? })
    }

    /// Where the event names the object.
    pub fn object_pointer(&self) -> &str {
        &self.config.object
    }

    pub async fn state(&self, object: &str, within: Duration) -> Result<SourceState, SourceFailure> {
        let request = self.request(object).ok_or(SourceFailure::Object)?;
        let answer = self.peer.ask(request, within, ANSWER_BYTES_AT_MOST).await?;
        if answer.status() != StatusCode::OK {
            return Err(SourceFailure::Refused(answer.status().as_u16()));
        }
        self.read(object, answer.body()).ok_or(SourceFailure::Unreadable)
    }

    fn request(&self, object: &str) -> Option<Request<Full<Bytes>>> {
        let is_plain =
            !object.is_empty() && object.len() <= OBJECT_BYTES && object.bytes().all(|b| b.is_ascii_graphic());
        // A segment of dots alone would climb, encoded or not.
        if !is_plain || object.chars().all(|character| character == '.') {
            return None;
        }
        let mut query = Form::default();
        self.config.query.iter().for_each(|(name, value)| query.field(name, value));
        let path = self.config.path.replace(OBJECT, &encoded(object));
        let uri = query.behind(&path);
        let builder =
            self.config.headers.iter().fold(Request::get(uri), |builder, (name, value)| builder.header(name, value));
        builder.header(&self.secret.name, self.secret.value.clone()).body(Full::default()).ok()
    }

    /// For `tests/fuzz`: nothing is asked.
    #[doc(hidden)]
    pub fn read_answer(&self, object: &str, body: &Bytes) -> Option<SourceState> {
        self.read(object, body)
    }

    fn read(&self, object: &str, body: &Bytes) -> Option<SourceState> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        let mut state =
            SourceState { paid: true, blocked_by: vec![], facts: BTreeMap::new(), answer: Digest::of(body) };
        for (pointer, expected) in &self.config.must_hold {
            let expected = if expected == OBJECT { object } else { expected };
            let found = answer.pointer(pointer).map(text);
            state.paid &= found.as_deref() == Some(expected);
            state.note(pointer, found.unwrap_or_else(|| "missing".to_owned()));
        }
        for pointer in &self.config.blocks {
            // What is not there was not asked for rightly, and says nothing.
            let found = answer.pointer(pointer)?;
            if blocks(found) {
                state.blocked_by.push(pointer.clone());
            }
            state.note(pointer, text(found));
        }
        Some(state)
    }
}

impl SourceState {
    fn note(&mut self, pointer: &str, text: String) {
        let fact = text.chars().filter(char::is_ascii_graphic).take(FACT_CHARS).collect();
        self.facts.insert(pointer.to_owned(), fact);
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("{} items", items.len()),
        Value::Object(fields) => format!("{} fields", fields.len()),
        other => other.to_string(),
    }
}

fn blocks(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_set) => *is_set,
        // Below zero, or a fraction: not as described, and not fine.
        Value::Number(number) => number.as_u64() != Some(0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config() -> SourceConfig {
        let config = json!({
            "url": "https://api.stripe.com", "path": "/v1/payment_intents/{object}", "query": {"expand[]": "latest_charge"},
            "secret": "env:SOURCE", "object": "/data/object/id",
            "must_hold": {"/id": "{object}", "/status": "succeeded"},
            "blocks": ["/latest_charge/refunded", "/latest_charge/disputed", "/latest_charge/amount_refunded"],
        });
        serde_json::from_value(config).unwrap()
    }

    fn source(change: impl Fn(&mut SourceConfig)) -> Result<Source, ConfigError> {
        let mut config = config();
        change(&mut config);
        Source::new(&config, &ApiSecret::new("rk_test_planted").unwrap(), None)
    }

    fn payment() -> Value {
        let charge = json!({"refunded": false, "disputed": false, "amount_refunded": 0});
        json!({"id": "pi_1", "status": "succeeded", "latest_charge": charge})
    }

    fn read(change: impl Fn(&mut Value)) -> Option<(bool, Vec<String>)> {
        let mut answer = payment();
        change(&mut answer);
        let state = source(|_| ()).unwrap().read("pi_1", &Bytes::from(answer.to_string()))?;
        Some((state.paid, state.blocked_by))
    }

    #[test]
    fn names_what_says_that_money_was_given_back() {
        assert_eq!(read(|_| ()), Some((true, vec![])));
        for (pointer, value) in [
            ("/latest_charge/refunded", json!(true)),
            ("/latest_charge/disputed", json!(true)),
            ("/latest_charge/amount_refunded", json!(1)),
            ("/latest_charge/amount_refunded", json!(-1)),
            ("/latest_charge/amount_refunded", json!(0.5)),
            ("/latest_charge/disputed", json!("dp_1")),
            ("/latest_charge/disputed", json!({"id": "dp_1"})),
        ] {
            let found = read(|answer| *answer.pointer_mut(pointer).unwrap() = value.clone());
            assert_eq!(found, Some((true, vec![pointer.to_owned()])), "{pointer} {value}");
        }
    }

    #[test]
    fn answer_about_something_else_is_not_paid() {
        assert_eq!(read(|answer| answer["id"] = json!("pi_2")), Some((false, vec![])));
        assert_eq!(read(|answer| answer["status"] = json!("canceled")), Some((false, vec![])));
        assert_eq!(read(|answer| drop(answer.as_object_mut().unwrap().remove("status"))), Some((false, vec![])));
        // The charge was not expanded: whether it was refunded is not said.
        assert_eq!(read(|answer| answer["latest_charge"] = json!("ch_1")), None);
        assert_eq!(read(|answer| *answer = json!([])), None);
    }

    #[test]
    fn object_stays_in_its_path_segment() {
        let source = source(|_| ()).unwrap();
        let uri = |object: &str| source.request(object).map(|request| request.uri().to_string());
        assert_eq!(uri("pi_1").as_deref(), Some("/v1/payment_intents/pi_1?expand%5B%5D=latest_charge"));
        let climbing = uri("pi_1/../../refunds?x#y").unwrap();
        assert!(climbing.starts_with("/v1/payment_intents/pi_1%2F..%2F..%2Frefunds%3Fx%23y?"), "{climbing}");
        assert!(uri("%2e%2e").unwrap().starts_with("/v1/payment_intents/%252e%252e?"));
        for wrong in ["", ".", "..", "pi 1", "pi_1\r\nx: y", "é"] {
            assert_eq!(uri(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn refuses_a_source_that_asks_for_nothing() {
        type Change = fn(&mut SourceConfig);
        let wrong: [(&str, Change); 11] = [
            ("url", |config| config.url = "http://api.stripe.com".into()),
            ("path", |config| config.path = "/v1/payment_intents".into()),
            ("path", |config| config.path = "/v1/{object}/{object}".into()),
            ("path", |config| config.path = "/v1/x{object}".into()),
            ("path", |config| config.path = "/v1/../{object}".into()),
            ("path", |config| config.path = "/v1/{object}?expand".into()),
            ("headers", |config| drop(config.headers.insert("Authorization".into(), "x".into()))),
            ("secret_header", |config| config.scheme = Scheme::Header),
            ("object", |config| config.object = "data".into()),
            ("must_hold", |config| drop(config.must_hold.remove("/id"))),
            ("blocks", |config| config.blocks.clear()),
        ];
        for (number, (key, change)) in wrong.into_iter().enumerate() {
            assert_eq!(source(change).map_err(|error| error.path).err().as_deref(), Some(key), "{number}");
        }
        assert_eq!(
            source(|config| config.scheme = Scheme::Basic).err().map(|error| error.path).as_deref(),
            Some("secret")
        );
        assert!(!format!("{:?}", source(|_| ()).unwrap()).contains("planted"));
    }
}
