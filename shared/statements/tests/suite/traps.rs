//! What statement imports are known to get wrong, in other projects' threads. Each test is one of them.

use payonce_statements::chain::Doubt;
use payonce_statements::import::{Imported, Known, Verdict, import};
use payonce_statements::{Format, Limits};

use crate::render::{Kind, Made, MadeRow};
use crate::{learn, read_sample, sample, shown, try_import};

const ACCOUNT: &str = "NL08PAYO0000000001";

fn row(day: i8, minor: i64, ours: &str) -> MadeRow {
    MadeRow::new(day, minor, ours)
}

fn verdicts(made: &Made, kind: Kind, known: &mut Known) -> Vec<Verdict> {
    learn(&kind.format(), made.render(kind).as_bytes(), known).rows.into_iter().map(|row| row.verdict).collect()
}

/// OCA/bank-statement-import #65 and #83: later statements vanished, as their number was known.
#[test]
fn imports_a_statement_whose_id_was_used_a_year_before() {
    for kind in Kind::ALL {
        let known = &mut Known::default();
        let first = Made::new(ACCOUNT, 0, vec![row(5, 1_000, "a")]).id("1");
        assert_eq!(verdicts(&first, kind, known), [Verdict::New], "{kind:?}");
        let mut later = Made::new(ACCOUNT, 1_000, vec![row(5, 1_000, "a")]).id("1");
        later.rows[0].day = jiff::civil::date(2027, 1, 5);
        assert_eq!(verdicts(&later, kind, known), [Verdict::New], "{kind:?}");
    }
}

/// OCA/bank-statement-import #77: each export of a day numbers its lines anew.
#[test]
fn adds_only_new_rows_when_statements_of_one_day_overlap() {
    for kind in Kind::ALL {
        let known = &mut Known::default();
        let rows = vec![row(5, 1_000, "a"), row(5, -300, "b"), row(5, -300, ""), row(5, 70, "c")];
        let noon = Made::new(ACCOUNT, 5_000, rows[..2].to_vec()).id("1");
        let evening = Made::new(ACCOUNT, 5_000, rows).id("2");
        assert_eq!(verdicts(&noon, kind, known), [Verdict::New, Verdict::New]);
        let [known_a, known_b] = [Verdict::Known, Verdict::Known];
        assert_eq!(verdicts(&evening, kind, known), [known_a, known_b, Verdict::New, Verdict::New], "{kind:?}");
    }
}

/// Days that two statements share, in the middle of both.
#[test]
fn adds_only_new_rows_when_periods_overlap() {
    for kind in Kind::ALL {
        let known = &mut Known::default();
        let rows: Vec<_> = (1..=9).map(|day| row(day, 100, "")).collect();
        verdicts(&Made::new(ACCOUNT, 0, rows[..6].to_vec()), kind, known);
        let verdicts = verdicts(&Made::new(ACCOUNT, 400, rows[4..].to_vec()), kind, known);
        assert_eq!(verdicts, [Verdict::Known, Verdict::Known, Verdict::New, Verdict::New, Verdict::New], "{kind:?}");
    }
}

/// OCA/bank-statement-import #475 and #195, securo #911: one id for many, and all but one were dropped.
#[test]
fn reads_one_entry_with_several_transactions_as_several_rows() {
    let statement = &read_sample("camt053-v02.xml")[0];
    let batch: Vec<_> = statement.entries.iter().filter(|entry| entry.batch.is_some()).collect();
    assert_eq!(batch.len(), 3);
    assert!(batch.iter().all(|entry| entry.references.servicer.as_deref() == Some("B-0002")));
    let known = &mut Known::default();
    let plan = learn(&Format::Camt, &sample("camt053-v02.xml"), known);
    let ids: std::collections::BTreeSet<_> = plan.rows.iter().map(|row| row.id).collect();
    assert_eq!((plan.rows.len(), ids.len()), (7, 7));
}

