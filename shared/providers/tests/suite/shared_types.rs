//! Some providers tell of a payment's whole life by one type of event, so a rule and a block share it: by one status it is
//! paid, by another given back. What one of them names, the other knows; what neither knows is a case, and bars nothing.

use payonce_protocol::order::Mode;
use payonce_protocol::outcome::Reason;
use payonce_providers::{Misfit, NoPayout, Provider, RouteContext, Routed, unwise};
use serde_json::{Value, json};

use crate::damage::parse_with;
use crate::{T_S, config};

const LIVE: RouteContext = RouteContext { rail_mode: Mode::Live, paid_from: None, files_undated: false, now: 0 };

const RULE: &str = "[[payouts]]\nevent = 'payment.updated'\nkey = '/data/object/id'\namount = '/data/object/sum'\n\
                    currency = 'EUR'\ndestination = '/data/object/to'\nmax_amount = { eur = 5000 }\n";
const PAYS: &str = "[payouts.when.'/data/object/status']\npays = 'COMPLETED'\nnot = ['APPROVED', 'PENDING']\n";
const BLOCK: &str = "[[blocks]]\nevent = 'payment.updated'\nkey = '/data/object/id'\n";
const BARS: &str = "[blocks.when.'/data/object/status']\npays = ['CANCELED', 'FAILED']\n";

fn table(rest: &[&str]) -> String {
    format!("scheme = 'stripe'\nsecrets = ['env:A']\n{}", rest.concat())
}

fn payment(status: Option<Value>, refunded: Option<Value>) -> Value {
    let mut event = json!({ "id": "evt_1", "type": "payment.updated", "created": T_S, "livemode": true,
        "data": { "object": { "id": "pay_1", "sum": 4200, "to": "acct_1Workshop" } } });
    for (name, value) in [("status", status), ("refunded", refunded)] {
        if let Some(value) = value {
            event["data"]["object"][name] = value;
        }
    }
    event
}

fn routed(rest: &[&str], body: &Value) -> Routed {
    let provider = Provider::new("bank", &config(&table(rest))).unwrap();
    let event = &parse_with(&provider, "whsec_1", body)[0];
    let routed = provider.route(event, &LIVE);
    assert!(matches!(routed, Routed::Block(_)) <= provider.blocks(event), "what bars is taken first");
    routed
}

fn of_status(rest: &[&str], status: impl Into<Value>) -> Routed {
    routed(rest, &payment(Some(status.into()), None))
}

fn case(routed: Routed) -> Misfit {
    match routed {
        Routed::Misfit(misfit) if misfit.reason == Reason::InvalidEvent && misfit.shared.is_some() => misfit,
        other => panic!("no case for all of its kind: {other:?}"),
    }
}

#[test]
fn pays_what_its_rule_names_and_bars_what_its_block_names() {
    let both = [RULE, PAYS, BLOCK, BARS];
    assert!(matches!(of_status(&both, "COMPLETED"), Routed::Order(_)));
    for given_back in ["CANCELED", "FAILED"] {
        assert!(matches!(of_status(&both, given_back), Routed::Block(_)), "{given_back}");
    }
    for intermediate in ["APPROVED", "PENDING"] {
        let routed = of_status(&both, intermediate);
        assert!(matches!(routed, Routed::NoPayout(NoPayout::WhenNotMet)), "{intermediate}: {routed:?}");
    }
    // Without a word of the other's values in either.
    let plain = [RULE, "when = { '/data/object/status' = 'COMPLETED' }\n", BLOCK, BARS];
    assert!(matches!(of_status(&plain, "COMPLETED"), Routed::Order(_)));
    assert!(matches!(of_status(&plain, "FAILED"), Routed::Block(_)));
}

#[test]
fn one_case_per_problem_where_neither_rule_nor_block_can_tell() {
    let both = [RULE, PAYS, BLOCK, BARS];
    for unknown in [json!("Completed"), json!("DISPUTED"), Value::Null, json!(1)] {
        let misfit = case(of_status(&both, unknown));
        assert_eq!(misfit.shared.unwrap()[..2], ["bank", "payouts[0]"]);
        assert_eq!(misfit.key.unwrap().as_str(), "bank/pay_1");
    }
    case(routed(&both, &payment(None, None)));
    // A value that is known to bar nothing may be one that pays.
    let block_knows_more = [RULE, PAYS, BLOCK, BARS, "not = ['COMPLETED', 'SETTLED']\n"];
    case(of_status(&block_knows_more, "SETTLED"));
}

