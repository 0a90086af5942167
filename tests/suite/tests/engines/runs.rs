//! Runs of the reconciler as items: one for a window, its files whole or refused.

use std::collections::BTreeMap;

use payonce_ledger::{KeptRun, LedgerError};

use crate::bench::{Bench, NOW};

fn run(to: u64, says: &str) -> KeptRun {
    KeptRun { from: to - 1_000, to, finished_at: to + 5, manifest: says.to_owned(), files: BTreeMap::new() }
}

pub async fn a_window_has_one_run(bench: Bench) {
    let ledger = &bench.ledger;
    assert!(ledger.finish_run(&run(NOW, "first")).await.unwrap());
    assert!(!ledger.finish_run(&run(NOW, "second")).await.unwrap());
    assert_eq!(ledger.run(NOW).await.unwrap(), Some(run(NOW, "first")));
    assert_eq!(ledger.run(NOW + 1).await.unwrap(), None);
}

pub async fn runs_are_listed_from_the_latest(bench: Bench) {
    let ledger = &bench.ledger;
    for number in 1..=5 {
        ledger.finish_run(&run(NOW + number, "")).await.unwrap();
    }
    let ends = |runs: Vec<KeptRun>| runs.into_iter().map(|run| run.to - NOW).collect::<Vec<_>>();
    assert_eq!(ends(ledger.runs(None, 2).await.unwrap()), [5, 4]);
    assert_eq!(ends(ledger.runs(Some(NOW + 4), 10).await.unwrap()), [3, 2, 1]);
}

/// Of several parts, incompressible.
pub fn noise() -> Vec<u8> {
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    });
    noise.take(900 * 1024).collect()
}

/// Of several parts, and an empty one.
pub async fn a_file_of_a_run_comes_back_whole_or_not_at_all(bench: Bench) {
    let ledger = &bench.ledger;
    let noise = noise();
    let mut stored = run(NOW, "");
    for (name, bytes) in [("large", noise.as_slice()), ("empty", b"")] {
        let kept = ledger.keep_run_file(NOW, bytes).await.unwrap();
        assert_eq!(ledger.keep_run_file(NOW, bytes).await.unwrap(), kept, "the same again");
        stored.files.insert(name.to_owned(), kept);
    }
    assert_eq!(stored.files["large"].parts, 3);
    ledger.finish_run(&stored).await.unwrap();
    let read = ledger.run(NOW).await.unwrap().unwrap();
    assert_eq!(read, stored);
    assert_eq!(ledger.run_file(&read, "large").await.unwrap().as_deref(), Some(noise.as_slice()));
    assert_eq!(ledger.run_file(&read, "empty").await.unwrap().as_deref(), Some(b"".as_slice()));
    assert_eq!(ledger.run_file(&read, "none").await.unwrap(), None);
    // A part that is not there.
    let mut short = read;
    short.files.get_mut("large").unwrap().parts = 4;
    let refused = ledger.run_file(&short, "large").await;
    assert!(matches!(refused, Err(LedgerError::Unreadable { .. })), "{refused:?}");
}