/// actual #8221, rentemester #542: the second of two equal rows was taken for the first.
#[test]
fn keeps_two_identical_rows_of_one_day() {
    for kind in Kind::ALL {
        let known = &mut Known::default();
        let twins = Made::new(ACCOUNT, 0, vec![row(5, -500, "coffee"), row(5, -500, "coffee")]);
        assert_eq!(verdicts(&twins, kind, known), [Verdict::New, Verdict::New]);
        let again = Made::new(ACCOUNT, 0, [twins.rows.clone(), vec![row(5, -500, "coffee")]].concat());
        assert_eq!(verdicts(&again, kind, known), [Verdict::Known, Verdict::Known, Verdict::New], "{kind:?}");
    }
}

#[test]
fn counts_identical_rows_on_from_the_statement_that_this_one_continues() {
    for kind in Kind::ALL {
        let known = &mut Known::default();
        let morning = Made::new(ACCOUNT, 0, vec![row(5, -500, ""), row(5, -500, "")]).id("1");
        let evening = Made::new(ACCOUNT, -1_000, vec![row(5, -500, ""), row(5, 200, "x")]).id("2");
        assert_eq!(verdicts(&morning, kind, known), [Verdict::New, Verdict::New]);
        assert_eq!(verdicts(&evening, kind, known), [Verdict::New, Verdict::New], "{kind:?}");
        // Exported once more, alone or as the whole day.
        let evening_again = Made { rows: [evening.rows.clone(), vec![row(5, 1, "y")]].concat(), ..evening.clone() };
        assert_eq!(verdicts(&evening_again, kind, known), [Verdict::Known, Verdict::Known, Verdict::New], "{kind:?}");
        let whole = Made { rows: [morning.rows, evening_again.rows].concat(), ..Made::new(ACCOUNT, 0, vec![]) };
        assert!(verdicts(&whole, kind, known).iter().all(|verdict| *verdict == Verdict::Known), "{kind:?}");
    }
}

/// Pages are statements of one file that continue each other: camt053-v08.xml has the same fee on both.
#[test]
fn counts_identical_rows_on_over_pages() {
    let plan = learn(&Format::Camt, &sample("camt053-v08.xml"), &mut Known::default());
    let ids: std::collections::BTreeSet<_> = plan.rows.iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), plan.rows.len());
}

/// An account that is swept to zero: each statement of the day begins and ends alike.
#[test]
fn refuses_what_may_repeat_a_statement_or_continue_it_until_a_person_says_which() {
    for kind in Kind::ALL {
        let known = &mut Known::default();
        let swept = Made::new(ACCOUNT, 0, vec![row(5, 100, ""), row(5, -100, "")]).id("1");
        assert_eq!(verdicts(&swept, kind, known), [Verdict::New, Verdict::New]);
        let (format, again) = (kind.format(), format!("{}\n", swept.render(kind)));
        let refused = try_import(&format, again.as_bytes(), known).unwrap_err().to_string();
        assert!(refused.contains("say if it repeats or continues them"), "{refused}");
        for (doubt, new) in [(Doubt::Repeats, 0), (Doubt::Continues, 2)] {
            let read = import(&format, Limits::default(), &mut again.as_bytes(), known, doubt);
            let Imported::Plan(plan) = read.unwrap() else { panic!() };
            assert_eq!(plan.new_rows().count(), new, "{kind:?}");
        }
        // Rows that are not alike raise no question.
        let different = Made::new(ACCOUNT, 0, vec![row(5, 77, ""), row(5, -77, "")]).id("3");
        assert_eq!(verdicts(&different, kind, known), [Verdict::New, Verdict::New]);
    }
}

/// The statement between was never imported, and a row alike might be in either.
#[test]
fn refuses_a_row_alike_after_a_gap() {
    for kind in [Kind::Camt, Kind::Mt940, Kind::Csv] {
        let known = &mut Known::default();
        verdicts(&Made::new(ACCOUNT, 0, vec![row(5, 100, "")]), kind, known);
        let later = Made::new(ACCOUNT, 300, vec![row(5, 7, ""), row(5, 100, "")]).render(kind);
        assert!(try_import(&kind.format(), later.as_bytes(), known).is_err(), "{kind:?}");
        let missing = Made::new(ACCOUNT, 100, vec![row(5, 200, "")]);
        assert_eq!(verdicts(&missing, kind, known), [Verdict::New]);
        assert_eq!(learn(&kind.format(), later.as_bytes(), known).new_rows().count(), 2, "{kind:?}");
    }
}

