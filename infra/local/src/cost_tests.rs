//! infra/scale.md holds tables that are made here; `PAYONCE_WRITE=1` writes them anew.

use std::path::Path;

use super::*;

const BEGINS: &str = "<!-- made by the command `cost`'s own test -->\n";
const ENDS: &str = "<!-- end -->";

fn load(rate: &str) -> Load {
    Load {
        rate: millionths(rate).unwrap(),
        providers: 1,
        case_share: percent("0.5%").unwrap(),
        rail_ms: 300,
        table_class: TableClass::Standard,
        body_days: 400,
    }
}

#[test]
fn numbers_are_taken_exactly_or_refused() {
    assert_eq!(["50", "0.5", "0.000001"].map(|text| millionths(text).unwrap()), [50_000_000, 500_000, 1]);
    assert_eq!(percent("0.5%"), Ok(5_000));
    for wrong in ["", "0", "-1", "1e3", "1.0000001", "1.2.3", ".5", "many"] {
        assert!(millionths(wrong).is_err(), "{wrong}");
    }
    for wrong in ["0.5", "101%", "%", "-1%"] {
        assert!(percent(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn price_of_a_unit_is_taken_to_its_last_digit() {
    let prices = Prices::read().unwrap();
    let second = Prices::price(&prices.lambda, "gigabyte_second", 1).unwrap();
    assert_eq!(second.times(1_000_000_000), 13_333_400 * NANO / 1_000);
    assert!(Prices::price(&prices.lambda, "gigabyte_minute", 1).is_err());
}

/// The items add up to what is said of them, and twice the load costs twice as much but for what is fixed.
#[test]
fn bill_adds_up_and_grows_with_the_load_alone() {
    let prices = Prices::read().unwrap();
    let (one, two) = (bill(&load("50"), &prices).unwrap(), bill(&load("100"), &prices).unwrap());
    assert_eq!(one.deliveries, 131_400_000);
    for ((_, one), (title, two)) in one.parts().iter().zip(two.parts()) {
        let (one, two) = (total(one), total(two));
        if title == "Whatever is delivered" {
            assert_eq!(one, two);
        } else {
            assert!((2 * one).abs_diff(two) < 20, "{title}: {one}, {two}");
        }
    }
    let api = &one.running[0];
    assert_eq!((api.what, dollars(api.nano_dollars)), ("API Gateway", "131.40".to_owned()));
}

fn tables() -> String {
    let prices = Prices::read().unwrap();
    let mut text = format!("\nPrices of {} ({}).\n\n", prices.region, prices.looked_up);
    text += "| accepted deliveries a second | a month | running, $ | whatever is delivered, $ | kept for the first year, $ | running, $ a million | first year, $ a million |\n|---|---|---|---|---|---|---|\n";
    for rate in ["0.1", "1", "10", "100", "1000"] {
        let bill = bill(&load(rate), &prices).unwrap();
        let sums = [&bill.running, &bill.fixed, &bill.keeping].map(|items| dollars(total(items)));
        let million = [bill.running_per_million(), bill.first_year_per_million()].map(dollars);
        let _ = writeln!(text, "| {rate} | {} | {} | {} |", bill.deliveries, sums.join(" | "), million.join(" | "));
    }
    text += "\n| for a million accepted deliveries | $ | how it comes about |\n|---|---|---|\n";
    let bill = bill(&load("50"), &prices).unwrap();
    for item in bill.running.iter().chain(&bill.keeping).chain(&bill.perhaps) {
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            item.what,
            dollars(bill.per_million(item.nano_dollars)),
            item.arithmetic
        );
    }
    text += "\n| table class of audit and bodies | running, $ a million | first year, $ a million | each further year of audit records, $ |\n|---|---|---|---|\n";
    for (name, table_class) in [("Standard", TableClass::Standard), ("Standard-IA", TableClass::InfrequentAccess)] {
        let of_class = super::bill(&Load { table_class, ..load("50") }, &prices).unwrap();
        let kept = of_class.keeping.iter().find(|item| item.what == "Audit records").unwrap();
        let sums = [
            of_class.running_per_million(),
            of_class.first_year_per_million(),
            of_class.per_million(kept.nano_dollars),
        ];
        let _ = writeln!(text, "| {name} | {} |", sums.map(dollars).join(" | "));
    }
    let warehouse = Warehouse { payouts: 100 * MILLION, case_share: percent("0.5%").unwrap() };
    text += "\n| 100 million payouts a month, reconciled by Athena | $ | how it comes about |\n|---|---|---|\n";
    let items = warehouse.items(&prices).unwrap();
    for item in &items {
        let _ = writeln!(text, "| {} | {} | {} |", item.what, dollars(item.nano_dollars), item.arithmetic);
    }
    let _ = writeln!(text, "| in all | {} | |\n", dollars(total(&items)));
    text += "| 100 million payouts a month, reconciled by the function | $ | how it comes about |\n|---|---|---|\n";
    let items = Invocation { rail_takes: ENOUGH }.items(100 * MILLION, &prices).unwrap();
    for item in &items {
        let _ = writeln!(text, "| {} | {} | {} |", item.what, dollars(item.nano_dollars), item.arithmetic);
    }
    let _ = writeln!(text, "| in all | {} | |\n", dollars(total(&items)));
    text += "| requests that the rail takes a second | payouts that it can make in an hour | payouts of an hour that one invocation reconciles | a month |\n|---|---|---|---|\n";
    for rail_takes in [5, 25, ENOUGH, 100] {
        let (made, carried) = (rail_takes * 3_600, Invocation { rail_takes }.payouts());
        let _ = writeln!(text, "| {rail_takes} | {made} | {carried} | {} million |", carried * 730 / MILLION);
    }
    text += "\n";
    text
}

/// 100 million a month are 38 a second, and a rail is to be paid at with four fifths of what it takes.
const ENOUGH: u128 = 50;

#[test]
fn an_invocation_is_as_long_as_the_function_has() {
    assert_eq!(u128::from(reconciler::TIME_OUT.as_secs()) - 20, INVOCATION_SECONDS);
}

/// An hour of a hundred million payouts a month, and of whatever the front door lets through to a rail.
#[test]
fn one_invocation_carries_an_hour_of_what_a_rail_takes() {
    assert!(Invocation { rail_takes: ENOUGH }.payouts() > 100 * MILLION / 730);
    for rail_takes in [1, 5, 25, ENOUGH, 100] {
        assert!(Invocation { rail_takes }.payouts() > rail_takes * 3_600 * 4 / 5, "{rail_takes}");
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a person may ask for the file to be written")]
fn tables_of_what_it_costs_are_what_the_command_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scale.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGINS).unwrap();
    let (found, after) = rest.split_once(ENDS).unwrap();
    let expected = tables();
    if std::env::var_os("PAYONCE_WRITE").is_some() {
        std::fs::write(&path, format!("{before}{BEGINS}{expected}{ENDS}{after}")).unwrap();
        return;
    }
    assert!(found == expected, "infra/scale.md differs: run this test with PAYONCE_WRITE=1");
}
