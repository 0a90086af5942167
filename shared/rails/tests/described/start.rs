//! Everything that is wrong with a description stops the start, with the key's path, and all of it at once.

use payonce_protocol::config::ConfigError;
use payonce_protocol::order::Mode;
use payonce_protocol::reissue::{LookUp, RailPromises};
use payonce_rails::{Rail, RailSecret};

use crate::config;
use crate::injection::API;

/// The keys that are complained of after one change of the file.
fn wrong(from: &str, to: &str) -> Vec<String> {
    assert!(API.contains(from), "{from} is not in the file");
    match config(&API.replacen(from, to, 1)) {
        Ok(config) => config.check().into_iter().map(|found| found.path).collect(),
        Err(error) => vec![format!("unread: {error}")],
    }
}

#[test]
fn accepts_the_shipped_descriptions() {
    assert_eq!(config(API).unwrap().check(), []);
    for file in [
        include_str!("../../../../infra/rails/modern_treasury.toml"),
        include_str!("../../../../infra/rails/razorpayx.toml"),
        include_str!("../hostile/stripe_as_http.toml"),
    ] {
        assert_eq!(config(file).unwrap().check(), []);
    }
}

#[test]
fn every_mistake_is_found_at_its_key() {
    let refusal = |row: &str| {
        format!("[rail.http.errors]\ntype = \"/e\"\n[[rail.http.errors.refusals]]\n{row}\n[rail.http.books]")
    };
    let books = "full_page = 2";
    let cases: &[(&str, String, &str)] = &[
        // The rail.
        ("https://bank.example", "http://bank.example".into(), "rail.url"),
        ("https://bank.example", "https://bank.example/v1".into(), "rail.url"),
        ("\"env:RAIL\"", "\" \"".into(), "rail.secret"),
        ("kind = \"http\"", "kind = \"stripe\"".into(), "rail.http"),
        ("account = \"bank/1\"", "account = \"\"".into(), "rail.http.account"),
        ("account = \"bank/1\"", "account = \"Jane Doe\"".into(), "rail.http.account"),
        ("settle_minutes = 5", "settle_minutes = 0".into(), "rail.http.settle_minutes"),
        ("settle_minutes = 5", "settle_minutes = 9223372036854775807".into(), "rail.http.settle_minutes"),
        ("reference = \"key\"", "reference = \"key\"\nreference_at_most = 0".into(), "rail.http.reference_at_most"),
        ("reference = \"key\"", "reference = \"digest\"\nreference_at_most = 31".into(), "rail.http.reference_at_most"),
        // The secret.
        ("secret_header = \"X-API-Key\"", "".into(), "rail.http.secret_header"),
        ("scheme = \"header\"", "scheme = \"bearer\"".into(), "rail.http.secret_header"),
        ("\"X-API-Key\"", "\"Content-Length\"".into(), "rail.http.secret_header"),
        ("\"X-API-Key\"", "\"X API\"".into(), "rail.http.secret_header"),
        // The amount.
        ("{ EUR = 2, JPY = 0 }", "{}".into(), "rail.http.amount.units"),
        ("units = { EUR = 2, JPY = 0 }", "iso_4217 = true".into(), "ok: every currency as in ISO 4217"),
        ("units = { EUR = 2, JPY = 0 }", "iso_4217 = false".into(), "rail.http.amount.units"),
        ("EUR = 2", "EURO = 2".into(), "rail.http.amount.units"),
        ("EUR = 2", "EUR = 9".into(), "rail.http.amount.units"),
        ("EUR = 2", "EUR = 2, eur = 2".into(), "rail.http.amount.units"),
        // The key.
        ("header = \"X-Key\"", "".into(), "ok: {rail_key} is in the body"),
        ("header = \"X-Key\"", "header = \"Host\"".into(), "rail.http.key.header"),
        ("header = \"X-Key\"", "header = \"authorization\"".into(), "rail.http.key.header"),
        ("header = \"X-Key\"", "header = \"Transfer-Encoding\"".into(), "rail.http.key.header"),
        ("header = \"X-Key\"", "header = \"x-api-key\"".into(), "rail.http.key.header"),
        ("header = \"X-Key\"", "header = \"x:y\"".into(), "rail.http.key.header"),
        ("shape = \"hex\"", "at_most = 35".into(), "rail.http.key.at_most"),
        ("shape = \"hex\"", "shape = \"hex\"\nat_most = 31".into(), "rail.http.key.at_most"),
        ("shape = \"hex\"", "life_hours = 0".into(), "rail.http.key.life_hours"),
        ("shape = \"hex\"", "replayed = { header = \"\", value = \"x\" }".into(), "rail.http.key.replayed.header"),
        ("shape = \"hex\"", "replayed = { header = \"x\", value = \"\" }".into(), "rail.http.key.replayed.value"),
        // The path.
        ("/accounts/{d", "accounts/{d".into(), "rail.http.request.path"),
        ("/accounts/{d", "//accounts/{d".into(), "rail.http.request.path"),
        ("/accounts/{d", "/../accounts/{d".into(), "rail.http.request.path"),
        ("/accounts/{d", "/a?b=/{d".into(), "rail.http.request.path"),
        ("/accounts/{d", "/a b/{d".into(), "rail.http.request.path"),
        ("/accounts/{d", "/a%2fb/{d".into(), "rail.http.request.path"),
        ("/accounts/{d", "/accounts-{d".into(), "rail.http.request.path"),
        ("/accounts/{d", "/{reference}/{d".into(), "rail.http.request.path"),
        ("/accounts/{d", "/{payout_key}/{d".into(), "rail.http.request.path"),
        ("/accounts/{d", "/{payee}/{d".into(), "rail.http.request.path"),
        ("{field.segment}\"", "{field.segment}/\"".into(), "ok: it may end with a slash"),
        ("{field.segment}\"", "{field.segment}//\"".into(), "rail.http.request.path"),
        ("/accounts/{d", format!("/{}/{{d", "a".repeat(1_000)), "rail.http.request.path"),
        // Fixed headers.
        ("X-Fixed = ", "Host = ".into(), "rail.http.request.headers.Host"),
        ("X-Fixed = ", "content-length = ".into(), "rail.http.request.headers.content-length"),
        ("X-Fixed = ", "Transfer-Encoding = ".into(), "rail.http.request.headers.Transfer-Encoding"),
        ("X-Fixed = ", "Connection = ".into(), "rail.http.request.headers.Connection"),
        ("X-Fixed = ", "Authorization = ".into(), "rail.http.request.headers.Authorization"),
        ("X-Fixed = ", "X-HTTP-Method-Override = ".into(), "rail.http.request.headers.X-HTTP-Method-Override"),
        ("X-Fixed = ", "x-key = ".into(), "rail.http.request.headers.x-key"),
        ("X-Fixed = ", "x-api-key = ".into(), "rail.http.request.headers.x-api-key"),
        ("X-Fixed = ", "\"X Fixed\" = ".into(), "rail.http.request.headers.X Fixed"),
        ("\"a=b; c\"", "\"{rail_key}\"".into(), "rail.http.request.headers.X-Fixed"),
        ("\"a=b; c\"", "\"a\\r\\nb: c\"".into(), "rail.http.request.headers.X-Fixed"),
        ("\"a=b; c\"", "\"\"".into(), "rail.http.request.headers.X-Fixed"),
        ("\"a=b; c\" }", "\"a\", x-fixed = \"b\" }".into(), "rail.http.request.headers.x-fixed"),
        ("headers = {", "content_type = \"a\\nb\"\nheaders = {".into(), "rail.http.request.content_type"),
        // The body.
        ("\"{amount}\"", "\"{sum}\"".into(), "rail.http.request.body.sum.value"),
        ("\"{amount}\"", "\"EUR {amount}\"".into(), "rail.http.request.body.sum.value"),
        ("\"{amount}\"", "\"{amount}{amount}\"".into(), "rail.http.request.body.sum.value"),
        ("\"{amount}\"", "\"amount}\"".into(), "rail.http.request.body.sum.value"),
        ("\"{amount}\"", "\"{Amount}\"".into(), "rail.http.request.body.sum.value"),
        ("\"{amount}\"", "\"{}\"".into(), "rail.http.request.body.sum.value"),
        ("\"{amount}\"", "1234".into(), "rail.http.request.body"),
        ("\"{amount}\"", "12.34".into(), "rail.http.request.body.sum.value"),
        ("\"{amount}\"", "2026-11-23".into(), "rail.http.request.body.sum.value"),
        ("currency = \"{currency}\"", "x = 1".into(), "rail.http.request.body"),
        ("reference = \"{reference}\"", "x = 1".into(), "rail.http.request.body"),
        ("7, true]", "7, \"{x}\"]".into(), "rail.http.request.body.to[2]"),
        ("\"a.b/c~\" =", "\"{reference}\" =".into(), "rail.http.request.body.ours.{reference}"),
        ("method = \"PUT\"", "method = \"PUT\"\nbody_as = \"form\"".into(), "rail.http.request.body.ours"),
        ("{field.note}", "{field.}".into(), "rail.http.request.body.note"),
        ("fields = { note = 200, segment", "fields = { segment".into(), "rail.http.request.fields.note"),
        ("fields = { note = 200", "fields = { note = 200, other = 1".into(), "rail.http.request.fields.other"),
        ("fields = { note = 200", "fields = { note = 0".into(), "rail.http.request.fields.note"),
        // The answer.
        ("id = \"/id\"", "id = \"\"".into(), "rail.http.answer.id"),
        ("id = \"/id\"", "id = \"id\"".into(), "rail.http.answer.id"),
        ("id = \"/id\"", "id = \"/i~2d\"".into(), "rail.http.answer.id"),
        ("id = \"/id\"", "id = \"/id\"\nmust_hold = { status = \"ok\" }".into(), "rail.http.answer.must_hold"),
        ("id = \"/id\"", "id = \"/id\"\naccepted = [\"ok\"]".into(), "rail.http.answer.status"),
        ("id = \"/id\"", "id = \"/id\"\nstatus = \"/s\"".into(), "rail.http.answer.accepted"),
        (
            "id = \"/id\"",
            "id = \"/id\"\nstatus = \"/s\"\naccepted = [\"a\", \"b\"]\nrefused = [\"b\"]".into(),
            "rail.http.answer.refused",
        ),
        ("id = \"/id\"", "id = \"/id\"\nstatus = \"/s\"\naccepted = [\"\"]".into(), "rail.http.answer.accepted"),
        ("id = \"/id\"", "id = \"/id\"\nrequest_id = \"a b\"".into(), "rail.http.answer.request_id"),
        ("echo = { reference = \"/reference\" }", "echo = { currency = \"/c\" }".into(), "rail.http.answer.echo"),
        (
            "echo = { reference = \"/reference\" }",
            "echo = { reference = \"r\" }".into(),
            "rail.http.answer.echo.reference",
        ),
        // Refusals.
        ("[rail.http.books]", refusal("means = \"rejected\""), "rail.http.errors.refusals[0]"),
        ("[rail.http.books]", refusal("means = \"unknown\""), "ok: unknown needs no proof"),
        ("[rail.http.books]", refusal("http = [409]\nmeans = \"rejected\""), "rail.http.errors.refusals[0]"),
        ("[rail.http.books]", refusal("http = [400, 500]\nmeans = \"not_begun\""), "rail.http.errors.refusals[0]"),
        ("[rail.http.books]", refusal("http = [200]\nmeans = \"rejected\""), "rail.http.errors.refusals[0]"),
        ("[rail.http.books]", refusal("http = [302]\nmeans = \"rejected\""), "rail.http.errors.refusals[0]"),
        (
            "[rail.http.books]",
            refusal("http = [400]\ncode = \"x\"\nmeans = \"rejected\""),
            "rail.http.errors.refusals[0]",
        ),
        ("[rail.http.books]", "[rail.http.errors]\ntype = \"\"\n[rail.http.books]".into(), "rail.http.errors.type"),
        // The books.
        (books, "".into(), "rail.http.books.full_page"),
        (books, format!("{books}\ndestination = \"/payee\""), "rail.http.answer.echo.destination"),
        (books, "full_page = 0".into(), "rail.http.books.full_page"),
        (books, "full_page = 2\nmore = \"/more\"".into(), "rail.http.books.full_page"),
        (books, "more_header = \"a b\"".into(), "rail.http.books.more_header"),
        (books, "full_page = 2\nitems = \"items\"".into(), "rail.http.books.items"),
        (books, "full_page = 2\nreturned = { \"/s\" = [] }".into(), "rail.http.books.returned"),
        (books, "full_page = 2\nreturned = { s = [\"x\"] }".into(), "rail.http.books.returned"),
        ("find = {", "# find = {".into(), "rail.http.books"),
        ("amount = \"/amount\"", "amount = \"amount\"".into(), "rail.http.books.amount"),
        ("reference = \"/reference\"\ncreated", "created".into(), "rail.http.books.reference"),
        ("path = \"/payouts\"", "path = \"payouts\"".into(), "rail.http.books.find.path"),
        ("path = \"/payouts\"", "path = \"/payouts/{reference}\"".into(), "rail.http.books.find.path"),
        ("ref = \"{reference}\"", "ref = \"x\"".into(), "rail.http.books.find.query"),
        ("ref = \"{reference}\"", "ref = \"{reference}\", at = \"{since}\"".into(), "rail.http.books.find.query.at"),
        ("ref = \"{reference}\"", "ref = \"{reference}\", at = \"x{since}\"".into(), "rail.http.books.find.query.at"),
        (books, list("{}", ""), "rail.http.books.list.query"),
        (books, list("{ s = \"{reference}\" }", ""), "rail.http.books.list.query.s"),
        (books, list("{ s = \"{since}\" }", "next = \"s\"\nnext_by = \"offset\""), "rail.http.books.list.next"),
        (books, list("{ s = \"{since}\" }", "next = \"skip\""), "rail.http.books.list.next"),
        (books, list("{ s = \"{since}\" }", "next_by = \"offset\""), "rail.http.books.list.next"),
        (books, list("{ s = \"{since}\" }", "next = \"c\"\nnext_by = \"header\""), "rail.http.books.list.next_by"),
        (books, list("{ s = \"{since}\" }", "next = \"c\"\nnext_by = \"offset\""), "ok: a list"),
        // Misspellings.
        (books, "full_page = 2\nretries = 3".into(), "unread"),
        ("scheme = \"header\"", "scheme = \"digest\"".into(), "unread"),
        ("method = \"PUT\"", "method = \"GET\"".into(), "unread"),
        ("mode = \"test\"", "mode = \"prod\"".into(), "unread"),
        ("mode = \"test\"", "".into(), "unread"),
    ];
    for (from, to, expected) in cases {
        let keys = wrong(from, to);
        let found = match expected.strip_prefix("ok") {
            Some(_) => keys.is_empty(),
            None if *expected == "unread" => keys.len() == 1 && keys[0].starts_with("unread"),
            None => keys.iter().any(|key| key == expected),
        };
        assert!(found, "{from} -> {to}: {expected}, not {keys:?}");
    }
    println!("{} mistakes", cases.len());
}

