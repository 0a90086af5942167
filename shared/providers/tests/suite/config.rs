//! Configurations: every mistake stops the start with its path, and nothing that derives payout keys changes unnoticed.

use payonce_providers::{Patience, Provider, ProviderConfig, unwise};

use crate::{TOML, config, provider_with};

fn paths(toml: &str) -> Vec<String> {
    match Provider::new("stripe", &config(toml)) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| error.path).collect(),
    }
}

/// The paths that are wrong in the sample once `from` is `to`.
fn wrong(from: &str, to: &str) -> Vec<String> {
    assert!(TOML.contains(from));
    paths(&TOML.replace(from, to))
}

#[test]
fn every_mistake_is_told_at_once_with_its_path() {
    let toml = r#"
scheme = "strip"
secrets = []
namespace = "a/b"
refuse_for = "soon"
answer_within = "0s"
max_body_bytes = 0

[[payouts]]
event = "*"
key = []
amount = "amount"
currency = "/a~"
destination = ""
when = { "x" = 1 }
max_amount = { eur = 0, isk = 550, xxx = 1, usd = 1, USD = 2 }
max_approved = { usd = 0, gbp = 7 }
destination_pattern = "("
paid_from = "2026-12-01"
rail_fields = { a = "b" }
"#;
    let mut found = paths(toml);
    found.sort();
    let mut expected = [
        "scheme",
        "secrets",
        "namespace",
        "refuse_for",
        "answer_within",
        "max_body_bytes",
        "payouts[0].event",
        "payouts[0].key",
        "payouts[0].amount",
        "payouts[0].currency",
        "payouts[0].destination",
        "payouts[0].when",
        "payouts[0].max_amount.eur",
        "payouts[0].max_amount.isk",
        "payouts[0].max_amount.xxx",
        "payouts[0].max_amount.usd",
        "payouts[0].max_approved.usd",
        "payouts[0].max_approved.gbp",
        "payouts[0].destination_pattern",
        "payouts[0].paid_from",
        "payouts[0].rail_fields.a",
    ]
    .map(|field| format!("providers.stripe.{field}"));
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_mistake_next_to_a_right_value_is_found() {
    assert_eq!(paths(TOML), Vec::<String>::new());
    assert_eq!(wrong("\"/data/object/id\"", "[\"/data/object/id\", \"x\"]"), ["providers.stripe.payouts[0].key"]);
    assert_eq!(wrong("ignore = [", "ignore = [\"payment_intent.succeeded\", "), ["providers.stripe.ignore"]);
    assert_eq!(wrong("scheme", "refuse_for = \"73h\"\nscheme"), ["providers.stripe.refuse_for"]);
    assert_eq!(wrong("scheme", "max_body_bytes = 10000000\nscheme"), ["providers.stripe.max_body_bytes"]);
    let rule = TOML.split_once("[[payouts]]").unwrap().1.replace("when", "paid_from = '2026-12-01T00:00:00Z' #");
    assert_eq!(paths(&format!("{TOML}\n[[payouts]]\n{rule}")), ["providers.stripe.payouts[1].when"]);
    assert!(Provider::new("a b", &config(TOML)).is_err());
    // A pattern that would close the group around it, and so match anything that begins with `acct_`.
    let bent = format!("{TOML}\ndestination_pattern = 'acct_)|(?:x'");
    assert_eq!(paths(&bent), ["providers.stripe.payouts[0].destination_pattern"]);
}

#[test]
fn an_unknown_or_missing_field_does_not_parse() {
    let parses = |toml: &str| toml::from_str::<ProviderConfig>(toml).is_ok();
    assert!(parses(TOML));
    for (from, to) in [
        ("scheme", "tolerance = 0\nscheme"),
        ("amount", "amuont"),
        ("event = \"payment_intent.succeeded\"", ""),
        ("secrets", "secret"),
        ("pays = \"succeeded\"", "pays = 1.5"),
        ("pays = \"succeeded\"", "pays = \"succeeded\", maybe = 1"),
        ("{ pays = \"succeeded\", not = [\"processing\", \"requires_capture\"] }", "1.5"),
    ] {
        assert!(!parses(&TOML.replacen(from, to, 1)), "{to}");
    }
}

#[test]
fn patience_and_time_come_from_the_preset_unless_said() {
    let hour = 3_600_000;
    let preset = provider_with("");
    assert_eq!(preset.patience(), Patience { refuse_for_ms: 48 * hour, longest_gap_ms: 24 * hour });
    assert_eq!((preset.answer_within_ms(), preset.max_body_bytes(), preset.name()), (None, 1 << 20, "stripe"));
    let said = "refuse_for = \"0s\"\nanswer_within = \"4s\"\nmax_body_bytes = 1000\n";
    let said = Provider::new("stripe", &config(&format!("{said}{TOML}"))).unwrap();
    assert_eq!(said.patience().refuse_for_ms, 0);
    assert_eq!((said.answer_within_ms(), said.max_body_bytes()), (Some(4_000), 1_000));
}

/// Another derivation would pay redeliveries again, so it has to have another fingerprint, and the same one the same.
#[test]
fn another_derivation_of_keys_has_another_fingerprint() {
    let print = |name: &str, toml: &str| Provider::new(name, &config(toml)).unwrap().key_rules().to_string();
    let of = |toml: &str| print("stripe", toml);
    let sample = of(TOML);
    assert_eq!(sample, GOLDEN, "a new fingerprint holds every stack that is up");

    let added = "[[payouts]]\nevent = \"charge.succeeded\"\nkey = \"/data/object/id\"\namount = \"/a\"\ncurrency = \"/c\"\n\
                 destination = \"/d\"\n";
    for other in [
        print("stripe_eu", TOML),
        of(&format!("namespace = \"eu\"\n{TOML}")),
        of(&TOML.replace("/data/object/id", "/data/object/latest_charge")),
        of(&TOML.replace("\"/data/object/id\"", "[\"/data\", \"/object/id\"]")),
        of(&TOML.replace("payment_intent.succeeded", "charge.succeeded")),
        of(&format!("{TOML}\n{added}")),
    ] {
        assert_ne!(other, sample);
    }
    for same in [
        print("stripe_eu", &format!("namespace = \"stripe\"\n{TOML}")),
        of(&TOML.replace("[\"payment_intent.created\"]", "[\"*\"]")),
        of(&TOML.replace("amount_received", "amount")),
        of(&TOML.replace("when", "#")),
    ] {
        assert_eq!(same, sample);
    }

    // The order of rules derives nothing; which `when` goes with which pointer does.
    let rule = |key: &str, when: &str| {
        added.replace("/data/object/id", key).replace("amount = ", &format!("when = {{ '/s' = '{when}' }}\namount = "))
    };
    let head = TOML.split_once("[[payouts]]").unwrap().0;
    let two = |first: String, second: String| of(&format!("{head}{first}{second}"));
    assert_eq!(two(rule("/a", "1"), rule("/b", "2")), two(rule("/b", "2"), rule("/a", "1")));
    assert_ne!(two(rule("/a", "1"), rule("/b", "2")), two(rule("/a", "2"), rule("/b", "1")));
}

const GOLDEN: &str = "dc5ab0c7909e7ca86971f4e9583b79ca85d7dd9ccb5e8b286539068ee33b0074";

#[test]
fn what_is_unwise_is_said() {
    let paths =
        |toml: &str| -> Vec<String> { unwise("stripe", &config(toml)).into_iter().map(|advice| advice.path).collect() };
    let toml = format!("{TOML}\n{BLOCK}");
    assert_eq!(paths(&toml), ["providers.stripe.payouts[0].max_amount"]);
    assert!(paths(&format!("{TOML}\nmax_amount = {{ eur = 1 }}\n{BLOCK}")).is_empty());
    assert_eq!(
        paths("scheme = 'stripe'\nsecrets = ['env:A']\nignore = ['*']"),
        ["providers.stripe.ignore", "providers.stripe.payouts"]
    );
}

fn with_formerly(formerly: &str) -> String {
    TOML.replace("key = \"/data/object/id\"", &format!("key = \"/data/object/id\"\nformerly = [{formerly}]"))
}

#[test]
fn former_keys_are_checked_and_a_part_of_the_fingerprint() {
    let former = |namespace: &str, key: &str| {
        format!("{{ namespace = \"{namespace}\", event = \"payment_intent.succeeded\", key = {key} }}")
    };
    let good = former("stripe", "\"/data/object/latest_charge\"");
    let paths = |formerly: &str| paths(&with_formerly(formerly));
    assert!(paths(&good).is_empty());
    assert_eq!(paths(&former("a/b", "\"/a\"")), ["providers.stripe.payouts[0].formerly[0].namespace"]);
    assert_eq!(paths(&former("a", "[]")), ["providers.stripe.payouts[0].formerly[0].key"]);
    assert_eq!(paths(&former("a", "\"b\"")), ["providers.stripe.payouts[0].formerly[0].key"]);
    assert_eq!(paths(&[good.as_str(); 5].join(", ")), ["providers.stripe.payouts[0].formerly"]);

    let provider = |toml: &str| Provider::new("stripe", &config(toml)).unwrap();
    let (with, without) = (provider(&with_formerly(&good)), provider(TOML));
    assert_ne!(with.key_rules(), without.key_rules());
    let rules = with.derivations();
    assert_eq!(rules.rules[0].own.to_string(), "payment_intent.succeeded: stripe /data/object/id");
    assert_eq!(rules.rules[0].former[0].to_string(), "payment_intent.succeeded: stripe /data/object/latest_charge");
    assert_eq!((rules.fingerprint, rules.signs_time), (with.key_rules(), true));
    // Three days by itself, thirty by hand.
    assert_eq!(rules.comes_back_ms, 33 * 24 * 3_600_000);
}

const BLOCK: &str = "[[blocks]]\nevent = \"charge.refunded\"\nkey = \"/data/object/payment_intent\"\n";

#[test]
fn a_mistake_in_a_blocking_event_is_told_with_its_path() {
    let with = |from: &str, to: &str| paths(&format!("{TOML}\n{}", BLOCK.replace(from, to)));
    assert_eq!(with("", ""), Vec::<String>::new());
    assert_eq!(with("/data", "data"), ["providers.stripe.blocks[0].key"]);
    assert_eq!(with("charge.refunded", "*"), ["providers.stripe.blocks[0].event"]);
    assert_eq!(with("charge.refunded", "payment_intent.succeeded"), ["providers.stripe.blocks[0].when"]);
    assert_eq!(with("charge.refunded", "payment_intent.created"), ["providers.stripe.ignore"]);
    let twice = format!("{TOML}\n{BLOCK}\n{BLOCK}");
    assert_eq!(paths(&twice), ["providers.stripe.blocks[0].when", "providers.stripe.blocks[1].when"]);
}

/// A bar under a wrong key pays nothing, so nobody has to accept it.
#[test]
fn a_blocking_event_derives_no_key_of_a_payout() {
    let print = |toml: &str| Provider::new("stripe", &config(toml)).unwrap().key_rules().to_string();
    assert_eq!(print(&format!("{TOML}\n{BLOCK}")), print(TOML));
}

#[test]
fn an_age_shorter_than_the_patience_or_of_nothing_signed_is_a_mistake() {
    let aged = |age: &str| TOML.replace("when", &format!("max_age = \"{age}\"\nwhen"));
    let path = "providers.stripe.payouts[0].max_age";
    assert_eq!(paths(&aged("96h")), Vec::<String>::new());
    assert_eq!(paths(&aged("47h")), [path], "shorter than refuse_for");
    assert_eq!(paths(&aged("soon")), [path]);
    let is_unwise = |age| unwise("stripe", &config(&aged(age))).into_iter().any(|error| error.path == path);
    assert!(is_unwise("60h") && !is_unwise("96h"), "Stripe comes back for three days");
    let unsigned =
        aged("96h").replace("scheme = \"stripe\"", "scheme = \"github\"\nmode = \"test\"\nevent_type = \"x\"");
    assert!(paths(&unsigned).contains(&path.to_owned()));
}
