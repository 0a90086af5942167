//! Every provider that there is has a sample in `events/`, and the sandbox's configuration knows what to do with it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it is surprised")]

use std::collections::BTreeSet;

use payonce_local::samples::OTHERS;
use payonce_local::sender::Expected;
use payonce_local::stack::{CONFIG, PROVIDER, sandbox_secret, secret_of};
use payonce_protocol::order::Mode;
use payonce_providers::{RouteContext, Routed, Secrets, preset};
use payonce_runtime::config::Config;

const NOW: u64 = 1_795_428_000_000;

#[test]
fn every_provider_has_a_sample() {
    let sampled: BTreeSet<&str> = OTHERS.iter().map(|sample| sample.provider).chain([PROVIDER]).collect();
    let known: BTreeSet<&str> = preset::ALL.iter().map(|preset| preset.name).chain(["custom"]).collect();
    assert_eq!(sampled, known);
}

#[test]
fn sample_matches_its_description() {
    let config = Config::parse(CONFIG).unwrap_or_else(|problems| panic!("{problems:?}"));
    let context = RouteContext { rail_mode: Mode::Test, paid_from: None, files_undated: false, now: NOW };
    for sample in OTHERS {
        let provider = config.provider(Some(sample.provider)).unwrap();
        let secrets = Secrets::new(vec![sandbox_secret(&secret_of(sample.provider)).unwrap()]).unwrap();
        let (body, sent) = sample.made("abcd0123", NOW);
        let body = provider.seal(&secrets, body.as_bytes());
        let headers = provider.sign(&secrets, &body, NOW).into_iter().collect();
        let verified = provider.verify(&secrets, &headers, &body, NOW).unwrap();
        let orders: Vec<String> = provider
            .events(&verified)
            .unwrap()
            .into_iter()
            .filter_map(|event| match provider.route(&event.unwrap(), &context) {
                Routed::Order(order) => Some(order.key.to_string()),
                _ => None,
            })
            .collect();
        let expected: Vec<&String> = sent
            .iter()
            .filter_map(|sent| match &sent.expected {
                Expected::Payout(payout) => Some(&payout.key),
                _ => None,
            })
            .collect();
        assert_eq!(orders.iter().collect::<Vec<_>>(), expected, "{}", sample.provider);
    }
}

/// For `cargo lambda invoke`: a whole event of API Gateway, whose signature names no time and so stays valid.
#[test]
fn stored_event_verifies_and_the_forged_one_does_not() {
    let config = Config::parse(CONFIG).unwrap_or_else(|problems| panic!("{problems:?}"));
    let provider = config.provider(Some("paystack")).unwrap();
    let secrets = Secrets::new(vec![sandbox_secret(&secret_of("paystack")).unwrap()]).unwrap();
    let verifies = |event: &str| {
        let event: serde_json::Value = serde_json::from_str(event).unwrap();
        let signature = event["headers"]["x-paystack-signature"].as_str().unwrap();
        let headers = [("x-paystack-signature".parse().unwrap(), signature.parse().unwrap())].into_iter().collect();
        provider.verify(&secrets, &headers, event["body"].as_str().unwrap().as_bytes(), NOW).is_ok()
    };
    assert!(verifies(include_str!("../../../events/paystack/invoke.json")));
    assert!(!verifies(include_str!("../../../events/paystack/invoke_forged.json")));
}
