//! Descriptions of lists: what is wrong with one is said before any file comes.

use payonce_statements::config::StatementConfig;

const GOOD: &str = r#"
format = "csv"
account = "1"
currency = "EUR"
date = { column = "Date", form = "YYYY-MM-DD" }
amount = { column = "Amount" }
"#;

fn said(text: &str) -> String {
    match toml::from_str::<StatementConfig>(text) {
        Err(error) => error.message().to_owned(),
        Ok(config) => {
            config.format().map_or_else(|found| format!("{} {}", found.path, found.problem), |_| "nothing".to_owned())
        }
    }
}

#[test]
fn refuses_a_description_that_cannot_be_meant() {
    assert_eq!(said(GOOD), "nothing");
    for (from, to, what) in [
        ("form = \"YYYY-MM-DD\"", "form = \"YYYY-MM\"", "date has a form of YYYY or YY, MM and DD, each once"),
        (
            "{ column = \"Amount\" }",
            "{ debit = \"D\" }",
            "amount is one column, with a direction or without, or a debit and a credit column",
        ),
        (
            "{ column = \"Amount\" }",
            "{ column = \"A\", debit = \"D\", credit = \"C\" }",
            "amount is one column, with a direction or without, or a debit and a credit column",
        ),
        (
            "{ column = \"Amount\" }",
            "{ column = \"A\", direction = { column = \"D\", debit = [\"x\"], credit = [\"x\"] } }",
            "amount.direction needs words for debit and others for credit",
        ),
        (
            "{ column = \"Amount\" }",
            "{ column = \"A\", positive = \"debit\", direction = { column = \"D\", debit = [\"x\"], credit = [\"y\"] } }",
            "amount.positive says what a direction says already",
        ),
        (
            "{ column = \"Amount\" }",
            "{ column = \"A\", decimal = \",\", grouping = \",\" }",
            "amount.decimal and grouping are two different marks",
        ),
        ("\"EUR\"", "\"EURO\"", "currency is no currency"),
        ("\"EUR\"", "\"XAU\"", "currency is none whose unit is known (ISO 4217)"),
        ("account = \"1\"", "account = \" \"", "account is empty"),
        (
            "account = \"1\"",
            "account = \"1\"\ndelimiter = \"\\\"\"",
            "delimiter and quote are two different marks, no letters or digits",
        ),
        ("account = \"1\"", "account = \"1\"\nquote = \"''\"", "quote is one character, or empty"),
        (
            "account = \"1\"",
            "account = \"1\"\nheader = false",
            "columns have no names without a header row; count them from 1",
        ),
        ("account = \"1\"", "account = \"1\"\nservicer = 0", "columns are counted from 1"),
        (
            "account = \"1\"",
            "account = \"1\"\nexponents = { HUF = 0 }",
            "exponents matter for amounts in the minor unit only",
        ),
        (
            "account = \"1\"",
            "account = \"1\"\nkinds = { column = 0, entry = [] }",
            "kinds has a column, from 1, and a word for entries",
        ),
    ] {
        assert!(GOOD.contains(from), "{from}");
        assert_eq!(said(&GOOD.replace(from, to)), what, "{to}");
    }
    assert!(said(&format!("{GOOD}\nspelling = 1")).contains("unknown field"));
    assert!(said("format = \"camt\"\ncharset = \"latin-1\"").contains("unknown field"));
    assert!(said("format = \"ofx\"").contains("unknown variant"));
}

#[test]
fn reads_the_description_of_each_format() {
    for text in
        ["format = \"camt\"", "format = \"mt940\"", "format = \"mt940\"\ncharset = \"latin-1\"", "format = \"bai2\""]
    {
        assert_eq!(said(text), "nothing", "{text}");
    }
}

#[test]
fn a_positive_amount_may_be_a_debit() {
    let text = GOOD.replace("column = \"Amount\"", "column = \"Amount\", positive = \"debit\"");
    let format = toml::from_str::<StatementConfig>(&text).unwrap().format().unwrap();
    let file = "Date,Amount\n2026-01-05,12.34\n2026-01-05,-1\n2026-01-05,1.00-\n";
    let amounts: Vec<_> = crate::read_as(&format, file.as_bytes()).unwrap()[0]
        .entries
        .iter()
        .map(|entry| entry.amount.to_string())
        .collect();
    assert_eq!(amounts, ["-12.34 EUR", "1.00 EUR", "1.00 EUR"]);
}

#[test]
fn a_list_may_be_empty() {
    let format = toml::from_str::<StatementConfig>(GOOD).unwrap().format().unwrap();
    assert_eq!(crate::read_as(&format, b"Date,Amount\n"), Ok(Vec::new()));
    assert_eq!(
        crate::read_as(&format, b"").unwrap_err().to_string(),
        "line 1, file: there is no statement in the file"
    );
}