/// Each asks at a place of its own.
#[test]
fn doubt_of_the_block_alone_is_a_case_and_bars_nothing() {
    let both = [RULE, PAYS, BLOCK, "when = { '/data/object/refunded' = true }\n"];
    let is = |status: &str, refunded: Option<Value>| routed(&both, &payment(Some(status.into()), refunded));
    assert!(matches!(is("COMPLETED", Some(json!(false))), Routed::Order(_)));
    assert!(matches!(is("COMPLETED", Some(json!(true))), Routed::Block(_)), "it says so itself");
    assert!(matches!(is("PENDING", Some(json!(false))), Routed::NoPayout(NoPayout::WhenNotMet)));
    for odd in [None, Some(Value::Null), Some(json!("true"))] {
        let misfit = case(is("COMPLETED", odd.clone()));
        assert!(misfit.problem.starts_with("blocks[0]: /data/object/refunded is"), "{}", misfit.problem);
        assert_eq!(misfit.shared.unwrap()[..2], ["bank", "blocks[0]"]);
        // Of what would have been paid the case says all; what asks for nothing has no place that its ending could take.
        assert_eq!((misfit.key.unwrap().as_str(), misfit.money.unwrap().minor()), ("bank/pay_1", 4200));
        assert_eq!(case(is("PENDING", odd)).key, None);
    }
}

#[test]
fn a_type_of_blocks_alone_bars_in_doubt() {
    for status in [json!("CANCELED"), json!("canceled"), Value::Null] {
        assert!(matches!(of_status(&[BLOCK, BARS], status), Routed::Block(_)));
    }
    let two = |key: &str, status: &str| {
        BLOCK.replace("/id", key) + &format!("when = {{ '/data/object/status' = '{status}' }}\n")
    };
    let two = [two("/to", "CANCELED"), two("/id", "REVERSED")];
    let two = [&*two[0], &*two[1]];
    let barred = |status: &str| match of_status(&two, status) {
        Routed::Block(block) => block.key.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!([barred("CANCELED"), barred("REVERSED")], ["bank/acct_1Workshop", "bank/pay_1"]);
    assert!(case(of_status(&two, "other")).problem.starts_with("blocks[0]: "), "which key to bar is in doubt, too");
}

/// Only the first one's key would be barred.
#[test]
fn refuses_two_blocks_of_one_event_that_may_both_hold() {
    let paths = |blocks: &[&str]| match Provider::new("bank", &config(&table(blocks))) {
        Ok(_) => vec![],
        Err(errors) => errors.into_iter().map(|error| error.path).collect(),
    };
    let wrong = ["providers.bank.blocks[0].when", "providers.bank.blocks[1].when"];
    let other = "when = { '/data/object/refunded' = true }\n";
    assert_eq!(paths(&[BLOCK, BARS, BLOCK, other]), wrong);
    assert_eq!(paths(&[BLOCK, BARS, BLOCK, "when = { '/data/object/status' = 'FAILED' }\n"]), wrong);
    assert_eq!(paths(&[BLOCK, BARS, BLOCK, "when = { '/data/object/status' = 'REVERSED' }\n"]), [""; 0]);
}

#[test]
fn check_says_of_a_block_too_that_it_cannot_tell_no() {
    let said = |rest: &[&str]| {
        let found = unwise("bank", &config(&table(rest))).into_iter();
        let of_blocks = found.filter(|found| found.path.contains("blocks"));
        of_blocks.map(|found| format!("{}: {}", found.path, found.problem)).collect::<Vec<_>>()
    };
    let [own] = &said(&[BLOCK, BARS])[..] else { panic!("one") };
    assert!(
        own.starts_with("providers.bank.blocks[0].when./data/object/status: ") && own.contains("bars, too"),
        "{own}"
    );
    let [shared] = &said(&[RULE, "when = { '/data/object/status' = 'COMPLETED' }\n", BLOCK, BARS])[..] else {
        panic!("one")
    };
    assert!(shared.contains("is a case"), "{shared}");
    for tells in [&[BLOCK][..], &[BLOCK, BARS, "not = ['COMPLETED']\n"], &[RULE, PAYS, BLOCK, BARS]] {
        assert_eq!(said(tells), [""; 0]);
    }
}
