//! Good files, line by line.

use payonce_statements::model::{Entry, Kind, Statement};

use crate::read_sample;

/// All of an entry in one line: `line path | booked value amount flags | references | return reason | code | text`.
fn line(entry: &Entry) -> String {
    let references = &entry.references;
    let names = [
        ("e2e", &references.end_to_end),
        ("instr", &references.instruction),
        ("tx", &references.transaction),
        ("svcr", &references.servicer),
        ("mndt", &references.mandate),
        ("return", &entry.return_reason),
        ("code", &entry.code),
    ];
    let mut words = vec![entry.place.line.to_string(), entry.place.path.clone(), entry.booked_on.to_string()];
    words.extend(entry.value_date.map(|date| format!("value={date}")));
    words.push(entry.amount.to_string());
    if entry.reversal {
        words.push("reversal".to_owned());
    }
    if entry.status.as_str() != "booked" {
        words.push(entry.status.as_str().to_owned());
    }
    words.extend(names.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?))));
    words.extend(entry.batch.as_ref().map(|batch| format!("of={}", batch.amount)));
    words.extend(entry.transactions.map(|count| format!("holds={count}")));
    if !entry.remittance.is_empty() {
        words.push(format!("text={}", entry.remittance.replace('\n', "|")));
    }
    words.join(" ")
}

fn head(statement: &Statement) -> String {
    let header = &statement.header;
    let balance = |balance: Option<payonce_statements::model::Balance>| {
        balance.map_or_else(|| "none".to_owned(), |balance| balance.amount.to_string())
    };
    let (opening, closing) = (balance(statement.balances.opening), balance(statement.balances.closing));
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let page = if header.continues { ", later page" } else { "" };
    let (id, sequence) = (text(&header.id), text(&header.sequence));
    format!("{} {} {id} {sequence}: {opening} to {closing}{page}", header.kind.as_str(), header.account)
}

fn assert_reads(name: &str, expected: &[&str]) {
    let mut lines = Vec::new();
    for statement in read_sample(name) {
        lines.push(head(&statement));
        lines.extend(statement.entries.iter().map(line));
    }
    assert_eq!(lines, expected, "{name}");
}

#[test]
fn reads_camt_053_of_the_first_version_in_use() {
    assert_reads(
        "camt053-v02.xml",
        &[
            "statement NL08PAYO0000000001 STAT001 5: 10000.00 EUR to 9420.66 EUR",
            "36 Stmt[1]/Ntry[1]/TxDtls[1] 2026-01-05 value=2026-01-05 -12.34 EUR e2e=po_0001 instr=payonce-1 tx=T-0001 svcr=B-0001 code=PMNT/ICDT/ESCT text=order 7|of 2026 <paid>",
            "51 Stmt[1]/Ntry[2]/TxDtls[1] 2026-01-05 value=2026-01-05 -100.00 EUR e2e=po_0002 svcr=B-0002 code=PMNT/ICDT/ESCT of=-300.00 EUR",
            "55 Stmt[1]/Ntry[2]/TxDtls[2] 2026-01-05 value=2026-01-05 -150.00 EUR e2e=po_0003 svcr=B-0002 code=PMNT/ICDT/ESCT of=-300.00 EUR",
            "59 Stmt[1]/Ntry[2]/TxDtls[3] 2026-01-05 value=2026-01-05 -50.00 EUR svcr=B-0002 code=PMNT/ICDT/ESCT of=-300.00 EUR",
            "65 Stmt[1]/Ntry[3] 2026-01-05 value=2026-01-06 -300.00 EUR svcr=B-0003 code=SALARY holds=2 text=two payouts, see the notification",
            "80 Stmt[1]/Ntry[4]/TxDtls[1] 2026-01-05 value=2026-01-05 25.00 EUR e2e=po_0000 svcr=B-0004 mndt=M-1 return=AC04 code=PMNT/ICDT/RRTN",
            "85 Stmt[1]/Ntry[5] 2026-01-05 value=2026-01-02 8.00 EUR reversal code=ACMT/MDOP/CHRG text=charges taken back",
        ],
    );
    let statement = &read_sample("camt053-v02.xml")[0];
    assert_eq!(statement.header.kind, Kind::Statement);
    assert_eq!(
        statement.header.period.map(|(from, to)| (from.to_string(), to.to_string())),
        Some(("2026-01-05".into(), "2026-01-05".into()))
    );
}

#[test]
fn reads_camt_053_in_pages() {
    assert_reads(
        "camt053-v08.xml",
        &[
            "statement 000123456 2026-006 6: -50.00 USD to 40.00 USD",
            "19 Stmt[1]/Ntry[1]/TxDtls[1] 2026-01-06 100.00 USD e2e=in-1 svcr=S1 code=PMNT/RCDT/ESCT text=RF18539007547034",
            "25 Stmt[1]/Ntry[2] 2026-01-06 -10.00 USD code=FEE text=fee",
            "31 Stmt[1]/Ntry[3] 2026-01-08 value=2026-01-08 77.70 USD pending code=CARD",
            "statement 000123456 2026-006 6: 40.00 USD to 30.00 USD, later page",
            "45 Stmt[2]/Ntry[1] 2026-01-06 -10.00 USD code=FEE text=fee",
        ],
    );
}

