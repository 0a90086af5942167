//! What a person may get wrong in `payonce.toml`, and whether each is found, all at once, where it stands.

use payonce_protocol::ids::Digest;

use super::*;

const PLAIN: &str = r#"
[providers.stripe]
scheme = "stripe"
secrets = ["secretsmanager:payonce/stripe"]
ignore = ["payment_intent.created"]

[[providers.stripe.payouts]]
event = "payment_intent.succeeded"
key = "/data/object/id"
amount = "/data/object/amount_received"
currency = "/data/object/currency"
destination = "/data/object/metadata/payee"
when = { "/data/object/status" = { pays = "succeeded", not = ["processing", "canceled"] } }
max_amount = { eur = 500000 }
paid_from = 2026-12-01T00:00:00Z

[rail]
kind = "stripe"
account = "acct_1Payonce"
url = "https://api.stripe.com"
secret = "secretsmanager:payonce/rail"
lookup_secret = "secretsmanager:payonce/lookup"
"#;

fn errors(text: &str) -> Vec<String> {
    Config::parse(text).map_or_else(|found| found.iter().map(ToString::to_string).collect(), |_| vec![])
}

fn paths(text: &str) -> Vec<String> {
    Config::parse(text).map_or_else(|found| found.into_iter().map(|error| error.path).collect(), |_| vec![])
}

fn with(from: &str, to: &str) -> String {
    assert!(PLAIN.contains(from), "{from}");
    PLAIN.replacen(from, to, 1)
}

fn parsed(text: &str) -> Config {
    Config::parse(text).unwrap()
}

/// What `check` calls unwise, but for the missing blocking events.
fn warned(text: &str) -> Vec<String> {
    let found = parsed(text).warnings().into_iter().map(|found| found.path);
    found.filter(|path| !path.ends_with(".blocks")).collect()
}

#[test]
fn accepts_a_plain_configuration() {
    let config = parsed(PLAIN);
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.secrets("stripe").refs, ["secretsmanager:payonce/stripe".parse().unwrap()]);
    assert_eq!(config.secrets("other").refs, []);
    assert_eq!(config.rail_secret().to_string(), "secretsmanager:payonce/rail");
    assert_eq!(config.lookup_secret().map(ToString::to_string).as_deref(), Some("secretsmanager:payonce/lookup"));
    assert_eq!(
        config.provider(Some("stripe")).ok().map(|provider| provider.name().to_owned()).as_deref(),
        Some("stripe")
    );
    assert_eq!(warned(PLAIN), [""; 0]);
}

#[test]
fn finds_each_mistake_at_its_path() {
    for (from, to, path) in [
        ("amount = \"/data/object/amount_received\"\n", "", "providers.stripe.payouts[0].amount"),
        ("\"/data/object/amount_received\"", "7", "providers.stripe.payouts[0].amount"),
        ("\"/data/object/amount_received\"", "\"data/object\"", "providers.stripe.payouts[0].amount"),
        ("eur = 500000", "eur = \"500000\"", "providers.stripe.payouts[0].max_amount.eur"),
        ("eur = 500000", "eur = -1", "providers.stripe.payouts[0].max_amount.eur"),
        ("destination =", "destinaton =", "providers.stripe.payouts[0].destinaton"),
        ("ignore =", "ignored =", "providers.stripe.ignored"),
        ("scheme = \"stripe\"", "scheme = \"strip\"", "providers.stripe.scheme"),
        ("\"secretsmanager:payonce/stripe\"", "\"env:A\", \"payonce\"", "providers.stripe.secrets[1]"),
        ("[\"secretsmanager:payonce/stripe\"]", "[]", "providers.stripe.secrets"),
        ("[providers.stripe]", "providers.x = 1\n[providers.stripe]", "providers.x"),
        ("kind = \"stripe\"", "kind = \"paypal\"", "rail.kind"),
        ("https://api.stripe.com", "http://api.stripe.com", "rail.url"),
        ("secret = \"secretsmanager:payonce/rail\"", "secret = \"\"", "rail.secret"),
        ("\nsecret = \"secretsmanager:payonce/rail\"", "", "rail.secret"),
        ("secretsmanager:payonce/lookup", "sm:payonce/lookup", "rail.lookup_secret"),
        ("[rail]", "[rails]", "rails"),
        ("[rail]", "[limits]\nconnect = 3\n[rail]", "limits.connect"),
        ("[rail]", "[limits]\nbody_days = 0\n[rail]", "limits.body_days"),
        ("[rail]", "[limits]\nindex_shards = 65\n[rail]", "limits.index_shards"),
        ("kind = \"stripe\"", "kind = \"stripe\"\npayouts_a_second = 0", "rail.payouts_a_second"),
    ] {
        let found = paths(&with(from, to));
        assert!(found.iter().any(|found| found == path), "{from} -> {to}: {path} not in {found:?}");
    }
}

