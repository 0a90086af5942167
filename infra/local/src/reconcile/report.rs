//! A run as a finance desk reads it: the verdict, the statement that closes, the breaks, and what each book lacked.

use std::fmt::Write as _;

use payonce_books::manifest::to_json;
use payonce_books::said::SumLine;
use payonce_protocol::money::Currency;
use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::finding::Finding;
use payonce_protocol::reconcile::rows::{Book, Units};
use payonce_protocol::reconcile::run::RunVerdict;
use payonce_protocol::reconcile::statement::{Lines, Total};
use payonce_protocol::reconcile::terms::Lack;
use reconciler::{Account, BankLines};
use serde_json::{Value, json};

use super::{Failure, Ran, words};
use crate::report::Paint;

const NAME: usize = 42;

pub fn text(ran: &Ran, paint: Paint) -> String {
    let manifest = &ran.manifest;
    let says = words::verdict(manifest.verdict);
    let mut text = match manifest.verdict {
        RunVerdict::Incomplete => paint.warn(says),
        RunVerdict::Breaks => paint.bad(says),
        RunVerdict::Pending | RunVerdict::Reconciled => paint.bold(says),
    };
    let window = manifest.window;
    let _ = writeln!(text, "\n{} of {}", words::days(window.from(), window.to()), ran.place);
    if let Some(cut) = ran.cut {
        let _ = writeln!(text, "until {}: what comes later is not settled", words::time(cut));
    }
    let breaks = ran.breaks.len();
    let _ = writeln!(text, "{breaks} {}, {} left open", plural(breaks, "break"), manifest.statement.open.now());
    for (currency, lines) in &manifest.statement.currencies {
        statement(&mut text, *currency, lines, &ran.units, paint);
    }
    broken(&mut text, ran, paint);
    books(&mut text, ran, paint);
    if let Some(out) = &ran.out {
        let _ = writeln!(text, "\nbreaks.csv, breaks.jsonl, statement.csv, manifest.json: {}", out.display());
    }
    if let Some(for_query) = &ran.for_query {
        let (changes, folder) = (for_query.changes, for_query.folder.display());
        let _ = writeln!(text, "\nfor SQL, with {changes} items of the exports: {folder}");
        for (table, fault) in &for_query.faults {
            let _ = writeln!(text, "  {}", paint.warn(&format!("not read of {table}: {fault}")));
        }
    }
    text.push('\n');
    text
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

/// Both halves end in what must be one sum.
fn statement(text: &mut String, currency: Currency, lines: &Lines, units: &Units, paint: Paint) {
    let digits = units.0.get(&currency).copied().unwrap_or_default();
    let line =
        |name: &str, (count, minor): (i128, i128)| format!("{name:NAME$}{count:>10}{:>20}", decimal(minor, digits));
    let of = |total: Total| (i128::from(total.count), i128::from(total.minor));
    let asked = [
        (1, "  carried from the run before", of(lines.carried)),
        (1, "+ asked for", of(lines.asked)),
        (-1, "- paid by the rail", of(lines.paid)),
        (-1, "- paid by hand", of(lines.by_hand)),
    ];
    let _ =
        writeln!(text, "\n{}", paint.bold(&format!("{:NAME$}{:>10}{:>20}", currency.to_string(), "payouts", "amount")));
    let (mut left, mut explained) = ((0, 0), (0, 0));
    for (sign, name, total) in asked {
        left = (left.0 + sign * total.0, left.1 + sign * total.1);
        if total == (0, 0) && (name.starts_with(' ') || name.ends_with("hand")) {
            continue;
        }
        let _ = writeln!(text, "{}", line(name, total));
    }
    let _ = writeln!(text, "{}", paint.bold(&line("= left", left)));
    for finding in Finding::ALL.iter().filter(|finding| !matches!(finding, Finding::Reconciled | Finding::ByHand)) {
        let total = of(lines.left.get(finding).copied().unwrap_or_default());
        explained = (explained.0 + total.0, explained.1 + total.1);
        if total == (0, 0) {
            continue;
        }
        let _ = writeln!(text, "{}", line(&format!("  {}", words::finding(*finding)), total));
    }
    let _ = writeln!(text, "{}", paint.bold(&line("= explained", explained)));
    let _ = writeln!(text, "{}", paint.bold(&line("  difference", (left.0 - explained.0, left.1 - explained.1))));
}

/// Whole units of the currency, without rounding.
fn decimal(minor: i128, digits: u8) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let text = format!("{:0>width$}", minor.unsigned_abs(), width = usize::from(digits) + 1);
    match text.split_at_checked(text.len() - usize::from(digits)) {
        Some((whole, part)) if digits > 0 => format!("{sign}{whole}.{part}"),
        _ => format!("{sign}{text}"),
    }
}