#[test]
fn reads_camt_053_of_the_last_version_with_a_prefix() {
    assert_reads(
        "camt053-v13.xml",
        &[
            "statement BH08PAYO000000000001 S-13 -: 1.005 BHD to 0.000 BHD",
            "14 Stmt[1]/Ntry[1]/TxDtls[1] 2026-01-07 -1.005 BHD e2e=po_<13>",
        ],
    );
}

#[test]
fn reads_camt_054() {
    assert_reads(
        "camt054-v08.xml",
        &[
            "notification NL08PAYO0000000001 N-1 -: none to none",
            "17 Ntfctn[1]/Ntry[1]/TxDtls[1] 2026-01-05 value=2026-01-06 -199.99 EUR e2e=po_0004 code=SALARY of=-300.00 EUR",
            "18 Ntfctn[1]/Ntry[1]/TxDtls[2] 2026-01-05 value=2026-01-06 -100.01 EUR e2e=po_0005 code=SALARY of=-300.00 EUR",
        ],
    );
}

#[test]
fn reads_mt940_with_codes_between_slashes() {
    assert_reads(
        "mt940-slashes.sta",
        &[
            "statement NL08PAYO0000000001 940260105 5/1: 10000.00 EUR to 9712.66 EUR",
            "6 field 61 2026-01-05 value=2026-01-05 -12.34 EUR e2e=po_0001 instr=payonce-1 svcr=B-0001 code=NTRF text=order 7/of 2026",
            "9 field 61 2026-01-05 value=2026-01-06 -300.00 EUR svcr=B-0002 code=NTRF text=COLLECTIVE ORDER",
            "11 field 61 2026-01-02 value=2025-12-31 25.00 EUR e2e=po_0000 svcr=B-0003 mndt=M-1 return=AC04 code=NRTI",
            "statement NL08PAYO0000000001 940260105 5/2: 9712.66 EUR to 9720.66 EUR, later page",
            "20 field 61 2026-01-05 value=2026-01-05 8.00 EUR reversal svcr=B-0004 code=NCHG text=CHARGES TAKEN BACK",
        ],
    );
}

#[test]
fn reads_mt940_in_latin_1_with_numbered_sub_fields() {
    assert_reads(
        "mt940-numbered.sta",
        &[
            "statement 50050000/123456 STARTUMSE 00001/001: -100.50 EUR to 100.01 EUR",
            "5 field 61 2026-01-05 value=2026-01-05 200.50 EUR e2e=in-77 instr=K-77 svcr=BANKREF code=N166 text=Für Rechnung 7",
            "8 field 61 2026-01-05 value=2026-01-05 0.01 EUR code=N166 text=OHNE ANGABEN",
        ],
    );
}

#[test]
fn reads_bai2() {
    assert_reads(
        "bai2.bai",
        &[
            "statement 0975312468 - -: 5000.00 USD to 4487.66 USD",
            "4 record 16 2026-01-05 2500.00 USD instr=CUST1 svcr=DD1620 code=165 text=DEALER PAYMENTS/JANUARY, PART 1|AND PART 2",
            "6 record 16 2026-01-05 -12.34 USD instr=po_0001 svcr=CK100 code=475",
            "7 record 16 2026-01-05 value=2026-01-07 -3000.00 USD instr=po_0002 svcr=WIRE9 code=495 text=OUTGOING|WIRE",
            "9 record 16 2026-01-05 0.00 USD information code=890 text=NO MONEY, ONLY A NOTE",
            "statement 1111 - -: 0 JPY to -500 JPY",
            "13 record 16 2026-01-05 -500 JPY svcr=R1 code=469",
        ],
    );
}

#[test]
fn reads_a_banks_csv_with_a_running_balance() {
    assert_reads(
        "bank.csv",
        &[
            "report DE081234 - -: 0.00 EUR to 987.66 EUR",
            "4 row 2026-01-06 value=2026-01-07 -5.00 EUR pending code=KARTE text=vorgemerkt",
            "5 row 2026-01-05 value=2026-01-05 -1012.34 EUR e2e=po_0001 code=LASTSCHRIFT text=zwei; Zeilen|mit \"Zitat\" und 5 €",
            "7 row 2026-01-05 2000.00 EUR code=GUTSCHRIFT",
        ],
    );
}

#[test]
fn reads_csv_with_two_columns_and_no_header() {
    assert_reads(
        "columns.csv",
        &[
            "report 000123456 - -: none to none",
            "1 row 2026-01-05 -12.34 USD instr=po_0001 text=said \"thanks\"",
            "2 row 2026-01-05 1000.00 USD text=deposit",
            "3 row 2026-01-06 -5.00 USD instr=po_0002",
        ],
    );
}

#[test]
fn reads_unsigned_minor_units_with_a_direction_as_paypal_writes_them() {
    assert_reads(
        "paypal.csv",
        &[
            "report payonce-merchant - -: none to none",
            "5 row 2026-01-05 -12.34 USD instr=po_0001 svcr=9AB1 code=T0001",
            "report payonce-merchant - -: none to none",
            "6 row 2026-01-05 10000 JPY svcr=9AB2 code=T0006",
            "report payonce-merchant - -: none to none",
            "7 row 2026-01-05 -150.00 HUF pending instr=po_0003 svcr=9AB3 code=T0001",
        ],
    );
}
