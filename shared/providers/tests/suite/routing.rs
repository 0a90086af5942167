//! Rules against bodies. Whatever a signed body says, the answer is an order, nothing, or a case; never a panic.

use http::HeaderMap;
use payonce_protocol::order::Mode;
use payonce_protocol::outcome::Reason;
use payonce_providers::{BodyMisfit, Misfit, NoPayout, ParsedEvent, Provider, RouteContext, Routed};
use serde_json::{Value, json};

use crate::random::Random;
use crate::{T, T_S, provider_with, secrets};

const LIVE: RouteContext = RouteContext { rail_mode: Mode::Live, paid_from: None, files_undated: false, now: 0 };

fn event() -> Value {
    json!({
        "id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": T_S, "livemode": true,
        "data": { "object": {
            "id": "pi_1", "object": "payment_intent", "amount_received": 1099, "currency": "eur", "status": "succeeded",
            "latest_charge": "ch_1", "metadata": { "payee": "acct_1", "note": "planted@example.com" },
        }},
    })
}

/// The sample event with one place changed, or taken away by `Null`.
fn with(pointer: &str, value: Value) -> Value {
    let mut event = event();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => parent.remove(name),
        value => parent.insert(name.to_owned(), value),
    };
    event
}

fn parse(provider: &Provider, body: &[u8]) -> Result<ParsedEvent, BodyMisfit> {
    let held = secrets(&["whsec_1"]);
    let headers: HeaderMap = provider.sign(&held, body, T).into_iter().collect();
    let verified = provider.verify(&held, &headers, body, T).unwrap();
    let mut events = provider.events(&verified)?;
    assert_eq!(events.len(), 1);
    Ok(events.remove(0).unwrap())
}

fn route_in(provider: &Provider, body: &Value, context: RouteContext) -> Routed {
    provider.route(&parse(provider, body.to_string().as_bytes()).unwrap(), &context)
}

fn route(lines: &str, body: &Value) -> Routed {
    route_in(&provider_with(lines), body, LIVE)
}

/// The problem, once it is sure that a case is opened with this reason.
fn misfit(routed: Routed, expected: Reason) -> String {
    match routed {
        Routed::Misfit(Misfit { reason, problem, .. }) => {
            assert_eq!(reason, expected, "{problem}");
            problem
        }
        other => panic!("paid or dropped: {other:?}"),
    }
}

fn invalid(lines: &str, body: &Value) -> String {
    misfit(route(lines, body), Reason::InvalidEvent)
}

#[test]
fn the_sample_event_asks_for_its_payout() {
    let Routed::Order(order) = route("rail_fields = { source_transaction = '/data/object/latest_charge' }", &event())
    else {
        panic!("no order")
    };
    assert_eq!(order.key.as_str(), "stripe/pi_1");
    assert_eq!(order.event.as_str(), "evt_1");
    assert_eq!(order.money.to_string(), "10.99 EUR");
    assert_eq!(order.destination.as_str(), "acct_1");
    assert_eq!(order.rail_fields["source_transaction"], "ch_1");
    let parsed = parse(&provider_with(""), event().to_string().as_bytes()).unwrap();
    assert_eq!(parsed.created_at, Some(T));
    assert!(!format!("{parsed:?}").contains("planted"));
}

#[test]
fn a_misspelt_event_type_is_not_dropped_in_silence() {
    let unrouted = with("/type", json!("payment_intent.suceeded"));
    assert_eq!(route("", &unrouted), Routed::Unrouted { event_type: "payment_intent.suceeded".into() });
    let ignored = with("/type", json!("payment_intent.created"));
    assert_eq!(route("", &ignored), Routed::NoPayout(NoPayout::Ignored));
    // `*` ignores what no rule names, and nothing that one names.
    let all = crate::config(&crate::TOML.replace("payment_intent.created", "*"));
    let all = Provider::new("stripe", &all).unwrap();
    assert_eq!(route_in(&all, &unrouted, LIVE), Routed::NoPayout(NoPayout::Ignored));
    assert!(matches!(route_in(&all, &event(), LIVE), Routed::Order(_)));
}