/// microsoft/BCApps #11055: it is only as unique as whoever sent it made it.
#[test]
fn keeps_payments_that_share_an_end_to_end_id() {
    let text = Made::new(ACCOUNT, 0, vec![row(5, -500, "x"), row(5, -700, "x"), row(6, -500, "x")]).camt();
    let text = text.replace("InstrId", "EndToEndId");
    let plan = learn(&Format::Camt, text.as_bytes(), &mut Known::default());
    assert!(plan.rows.iter().all(|row| row.entry.references.end_to_end.as_deref() == Some("x")));
    assert_eq!(plan.new_rows().count(), 3);
    let ids: std::collections::BTreeSet<_> = plan.rows.iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn the_same_row_on_another_account_is_another_row() {
    for kind in Kind::ALL {
        let known = &mut Known::default();
        for account in ["1", "2"] {
            let made = Made::new(account, 0, vec![row(5, -500, "coffee")]);
            assert_eq!(verdicts(&made, kind, known), [Verdict::New], "{kind:?}");
        }
    }
}

/// erpnext #16202: credits were read, debits were not.
#[test]
fn reads_debits_as_well_as_credits() {
    for kind in Kind::ALL {
        let made = Made::new(ACCOUNT, 100, vec![row(5, 1_000, "in"), row(5, -2_000, "out")]);
        let statements = crate::read_as(&kind.format(), made.render(kind).as_bytes()).unwrap();
        let minor: Vec<i64> =
            statements.iter().flat_map(|one| &one.entries).map(|entry| entry.amount.minor()).collect();
        assert_eq!(minor, [1_000, -2_000], "{kind:?}");
    }
}

/// erpnext #16202, comments: nothing asked whether a file had been imported.
#[test]
fn knows_the_same_file_by_its_bytes() {
    for kind in Kind::ALL {
        let known = &mut Known::default();
        let text = Made::new(ACCOUNT, 0, vec![row(5, -500, "a")]).render(kind);
        let plan = learn(&kind.format(), text.as_bytes(), known);
        assert_eq!(plan.file, payonce_protocol::ids::Digest::of(&text));
        let again = try_import(&kind.format(), text.as_bytes(), known).unwrap();
        assert!(matches!(again, Imported::SameFile(file) if file == plan.file), "{kind:?}");
    }
}

#[test]
fn tells_which_facts_of_a_known_row_changed() {
    for kind in Kind::ALL {
        let known = &mut Known::default();
        let made = Made::new(ACCOUNT, 0, vec![row(5, -500, "a").bank("B1"), row(6, -1, "b")]);
        verdicts(&made, kind, known);
        let mut changed = made.clone();
        changed.rows[0].bank = Some("B2".to_owned());
        changed.rows[0].text = "corrected".to_owned();
        let facts = vec!["servicer", "remittance"];
        assert_eq!(verdicts(&changed, kind, known), [Verdict::Changed(facts), Verdict::Known], "{kind:?}");
    }
}

/// OCA/bank-statement-import #580: the statement has the sum, the notification what it is made of; both are needed.
#[test]
fn a_batch_and_its_details_are_counted_once_in_either_order() {
    let files = ["camt053-v02.xml", "camt054-v08.xml"];
    let detail = |plan: &payonce_statements::import::Plan, word: &str| {
        shown(plan).iter().filter(|line| line.contains(word)).count()
    };
    let known = &mut Known::default();
    assert_eq!(learn(&Format::Camt, &sample(files[0]), known).new_rows().count(), 7);
    let plan = learn(&Format::Camt, &sample(files[1]), known);
    assert_eq!((plan.new_rows().count(), detail(&plan, "known, now in detail")), (0, 2));

    let known = &mut Known::default();
    assert_eq!(learn(&Format::Camt, &sample(files[1]), known).new_rows().count(), 2);
    let plan = learn(&Format::Camt, &sample(files[0]), known);
    assert_eq!((plan.new_rows().count(), detail(&plan, "known in detail")), (6, 1));
}

/// PayPal's reports: 100.00 USD and 10,000 yen are written alike.
#[test]
fn counts_unsigned_minor_units_by_their_currency() {
    let amounts: Vec<_> = read_sample("paypal.csv").iter().map(|one| one.entries[0].amount.to_string()).collect();
    assert_eq!(amounts, ["-12.34 USD", "10000 JPY", "-150.00 HUF"]);
}

#[test]
fn a_dry_run_says_new_known_and_changed_by_line() {
    let known = &mut Known::default();
    let kind = Kind::Mt940;
    let made = Made::new(ACCOUNT, 0, vec![row(5, -500, "a"), row(6, -1, "b")]);
    verdicts(&made, kind, known);
    let mut longer = made.clone();
    longer.rows[1].bank = Some("B".to_owned());
    longer.rows.push(row(7, 300, "c"));
    let Imported::Plan(plan) = try_import(&kind.format(), longer.mt940().as_bytes(), known).unwrap() else { panic!() };
    assert_eq!(
        shown(&plan),
        [
            "line 5, field 61: known: -5.00 EUR on 2026-01-05, a",
            "line 6, field 61: changed (servicer): -0.01 EUR on 2026-01-06, b",
            "line 7, field 61: new: 3.00 EUR on 2026-01-07, c",
        ]
    );
}

/// A list in which two currencies take turns, without references: each row is one.
#[test]
fn keeps_identical_rows_of_lists_that_take_turns() {
    let format = crate::described("made");
    let head = "Account,Date,Amount,Currency,Ours,Bank,Text,Balance\n";
    let rows = [
        "1,2026-01-05,-5,EUR,,,,95",
        "1,2026-01-05,-5,USD,,,,-5",
        "1,2026-01-05,-5,EUR,,,,90",
        "1,2026-01-05,-5,USD,,,,-10",
    ];
    let known = &mut Known::default();
    let file = format!("{head}{}\n", rows.join("\n"));
    let plan = learn(&format, file.as_bytes(), known);
    let ids: std::collections::BTreeSet<_> = plan.rows.iter().map(|row| row.id).collect();
    assert_eq!((plan.new_rows().count(), ids.len()), (4, 4));
    // The same rows in another order are known, and one more is new.
    let other = format!("{head}{}\n{}\n{}\n{}\n{}\n", rows[1], rows[3], rows[0], rows[2], "1,2026-01-05,-5,EUR,,,,85");
    assert_eq!(learn(&format, other.as_bytes(), known).new_rows().count(), 1);
    // A row that is missing shows although the other currency stands between.
    let lost = format!("{head}{}\n{}\n{}\n", rows[0], rows[1], "1,2026-01-05,-5,EUR,,,,85");
    let refused = crate::read_as(&format, lost.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused, "line 4, balance: by the row next to it the balance is 90.00 EUR, but 85.00 EUR is stated");
}

/// The newest row stands first in each export: the number of a row must not move when a later one is added.
#[test]
fn numbers_identical_rows_from_the_oldest() {
    let text = String::from_utf8(sample("made.toml"))
        .unwrap()
        .replace("format = \"csv\"", "format = \"csv\"\norder = \"newest_first\"");
    let format = toml::from_str::<payonce_statements::config::StatementConfig>(&text).unwrap().format().unwrap();
    let head = "Account,Date,Amount,Currency,Ours,Bank,Text,Balance\n";
    let rows = ["1,2026-01-05,-5,EUR,,,three,85", "1,2026-01-05,-5,EUR,,,two,90", "1,2026-01-05,-5,EUR,,,one,95"];
    let known = &mut Known::default();
    learn(&format, format!("{head}{}\n{}\n", rows[1], rows[2]).as_bytes(), known);
    let plan = learn(&format, format!("{head}{}\n", rows.join("\n")).as_bytes(), known);
    let verdicts: Vec<_> = plan.rows.iter().map(|row| row.verdict.clone()).collect();
    assert_eq!(verdicts, [Verdict::New, Verdict::Known, Verdict::Known]);
}