#[test]
fn tells_all_mistakes_at_once() {
    let text = r#"
        colour = "blue"
        [providers.one]
        scheme = "stripe"
        secrets = ["env:A"]
        payouts = [{ event = 1 }, { event = "b", kye = "/id" }]
        [providers.two]
        scheme = "strip"
        secrets = ["whsec_planted"]
        [rail]
        kind = "stripe"
        url = "http://api.stripe.com"
        secret = "planted"
        [limits]
        payout_ms = 60000
    "#;
    let mut found = paths(text);
    found.sort();
    let expected = [
        "colour",
        "limits",
        "providers.one.payouts[0].event",
        "providers.one.payouts[1].kye",
        "providers.two.scheme",
        "providers.two.secrets[0]",
        "rail.account",
        "rail.secret",
        "rail.url",
    ];
    assert_eq!(found, expected);
}

#[test]
fn misspelt_rule_keeps_the_numbers_of_those_after_it() {
    let second = "payouts = [{ event = 1 }, { event = \"b\", key = \"id\", amount = \"/a\", currency = \"/c\", destination = \"/d\" }]";
    let text = format!(
        "[providers.one]\nscheme = \"stripe\"\nsecrets = [\"env:A\"]\n{second}\n{}",
        PLAIN.split_at(PLAIN.find("[rail]").unwrap()).1
    );
    assert_eq!(paths(&text), ["providers.one.payouts[0].event"]);
    assert_eq!(paths(&text.replace("{ event = 1 }, ", "")), ["providers.one.payouts[0].key"]);
}

#[test]
fn mistake_repeats_no_secret_that_was_written_there() {
    for (from, to) in [
        ("[\"secretsmanager:payonce/stripe\"]", "\"whsec_planted\""),
        ("[\"secretsmanager:payonce/stripe\"]", "[\"whsec_planted\"]"),
        ("[\"secretsmanager:payonce/stripe\"]", "[\"whsec_planted]"),
        ("[\"secretsmanager:payonce/stripe\"]", "[{ id = \"whsec_planted\" }]"),
        ("[\"secretsmanager:payonce/stripe\"]", "\"whsec_\\\", expected planted\""),
        ("[\"secretsmanager:payonce/stripe\"]", "whsec_planted"),
        ("\"secretsmanager:payonce/rail\"", "\"sk_live_planted\""),
        ("\"secretsmanager:payonce/rail\"", "sk_live_planted"),
        ("\"secretsmanager:payonce/rail\"", "\"sk_live_planted"),
        ("url = \"https://api.stripe.com\"", "url = \"https://sk_live_planted@api.stripe.com\""),
        ("[providers.stripe]", "[providers]\nstripe = \"sk_live_planted\"\n[ignored]"),
        ("[rail]", "limits = \"sk_live_planted\"\n[rail]"),
        ("max_amount = { eur = 500000 }", "max_amount = \"sk_live_planted\""),
    ] {
        let text = with(from, to);
        let found = Config::parse(&text).unwrap_err();
        let shown = format!("{found:?} {}", errors(&text).join("\n"));
        assert!(!found.is_empty() && !shown.contains("planted"), "{from} -> {to}: {shown}");
    }
}

#[test]
fn syntax_error_has_its_line() {
    assert_eq!(paths(&with("[rail]", "[rail")), ["line 17"]);
    assert_eq!(paths("\u{0}"), ["line 1"]);
}

#[test]
fn refuses_an_empty_configuration() {
    assert_eq!(paths(""), ["rail", "providers"]);
    assert_eq!(
        paths(&with("[providers.stripe]", "[[providers]]").replace("[[providers.stripe.payouts]]", "[x]"))[0],
        "providers"
    );
}

#[test]
fn refuses_a_provider_that_is_not_configured() {
    let config = parsed(PLAIN);
    for (name, word) in [(None, "not set"), (Some("adyen"), "names no provider")] {
        let found = config.provider(name).err().unwrap();
        assert_eq!(found[0].path, "PAYONCE_PROVIDER");
        assert!(found[0].problem.contains(word) && found[0].problem.contains("stripe"), "{found:?}");
    }
}

