//! What was imported of the bank's files: numbered without a gap, whole or not there.

use payonce_ledger::{KeptFile, KeptImport, LedgerError, Who};
use payonce_protocol::ids::Digest;

use crate::bench::{Bench, NOW};
use crate::runs::noise;

fn import(number: u64, kept: KeptFile) -> KeptImport {
    KeptImport {
        number,
        at: NOW,
        by: Who { subject: "auth0|ada".to_owned(), name: (number == 1).then(|| "Ada".to_owned()) },
        name: "monday.xml".to_owned(),
        file: Digest::of(number.to_string()),
        days: (number == 1).then(|| ("2026-11-23".to_owned(), "2026-11-24".to_owned())),
        new: 5,
        known: 4,
        changed: 3,
        doubtful: 2,
        kept,
    }
}

pub async fn an_import_counts_when_it_is_finished_and_never_in_part(bench: Bench) {
    let ledger = &bench.ledger;
    let kept = ledger.keep_import_lines(&noise()).await.unwrap();
    assert!(kept.parts > 1);
    // Whoever wrote the parts died here.
    assert_eq!(ledger.imports().await.unwrap(), []);
    assert!(ledger.finish_import(&import(1, kept)).await.unwrap());
    let other = ledger.keep_import_lines(b"other").await.unwrap();
    for number in 2..=11 {
        assert!(ledger.finish_import(&import(number, other)).await.unwrap());
    }
    let listed = ledger.imports().await.unwrap();
    assert_eq!(listed[..2], [import(1, kept), import(2, other)]);
    assert_eq!(listed.iter().map(|import| import.number).collect::<Vec<_>>(), (1..=11).collect::<Vec<_>>());
}

pub async fn two_imports_at_once_do_not_share_a_number(bench: Bench) {
    let ledger = &bench.ledger;
    let [one, two] = [b"one", b"two"];
    let (one, two) = (ledger.keep_import_lines(one).await.unwrap(), ledger.keep_import_lines(two).await.unwrap());
    let (first, second) = (import(1, one), import(1, two));
    let done = futures_util::future::join(ledger.finish_import(&first), ledger.finish_import(&second)).await;
    let (first_won, second_won) = (done.0.unwrap(), done.1.unwrap());
    assert!(first_won != second_won, "exactly one has the number");
    let stands = if first_won { first } else { second };
    assert_eq!(ledger.imports().await.unwrap(), [stands]);
}

pub async fn what_an_import_says_comes_back_whole_or_not_at_all(bench: Bench) {
    let ledger = &bench.ledger;
    let noise = noise();
    let kept = ledger.keep_import_lines(&noise).await.unwrap();
    assert_eq!(ledger.keep_import_lines(&noise).await.unwrap(), kept, "the same again");
    let whole = import(1, kept);
    assert_eq!(ledger.import_lines(&whole).await.unwrap(), noise);
    // Of some megabytes, which are few when they are kept.
    let long = b"a line of the bank's\n".repeat(100_000);
    let kept_long = ledger.keep_import_lines(&long).await.unwrap();
    assert!(ledger.import_lines(&import(2, kept_long)).await.unwrap() == long);
    let parts = KeptFile { parts: kept.parts + 1, ..kept };
    let another = KeptFile { digest: Digest::of("another"), ..kept };
    for odd in [parts, another] {
        let refused = ledger.import_lines(&import(1, odd)).await;
        assert!(matches!(refused, Err(LedgerError::Unreadable { .. })), "{refused:?}");
    }
}