#[test]
fn what_asks_for_nothing_is_not_held_to_the_rule() {
    // Neither mode nor account nor amount of an event that is not ours to pay opens a case.
    for kind in ["payment_intent.created", "unheard.of"] {
        let foreign = json!({"id": "evt_1", "type": kind, "livemode": false, "account": "acct_other"});
        assert!(!matches!(route("", &foreign), Routed::Misfit(_) | Routed::Order(_)), "{kind}");
    }
    let mut pending = with("/data/object/status", json!("processing"));
    pending["livemode"] = json!(false);
    assert_eq!(route("", &pending), Routed::NoPayout(NoPayout::WhenNotMet));
}

#[test]
fn a_failed_payment_is_not_paid_out() {
    let toml = crate::TOML.replace("when = {", "when = { '/flag' = true, '/step' = 3,");
    let provider = Provider::new("stripe", &crate::config(&toml)).unwrap();
    let says_no = |body: &Value| route_in(&provider, body, LIVE) == Routed::NoPayout(NoPayout::WhenNotMet);
    let body = |flag: Value, step: Value, status: Value| {
        let mut body = with("/data/object/status", status);
        body["flag"] = flag;
        body["step"] = step;
        body
    };
    assert!(matches!(route_in(&provider, &body(json!(true), json!(3), json!("succeeded")), LIVE), Routed::Order(_)));
    for (flag, step, status) in [
        (json!("true"), json!(3), json!("succeeded")),
        (json!(false), json!(3), json!("succeeded")),
        (json!(true), json!("3"), json!("succeeded")),
        (json!(true), json!(3.0), json!("succeeded")),
        (json!(true), json!(4), json!("succeeded")),
        (json!(true), json!(3), json!("Succeeded")),
        (json!(true), json!(3), json!(null)),
        (json!(true), json!(3), json!({})),
        (json!(true), json!(3), json!(["succeeded"])),
    ] {
        // Only the other boolean is known to mean "no".
        let is_no = flag == json!(false);
        let body = body(flag, step, status);
        assert_eq!(says_no(&body), is_no, "{body}");
        if !is_no {
            misfit(route_in(&provider, &body, LIVE), Reason::InvalidEvent);
        }
    }
    // There, and null.
    let mut null = body(json!(true), json!(3), json!("succeeded"));
    null["data"]["object"]["status"] = Value::Null;
    misfit(route_in(&provider, &null, LIVE), Reason::InvalidEvent);
}

#[test]
fn an_amount_that_is_not_a_positive_integer_is_never_paid() {
    for amount in [
        "0",
        "-1",
        "1099.0",
        "10.99",
        "1e3",
        "1E2",
        "\"1099\"",
        "true",
        "null",
        "[1099]",
        "9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999",
        "-0",
    ] {
        let text = event().to_string().replace("1099", amount);
        let provider = provider_with("");
        let parsed = parse(&provider, text.as_bytes()).unwrap();
        let problem = misfit(provider.route(&parsed, &LIVE), Reason::InvalidEvent);
        assert!(problem.contains("payouts[0]") && problem.contains("/data/object/amount_received"), "{problem}");
    }
    let largest = with("/data/object/amount_received", json!(1_u64 << 53));
    assert!(matches!(route("", &largest), Routed::Order(_)));
}

#[test]
fn stripes_units_are_not_iso_units() {
    let order = |amount: u64, currency: &str| {
        let mut body = with("/data/object/amount_received", json!(amount));
        body["data"]["object"]["currency"] = json!(currency);
        body
    };
    for (amount, currency, shown) in
        [(500, "jpy", "500 JPY"), (500, "isk", "5.00 ISK"), (500, "ugx", "5.00 UGX"), (5120, "KWD", "5.120 KWD")]
    {
        match route("", &order(amount, currency)) {
            Routed::Order(order) => assert_eq!(order.money.to_string(), shown),
            other => panic!("{other:?}"),
        }
    }
    for (amount, currency) in
        [(550, "isk"), (501, "ugx"), (5124, "kwd"), (100, "iqd"), (100, "xxx"), (100, "eu"), (100, "")]
    {
        invalid("", &order(amount, currency));
    }
    invalid("", &with("/data/object/currency", json!(978)));
}