#[test]
fn limits_fit_the_gateway_and_leave_each_step_its_least() {
    let limits = |lines: &str| paths(&with("[rail]", &format!("[limits]\n{lines}\n[rail]")));
    assert_eq!(limits("payout_ms = 15_000"), [""; 0]);
    // 2 + 2·2 + 17 + 5 = 28 s.
    assert_eq!(limits("payout_ms = 17_000"), [""; 0]);
    assert_eq!(limits("payout_ms = 17_001"), ["limits"]);
    assert_eq!(limits("payout_ms = 999"), ["limits.payout_ms"]);
    assert_eq!(limits("connect_ms = 0"), ["limits.connect_ms"]);
    assert_eq!(limits("claim_ms = 1_999"), ["limits.claim_ms"]);
    assert_eq!(limits("record_ms = 4_999"), ["limits.record_ms"]);
    assert_eq!(limits("record_ms = 9_223_372_036_854_775_807\nclaim_ms = 9_223_372_036_854_775_807"), ["limits"]);
    // Twice this is two short of 2^64.
    assert_eq!(limits("claim_ms = 9_223_372_036_854_775_807"), ["limits"]);
    assert_eq!(limits("payout_ms = -1"), ["limits.payout_ms"]);
    assert_eq!(limits("payout_ms = 1.5"), ["limits.payout_ms"]);
    assert_eq!(parsed(&with("[rail]", "[limits]\nbody_days = 30\n[rail]")).limits.body_days, 30);
}

#[test]
fn money_at_risk_is_watched_in_the_currencies_that_are_written() {
    let watch = |lines: &str| with("[rail]", &format!("[watch]\n{lines}\n[rail]"));
    let limits = parsed(&watch("money_at_risk = { eur = 500, JPY = 7 }")).watch.money_at_risk;
    assert_eq!(limits.into_iter().collect::<Vec<_>>(), [("EUR".to_owned(), 500), ("JPY".to_owned(), 7)]);
    assert_eq!(parsed(&with("[rail]", "[rail]")).watch, Watch::default());
    assert_eq!(paths(&watch("money_at_risk = { eur = 0 }")), ["watch.money_at_risk.eur"]);
    assert_eq!(paths(&watch("accepted_an_hour = { eur = 0 }")), ["watch.accepted_an_hour.eur"]);
    let allowed = parsed(&watch("accepted_an_hour = { eur = 500 }")).watch.accepted_an_hour();
    assert_eq!(allowed, [("EUR".parse().unwrap(), 500)].into());
    assert_eq!(paths(&watch("money_at_risk = { euro = 1 }")), ["watch.money_at_risk.euro"]);
    assert_eq!(paths(&watch("money_at_risk = { EUR = 1, eur = 2 }")), ["watch.money_at_risk.eur"]);
    assert_eq!(paths(&watch("money = 1")), ["watch.money"]);
}

#[test]
fn refuses_an_answer_time_that_leaves_none_to_pay() {
    let within = |time: &str| paths(&with("scheme =", &format!("answer_within = \"{time}\"\nscheme =")));
    assert_eq!(within("5s"), [""; 0]);
    assert_eq!(within("2500ms"), [""; 0]);
    assert_eq!(within("2499ms"), ["providers.stripe.answer_within"]);
    assert_eq!(within("1s"), ["providers.stripe.answer_within"]);
}

fn rules_of(text: &str, provider: &str) -> Digest {
    let config = parsed(text);
    config.key_rules().iter().find(|rules| rules.provider == provider).map(|rules| rules.fingerprint).unwrap()
}

#[test]
fn adding_a_provider_changes_the_rules_of_no_other() {
    let plain = rules_of(PLAIN, "stripe");
    let second = "[providers.other]\nscheme = \"square\"\nmode = \"live\"\nurl = \"https://example.com/s\"\nsecrets = [\"env:B\"]\n[rail]";
    assert_eq!(rules_of(&with("[rail]", second), "stripe"), plain);
    for (from, to) in [
        ("\"/data/object/id\"", "\"/data/object/latest_charge\""),
        ("\"payment_intent.succeeded\"", "\"charge.succeeded\""),
        ("scheme =", "namespace = \"eu\"\nscheme ="),
    ] {
        assert_ne!(rules_of(&with(from, to), "stripe"), plain, "{to}");
    }
    for same in [
        with("eur = 500000", "eur = 1"),
        with("secretsmanager:payonce/stripe", "env:OTHER"),
        with("https://api.stripe.com", "http://127.0.0.1:9"),
    ] {
        assert_eq!(rules_of(&same, "stripe"), plain, "{same}");
    }
}