fn money(sum: &SumLine, units: &Units) -> String {
    let digits = sum.currency.parse().ok().and_then(|currency| units.0.get(&currency)).copied().unwrap_or_default();
    format!("{} {}", decimal(sum.minor.into(), digits), sum.currency)
}

fn broken(text: &mut String, ran: &Ran, paint: Paint) {
    if ran.breaks.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", paint.bold("breaks"));
    let kinds = ran.breaks.iter().map(|it| it.kind.len()).max().unwrap_or_default();
    for it in &ran.breaks {
        let says = words::broken(BreakKind::parse(&it.kind), Book::parse(&it.book));
        let sums = [(" asked for", &it.expected), (" found", &it.found)].into_iter();
        let sums: Vec<String> =
            sums.filter_map(|(name, sum)| Some(format!("{name} {}", money(sum.as_ref()?, &ran.units)))).collect();
        let life = if it.life == "persisting" { ", known before" } else { "" };
        let _ = writeln!(text, "  {:kinds$}  {:8}  {}", it.kind, it.book, it.key);
        let (day, blank) = (words::days(it.at, it.at.saturating_add(1)), "");
        let _ = writeln!(text, "  {blank:kinds$}  {day}{life}: {says};{}", sums.join(","));
    }
}

fn books(text: &mut String, ran: &Ran, paint: Paint) {
    let head = format!("{:10}{:>8}  {}", "books", "rows", "what it lacks");
    let _ = writeln!(text, "\n{}", paint.bold(&head));
    for book in Book::ALL {
        if *book == Book::Bank && ran.bank.is_none() {
            let _ = writeln!(text, "  {:8}{:>8}  no file of the bank's: nothing is said about it", book.as_str(), "-");
            continue;
        }
        let rows = ran.manifest.rows.get(book).copied().unwrap_or_default();
        let gaps = ran.manifest.lacks().filter(|(gap, lack)| gap.book == *book && *lack != Lack::Earlier);
        let mut lacks: Vec<String> = gaps.map(|(gap, _)| words::lacks(gap)).collect();
        lacks.dedup();
        let says = if lacks.is_empty() { "nothing".to_owned() } else { paint.warn(&lacks.join("; ")) };
        let _ = writeln!(text, "  {:8}{rows:>8}  {says}", book.as_str());
    }
    if let Some((account, BankLines { booked, others })) = ran.bank {
        let what = match account {
            Account::OfTheRail => "the rail's own: each payout has a line, and each debit is a payout",
            Account::Shared => "shared: lines with our reference count, and what the rail pays is not looked for",
        };
        let _ = writeln!(text, "  the bank's account is {what}\n  booked lines {booked}, of these no payouts {others}");
    }
}

pub fn json(ran: &Ran) -> Result<Value, Failure> {
    let breaks = ran.breaks.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?;
    let bank = ran.bank.map(|(account, lines)| {
        let account = match account {
            Account::OfTheRail => "rail",
            Account::Shared => "shared",
        };
        json!({ "account": account, "booked": lines.booked, "no_payouts": lines.others })
    });
    Ok(json!({
        "verdict": ran.manifest.verdict.as_str(),
        "place": ran.place,
        "cut_at": ran.cut,
        "bank": bank,
        "manifest": to_json(&ran.manifest)?,
        "breaks": breaks,
        "out": ran.out.as_ref().map(|out| out.display().to_string()),
        "for_sql": ran.for_query.as_ref().map(|of| json!({
            "folder": of.folder.display().to_string(),
            "changes": of.changes,
            "faults": of.faults.iter().map(|(table, fault)| json!({ "table": table, "says": fault.to_string() })).collect::<Vec<_>>(),
        })),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_written_in_whole_units_of_their_currency() {
        let written = [(192_000, 2), (-5, 2), (0, 2), (70, 0), (1, 3)].map(|(minor, digits)| decimal(minor, digits));
        assert_eq!(written, ["1920.00", "-0.05", "0.00", "70", "0.001"]);
    }
}
