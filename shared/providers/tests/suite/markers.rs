//! What an event says of its mode and account is believed, whatever the configuration says.

use payonce_protocol::order::Mode;
use payonce_protocol::outcome::Reason;
use payonce_providers::marker::Marks;
use payonce_providers::preset::{self, Preset};
use payonce_providers::{Misfit, Provider, RouteContext, Routed};
use serde_json::{Value, json};

use crate::damage::{parse_text, parse_with};
use crate::presets::{SAMPLES, sample};
use crate::{T_S, config, provider_with};

const LIVE: RouteContext = RouteContext { rail_mode: Mode::Live, paid_from: None, files_undated: false, now: 0 };

fn problem(routed: Routed) -> String {
    match routed {
        Routed::Misfit(Misfit { reason: Reason::InvalidEvent, problem, .. }) => problem,
        other => panic!("paid or dropped: {other:?}"),
    }
}

/// The words that a marker knows, as the live one and the trial's.
fn words(marks: Marks) -> Option<(Value, Value)> {
    match marks {
        Marks::Live => Some((json!(true), json!(false))),
        Marks::Test => Some((json!(false), json!(true))),
        Marks::Word => Some((json!("live"), json!("test"))),
        Marks::Sandbox(_) => None,
    }
}

/// Other links, and none, say nothing.
#[test]
fn link_to_the_sandbox_marks_a_trial() {
    for (preset, at, trial, other) in [
        (
            "square",
            "/data/object/payment/receipt_url",
            "https://squareupsandbox.com/receipt/preview/P1",
            "https://squareup.com/receipt/preview/P1",
        ),
        (
            "checkout",
            "/_links/self/href",
            "https://api.sandbox.checkout.com/workflows/events/evt_1",
            "https://api.checkout.com/workflows/events/evt_1",
        ),
        (
            "checkout",
            "/data/event_links/payment",
            "https://x.api.sandbox.checkout.com/payments/p",
            "https://x.api.checkout.com/payments/p",
        ),
    ] {
        let sample = sample(preset);
        let toml = sample.toml_with("").replace("mode = 'test'", "mode = 'live'");
        let provider = Provider::new(preset, &config(&toml)).unwrap();
        let routed = |link: Value| {
            let body = sample.damaged(&sample.event_body(), at, Some(link));
            provider.route(&parse_with(&provider, sample.secret, &body)[0], &LIVE)
        };
        assert!(problem(routed(json!(trial))).contains(at));
        assert!(matches!(routed(json!(other)), Routed::Order(_)) && matches!(routed(Value::Null), Routed::Order(_)));
        // Neither a link nor none.
        for odd in [json!(1), json!({}), json!([trial])] {
            assert!(problem(routed(odd)).contains("says neither live nor test"), "{at}");
        }
        let said_test = sample.damaged(&sample.event_body(), at, Some(json!(trial)));
        assert!(matches!(sample.route(&sample.provider_with(""), &said_test), Routed::Order(_)));
    }
}

/// A name that stands twice hides what is below it: the mark may be there.
#[test]
fn a_mark_below_a_repeated_name_is_odd_and_not_absent() {
    let sample = sample("checkout");
    let provider =
        Provider::new("checkout", &config(&sample.toml_with("").replace("mode = 'test'", "mode = 'live'"))).unwrap();
    let links = r#"{"self":{"href":"https://api.sandbox.checkout.com/workflows/events/evt_1"}}"#;
    let mut body = sample.event_body();
    let shape = body.as_object_mut().unwrap();
    shape.remove("_links");
    let whole = body.to_string();
    let rest = whole.strip_prefix('{').unwrap();
    let routed = |text: &str| provider.route(&parse_text(&provider, sample.secret, text.as_bytes())[0], &LIVE);
    assert!(matches!(routed(&whole), Routed::Order(_)));
    let said = problem(routed(&format!(r#"{{"_links":{links},"_links":{{}},{rest}"#)));
    assert!(said.contains("/_links/self/href says neither live nor test"), "{said}");
}

#[test]
fn a_trial_is_not_paid_by_a_live_endpoint_of_any_preset() {
    let mut marked = vec![];
    for sample in SAMPLES.iter().filter(|sample| !sample.money.is_empty()) {
        let preset = Preset::by_name(sample.preset).unwrap();
        let whole = sample.event_body();
        let provider = sample.provider_with("");
        for marker in preset.markers {
            let Some((live, trial)) = words(marker.says) else { continue };
            let with = |value: Value| sample.route(&provider, &sample.damaged(&whole, marker.at, Some(value)));
            assert!(matches!(with(trial.clone()), Routed::Order(_)), "{}: {}", sample.preset, marker.at);
            // "No trial" is not "real money": it says nothing.
            if !matches!(marker.says, Marks::Test) {
                let said = problem(with(live));
                assert!(said.contains(marker.at) && said.contains("says another mode"), "{said}");
            }
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
fn presets_without_a_marker_are_listed() {
    let without: Vec<&str> = preset::ALL
        .iter()
        .filter(|preset| preset.markers.is_empty() && matches!(preset.live, preset::Live::Configured))
        .map(|preset| preset.name)
        .collect();
    // Adyen's `live` is not signed; Dwolla pays nothing; the others' events say nothing of the kind.
    let expected = [
        "standard_webhooks",
        "svix",
        "adyen",
        "gocardless",
        "razorpay",
        "flutterwave",
        "dwolla",
        "coinbase_commerce",
        "github",
    ];
    assert_eq!(without, expected);
}
