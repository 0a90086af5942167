//! What the last finished run says, as figures: whoever is late, lacks a book, paid twice or paid another shows there, run after run.

use payonce_ledger::KeptRun;
use payonce_protocol::UnixMillis;
use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::finding::Life;
use payonce_protocol::reconcile::terms::{Lack, Why};
use payonce_runtime::metrics::LastRun;
use serde_json::{Map, Value};

/// A book that nobody keeps for us is a matter of the configuration, and is said on the run's page. `None`: what the run says cannot be
/// read, and zeros would say that all is well.
pub(crate) fn of(run: &KeptRun, now: UnixMillis) -> Option<LastRun> {
    let manifest: Value = serde_json::from_str(&run.manifest).ok()?;
    manifest.get("verdict")?;
    let [breaks, kinds] = [manifest.get("breaks")?.as_object()?, manifest.get("kinds")?.as_object()?];
    // What there is none of is not named.
    let count = |of: &Map<String, Value>, name: &str| of.get(name).map_or(Some(0), Value::as_u64);
    let kinds = |named: &[BreakKind]| named.iter().map(|kind| count(kinds, kind.as_str())).sum::<Option<u64>>();
    let gaps = manifest.get("incomplete").and_then(Value::as_array)?;
    let is_kept = |gap: &&Value| gap["why"].as_str() != Some(Why::NotAskable.as_str());
    let counts = |gap: &&Value| match gap["lack"].as_str() {
        Some(lack) => ![Lack::Awaited, Lack::Earlier].map(Lack::as_str).contains(&lack),
        // An earlier version did not say it.
        None => gap["until"].as_u64().is_none_or(|until| until > run.from),
    };
    Some(LastRun {
        behind_seconds: now.saturating_sub(run.to) / 1000,
        incomplete: gaps.iter().filter(is_kept).filter(counts).count() as u64,
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
        assert_eq!(of(&run(whole), 9_000), Some(LastRun { behind_seconds: 8, ..LastRun::default() }));
        let without = ["verdict", "incomplete", "breaks", "kinds"].map(|name| whole.replace(name, "another"));
        let odd = [r#"{"new":"1"}"#, "[]", "null"]
            .map(|odd| whole.replacen("\"breaks\":{}", &format!("\"breaks\":{odd}"), 1));
        let unreadable = without.into_iter().chain(odd).chain(["", "{}", "[]"].map(str::to_owned));
        for unreadable in unreadable.chain([whole[..40].to_owned()]) {
            let unreadable = unreadable.as_str();
            assert_eq!(of(&run(unreadable), 9_000), None, "{unreadable}");
        }
        let written = r#"{"verdict":"breaks","incomplete":[
            {"book":"rail","from":0,"until":1,"why":"page_lost","lack":"due"},{"book":"rail","from":0,"until":1,"why":"page_lost"},
            {"book":"rail","from":0,"until":0,"why":"page_lost"},
            {"book":"provider","from":0,"until":1,"why":"not_askable","lack":"due"},
            {"book":"bank","from":0,"until":1,"why":"report_not_ready","lack":"awaited"},
            {"book":"rail","from":0,"until":0,"why":"page_lost","lack":"earlier"}],
            "breaks":{"new":1,"persisting":2},"kinds":{"paid_twice":1,"event_missing":1,"case_missing":1,"payee_mismatch":3}}"#;
        let said = LastRun { behind_seconds: 8, incomplete: 2, open_breaks: 3, paid_twice: 1, wrong_payee: 3, lost: 2 };
        assert_eq!(of(&run(written), 9_000), Some(said));
    }
}
