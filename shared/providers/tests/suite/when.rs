//! Absence is not "no": an event whose type has a rule asks for nothing only when it says so.

use payonce_protocol::order::Mode;
use payonce_protocol::outcome::Reason;
use payonce_providers::{Misfit, NoPayout, Provider, RouteContext, Routed, unwise};
use serde_json::{Value, json};

use crate::damage::parse_with;
use crate::presets::{PAYEE, SAMPLES};
use crate::{T_S, config};

const LIVE: RouteContext = RouteContext { rail_mode: Mode::Live, paid_from: None, files_undated: false, now: 0 };

fn invoice() -> Value {
    json!({
        "id": "evt_5aa0c1", "object": "event", "api_version": "2024-06-20", "created": T_S, "livemode": true,
        "type": "invoice.paid", "data": { "object": {
            "id": "in_77d1", "object": "invoice", "amount_paid": 4200, "currency": "eur", "status": "paid", "paid": true,
            "metadata": { "payee": "acct_1Workshop" },
        }},
    })
}

/// As the provider sends it since API version 2025-03-31.
fn without_paid() -> Value {
    let mut invoice = invoice();
    invoice["data"]["object"].as_object_mut().unwrap().remove("paid");
    invoice
}

fn rule(when: &str) -> String {
    format!(
        "[[payouts]]\nevent = 'invoice.paid'\nkey = '/data/object/id'\namount = '/data/object/amount_paid'\n\
         currency = '/data/object/currency'\ndestination = '/data/object/metadata/payee'\nwhen = {when}\n"
    )
}

fn provider(rules: &[&str]) -> Provider {
    let rules: String = rules.iter().map(|when| rule(when)).collect();
    Provider::new("stripe", &config(&format!("scheme = 'stripe'\nsecrets = ['env:A']\n{rules}"))).unwrap()
}

fn routed(rules: &[&str], body: &Value) -> Routed {
    let provider = provider(rules);
    provider.route(&parse_with(&provider, "whsec_1", body)[0], &LIVE)
}

fn cannot_tell(rules: &[&str], body: &Value) -> Misfit {
    match routed(rules, body) {
        Routed::Misfit(misfit) if misfit.shared.is_some() => misfit,
        other => panic!("{body}: {other:?}"),
    }
}

fn at(pointer: &str, value: Value) -> Value {
    let mut invoice = invoice();
    *invoice.pointer_mut(pointer).unwrap() = value;
    invoice
}

const PAID: &str = "{ '/data/object/paid' = true }";
const STATUS: &str = "{ '/data/object/status' = { pays = 'paid', not = ['draft', 'open', 'uncollectible', 'void'] } }";

#[test]
fn a_field_that_the_provider_dropped_is_one_case_for_the_rule() {
    let misfit = cannot_tell(&[PAID], &without_paid());
    assert_eq!(
        (misfit.reason, misfit.problem.as_str()),
        (Reason::InvalidEvent, "payouts[0]: /data/object/paid is not there")
    );
    // With all that the event says.
    assert_eq!(misfit.key.unwrap().as_str(), "stripe/in_77d1");
    assert_eq!(misfit.money.unwrap().to_string(), "42.00 EUR");
    assert_eq!(misfit.destination.unwrap().as_str(), "acct_1Workshop");
    let mut other = without_paid();
    other["id"] = "evt_other".into();
    other["data"]["object"]["id"] = "in_other".into();
    assert_eq!(cannot_tell(&[PAID], &other).shared, misfit.shared, "one case for the rule and the problem");
}

#[test]
fn each_way_of_saying_neither_has_its_own_words() {
    let neither = "is neither a value that pays nor one that is known not to";
    for (rule, body, problem) in [
        (PAID, at("/data/object/paid", Value::Null), "/data/object/paid is null"),
        (PAID, at("/data/object/paid", json!("true")), "/data/object/paid is of another type"),
        (PAID, at("/data/object/paid", json!({})), "/data/object/paid is of another type"),
        (STATUS, at("/data/object/status", json!(1)), "/data/object/status is of another type"),
        (STATUS, at("/data/object/status", json!("PAID")), &format!("/data/object/status {neither}")),
        (STATUS, at("/data/object/status", json!("planted")), &format!("/data/object/status {neither}")),
        (STATUS, at("/data/object", json!({})), "/data/object/status is not there"),
        (STATUS, at("/data/object", Value::Null), "/data/object/status is not there"),
    ] {
        assert_eq!(cannot_tell(&[rule], &body).problem, format!("payouts[0]: {problem}"));
    }
}

#[test]
fn only_a_known_no_asks_for_nothing() {
    assert_eq!(routed(&[PAID], &at("/data/object/paid", json!(false))), Routed::NoPayout(NoPayout::WhenNotMet));
    for no in ["draft", "open", "uncollectible", "void"] {
        assert_eq!(routed(&[STATUS], &at("/data/object/status", json!(no))), Routed::NoPayout(NoPayout::WhenNotMet));
    }
    for rule in [PAID, STATUS] {
        assert!(matches!(routed(&[rule], &invoice()), Routed::Order(_)), "{rule}");
    }
    // A known "no" settles it, whatever else cannot be told.
    let both = "{ '/data/object/paid' = true, '/data/object/status' = 'paid' }";
    assert_eq!(routed(&[both], &at("/data/object/paid", json!(false))), Routed::NoPayout(NoPayout::WhenNotMet));
    let mut neither = at("/data/object/paid", json!(false));
    neither["data"]["object"]["status"] = "odd".into();
    assert_eq!(routed(&[both], &neither), Routed::NoPayout(NoPayout::WhenNotMet));
    cannot_tell(&[both], &without_paid());
    // Several values may pay.
    let several = "{ '/data/object/status' = { pays = ['paid', 'settled'], not = ['open'] } }";
    assert!(matches!(routed(&[several], &at("/data/object/status", json!("settled"))), Routed::Order(_)));
}