/// An API for one currency need not be told which.
#[test]
fn refuses_several_currencies_without_a_place_for_them() {
    let shown_nowhere = |units: &str| {
        let text = API.replace("units = { EUR = 2, JPY = 0 }", units).replace("\"{currency}\"", "\"EUR\"");
        config(&text).unwrap().check().into_iter().map(|found| found.path).collect::<Vec<_>>()
    };
    assert!(shown_nowhere("units = { EUR = 2 }").is_empty());
    assert_eq!(shown_nowhere("units = { EUR = 2, JPY = 0 }"), ["rail.http.request.body"]);
    assert_eq!(shown_nowhere("iso_4217 = true"), ["rail.http.request.body"]);
}

/// A table of the key without a key anywhere.
#[test]
fn refuses_a_rail_key_without_a_place_for_it() {
    let text = API.replace("header = \"X-Key\"", "").replace("\"{rail_key}\"", "\"none\"");
    let keys: Vec<_> = config(&text).unwrap().check().into_iter().map(|found| found.path).collect();
    assert_eq!(keys, ["rail.http.key.header"]);
}

/// The list's keys stand before the books' own, which come first in the file.
fn list(query: &str, more: &str) -> String {
    let more = more.replace('\n', ", ");
    let comma = if more.is_empty() { "" } else { ", " };
    format!("full_page = 2\nlist = {{ path = \"/payouts\", query = {query}, since_as = \"seconds\"{comma}{more} }}")
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = API.replace("\"{amount}\"", "\"{sum}\"").replace("/accounts/{d", "accounts/{d").replace("bank/1", "");
    let keys: Vec<_> = config(&text).unwrap().check().into_iter().map(|found| found.path).collect();
    for key in ["rail.http.account", "rail.http.request.path", "rail.http.request.body.sum.value"] {
        assert!(keys.iter().any(|found| found == key), "{key}: {keys:?}");
    }
}

