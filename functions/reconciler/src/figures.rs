//! What the last finished run says, as figures: whoever is late, lacks a book, paid twice or paid another shows there, run after run.

use payonce_ledger::KeptRun;
use payonce_protocol::UnixMillis;
use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::finding::Life;
use payonce_protocol::reconcile::rows::Book;
use payonce_protocol::reconcile::terms::Why;
use payonce_runtime::metrics::LastRun;
use serde_json::{Map, Value};

/// A book that nobody keeps for us is a matter of the configuration, and is said on the run's page. `None`: what the run says cannot be
/// read, and zeros would say that all is well.
pub(crate) fn of(run: &KeptRun, now: UnixMillis, bank_ms: u64) -> Option<LastRun> {
    let manifest: Value = serde_json::from_str(&run.manifest).ok()?;
    manifest.get("verdict")?;
    let [breaks, kinds] = [manifest.get("breaks")?.as_object()?, manifest.get("kinds")?.as_object()?];
    // What there is none of is not named.
    let count = |of: &Map<String, Value>, name: &str| of.get(name).map_or(Some(0), Value::as_u64);
    let kinds = |named: &[BreakKind]| named.iter().map(|kind| count(kinds, kind.as_str())).sum::<Option<u64>>();
    let gaps = manifest.get("incomplete").and_then(Value::as_array)?;
    let is_of_window = |gap: &&Value| gap["until"].as_u64().is_none_or(|until| until > run.from);
    let is_kept = |gap: &&Value| gap["why"].as_str() != Some(Why::NotAskable.as_str());
    // A day of the bank's is waited for as long as a line may take to be booked.
    let is_due = |gap: &&Value| {
        let is_long_ago = gap["from"].as_u64().is_none_or(|from| from.saturating_add(bank_ms) < run.to);
        gap["book"].as_str() != Some(Book::Bank.as_str()) || is_long_ago
    };
    Some(LastRun {
        behind_seconds: now.saturating_sub(run.to) / 1000,
        incomplete: gaps.iter().filter(is_of_window).filter(is_kept).filter(is_due).count() as u64,
        open_breaks: count(breaks, Life::New.as_str())? + count(breaks, Life::Persisting.as_str())?,
        paid_twice: kinds(&[BreakKind::PaidTwice])?,
        wrong_payee: kinds(&[BreakKind::PayeeMismatch])?,
        lost: kinds(&[BreakKind::EventMissing, BreakKind::CaseMissing])?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_cannot_be_read_says_nothing_rather_than_zero() {
        let run = |manifest: &str| {
            let manifest = manifest.to_owned();
            KeptRun { from: 0, to: 1_000, finished_at: 2_000, manifest, files: Default::default() }
        };
        let whole = r#"{"verdict":"breaks","incomplete":[],"breaks":{},"kinds":{}}"#;
        assert_eq!(of(&run(whole), 9_000, 0), Some(LastRun { behind_seconds: 8, ..LastRun::default() }));
        let without = ["verdict", "incomplete", "breaks", "kinds"].map(|name| whole.replace(name, "another"));
        let odd = [r#"{"new":"1"}"#, "[]", "null"]
            .map(|odd| whole.replacen("\"breaks\":{}", &format!("\"breaks\":{odd}"), 1));
        let unreadable = without.into_iter().chain(odd).chain(["", "{}", "[]"].map(str::to_owned));
        for unreadable in unreadable.chain([whole[..40].to_owned()]) {
            let unreadable = unreadable.as_str();
            assert_eq!(of(&run(unreadable), 9_000, 0), None, "{unreadable}");
        }
        let written = r#"{"verdict":"breaks","incomplete":[{"book":"rail","from":0,"until":1,"why":"page_lost"},
            {"book":"provider","from":0,"until":1,"why":"not_askable"},{"book":"rail","from":0,"until":0,"why":"page_lost"}],
            "breaks":{"new":1,"persisting":2},"kinds":{"paid_twice":1,"event_missing":1,"case_missing":1,"payee_mismatch":3}}"#;
        let said = LastRun { behind_seconds: 8, incomplete: 1, open_breaks: 3, paid_twice: 1, wrong_payee: 3, lost: 2 };
        assert_eq!(of(&run(written), 9_000, 0), Some(said));
    }

    #[test]
    fn a_day_of_the_bank_is_counted_when_it_is_longer_ago_than_a_line_may_take() {
        let manifest = r#"{"verdict":"pending","incomplete":[{"book":"bank","from":400,"until":1000,"why":"report_not_ready"}],
            "breaks":{},"kinds":{}}"#;
        let run = KeptRun {
            from: 0,
            to: 1_000,
            finished_at: 2_000,
            manifest: manifest.to_owned(),
            files: Default::default(),
        };
        let incomplete = |bank_ms| of(&run, 9_000, bank_ms).map(|said| said.incomplete);
        assert_eq!((incomplete(600), incomplete(599)), (Some(0), Some(1)));
    }
}