#[test]
fn more_than_max_amount_is_a_case() {
    let lines = "max_amount = { eur = 1099, usd = 5 }";
    assert!(matches!(route(lines, &event()), Routed::Order(_)));
    invalid(lines, &with("/data/object/amount_received", json!(1100)));
    // A limit in one currency is no licence in another.
    invalid(lines, &with("/data/object/currency", json!("gbp")));
}

#[test]
fn limit_is_lifted_only_where_nothing_else_is_wrong() {
    let lifted = |lines: &str, body: &Value| match route(lines, body) {
        Routed::Misfit(misfit) => misfit.lifted.map(|order| order.money.minor()),
        other => panic!("{other:?}"),
    };
    let limit = "max_amount = { eur = 1000, usd = 5 }";
    assert_eq!(lifted(limit, &event()), Some(1099));
    assert_eq!(lifted(&format!("{limit}\nmax_approved = {{ eur = 1099 }}"), &event()), Some(1099));
    assert_eq!(lifted(&format!("{limit}\nmax_approved = {{ eur = 1098 }}"), &event()), None);
    assert_eq!(lifted("max_amount = { usd = 1000 }", &event()), None, "a currency that nobody thought of");
    assert_eq!(lifted(&format!("{limit}\ndestination_pattern = 'acct_nobody'"), &event()), None);
    assert_eq!(lifted(limit, &with("/livemode", json!(false))), None);
}

#[test]
fn problem_says_that_an_amount_is_missing() {
    let mut nothing = event();
    nothing["data"]["object"].as_object_mut().unwrap().remove("amount_received");
    assert_eq!(invalid("", &nothing), "payouts[0]: /data/object/amount_received is missing");
}

#[test]
fn a_destination_off_its_pattern_is_never_paid() {
    for wrong in [
        "acct_1/../../refunds",
        "acct_1\r\nx: y",
        "acct_1\",\"amount\":900000",
        "ba_1",
        "acct_",
        "acct_é",
        " acct_1",
        "acct_1\n",
        "ACCT_1",
        "",
    ] {
        invalid("", &with("/data/object/metadata/payee", json!(wrong)));
    }
    invalid("", &with("/data/object/metadata/payee", json!(7)));
    invalid("", &with("/data/object/metadata/payee", Value::Null));
    // Another pattern takes the place of the preset's, and is anchored whatever it says.
    for pattern in ["ba_[0-9]", "ba_[0-9]|acct_1x", "^ba_[0-9]", "ba_[0-9]$", "(?m)^ba_[0-9]$"] {
        let lines = format!("destination_pattern = '{pattern}'");
        assert!(matches!(route(&lines, &with("/data/object/metadata/payee", json!("ba_1"))), Routed::Order(_)));
        for wrong in ["acct_1", "ba_12", "xba_1", "ba_1x"] {
            invalid(&lines, &with("/data/object/metadata/payee", json!(wrong)));
        }
    }
}

#[test]
fn an_event_of_the_wrong_mode_is_never_paid() {
    let test = RouteContext { rail_mode: Mode::Test, ..LIVE };
    let provider = provider_with("");
    misfit(route_in(&provider, &event(), test), Reason::InvalidEvent);
    invalid("", &with("/livemode", json!(false)));
    assert!(matches!(route_in(&provider, &with("/livemode", json!(false)), test), Routed::Order(_)));
    for neither in [Value::Null, json!("true"), json!(1)] {
        invalid("", &with("/livemode", neither));
    }
}

#[test]
fn a_connected_accounts_event_is_paid_only_where_the_rule_allows_it() {
    let connected = with("/account", json!("acct_stranger"));
    assert!(invalid("", &connected).contains("/account"));
    assert!(matches!(route("allow_connected_accounts = true", &connected), Routed::Order(_)));
    invalid("", &with("/account", json!(false)));
    let mut null = event();
    null["account"] = Value::Null;
    assert!(matches!(route("", &null), Routed::Order(_)));
}

