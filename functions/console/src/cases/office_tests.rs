//! The file as LibreOffice opens it in a German, a French and an English office: what is a number, a date and a text there.
//! Needs LibreOffice Calc: `PAYONCE_SOFFICE` names its `soffice`.

#![allow(clippy::disallowed_methods, reason = "a spreadsheet is another program, and a variable names it")]

use std::path::Path;
use std::process::Command;

use payonce_ledger::Who;
use payonce_protocol::order::{Destination, EventId};

use super::tests::filed;
use super::*;

/// One cell: what it is, and its value or its text.
type Seen = (String, String);

/// `https://help.libreoffice.org/latest/en-US/text/shared/guide/csv_params.html`: UTF-8, from the first line on, in the
/// language of the profile, and with or without looking for more kinds of numbers and dates.
fn opened(dir: &Path, csv: &[u8], style: Style, locale: &str, looks_for_more: bool) -> Vec<Vec<Seen>> {
    let soffice = payonce_tools::SOFFICE.path();
    let profile = dir.join("profile");
    std::fs::create_dir_all(profile.join("user")).unwrap();
    let settings = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<oor:items xmlns:oor=\"http://openoffice.org/2001/registry\">\
         <item oor:path=\"/org.openoffice.Setup/L10N\"><prop oor:name=\"ooSetupSystemLocale\" oor:op=\"fuse\">\
         <value>{locale}</value></prop></item></oor:items>\n"
    );
    std::fs::write(profile.join("user/registrymodifications.xcu"), settings).unwrap();
    std::fs::write(dir.join("cases.csv"), csv).unwrap();
    let filter =
        format!("--infilter=Text - txt - csv (StarCalc):{},34,76,1,,0,false,{looks_for_more}", style.separator());
    let done = Command::new(soffice)
        .arg(format!("-env:UserInstallation=file://{}", profile.display()))
        .args(["--headless", &filter, "--convert-to", "fods", "--outdir"])
        .arg(dir)
        .arg(dir.join("cases.csv"))
        .output()
        .expect("soffice does not start");
    assert!(done.status.success(), "{done:?}");
    cells(&std::fs::read_to_string(dir.join("cases.fods")).unwrap_or_else(|error| panic!("{error}: {done:?}")))
}

fn cells(fods: &str) -> Vec<Vec<Seen>> {
    let rows = fods.split("<table:table-row").skip(1);
    rows.map(|row| {
        let cells = row.split("<table:table-cell").skip(1);
        cells
            .flat_map(|cell| {
                let (tag, rest) = cell.split_once('>').unwrap();
                let attribute = |name: &str| tag.split_once(&format!("{name}=\""))?.1.split('"').next();
                let kind = attribute("office:value-type").unwrap_or_default();
                let value = attribute("office:value").or(attribute("office:date-value")).map(str::to_owned);
                let paragraphs = rest.split("<text:p>").skip(1).filter_map(|text| text.split("</text:p>").next());
                let text = paragraphs.collect::<Vec<_>>().join("\n");
                let seen = (kind.to_owned(), value.unwrap_or_else(|| decoded(&text)));
                let times =
                    attribute("table:number-columns-repeated").and_then(|times| times.parse().ok()).unwrap_or(1);
                std::iter::repeat_n(seen, times)
            })
            .collect()
    })
    .collect()
}

fn decoded(xml: &str) -> String {
    let text = xml.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&apos;", "'").replace("&amp;", "&")
}

const OWNER: &str = "Jörg Müller; Søren, \"Ł\" €";

fn ids() -> [&'static str; 8] {
    ["8515131751004933", "0049123", "12E5", "3-4", "1/2", "Mar1", "1.5", "2026-11-25"]
}

fn at(column: &str) -> usize {
    COLUMNS.iter().position(|name| *name == column).unwrap()
}

#[test]
fn a_german_a_french_and_an_english_office_open_the_file_right() {
    let cases: Vec<FiledCase> = ids()
        .into_iter()
        .zip(1..)
        .map(|(id, number)| {
            let mut filed = filed(number, 120_050, 2, "EUR");
            filed.case.destination = Some(Destination::new(id).unwrap());
            filed.case.event = Some(EventId::new(id).unwrap());
            filed.owner = Some(Who { subject: "a".to_owned(), name: Some(OWNER.to_owned()) });
            filed
        })
        .collect();
    let due = |_: &FiledCase| Some("2026-11-25".to_owned());
    for (locale, style) in [
        ("de-DE", Style::Semicolon),
        ("fr-FR", Style::Semicolon),
        ("en-GB", Style::Comma),
        ("de-CH", Style::SemicolonPoint),
    ] {
        let csv = written(&cases, due, false, style, 1_795_435_200_000).unwrap();
        for looks_for_more in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let rows = opened(dir.path(), &csv, style, locale, looks_for_more);
            let seen = |row: usize, column: &str| {
                let (kind, value) = &rows[row][at(column)];
                (kind.as_str(), value.as_str())
            };
            let what = format!("{locale}, {looks_for_more}: {rows:?}");
            assert_eq!(seen(0, "case"), ("string", "case"), "{what}");
            for (id, row) in ids().into_iter().zip(1..) {
                assert_eq!(seen(row, "amount"), ("float", "1200.5"), "{what}");
                assert_eq!(seen(row, "currency"), ("string", "EUR"), "{what}");
                assert_eq!(seen(row, "amount_minor"), ("float", "120050"), "{what}");
                assert_eq!(seen(row, "since_utc"), ("string", "2026-11-23T12:00:00Z"), "{what}");
                assert_eq!(seen(row, "due"), ("date", "2026-11-25"), "{what}");
                assert_eq!(seen(row, "owner"), ("string", OWNER), "{what}");
                assert_eq!(seen(row, "provider"), ("string", "'=cmd|' /C calc'!A0"), "{what}");
                let text = format!("'{id}");
                assert_eq!(
                    (seen(row, "payee"), seen(row, "event")),
                    (("string", &*text), ("string", &*text)),
                    "{what}"
                );
                assert_eq!(seen(row, "case").0, "string", "{what}");
            }
            let total = ids().len() + 1;
            assert_eq!(seen(total, "amount"), ("float", "9604"), "{what}");
            assert!(
                !rows.iter().flatten().any(|(kind, value)| kind == "percentage" || value.contains("Err:")),
                "{what}"
            );
        }
    }
}
