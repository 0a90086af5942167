//! Each file in samples/bad differs from a good one in what its name says, and is refused with the place of that.

use payonce_statements::import::Known;

use crate::{format_of, read_as, read_sample, sample, try_import};

/// What is said of each.
const BAD: &[(&str, &[&str])] = &[
    ("bai2-after-end.bai", &["line 17, record 01: does not belong here"]),
    ("bai2-amount.bai", &["line 6, record 16, amount: is not a whole number of the smallest unit"]),
    ("bai2-availability.bai", &["line 13, record 16, funds type: the file ends before it is complete"]),
    (
        "bai2-balance.bai",
        &[
            "line 10, record 49: 5000.00 USD and the rows (-512.34 USD) make 4487.66 USD, but the closing balance is 4487.67 USD",
        ],
    ),
    ("bai2-control.bai", &["line 10, record 49, control total: a total of 2500000 is stated, 2500001 is there"]),
    ("bai2-count.bai", &["line 10, record 49, count: 9 are stated, 8 are there"]),
    (
        "bai2-deletion.bai",
        &["line 2, record 02, group status: only updates (1) are read, no deletion, correction or test"],
    ),
    ("bai2-direction.bai", &["line 6, record 16, type code: is not known to be a credit or a debit"]),
    ("bai2-funds.bai", &["line 13, record 16, funds type: is none of Z, 0, 1, 2, S, V and D"]),
    ("bai2-record.bai", &["line 5, record 77: the code is none of BAI2"]),
    ("bai2-row-dropped.bai", &["line 9, record 49, control total: a total of 2500000 is stated, 2498766 is there"]),
    ("bai2-truncated.bai", &["line 16, file: the file ends before it is complete"]),
    ("bai2-type.bai", &["line 6, record 16, type code: is not known to be a credit or a debit"]),
    ("bai2-version.bai", &["line 1, record 01, version: only version 2 is read"]),
    (
        "bank-balance.csv",
        &["line 7, balance: by the row next to it the balance is 2000.01 EUR, but 2000.00 EUR is stated"],
    ),
    ("bank-grouping.csv", &["line 5, amount: is not an amount"]),
    ("bank-no-column.csv", &["line 3, header row, column for amount: is missing"]),
    ("bank-open-quote.csv", &["line 7, row: is not delimited text: a quote within a field"]),
    (
        "bank-row-dropped.csv",
        &["line 7, balance: by the row next to it the balance is 2000.00 EUR, but 1000.00 EUR is stated"],
    ),
    ("bank-short-row.csv", &["line 7, column 10 (Info): is missing"]),
    ("bank-status.csv", &["line 4, status: is no word that is described"]),
    (
        "bank-three-errors.csv",
        &[
            "line 4, amount: is not an amount",
            "line 5, date: is not a date of the form that is described",
            "line 7, currency: the currency is not one whose unit is known (ISO 4217)",
        ],
    ),
    ("camt052.xml", &["line 4, Document: camt.052 reports a day that is not over"]),
    (
        "camt053-balance.xml",
        &[
            "line 92, Stmt[1]: 10000.00 EUR and the rows (-579.34 EUR) make 9420.66 EUR, but the closing balance is 9420.67 EUR",
        ],
    ),
    ("camt053-batch-currency.xml", &["line 51, Stmt[1]/Ntry[2]/TxDtls[1]/Amt: is missing"]),
    ("camt053-batch-lost.xml", &["line 43, Stmt[1]/Ntry[2]/NtryDtls/Btch/NbOfTxs: 3 are stated, 2 are there"]),
    (
        "camt053-batch-sum.xml",
        &["line 43, Stmt[1]/Ntry[2]: the transactions make -300.01 EUR, but the entry is -300.00 EUR"],
    ),
    ("camt053-currency.xml", &["line 85, Stmt[1]/Ntry[5]: the entry is not in the currency of the balance"]),
    ("camt053-decimals.xml", &["line 85, Stmt[1]/Ntry[5]/Amt: the amount has more decimals than the currency"]),
    ("camt053-direction.xml", &["line 30, Stmt[1]/Ntry[1]/CdtDbtInd: is missing"]),
    ("camt053-doctype.xml", &["line 2, file: a document type is not allowed"]),
    ("camt053-empty.xml", &["line 9, file: there is no statement in the file"]),
    ("camt053-entity.xml", &["line 40, file: an entity other than the five of XML is not allowed"]),
    ("camt053-ill-formed.xml", &["line 92, file: it is not well-formed XML"]),
    (
        "camt053-latin1.xml",
        &["line 1, XML declaration: the file is in another encoding than UTF-8, which is not read; save it as UTF-8"],
    ),
    ("camt053-namespace.xml", &["line 4, Document: its namespace is none of camt.053 or camt.054"]),
    ("camt053-no-account.xml", &["line 30, Stmt[1]/Acct/Id: is missing"]),
    ("camt053-no-closing.xml", &["line 7, Stmt[1]/Bal[CLBD]: is missing"]),
    ("camt053-no-name.xml", &["line 34, file: it is not well-formed XML"]),
    ("camt053-not-utf8.xml", &["line 39, file: the bytes are no text in UTF-8, as was declared"]),
    (
        "camt053-row-dropped.xml",
        &[
            "line 92, Stmt[1]: 10000.00 EUR and the rows (-587.34 EUR) make 9412.66 EUR, but the closing balance is 9420.66 EUR",
        ],
    ),
    ("camt053-status.xml", &["line 30, Stmt[1]/Ntry[1]/Sts: the status is not known"]),
    ("camt053-stray-text.xml", &["line 6, BkToCstmrStmt: does not belong here"]),
    (
        "camt053-summary.xml",
        &["line 25, Stmt[1]/TxsSummry/TtlDbtNtries/Sum: a total of 61235 is stated, 61234 is there"],
    ),
    ("camt053-trailing.xml", &["line 94, file: does not belong here"]),
    ("camt053-truncated.xml", &["line 77, file: the file ends before it is complete"]),
    (
        "camt053-two-errors.xml",
        &["line 68, Stmt[1]/Ntry[3]/BookgDt: is not a date", "line 85, Stmt[1]/Ntry[5]/Amt: is not an amount"],
    ),
    ("camt053-two-openings.xml", &["line 21, Stmt[1]/Bal[OPBD]: is there twice"]),
    ("camt053-utf16-no-mark.xml", &["line 1, file: the file is in UTF-16, which is not read; save it as UTF-8"]),
    ("camt053-utf16.xml", &["line 1, file: the file is in UTF-16, which is not read; save it as UTF-8"]),
    ("camt054-count.xml", &["line 9, Ntfctn[1]/TxsSummry/TtlNtries/NbOfNtries: 2 are stated, 1 are there"]),
    (
        "camt054-single-differs.xml",
        &["line 17, Ntfctn[1]/Ntry[1]/TxDtls[1]: the transactions make -199.99 EUR, but the entry is -300.00 EUR"],
    ),
    ("columns-both.csv", &["line 2, amount: is there twice"]),
    ("columns-neither.csv", &["line 3, amount: is missing"]),
    (
        "made-balance.csv",
        &[
            "line 3, balance: by the row next to it the balance is 10.00 EUR, but 11.00 EUR is stated",
            "line 4, balance: by the row next to it the balance is 16.00 EUR, but 15.00 EUR is stated",
        ],
    ),
    ("mt940-bad-line.sta", &["line 9, line: is not a field: a tag between colons"]),
    (
        "mt940-balance.sta",
        &[
            "line 22, field 62F: 9712.66 EUR and the rows (8.00 EUR) make 9720.66 EUR, but the closing balance is 9720.67 EUR",
        ],
    ),
    ("mt940-currency.sta", &["line 22, field 62F: the entry is not in the currency of the balance"]),
    ("mt940-date.sta", &["line 6, field 61: is not a value date, YYMMDD"]),
    ("mt940-decimals.sta", &["line 6, field 61: the amount has more decimals than the currency"]),
    ("mt940-latin1.sta", &["line 6, line: the bytes are no text in UTF-8, as was declared"]),
    ("mt940-mark.sta", &["line 9, field 61: is not C, D, RC or RD"]),
    ("mt940-no-closing.sta", &["line 13, field 62F: is missing"]),
    ("mt940-nothing.sta", &["line 3, file: there is no statement in the file"]),
    ("mt940-numbered-utf8.sta", &["line 7, line: the bytes are no text in Latin-1, as was declared"]),
    ("mt940-order.sta", &["line 4, field 28C: is missing"]),
    (
        "mt940-page-lost.sta",
        &[
            "line 22, field 62F: a page is missing: the one before ends with 9712.66 EUR, this one begins with 9700.00 EUR",
        ],
    ),
    ("mt940-point.sta", &["line 6, field 61: is not a transaction type: a letter and three characters"]),
    (
        "mt940-row-dropped.sta",
        &[
            "line 11, field 62M: 10000.00 EUR and the rows (12.66 EUR) make 10012.66 EUR, but the closing balance is 9712.66 EUR",
        ],
    ),
    ("mt940-stray-86.sta", &["line 13, field 86: does not belong here"]),
    ("mt940-truncated.sta", &["line 22, field 62F: is missing"]),
    ("mt940-two-openings.sta", &["line 6, field 60F: does not belong here"]),
    ("mt940-unknown-tag.sta", &["line 5, field 99Z: the tag is none of MT940"]),
    ("mt942.sta", &["line 5, field 34F: the tag is one of MT942, which reports a day that is not over"]),
    ("not-camt.xml", &["line 1, Document: is missing"]),
    ("paypal-decimal.csv", &["line 5, amount: is not a whole number of the smallest unit"]),
    ("paypal-direction.csv", &["line 5, direction: is no word that is described"]),
    ("paypal-kind.csv", &["line 8, row: is of no kind that is described"]),
    ("paypal-no-count.csv", &["line 12, count: is missing"]),
    ("paypal-no-header.csv", &["line 5, header row: is missing"]),
    ("paypal-row-dropped.csv", &["line 10, count: 3 are stated, 2 are there"]),
];

