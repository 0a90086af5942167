//! The books' pages: what is not known is not shown as nothing, the statement closes before the reader's eyes, and a picture says
//! what its table says.

#![allow(clippy::unwrap_used, reason = "test code")]

#[path = "../examples/pages.rs"]
#[allow(dead_code)]
mod samples;

use console::pages::*;
use payonce_books::said::SaidLine;
use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::finding::Life;
use payonce_protocol::reconcile::rows::Book;
use payonce_protocol::reconcile::run::RunVerdict;
use payonce_protocol::reconcile::statement::Total;
use samples::books::*;
use samples::frame;

const BASE: &str = "/console";

fn section() -> Frame {
    frame(BASE, Section::Books, "Reconciliation")
}

fn said(run: &RealRun) -> RunSaid {
    RunSaid::read(&run.manifest).unwrap()
}

fn between<'a>(html: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    html.split(begin).skip(1).map(|rest| rest.split(end).next().unwrap()).collect()
}

fn text(html: &str) -> String {
    let parts = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    parts.collect::<Vec<_>>().join(" ").replace("&#39;", "'").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn manifests_are_read_as_the_books_write_them() {
    for run in RUNS.iter() {
        let said = said(run);
        let of =
            |life: &str| run.lines.iter().filter(|line| matches!(line, SaidLine::Break(it) if it.life == life)).count();
        assert_eq!((said.from, said.to), (run.from, run.to));
        assert_eq!(
            (said.breaks(Life::New), said.breaks(Life::Persisting)),
            (of("new") as u64, of("persisting") as u64)
        );
        let kinds: u64 = said.kinds.values().sum();
        assert_eq!(kinds, said.breaks(Life::New) + said.breaks(Life::Persisting));
        for bridge in &said.statement {
            assert_eq!(
                (bridge.open(), bridge.difference()),
                (bridge.explained(), Total::default()),
                "{}",
                bridge.currency
            );
        }
    }
    let last = said(RUNS.last().unwrap());
    assert!(last.rows[&Book::Bank] > 0 && last.kinds[&BreakKind::PaidTwice] == 1);
}

/// A word that is not known here makes the whole unreadable: a line that is left out of a statement is not seen to be missing.
#[test]
fn a_manifest_is_read_whole_or_not_at_all() {
    let manifest = &RUNS.last().unwrap().manifest;
    for (known, other) in [
        ("\"event_missing\":", "\"event_melted\":"),
        ("\"breaks\",\"window\"", "\"mixed\",\"window\""),
        ("\"rejected\":{", "\"regretted\":{"),
        ("\"asked\":", "\"begged\":"),
    ] {
        assert!(manifest.contains(known), "{known}: {manifest}");
        assert_eq!(RunSaid::read(&manifest.replace(known, other)), None, "{known}");
    }
    assert_eq!(RunSaid::read("{}"), None);
}

#[test]
fn a_day_of_the_bank_that_fell_due_is_said_by_its_run_and_not_as_an_earlier_time() {
    const DAY: u64 = 86_400_000;
    let run = RUNS.last().unwrap();
    let page = |lack: &str| {
        let (from, until) = (run.from - 3 * DAY, run.from - 2 * DAY);
        let gap = format!(
            "\"incomplete\":[{{\"book\":\"bank\",\"from\":{from},\"until\":{until},\"why\":\"report_not_ready\"{lack}}},"
        );
        let manifest = run.manifest.replacen("\"incomplete\":[", &gap, 1).replace("},]", "}]");
        let mut page = run_page(section(), run);
        page.said = RunSaid::read(&manifest).unwrap();
        text(&page.render().unwrap())
    };
    let (own, earlier) = ("No file that was imported speaks of it yet.", "Its report was not ready.");
    for (lack, is_own) in [(r#","lack":"due""#, true), (r#","lack":"earlier""#, false), ("", false)] {
        let text = page(lack);
        assert_eq!((text.contains(own), text.contains(earlier)), (is_own, !is_own), "{lack}: {text}");
    }
    // As an earlier version wrote it: what lies within the run's own time is its own.
    let unsaid = run.manifest.replace("\"lack\":\"due\",", "");
    assert_eq!(RunSaid::read(&unsaid).map(|said| said.gaps), Some(said(run).gaps));
    assert_eq!(
        RunSaid::read(&run.manifest.replace("\"lack\":\"due\"", "\"lack\":\"dull\"")).is_none(),
        unsaid != run.manifest
    );
}

#[test]
fn statement_closes_before_the_readers_eyes() {
    let html = run_page(section(), RUNS.last().unwrap()).render().unwrap();
    let euro = text(between(&html, "<table class=\"bridge\">", "</table>")[0]);
    let by_hand = "\u{2212} Paid by hand By two people's word 1 310.00\u{a0}EUR";
    for line in ["EUR closes", "+ Asked for", by_hand, "= To be explained", "= Not explained 0 0.00\u{a0}EUR"] {
        assert!(
            euro.replace("  ", " ").contains(&line.split_whitespace().collect::<Vec<_>>().join(" ")),
            "{line}: {euro}"
        );
    }
    // One cent less paid, and it is seen.
    let mut page = run_page(section(), RUNS.last().unwrap());
    page.said.statement[0].paid.minor -= 1;
    let html = page.render().unwrap();
    assert!(html.contains("does not close") && html.contains("0.01\u{a0}EUR"));
}

#[test]
fn loss_that_nobody_could_see_is_not_called_none() {
    let run = &RUNS[20];
    let said = said(run);
    assert_eq!((said.verdict, said.lost().is_all), (RunVerdict::Incomplete, false));
    let mut unseen = said.clone();
    unseen.kinds.clear();
    let page = |said: RunSaid| BooksPage {
        frame: section(),
        runs: vec![RunRow { from: run.from, to: run.to, said: Some(said) }],
        is_first: true,
        has_next: false,
    };
    let html = page(unseen.clone()).render().unwrap();
    assert!(html.contains("<td class=\"num\">not known</td>") && html.contains("the last run: not known."));
    let html = page(said).render().unwrap();
    assert!(html.contains("<td class=\"num\">at least 4</td>"));
    unseen.gaps.clear();
    assert!(page(unseen).render().unwrap().contains("<td class=\"num\">0</td>"));
}

#[test]
fn picture_says_what_its_table_says_in_whole_numbers() {
    let page = books(section(), true);
    let html = page.render().unwrap();
    let charts = between(&html, "<svg viewBox", "</svg>");
    assert_eq!(charts.len(), 2);
    for (chart, id) in charts.iter().zip(["breaks", "lost"]) {
        assert!(chart.contains(&format!("role=\"img\" aria-labelledby=\"t-{id} d-{id}\"")));
        assert!(chart.contains(&format!("<title id=\"t-{id}\">")) && chart.contains(&format!("<desc id=\"d-{id}\">")));
        for attribute in [" x=\"", " y=\"", " width=\"", " height=\""] {
            assert!(between(chart, attribute, "\"").iter().all(|number| number.parse::<u64>().is_ok()), "{attribute}");
        }
    }
    let bars =
        |chart: &str| between(chart, "<g><title>", "</title>").into_iter().rev().map(str::to_owned).collect::<Vec<_>>();
    let table = html.split("<tbody>").nth(1).unwrap();
    let rows: Vec<Vec<String>> = between(table, "<tr>", "</tr>")
        .iter()
        .map(|row| row.split("</t").map(text).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(rows.len(), page.runs.len());
    for ((row, breaks), lost) in rows.iter().zip(bars(charts[0])).zip(bars(charts[1])) {
        let cell = |at: usize| row[at].trim_start_matches("d> ").trim_start_matches("h> ").to_owned();
        if row.iter().any(|cell| cell.contains("Cannot be read")) {
            assert!(breaks.ends_with(": cannot be read") && lost.ends_with(": cannot be read"));
            continue;
        }
        assert_eq!(breaks, format!("{}: {} still there, {} new", cell(0), cell(3), cell(2)));
        assert_eq!(lost, format!("{}: {}", cell(0), cell(5)));
    }
}

#[test]
fn each_book_says_until_when_it_is_whole_and_why_not() {
    let html = run_page(section(), &RUNS[20]).render().unwrap();
    let sources: Vec<String> =
        between(&html, "<table class=\"list plain sources\">", "</table>")[0].split("<tr>").skip(2).map(text).collect();
    assert!(
        sources[0].contains("Not kept for us") && sources[0].contains("Nobody keeps such a book where we can read it."),
        "{sources:?}"
    );
    assert!(sources[1].contains("Complete until 9 Nov 2026, 00:00 UTC"), "{sources:?}");
    assert!(
        sources[2].contains("Complete until 8 Nov 2026, 09:00 UTC") && sources[2].contains("14:00 UTC: A part of it"),
        "{sources:?}"
    );
    // Of a bank nothing is said where nothing of it was read.
    let mut page = run_page(section(), &RUNS[20]);
    page.said.rows.remove(&Book::Bank);
    assert!(page.render().unwrap().contains("No line of it was read"));
}

#[test]
fn only_a_case_that_is_there_and_a_key_that_is_one_are_links() {
    let html = run_page(section(), RUNS.last().unwrap()).render().unwrap();
    let table = between(&html, "<table class=\"list breaks\">", "</table>")[0];
    for row in between(table, "<tr>", "</tr>").into_iter().skip(1) {
        let is_orphan = row.contains("Nobody asked for it");
        assert_eq!(row.contains("/console/cases/"), !is_orphan, "{row}");
        assert_eq!(row.contains("/console/payouts?key="), !is_orphan, "{row}");
    }
    let states: Vec<&str> =
        ["New", "Still there", "Gone"].into_iter().filter(|state| table.contains(&format!("{state}</span>"))).collect();
    assert_eq!(states, ["New", "Still there"]);
    let gone = RUNS.iter().find(|run| said(run).breaks(Life::Gone) > 0).unwrap();
    let html = run_page(section(), gone).render().unwrap();
    assert!(html.contains("Gone</span>") && html.contains("Explained: Payout made, 612.00\u{a0}EUR"), "{html}");
}

#[test]
fn case_shows_both_books_in_words_and_leads_to_its_run() {
    use payonce_protocol::outcome::Reason;
    for (kind, reason, ours, theirs) in [
        (
            "event_missing",
            Reason::EventMissing,
            "Nothing of this payout was in our records.",
            "The provider's book Event 42.00\u{a0}EUR",
        ),
        ("payout_missing", Reason::PayoutMissing, "Attempt 1 ended: accepted", "Nothing of this payout was in it."),
        (
            "payout_orphan",
            Reason::PayoutOrphan,
            "Nothing of this payout was in our records.",
            "The rail's book Payout made 777.00\u{a0}EUR",
        ),
        (
            "amount_mismatch",
            Reason::AmountMismatch,
            "Attempt 1 begun 1\u{202f}234.50\u{a0}EUR",
            "Differs by 100.00\u{a0}EUR",
        ),
        ("payee_mismatch", Reason::PayeeMismatch, "Attempt 1 begun 52.00\u{a0}EUR", "to acct_1Somebody"),
        (
            "payout_returned",
            Reason::PayoutReturned,
            "Attempt 1 begun",
            "Payout, of which money came back 2\u{202f}500\u{202f}000\u{a0}JPY",
        ),
        ("late_outcome", Reason::LateOutcome, "Late answer to attempt 1: accepted", "The rail's book"),
    ] {
        let page = case_of_books(BASE, kind, reason);
        let html = page.render().unwrap();
        let section = text(between(&html, "aria-labelledby=\"h-books\">", "</section>")[0]);
        let has = |words: &str| section.contains(&words.split_whitespace().collect::<Vec<_>>().join(" "));
        assert!(has(ours) && has(theirs), "{kind}: {section}");
        assert!(html.contains(&format!("href=\"/console/books/{}\"", RUNS.last().unwrap().to)), "{kind}");
        assert!(!html.contains("Rows of our book") && !html.contains("{&#34;book"), "{kind}");
    }
}
