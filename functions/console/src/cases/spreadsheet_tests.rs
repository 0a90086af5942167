//! Texts that a spreadsheet would take for something else.

use super::*;

fn text(text: &str) -> String {
    Cell::Text(text.to_owned()).written(Style::Comma)
}

#[test]
fn an_id_that_looks_like_a_number_or_a_date_stays_text() {
    for value in [
        "8515131751004933",
        "0049123",
        "12E5",
        "85e1234",
        "1.5",
        "1,5",
        "3-4",
        "1/2",
        "12:30",
        "50%",
        "2026-11-25",
        "2026-11-25T10:00:00Z",
        "25.11.2026",
        "Mar1",
        "1. März",
        "12-déc",
        "5 EUR",
        "€5",
        "10 PM",
        "TRUE",
        "Wahr",
        "-5",
        "+49 170",
    ] {
        assert_eq!(text(value), format!("'{value}"));
    }
    for plain in [
        "",
        "stripe/pi_3QzX7nLk",
        "stripe/8515131751004933",
        "acct_1",
        "20b08ebd-f665-8c43-b6ef-eee1de011172",
        "DE89 3704 0044 0532 0130 00",
        "PSP2 GmbH",
        "Müller",
        "Truelove",
    ] {
        assert_eq!(text(plain), plain);
    }
}

#[test]
fn a_text_begins_no_formula_whatever_parts_the_columns() {
    for (given, written) in [
        ("=1+1", "'=1+1"),
        ("@x", "'@x"),
        ("-x", "'-x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("x;=cmd", "x;'=cmd"),
        ("x, =cmd", "x, '=cmd"),
        ("x\t\"=cmd", "x\t\"'=cmd"),
        ("x\n@y", "x\n'@y"),
        (" =cmd", " '=cmd"),
        ("a=b", "a=b"),
        ("a-b, c", "a-b, c"),
    ] {
        assert_eq!(text(given), written);
    }
}

#[test]
fn a_number_has_the_chosen_decimal_sign_and_is_never_made_text() {
    for (style, written) in
        [(Style::Comma, "-1200.50"), (Style::Semicolon, "-1200,50"), (Style::SemicolonPoint, "-1200.50")]
    {
        assert_eq!(Cell::Number("-1200.50".to_owned()).written(style), written);
        assert_eq!(Style::parse(style.as_str()), Some(style));
    }
    assert_eq!(Style::parse("tab"), None);
}