#[test]
fn refuses_http_without_its_tables_and_stripe_with_them() {
    let bare = config("[rail]\nkind = \"http\"\nurl = \"https://x.example\"\nsecret = \"env:R\"").unwrap();
    assert_eq!(bare.check(), [ConfigError::new("rail.http", "is missing")]);
    let secret = || RailSecret::new("sk_test_1").unwrap();
    let refused = Rail::new(&bare, secret(), None, None).err();
    assert_eq!(refused, Some(ConfigError::new("rail.http", "is missing")));
    let both = config(&API.replace("kind = \"http\"", "kind = \"stripe\"")).unwrap();
    assert!(Rail::new(&both, secret(), None, None).is_err());
}

#[test]
fn refuses_a_secret_of_another_mode_or_form() {
    let rail = |text: &str, secret: &str, lookup: Option<&str>| {
        let lookup = lookup.map(|text| RailSecret::new(text).unwrap());
        Rail::new(&config(text).unwrap(), RailSecret::new(secret).unwrap(), lookup, None)
    };
    let razorpay = include_str!("../../../../infra/rails/razorpayx.toml");
    assert!(rail(razorpay, "rzp_live_1:s", Some("rzp_live_2:s")).is_ok());
    let refused = |secret, lookup| rail(razorpay, secret, lookup).unwrap_err().to_string();
    let begins = "does not begin with rail.http.secret_prefix";
    assert_eq!(refused("rzp_test_1:s", None), format!("rail.secret: {begins}"));
    assert_eq!(refused("rzp_live_1:s", Some("x:y")), format!("rail.lookup_secret: {begins}"));
    assert!(refused("rzp_live_1", None).starts_with("rail.secret: does not fit its header"));
    let shown = format!("{:?}", rail(razorpay, "rzp_live_planted:secret", None).unwrap());
    assert!(!shown.contains("planted") && shown.contains("razorpayx/ACCOUNT_NUMBER"), "{shown}");
}

#[test]
fn what_the_rail_promises_is_what_is_written() {
    let promises = |text: &str| {
        let rail = Rail::new(&config(text).unwrap(), RailSecret::new("rzp_live_1:s").unwrap(), None, None).unwrap();
        assert_eq!((rail.name(), rail.account().is_empty()), ("http", false));
        (rail.mode(), rail.promises())
    };
    let hour = 3_600_000;
    let razorpay = include_str!("../../../../infra/rails/razorpayx.toml");
    let expected = RailPromises { key_life_ms: Some(168 * hour), settle_ms: hour, look_up: LookUp::ByReference };
    assert_eq!(promises(razorpay), (Mode::Live, expected));
    let expected = RailPromises { key_life_ms: None, settle_ms: 300_000, look_up: LookUp::ByReference };
    assert_eq!(promises(API), (Mode::Test, expected));
    let (head, _) = API.split_once("[rail.http.books]").unwrap();
    assert_eq!(promises(head).1.look_up, LookUp::None);
    let by_list =
        API.replace("find = {", "list = { path = \"/l\", query = { s = \"{since}\" }, since_as = \"seconds\" } # {");
    assert_eq!(promises(&by_list).1.look_up, LookUp::ByList);
}