#[test]
fn says_what_is_allowed_but_unwise() {
    let unwise = PLAIN
        .replace("max_amount = { eur = 500000 }\n", "")
        .replace("[\"payment_intent.created\"]", "[\"*\"]")
        .replace("lookup_secret = \"secretsmanager:payonce/lookup\"\n", "")
        .replace(
            "[rail]",
            "[providers.other]\nnamespace = \"stripe\"\nscheme = \"razorpay\"\nmode = \"live\"\nsecrets = [\"env:B\"]\n[rail]",
        );
    let mut found: Vec<String> = parsed(&unwise).warnings().into_iter().map(|warning| warning.path).collect();
    found.sort();
    let expected = [
        "providers.other.payouts",
        "providers.stripe.blocks",
        "providers.stripe.ignore",
        "providers.stripe.namespace",
        "providers.stripe.payouts[0].max_amount",
        "rail.lookup_secret",
    ];
    assert_eq!(found, expected);
}

#[test]
fn names_fields_that_the_described_rail_does_not_know_or_misses() {
    let described = |fields: &str, rule: &str| {
        let (before, rest) = PLAIN.split_once("[rail]").unwrap();
        let (_, after) = rest.split_once("\n\n").unwrap_or((rest, ""));
        let body = if fields.is_empty() { "" } else { "note = \"{field.note}\"" };
        let rail = DESCRIBED.replace("FIELDS", fields).replace("BODY", body);
        paths(&format!("{}\n{rule}\n{rail}\n{after}", before.trim_end()))
    };
    assert_eq!(described("", ""), [""; 0]);
    let note = "fields = { note = 40 }";
    assert_eq!(described(note, "rail_fields = { note = \"/id\" }"), [""; 0]);
    assert_eq!(described(note, ""), ["providers.stripe.payouts[0].rail_fields.note"]);
    let other = "rail_fields = { other = \"/id\" }";
    assert_eq!(described("", other), ["providers.stripe.payouts[0].rail_fields.other"]);
}

const DESCRIBED: &str = r#"
[rail]
kind = "http"
url = "https://api.example.com"
secret = "env:RAIL"
lookup_secret = "env:LOOKUP"

[rail.http]
mode = "live"
account = "example"
scheme = "bearer"
settle_minutes = 60

[rail.http.amount]
as = "integer"
units = { EUR = 2, USD = 2 }
currency = "upper"

[rail.http.key]
header = "Idempotency-Key"
life_hours = 24

[rail.http.request]
method = "POST"
path = "/payouts"
FIELDS

[rail.http.request.body]
to = "{destination}"
amount = "{amount}"
currency = "{currency}"
reference = "{reference}"
BODY

[rail.http.answer]
id = "/id"

[rail.http.answer.echo]
amount = "/amount"
currency = "/currency"
destination = "/to"
reference = "/reference"
"#;

#[test]
fn deployed_configuration_is_usable_and_not_unwise() {
    let config = Config::built_in().unwrap();
    assert_eq!(config.warnings(), []);
}

#[test]
fn refuses_a_deployed_rule_without_a_limit() {
    assert!(Config::deployable(PLAIN).is_ok());
    let problems = Config::deployable(&with("max_amount = { eur = 500000 }\n", "")).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].path, "providers.stripe.payouts[0].max_amount");
}

#[test]
fn refuses_a_source_of_no_provider_or_with_a_secret_in_place_of_its_reference() {
    const SOURCE: &str = r#"
[sources.stripe]
url = "https://api.stripe.com"
path = "/v1/payment_intents/{object}"
secret = "env:SOURCE"
object = "/data/object/id"
must_hold = { "/id" = "{object}", "/status" = "succeeded" }
blocks = ["/latest_charge/refunded"]
"#;
    let sources = |text: &str| Config::parse(&format!("{PLAIN}{text}")).unwrap().sources();
    let paths = |text: &str| -> Vec<String> { sources(text).unwrap_err().into_iter().map(|it| it.path).collect() };
    assert!(sources("").unwrap().is_empty());
    assert_eq!(sources(SOURCE).unwrap()["stripe"].1.to_string(), "env:SOURCE");
    let wrong =
        SOURCE.replace("https", "http").replace("env:SOURCE", "planted").replace("[sources.stripe]", "[sources.other]");
    assert_eq!(paths(&wrong), ["sources.other", "sources.other.url", "sources.other.secret"]);
    assert!(!format!("{:?}", sources(&wrong)).contains("planted"));
    assert_eq!(paths(&SOURCE.replace("object =", "obejct =")).len(), 1);
}

