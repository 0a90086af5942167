use serde_json::json;

use super::*;

fn value(body: impl AsRef<[u8]>) -> Value {
    read(body.as_ref()).unwrap()
}

#[test]
fn only_the_place_that_cannot_be_read_is_unreadable() {
    let odd: [&[u8]; 14] = [
        br#""\ud83d""#,
        br#""\udc00 low""#,
        br#""\ud83d\ud83d""#,
        br#""a\ud83dA""#,
        b"\"\xff\"",
        b"\"\xed\xa0\xbd\"",
        b"\"a\nb\"",
        br#""\x""#,
        b"1e400",
        b"-1E+400",
        b"0.1e999999999999",
        b"1e400",
        br#""quote \" and \\ \ud83d""#,
        br#"{"twice":1,"twice":2}"#,
    ];
    for token in odd {
        let body = [br#"{"before":[1,"a"],"odd":"#, token, br#","after":{"n":-0.5,"s":"\ud83d\ude00 \\"}}"#].concat();
        let whole = value(&body);
        let odd = if token.starts_with(b"{") { &whole["odd"]["twice"] } else { &whole["odd"] };
        assert!(is_unreadable(odd), "{:?}", String::from_utf8_lossy(token));
        assert_eq!(whole["before"], json!([1, "a"]));
        assert_eq!(whole["after"], json!({"n": -0.5, "s": "😀 \\"}));
    }
    assert_eq!(value(r#"{"a":1,"a":2,"a":3,"b":4}"#), json!({"a": unreadable(), "b": 4}));
    assert_eq!(value(r#"{"a":1,"\u0061":2}"#), json!({"a": unreadable()}));
    assert_eq!(value(r#"[{"a":1},{"a":1e400}]"#), json!([{"a": 1}, {"a": unreadable()}]));
}

#[test]
fn a_name_that_cannot_be_read_takes_nothing_with_it_and_is_nobodys_name() {
    let body = br#"{"\ud83d" : 1, "id": "evt_1", "\udc00":2, "acc\ud83dount": "x"}"#;
    assert_eq!(value(body), json!({"id": "evt_1", "\u{fffd}": unreadable()}));
}

#[test]
fn a_byte_order_mark_is_passed_over_once() {
    assert_eq!(value("\u{feff}{\"a\":1}"), json!({"a": 1}));
    assert_eq!(value("\u{feff}{\"a\":\"\\ud83d\"}"), json!({"a": unreadable()}));
    assert!(read("\u{feff}\u{feff}{}".as_bytes()).is_err());
}

#[test]
fn what_is_no_json_stays_none() {
    let cut = r#"{"a":"\ud83d","b":"#;
    for body in [
        "",
        "\"",
        "\"\\\"",
        "{",
        "}",
        "{\"a\"}",
        "{\"a\":1,}",
        "[1 2]",
        "01",
        "1.",
        "-",
        "+1",
        ".5",
        "1e",
        "1e400x",
        "{}{}",
        "{\"a\":01e400}",
        "{a:1e400}",
        "\"\\ud83d\" 1",
        "1e400 1",
        cut,
        "nul",
        "[1e400",
        "{\"a\":1e400]",
    ] {
        assert!(matches!(read(body.as_bytes()), Err(BodyMisfit::NotJson { .. })), "{body}");
    }
    let error = read(b"{\"a\":1e400,\n \"b\": x}").unwrap_err();
    assert!(error.to_string().contains("line"), "{error}");
}

#[test]
fn what_nests_too_deep_is_unreadable_and_hides_nothing_beside_it() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let deep = value(format!(r#"{{"deep":{},"id":"evt_1"}}"#, nested(100_000)));
    assert_eq!(deep["id"], "evt_1");
    let (mut at, mut depth) = (&deep["deep"], 1);
    while let Some(inner) = at.get(0) {
        (at, depth) = (inner, depth + 1);
    }
    assert!(is_unreadable(at) && depth == MAX_DEPTH, "{depth}");
    // Whatever serde_json reads in one go keeps its depth.
    let whole = value(nested(127));
    assert!(serde_json::from_slice::<Value>(nested(127).as_bytes()).is_ok_and(|plain| plain == whole));
}

/// The work is counted in bytes, not in time: what is mended is written once, and is not larger than five times the body.
#[test]
fn mending_is_linear_in_the_body() {
    let deep = format!(r#"{}{{"a":1e400}}{}"#, r#"{"a":["#.repeat(49), "]}".repeat(49));
    let bodies: [(&str, String); 6] = [
        ("wide", format!("[{}1]", r#""\ud83d",1e400,"#.repeat(100_000))),
        ("deep and wide", format!("[{}1]", format!("{deep},").repeat(5_000))),
        ("endless depth", "[1e400,".repeat(300_000)),
        ("an endless string", format!("[1e400,\"{}", "\\\"".repeat(500_000))),
        ("endless digits", format!("[1e400,{}]", "1".repeat(1_000_000))),
        ("closings", "]".repeat(1_000_000)),
    ];
    for (what, body) in &bodies {
        let mended = mended(body.as_bytes());
        assert!(mended.len() <= 5 * body.len(), "{what}: {} of {}", mended.len(), body.len());
        // Each token begins where the last one ended: none is looked at twice.
        let (mut at, mut tokens) = (0, 0);
        while at < body.len() {
            let end = token_end(body.as_bytes(), at);
            assert!(end > at && end <= body.len(), "{what}");
            (at, tokens) = (end, tokens + 1);
        }
        assert!(tokens <= body.len(), "{what}");
        let _ = read(body.as_bytes());
    }
    assert!(is_unreadable(&value(&bodies[0].1)[0]));
}

#[test]
fn an_empty_object_is_no_unreadable_place() {
    for readable in [json!({}), json!({"": 1}), json!({"": {}, "a": 1}), json!({"": {"a": {}}}), json!(null), json!([])]
    {
        assert!(!is_unreadable(&readable), "{readable}");
    }
    assert_eq!(serde_json::from_slice::<Value>(UNREADABLE).unwrap(), unreadable());
}