#[test]
fn an_event_from_before_the_cutover_is_never_paid() {
    let at = |paid_from| RouteContext { paid_from: Some(paid_from), ..LIVE };
    let provider = provider_with("");
    assert!(matches!(route_in(&provider, &event(), at(T)), Routed::Order(_)));
    match route_in(&provider, &event(), at(T + 1)) {
        Routed::Misfit(Misfit { reason: Reason::BeforeCutover, key: Some(key), .. }) => {
            assert_eq!(key.as_str(), "stripe/pi_1")
        }
        other => panic!("{other:?}"),
    }
    // 2023-11-14T22:13:20Z is the event's second; the later of the two moments counts.
    for (moment, before) in [("2023-11-14T22:13:20Z", false), ("2023-11-14T23:13:21+01:00", true)] {
        for quoted in [format!("paid_from = '{moment}'"), format!("paid_from = {moment}")] {
            let provider = provider_with(&quoted);
            assert_eq!(matches!(route_in(&provider, &event(), at(0)), Routed::Misfit(_)), before, "{quoted}");
            misfit(route_in(&provider, &event(), at(T + 1)), Reason::BeforeCutover);
        }
    }
}

/// What an earlier rule for this type found no key in, it claimed nothing for. Another type's key must be found.
#[test]
fn an_order_knows_its_former_keys() {
    let former =
        |event: &str, key: &str| format!("formerly = [{{ namespace = 'old', event = '{event}', key = '{key}' }}]");
    let keys = |lines: String| match route(&lines, &event()) {
        Routed::Order(order) => order.former_keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(keys(former("payment_intent.succeeded", "/data/object/latest_charge")), ["old/ch_1"]);
    assert_eq!(keys(former("payment_intent.succeeded", "/data/object/nothing")), [""; 0]);
    assert_eq!(keys(former("charge.succeeded", "/data/object/latest_charge")), ["old/ch_1"]);
    misfit(route(&former("charge.succeeded", "/data/object/nothing"), &event()), Reason::InvalidEvent);
}

#[test]
fn an_event_without_a_time_cannot_slip_past_the_cutover() {
    for created in [Value::Null, json!("1700000000"), json!(1.7e9), json!(-1), json!(u64::MAX)] {
        invalid("", &with("/created", created));
    }
}

#[test]
fn a_key_is_made_of_every_pointer_or_not_at_all() {
    let toml = crate::TOML.replace("key = \"/data/object/id\"", "key = ['/data/object/id', '/data/object/part']");
    let provider = Provider::new("stripe", &crate::config(&format!("namespace = 'eu'\n{toml}"))).unwrap();
    let key = |part: Value| match route_in(&provider, &with("/data/object/part", part), LIVE) {
        Routed::Order(order) => Ok(order.key.to_string()),
        other => Err(misfit(other, Reason::InvalidEvent)),
    };
    assert_eq!(key(json!("a/b")).unwrap(), "eu/pi_1/a%2Fb");
    assert_eq!(key(json!(7)).unwrap(), "eu/pi_1/7");
    let long = "x".repeat(300);
    for wrong in
        [Value::Null, json!(""), json!(1.5), json!(-1), json!(true), json!({}), json!("a b"), json!("é"), json!(long)]
    {
        key(wrong).unwrap_err();
    }
}

#[test]
fn a_rail_field_is_a_short_plain_text_or_a_case() {
    let lines = "rail_fields = { source_transaction = '/data/object/latest_charge' }";
    let long = "x".repeat(129);
    for wrong in [Value::Null, json!(""), json!("ch 1"), json!("ch_1&amount=9"), json!(long), json!(1)] {
        let ampersand = wrong == json!("ch_1&amount=9");
        let routed = route(lines, &with("/data/object/latest_charge", wrong));
        // `&` is visible ASCII: the rail encodes it, nothing here may change it.
        assert_eq!(matches!(routed, Routed::Order(_)), ampersand, "{routed:?}");
    }
}

#[test]
fn two_rules_that_both_ask_are_a_case() {
    let second = r#"
[[payouts]]
event = "payment_intent.succeeded"
key = "/data/object/id"
amount = "/data/object/fee"
currency = "/data/object/currency"
destination = "/data/object/metadata/payee"
when = { "/data/object/fee" = { pays = 5, not = [0] } }
"#;
    assert!(matches!(route(second, &with("/data/object/fee", json!(0))), Routed::Order(_)));
    invalid(second, &with("/data/object/fee", json!(5)));
}

#[test]
fn a_body_that_is_no_event_is_a_misfit_and_shows_nothing_of_itself() {
    let provider = provider_with("");
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        "",
        "{",
        "null",
        "[]",
        "7",
        "planted@example.com",
        "{\"planted@example.com\":",
        "{}x",
        "\u{feff}{}",
        "\u{feff}\u{feff}{\"id\":\"evt_1\",\"type\":\"x\"}",
        &deep,
        "{\"id\":\"evt_1\"}",
        "{\"id\":0.7,\"type\":\"planted@example.com\"}",
        "{\"id\":\"planted@example.com\",\"type\":\"a b\"}",
    ] {
        let error = parse(&provider, body.as_bytes()).unwrap_err();
        assert!(!error.to_string().contains("planted"), "{error}");
    }
    assert!(matches!(parse(&provider, b"{\"id\":\xff}"), Err(BodyMisfit::NotJson { .. })));
    for (name, long) in [("id", 129), ("type", 129)] {
        assert!(parse(&provider, with(&format!("/{name}"), json!("x".repeat(long))).to_string().as_bytes()).is_err());
    }
}