#[test]
fn refuses_a_list_that_cannot_be_asked_with_its_key() {
    const LIST: &str = r#"
[providers.stripe.list]
kind = "stripe"
url = "https://api.stripe.com"
secret = "env:LIST"
"#;
    let lists = |text: &str| Config::parse(&format!("{PLAIN}{text}")).unwrap().lists();
    let paths = |text: &str| -> Vec<String> { lists(text).unwrap_err().into_iter().map(|it| it.path).collect() };
    assert!(lists("").unwrap().is_empty());
    assert_eq!(lists(LIST).unwrap()["stripe"].1.to_string(), "env:LIST");
    let wrong = LIST.replace("https", "http").replace("env:LIST", "planted");
    assert_eq!(paths(&wrong), ["providers.stripe.list.url", "providers.stripe.list.secret"]);
    assert!(!format!("{:?}", lists(&wrong)).contains("planted"));
    for other in ["payonce/rail", "payonce/stripe"] {
        let other = LIST.replace("env:LIST", &format!("secretsmanager:{other}"));
        assert_eq!(paths(&other), ["providers.stripe.list.secret"], "it pays or signs");
    }
    assert_eq!(paths(&LIST.replace("kind =", "knid =")), ["providers.stripe.list.knid"]);
    assert_eq!(paths(&LIST.replace("\"stripe\"\nurl", "\"http\"\nurl")), ["providers.stripe.list.http"]);
}

/// Each of its events would look lost, and each of ours forged.
#[test]
fn refuses_a_list_in_which_nothing_can_be_what_was_delivered() {
    const LIST: &str =
        "[providers.stripe.list]\nkind = \"KIND\"\nurl = \"https://api.stripe.com\"\nsecret = \"env:LIST\"\n";
    const HTTP: &str = r#"
[providers.stripe.list.http]
path = "/payments"
query = { since = "{since}" }
times_as = "seconds"
items = "/items"
id = "/id"
created = "/created"
created_as = "seconds"
next = { by = "cursor", query = "cursor", at = "/cursor" }
askable_days = 30
"#;
    let of = |scheme: &str| {
        let text = with("scheme = \"stripe\"", &format!("scheme = \"{scheme}\"\nmode = \"test\""));
        let text = text.replace("paid_from = 2026-12-01T00:00:00Z", "destination_pattern = \"^acct_[0-9]+$\"");
        format!("{text}{}{HTTP}", LIST.replace("KIND", "http"))
    };
    let payments = "event = { id = \"{id}\", data = \"{item}\" }";
    let connected = with("max_amount", "allow_connected_accounts = true\nmax_amount") + &LIST.replace("KIND", "stripe");
    for (text, is_refused) in [
        (connected.clone(), true),
        (connected.replace("allow_connected_accounts = true", ""), false),
        (of("razorpay"), true),
        (of("razorpay") + payments, false),
        (of("standard_webhooks"), true),
        (of("standard_webhooks") + payments, true),
        (of("gocardless"), false),
    ] {
        let found = Config::parse(&text).unwrap_or_else(|found| panic!("{found:?}")).lists();
        let paths: Vec<String> = found.err().into_iter().flatten().map(|found| found.path).collect();
        assert_eq!(paths, if is_refused { vec!["providers.stripe.list"] } else { vec![] }, "{text}");
    }
}

