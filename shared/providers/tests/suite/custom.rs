//! A provider without a preset, described in the configuration.

use http::HeaderMap;
use payonce_protocol::order::Mode;
use payonce_providers::{Provider, Refused, RouteContext, Routed, Secrets};
use serde_json::json;

use crate::{T, config, secrets};

const CUSTOM: &str = r#"
scheme = "custom"
secrets = ["env:A"]
mode = "test"

[custom]
header = "X-Hook-Signature"
container = "key_value_list"
signature_name = "sig"
algorithm = "hmac-sha512"
encoding = "base64"
signed = "v0:{t}:{id}:{body}"
time_element = "ts"
tolerance_s = 60
id_header = "X-Hook-Id"
event_type = ["/kind", "/state"]
created = "/at"
created_as = "seconds"
items = "/list"
id = "/name"
amount_as = "decimal"
redelivers = "24h"
longest_gap = "6h"

[[payouts]]
event = "sale/done"
key = "/name"
amount = "/sum"
currency = "/money"
destination = "/to"
destination_pattern = "^acct_[A-Za-z0-9]+$"
"#;

const PLAIN: &str = r#"
scheme = "custom"
secrets = ["env:A"]
mode = "test"
event_type = "sale"

[custom]
header = "x-signature"
encoding = "hex"
redelivers = "24h"
longest_gap = "6h"
"#;

fn paths(text: &str) -> Vec<String> {
    let errors = Provider::new("x", &config(text)).err().unwrap_or_default();
    errors.into_iter().map(|error| error.path).collect()
}

fn with(from: &str, to: &str) -> Vec<String> {
    assert!(CUSTOM.contains(from), "{from}");
    paths(&CUSTOM.replacen(from, to, 1))
}

fn held() -> Secrets {
    secrets(&["a custom secret"])
}

#[test]
fn a_described_scheme_verifies_and_routes() {
    let provider = Provider::new("x", &config(CUSTOM)).unwrap_or_else(|errors| panic!("{errors:?}"));
    let body = json!({"list": [{"name": "s1", "kind": "sale", "state": "done", "at": T / 1000, "sum": "10.5",
        "money": "EUR", "to": "acct_1Sample"}]})
    .to_string();
    let headers: HeaderMap = provider.sign(&held(), body.as_bytes(), T).into_iter().collect();
    assert!(headers.contains_key("x-hook-id"));
    let verified = provider.verify(&held(), &headers, body.as_bytes(), T).unwrap();
    let event = provider.events(&verified).unwrap().remove(0).unwrap();
    assert_eq!((event.id.as_str(), event.created_at), ("s1", Some(T)));
    let context = RouteContext { rail_mode: Mode::Test, paid_from: None, files_undated: false, now: 0 };
    let Routed::Order(order) = provider.route(&event, &context) else { panic!("no order") };
    assert_eq!((order.key.as_str(), order.money.to_string().as_str()), ("x/s1", "10.50 EUR"));

    let late = provider.verify(&held(), &headers, body.as_bytes(), T + 61_000).map(drop);
    assert_eq!(late, Err(Refused::Stale));
    let mut other = headers.clone();
    other.insert("x-hook-id", "another".parse().unwrap());
    assert_eq!(provider.verify(&held(), &other, body.as_bytes(), T).map(drop), Err(Refused::Mismatch));
    assert_eq!(provider.patience().longest_gap_ms, 6 * 3_600_000);
}

/// Said by its own bytes: HMAC-SHA256, key `test_secret`, of `{"a":"é"}`.
#[test]
fn plain_scheme_is_hmac_sha256_in_hex_over_the_body() {
    let provider = Provider::new("x", &config(PLAIN)).unwrap_or_else(|errors| panic!("{errors:?}"));
    let body = r#"{"id":"evt_1","type":"payment.succeeded","amount":1099,"note":"hé ✓"}"#;
    let made = provider.sign(&secrets(&["test_secret"]), body.as_bytes(), T);
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].1, "d44d13001dc24e387c0d066255423ff15710ccebe02fc89b47d5961ad9bd878a");
}

#[test]
fn names_every_mistake_in_a_description() {
    assert_eq!(paths(CUSTOM), [""; 0]);
    let at = |field: &str| vec![format!("providers.x.custom.{field}")];
    assert_eq!(with("{body}", ""), at("signed"));
    assert_eq!(with("{body}", "{body}{body}"), at("signed"));
    assert_eq!(with("{body}", "{body"), at("signed"));
    assert_eq!(with("{body}", "{body}{host}"), at("signed"));
    assert_eq!(with("{t}", ""), at("signed"));
    assert_eq!(with("{id}", ""), at("signed"));
    assert_eq!(
        with("time_element = \"ts\"", "time_header = \"x-time\"\ntime_element = \"ts\""),
        ["providers.x.custom.time_element", "providers.x.custom.tolerance_s", "providers.x.custom.signed"]
    );
    assert_eq!(
        with("tolerance_s = 60", "tolerance_s = 0"),
        ["providers.x.custom.tolerance_s", "providers.x.custom.signed"]
    );
    assert_eq!(with("X-Hook-Signature", "X Hook"), at("header"));
    assert_eq!(with("signature_name = \"sig\"", ""), at("signature_name"));
    assert_eq!(with("encoding = \"base64\"", "encoding = \"base64\"\nkey_mark = \"whsec_\""), at("key_mark"));
    assert_eq!(with("items = \"/list\"\nid = \"/name\"", "items = \"/list\""), at("id"));
    assert_eq!(with("created = \"/at\"", "created = \"at\""), at("created"));
    assert_eq!(with("redelivers = \"24h\"", "redelivers = \"daily\""), at("redelivers"));
    assert_eq!(paths(&PLAIN.replace("event_type = \"sale\"", "")), ["providers.x.event_type"]);
    assert_eq!(paths(&PLAIN.replace("[custom]", "url = \"https://a.b\"\n[custom]")), ["providers.x.url"]);
    assert_eq!(paths("scheme = 'custom'\nsecrets = ['env:A']"), ["providers.x.custom"]);
    assert_eq!(
        paths(&PLAIN.replace("scheme = \"custom\"", "scheme = \"checkout\"\n#")).first().unwrap(),
        "providers.x.custom"
    );
}
