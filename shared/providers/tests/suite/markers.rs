//! What an event says of its mode and account is believed, whatever the configuration says.

use payonce_protocol::order::Mode;
use payonce_protocol::outcome::Reason;
use payonce_providers::preset::{self, Preset};
use payonce_providers::marker::Marks;
use payonce_providers::{Misfit, Provider, RouteContext, Routed};
use serde_json::{Value, json};

use crate::damage::parse_with;
use crate::presets::{SAMPLES, sample};
use crate::{T_S, config, provider_with};

const LIVE: RouteContext = RouteContext { rail_mode: Mode::Live, paid_from: None, files_undated: false };

fn problem(routed: Routed) -> String {
    match routed {
        Routed::Misfit(Misfit { reason: Reason::InvalidEvent, problem, .. }) => problem,
        other => panic!("paid or dropped: {other:?}"),
    }
}

/// The words that a marker knows, as the live one and the trial's.
fn words(marks: Marks) -> (Value, Value) {
    match marks {
        Marks::Live => (json!(true), json!(false)),
        Marks::Test => (json!(false), json!(true)),
        Marks::Word => (json!("live"), json!("test")),
    }
}

#[test]
fn a_trial_is_not_paid_by_a_live_endpoint_of_any_preset() {
    let mut marked = vec![];
    for sample in SAMPLES.iter().filter(|sample| !sample.money.is_empty()) {
        let preset = Preset::by_name(sample.preset).unwrap();
        let whole = sample.event_body();
        let provider = sample.provider_with("");
        for marker in preset.markers {
            let (live, trial) = words(marker.says);
            let with = |value: Value| sample.route(&provider, &sample.damaged(&whole, marker.at, Some(value)));
            assert!(matches!(with(trial.clone()), Routed::Order(_)), "{}: {}", sample.preset, marker.at);
            let said = problem(with(live));
            assert!(said.contains(marker.at) && said.contains("says another mode"), "{said}");
            // Odd is neither: null, another type, another word.
            for odd in [Value::Null, json!({}), json!(1), json!("LIVE"), json!("yes"), json!([trial])] {
                assert!(problem(with(odd)).contains("says neither live nor test"), "{}", sample.preset);
            }
            marked.push(sample.preset);
        }
        // Absent: the configured mode counts.
        assert!(matches!(sample.route(&provider, &whole), Routed::Order(_)), "{}", sample.preset);
    }
    assert_eq!(marked, ["stripe", "paystack", "mollie", "mollie", "shopify", "modern_treasury"]);
}

#[test]
fn a_shop_order_that_says_it_is_a_test_is_a_case_of_a_live_shop() {
    let sample = sample("shopify");
    let toml = sample.toml_with("").replace("mode = 'test'", "mode = 'live'");
    let provider = Provider::new("shopify", &config(&toml)).unwrap();
    let order = |test: bool| {
        let body = sample.damaged(&sample.event_body(), "/test", Some(json!(test)));
        provider.route(&parse_with(&provider, sample.secret, &body)[0], &LIVE)
    };
    assert_eq!(problem(order(true)), "payouts[0]: /test says another mode than the rail's key, which is live");
    assert!(matches!(order(false), Routed::Order(_)));
}

#[test]
fn a_custom_scheme_may_name_where_a_trial_says_so() {
    let toml = "scheme = 'custom'\nsecrets = ['env:A']\nmode = 'live'\n[custom]\nheader = 'X-S'\nencoding = 'hex'\n\
                id = '/id'\nevent_type = '/type'\ntest = '/trial'\nredelivers = '1h'\nlongest_gap = '1h'\n\
                [[payouts]]\nevent = 'sale'\nkey = '/id'\namount = '/sum'\ncurrency = 'EUR'\ndestination = '/to'\n\
                destination_pattern = '^a$'";
    let provider = Provider::new("mine", &config(toml)).unwrap();
    let routed = |body: Value| provider.route(&parse_with(&provider, "s", &body)[0], &LIVE);
    let sale = json!({"id": "1", "type": "sale", "sum": 100, "to": "a"});
    assert!(matches!(routed(sale.clone()), Routed::Order(_)));
    for (mark, paid) in [(json!(false), true), (json!(true), false), (Value::Null, false), (json!("no"), false)] {
        let mut marked = sale.clone();
        marked["trial"] = mark;
        assert_eq!(matches!(routed(marked), Routed::Order(_)), paid);
    }
}

/// An organisation's events say by `context` whose they are, a platform's by `account`.
#[test]
fn an_event_of_another_account_is_a_case_wherever_it_says_so() {
    let event = |name: &str, value: Value| {
        let mut event = json!({
            "id": "evt_1", "type": "payment_intent.succeeded", "created": T_S, "livemode": true,
            "data": { "object": { "id": "pi_1", "amount_received": 4200, "currency": "eur", "status": "succeeded",
                "metadata": { "payee": "acct_1Workshop" } } },
        });
        event[name] = value;
        event
    };
    let routed = |lines: &str, body: &Value| {
        let provider = provider_with(lines);
        provider.route(&parse_with(&provider, "whsec_1", body)[0], &LIVE)
    };
    for name in ["context", "account"] {
        for value in [json!("acct_1Other"), json!(""), json!({}), json!(0)] {
            let body = event(name, value);
            assert!(problem(routed("", &body)).contains(&format!("/{name} is there")));
            assert!(matches!(routed("allow_connected_accounts = true", &body), Routed::Order(_)));
        }
        assert!(matches!(routed("", &event(name, Value::Null)), Routed::Order(_)), "null is nobody's");
    }
}

/// Where somebody forgot to look, this list is to be changed by hand.
#[test]
fn every_preset_was_gone_through_for_a_marker() {
    let without: Vec<&str> = preset::ALL
        .iter()
        .filter(|preset| preset.markers.is_empty() && matches!(preset.live, preset::Live::Configured))
        .map(|preset| preset.name)
        .collect();
    // Adyen's `live` is not signed; Dwolla pays nothing; the others' events say nothing of the kind.
    let expected = [
        "standard_webhooks", "svix", "adyen", "square", "gocardless", "checkout", "razorpay", "flutterwave", "dwolla",
        "coinbase_commerce", "github",
    ];
    assert_eq!(without, expected);
}