#[test]
fn refuses_each_bad_sample_with_its_place() {
    let mut wrong = Vec::new();
    for (name, said) in BAD {
        let name = format!("bad/{name}");
        let refused = match read_as(&format_of(&name), &sample(&name)) {
            Ok(_) => "nothing".to_owned(),
            Err(refused) => refused.to_string(),
        };
        if refused != said.join("\n") {
            wrong.push(format!("{name}: {refused}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn no_bad_sample_is_left_out() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/bad");
    let mut files: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, BAD.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
}

/// What is refused must not be half imported.
#[test]
fn plans_nothing_for_a_bad_sample() {
    for (name, _) in BAD {
        let name = format!("bad/{name}");
        assert!(try_import(&format_of(&name), &sample(&name), &Known::default()).is_err(), "{name}");
    }
}

/// The texts of people are in no message.
#[test]
fn repeats_no_text_of_the_file() {
    let words = ["Marta", "MARTA", "order 7", "po_0", "B-000", "NL08PAYO", "Zeilen", "COLLECTIVE"];
    for (name, said) in BAD {
        for word in words {
            assert!(said.iter().all(|said| !said.contains(word)), "{name}: {word}");
        }
    }
    assert!(read_sample("camt053-v02.xml")[0].entries.iter().any(|entry| entry.remittance.contains("order 7")));
}