#[test]
fn a_rule_knows_what_the_others_of_its_type_name() {
    let (one, two) =
        ("{ '/data/object/status' = 'paid' }", "{ '/data/object/status' = { pays = 'open', not = ['void'] } }");
    for rules in [[one, two], [two, one]] {
        assert!(matches!(routed(&rules, &invoice()), Routed::Order(_)));
        assert!(matches!(routed(&rules, &at("/data/object/status", json!("open"))), Routed::Order(_)));
        assert_eq!(
            routed(&rules, &at("/data/object/status", json!("void"))),
            Routed::NoPayout(NoPayout::WhenNotMet),
            "what one knows not to pay, the other knows, too"
        );
        cannot_tell(&rules, &at("/data/object/status", json!("draft")));
    }
}

/// The second might ask as well, and then two would.
#[test]
fn pays_nothing_while_another_rule_of_the_type_cannot_tell() {
    let unsure = "{ '/data/object/kind' = 'a' }";
    for rules in [[STATUS, unsure], [unsure, STATUS]] {
        let problem = cannot_tell(&rules, &invoice()).problem;
        assert!(problem.ends_with("/data/object/kind is not there"), "{problem}");
    }
}

/// Of every provider: whatever is done to a place that `when` names, the event is neither dropped nor paid.
#[test]
fn a_damaged_condition_of_any_preset_is_a_case() {
    let mut tried = 0;
    for sample in SAMPLES.iter().filter(|sample| !sample.money.is_empty()) {
        // The payee is a text that every sample has.
        let pointer = sample.destination();
        let when = format!("when = {{ '{pointer}' = {{ pays = '{PAYEE}', not = ['no'] }} }}");
        let provider = sample.provider_with(&when);
        let whole = sample.event_body();
        assert!(matches!(sample.route(&provider, &whole), Routed::Order(_)), "{}", sample.preset);
        for damage in
            [None, Some(Value::Null), Some(json!({})), Some(json!(7)), Some(json!(["no"])), Some(json!("odd"))]
        {
            let body = sample.damaged(&whole, pointer, damage.clone());
            match sample.try_route(&provider, &body) {
                Some(Routed::Misfit(_)) | None => tried += 1,
                other => panic!("{}: {pointer} as {damage:?}: {other:?}", sample.preset),
            }
        }
        let no = sample.damaged(&whole, pointer, Some(json!("no")));
        assert_eq!(sample.route(&provider, &no), Routed::NoPayout(NoPayout::WhenNotMet), "{}", sample.preset);
    }
    assert!(tried > 60, "{tried}");
}

#[test]
fn check_names_each_rule_that_cannot_tell() {
    let paths = |rules: &[&str]| -> Vec<String> {
        let rules: String =
            rules.iter().map(|when| rule(when).replace("when", "max_amount = { eur = 1 }\nwhen")).collect();
        let config = config(&format!("scheme = 'stripe'\nsecrets = ['env:A']\n{rules}"));
        let found = unwise("stripe", &config).into_iter().map(|found| found.path);
        found.filter(|path| !path.ends_with(".blocks")).collect()
    };
    assert!(paths(&[PAID]).is_empty() && paths(&[STATUS]).is_empty());
    let texts = "{ '/a' = 'paid', '/b' = 3, '/c' = true }";
    assert_eq!(paths(&[texts]), ["providers.stripe.payouts[0].when./a", "providers.stripe.payouts[0].when./b"]);
    // Another rule of the type may know.
    assert!(paths(&["{ '/data/object/status' = 'open' }", STATUS]).is_empty());
}

#[test]
fn a_when_that_contradicts_itself_stops_the_start() {
    for when in
        ["{ '/a' = { pays = [] } }", "{ '/a' = { pays = 'x', not = ['x'] } }", "{ '/a' = { pays = [true, false] } }"]
    {
        let config = config(&format!("scheme = 'stripe'\nsecrets = ['env:A']\n{}", rule(when)));
        let found = Provider::new("stripe", &config).map(drop).unwrap_err();
        assert_eq!(
            found.iter().map(|error| error.path.as_str()).collect::<Vec<_>>(),
            ["providers.stripe.payouts[0].when./a"]
        );
    }
}

/// What is known not to pay derives no key.
#[test]
fn known_noes_change_no_key_rules() {
    let rules = |whens: &[&str]| provider(whens).key_rules();
    assert_eq!(rules(&[PAID]), rules(&[STATUS]));
    let two = |not: &str| {
        let one = format!("{{ '/s' = {{ pays = 'a', not = [{not}] }} }}");
        rules(&[&one, "{ '/s' = 'b' }"])
    };
    assert_eq!(two(""), two("'x', 'y'"));
    assert_eq!(two(""), rules(&["{ '/s' = 'b' }", "{ '/s' = 'a' }"]));
    assert_ne!(two(""), rules(&["{ '/s' = 'c' }", "{ '/s' = 'a' }"]));
}