#[test]
fn tables_of_one_scheme_must_each_write_their_namespace() {
    let second = |name: &str, lines: &str| {
        let rule = PLAIN.split_once("[[providers.stripe.payouts]]").unwrap().1.split_once("[rail]").unwrap().0;
        format!(
            "[providers.{name}]\nscheme = \"stripe\"\n{lines}\nsecrets = [\"env:B\"]\n[[providers.{name}.payouts]]{rule}[rail]"
        )
    };
    let both = |first: &str, lines: &str| {
        let named = with("scheme = \"stripe\"", &format!("scheme = \"stripe\"\n{first}"));
        named.replace("[rail]", &second("stripe2", lines))
    };
    let (stripe, stripe2) = ("providers.stripe.namespace", "providers.stripe2.namespace");
    assert_eq!(paths(&both("", "")), [stripe, stripe2]);
    assert_eq!(paths(&both("namespace = \"stripe\"", "")), [stripe2]);
    assert_eq!(paths(&both("", "namespace = \"stripe\"")), [stripe]);
    for namespace in ["stripe", "eu"] {
        let text = both("namespace = \"stripe\"", &format!("namespace = \"{namespace}\""));
        assert_eq!(paths(&text), [""; 0]);
        // Either is what the user decided, and no more is said of it.
        assert_eq!(warned(&text), [""; 0]);
    }
    assert!(errors(&both("", "")).iter().all(|error| error.contains("Write a namespace in each")));
}

#[test]
fn tables_of_custom_schemes_are_of_one_scheme() {
    let custom = |name: &str| {
        format!(
            "[providers.{name}]\nscheme = \"custom\"\nmode = \"live\"\nsecrets = [\"env:B\"]\n[providers.{name}.custom]\nheader = \
             \"X-S\"\nencoding = \"hex\"\nid = \"/id\"\nevent_type = \"/type\"\nredelivers = \"1h\"\nlongest_gap = \"1h\"\n"
        )
    };
    let text = with("[rail]", &format!("{}{}[rail]", custom("a"), custom("b")));
    assert_eq!(paths(&text), ["providers.a.namespace", "providers.b.namespace"]);
}

#[test]
fn check_names_keys_of_different_objects_across_tables() {
    let second = "[providers.again]\nscheme = \"stripe\"\nnamespace = \"stripe\"\nsecrets = [\"env:B\"]\n\
                  [[providers.again.payouts]]\nevent = \"invoice.paid\"\nkey = \"/data/object/id\"\namount = \"/a\"\n\
                  currency = \"EUR\"\ndestination = \"/d\"\nmax_amount = { eur = 1 }\n[rail]";
    let text = with("scheme =", "namespace = \"stripe\"\nscheme =").replace("[rail]", second);
    assert_eq!(warned(&text), ["providers.again.payouts[0].key"]);
    assert!(parsed(&text).warnings().iter().any(|found| found.problem.contains("invoice_payment.paid")));
}

#[test]
fn a_mistake_is_named_by_its_whole_path_and_in_the_words_of_the_file() {
    let refs = "[\"secretsmanager:payonce/stripe\"]";
    for (from, to, said) in [
        (refs, "\"env:A\"", "providers.stripe.secrets: must be a list, not a text"),
        (refs, "[\"env:A\", 7]", "providers.stripe.secrets[1]: must be a text, not a whole number"),
        (
            "max_amount = { eur = 500000 }",
            "max_amount = 1",
            "providers.stripe.payouts[0].max_amount: must be a table, not a whole number",
        ),
        (
            "max_amount = { eur = 500000 }",
            "max_amount = { eur = 5000.00 }",
            "providers.stripe.payouts[0].max_amount.eur: must be a whole number, not below 0, not a number with a decimal point",
        ),
        ("[rail]", "[limits]\npayout_ms = -1\n[rail]", "limits.payout_ms: must be a whole number, not below 0"),
        (
            "not = [\"processing\", \"canceled\"]",
            "not = [\"processing\", 1.5]",
            "providers.stripe.payouts[0].when./data/object/status: must be a text, true, false or a whole number, or { pays = …, not = [ … ] }",
        ),
        (
            "[rail]",
            "[rail]\ncolour = 1",
            "rail.colour: is unknown; there are: kind, url, account, secret, lookup_secret, payouts_a_second, http",
        ),
        ("key = \"/data/object/id\"\n", "", "providers.stripe.payouts[0].key: is missing"),
        (
            "paid_from = 2026-12-01T00:00:00Z",
            "paid_from = 7",
            "providers.stripe.payouts[0].paid_from: must be a time such as 2026-12-01T00:00:00Z",
        ),
        ("scheme = \"stripe\"", "scheme = \"stripes\"", "providers.stripe.scheme: unknown; there is stripe, "),
    ] {
        let found = errors(&with(from, to));
        assert!(found.len() == 1 && found[0].starts_with(said), "{to}: {found:?}");
    }
}