/// Every value of the sample replaced by every kind of value, then bytes at random: the answer never repeats the body.
#[test]
fn nothing_in_a_body_panics_or_reaches_a_problem() {
    let mut random = Random::new("nothing_in_a_body_panics_or_reaches_a_problem");
    let lines = "max_amount = { eur = 1099 }\nrail_fields = { source_transaction = '/data/object/latest_charge' }";
    let provider = provider_with(lines);
    let places = [
        "/id",
        "/type",
        "/created",
        "/livemode",
        "/account",
        "/data",
        "/data/object",
        "/data/object/id",
        "/data/object/amount_received",
        "/data/object/currency",
        "/data/object/status",
        "/data/object/latest_charge",
        "/data/object/metadata",
        "/data/object/metadata/payee",
    ];
    let planted = "planted@example.com \u{0}";
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1e308),
        json!(planted),
        json!([planted]),
        json!({"id": planted}),
        json!("x".repeat(10_000)),
    ];
    let mut cases = 0;
    for place in places {
        for value in &values {
            let Ok(parsed) = parse(&provider, with(place, value.clone()).to_string().as_bytes()) else { continue };
            if let Routed::Misfit(Misfit { problem, .. }) = provider.route(&parsed, &LIVE) {
                assert!(!problem.contains("planted") && problem.len() < 300, "{problem}");
                cases += 1;
            }
        }
    }
    assert!(cases > 60, "{cases}");
    for _ in 0..5_000 {
        let mut body = event().to_string().into_bytes();
        for _ in 0..=random.below(3) {
            body = random.one_changed(&body);
        }
        if let Ok(parsed) = parse(&provider, &body) {
            let _ = provider.route(&parsed, &LIVE);
        }
    }
}

/// Three days and a day's margin for Stripe.
#[test]
fn an_event_older_than_its_rule_allows_is_a_case_and_no_order() {
    let provider = provider_with("");
    let at = |now| RouteContext { now, ..LIVE };
    let limit = 33 * 24 * 3_600_000;
    assert!(matches!(route_in(&provider, &event(), at(T + limit)), Routed::Order(_)));
    misfit(route_in(&provider, &event(), at(T + limit + 1)), Reason::StaleEvent);
}
