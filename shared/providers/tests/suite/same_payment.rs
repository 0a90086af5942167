//! Keys from different objects of one payment pay it once for each: `check` names them, and what to write instead.

use payonce_protocol::config::ConfigError;
use payonce_providers::{ProviderConfig, split_payments};

use crate::config;

fn table(scheme: &str, rules: &[(&str, &str)]) -> ProviderConfig {
    let rules: String = rules
        .iter()
        .map(|(event, key)| {
            format!(
                "[[payouts]]\nevent = '{event}'\nkey = '{key}'\namount = '/a'\ncurrency = 'EUR'\ndestination = '/d'\n"
            )
        })
        .collect();
    config(&format!("scheme = '{scheme}'\nsecrets = ['env:A']\n{rules}"))
}

fn found(scheme: &str, rules: &[(&str, &str)]) -> Vec<ConfigError> {
    split_payments([("one", &table(scheme, rules))])
}

const INTENT: (&str, &str) = ("payment_intent.succeeded", "/data/object/id");

#[test]
fn check_names_keys_of_different_objects_with_the_answer_to_each() {
    for (event, answer) in [
        ("invoice.paid", "pay on invoice_payment.paid with /data/object/payment/payment_intent"),
        ("invoice_payment.paid", "key = \"/data/object/payment/payment_intent\""),
        ("charge.succeeded", "key = \"/data/object/payment_intent\""),
        ("checkout.session.completed", "key = \"/data/object/payment_intent\""),
    ] {
        for rules in [[INTENT, (event, "/data/object/id")], [(event, "/data/object/id"), INTENT]] {
            let [found] = &found("stripe", &rules)[..] else { panic!("{event}") };
            let index = rules.iter().position(|rule| rule.0 == event).unwrap();
            assert_eq!(found.path, format!("providers.one.payouts[{index}].key"));
            assert!(found.problem.contains(answer), "{found}");
        }
    }
    // Neither names the payment: each gets its answer.
    let both = found("stripe", &[("charge.succeeded", "/data/object/id"), ("invoice.paid", "/data/object/id")]);
    assert_eq!(both.len(), 2);
}

#[test]
fn check_is_silent_where_one_payment_has_one_key() {
    for rules in [
        &[INTENT, ("charge.succeeded", "/data/object/payment_intent")][..],
        &[INTENT, ("invoice_payment.paid", "/data/object/payment/payment_intent")],
        &[("charge.succeeded", "/data/object/id"), ("charge.captured", "/data/object/id")],
        &[INTENT, ("payout.paid", "/data/object/id")],
        &[("invoice.paid", "/data/object/id")],
    ] {
        assert_eq!(found("stripe", rules), [], "{rules:?}");
    }
    assert_eq!(
        found(
            "razorpay",
            &[("payment.captured", "/payload/payment/entity/id"), ("order.paid", "/payload/payment/entity/id")]
        ),
        []
    );
    assert_eq!(
        found(
            "razorpay",
            &[("payment.captured", "/payload/payment/entity/id"), ("order.paid", "/payload/order/entity/id")]
        )
        .len(),
        1
    );
    // Where nothing is known of the events, only other places can be seen.
    assert_eq!(found("svix", &[("a", "/data/id"), ("b", "/data/id")]), []);
    assert_eq!(found("svix", &[("a", "/data/id"), ("b", "/data/payment")]).len(), 2);
}

#[test]
fn check_looks_across_the_tables_of_one_scheme() {
    let (one, two) = (table("stripe", &[INTENT]), table("stripe", &[("invoice.paid", "/data/object/id")]));
    let found = split_payments([("one", &one), ("two", &two)]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path, "providers.two.payouts[0].key");
    assert!(found[0].problem.contains("providers.one.payouts[0]"), "{}", found[0]);
    let other = table("shopify", &[("orders/paid", "/id")]);
    assert_eq!(split_payments([("one", &one), ("other", &other)]), []);
}
