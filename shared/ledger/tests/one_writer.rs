//! The audit table has one writer (claims-are-forever), and the keys of all tables one grammar. The compiler keeps its name inside `append`; this keeps what could write without
//! a condition, or take a claim away, out of the rest.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::path::Path;

/// Every line of the crate that holds `needle`, as `file: line`; a file by its path below `src`.
fn lines_with(needle: &str) -> Vec<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut folders) = (Vec::new(), vec![src.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let file = path.strip_prefix(&src).unwrap().to_str().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().filter(|line| line.contains(needle));
            found.extend(lines.map(|line| format!("{file}: {}", line.trim())));
        }
    }
    found.sort();
    found
}

#[test]
fn nothing_deletes_or_writes_without_a_condition() {
    for call in [
        ".delete_item()",
        ".update_item()",
        ".batch_write_item()",
        ".execute_statement()",
        ".execute_transaction()",
        ".batch_execute_statement()",
        ".delete_table()",
        "Delete::builder()",
        ".scan()",
        "Update::builder()",
    ] {
        assert_eq!(lines_with(call), Vec::<String>::new(), "{call}");
    }
    // A token of ours would make a second call "done" about the first: only a further claim wants just that.
    let tokens = lines_with(".client_request_token(");
    assert!(tokens.len() == 1 && tokens[0].starts_with("transaction.rs"), "{tokens:?}");
}

#[test]
fn audit_table_has_one_writer() {
    // Its name leaves `append` only to be created, and to be asked for its id.
    let named: Vec<String> = lines_with("audit.table()");
    let of = |file: &str| named.iter().filter(|line| line.starts_with(file)).count();
    assert_eq!((named.len(), of("schema.rs"), of("control/hold.rs")), (3, 2, 1), "{named:?}");
    // Every other put names a table of its own.
    for put in [".put_item()", "Put::builder()"] {
        for line in lines_with(put) {
            let file = line.split(':').next().unwrap();
            assert!(
                [
                    "audit/append.rs",
                    "bodies/body.rs",
                    "bodies/evidence.rs",
                    "cases/batch.rs",
                    "cases/case.rs",
                    "cases/case_events.rs",
                    "cases/reissue.rs",
                    "control/people.rs",
                    "reconcile.rs"
                ]
                .contains(&file),
                "{line}"
            );
        }
    }
    assert_eq!(lines_with("table_name(&self.table)").len(), 5);
    assert!(lines_with("table_name(&self.table)").iter().all(|line| line.starts_with("audit/append.rs")));
}

/// Every key is built and taken apart in `keys.rs`. The compiler holds it for items, which begin with keys that only that file makes;
/// this for prefixes, for indexes and for what is compared.
#[test]
fn keys_are_spelled_in_one_file() {
    for piece in [
        "\"pk\".to_owned()",
        "\"sk\".to_owned()",
        ".key(\"",
        "0000#",
        "0001#",
        ":04}#",
        ":06}",
        ":020}",
        "look_up#",
        "look_ups#",
        "history#",
        "added#",
        "event#",
        "provider#",
        "open#",
        "resolved#",
        "\"evidence/",
        "\"batch/",
        "\"unfiled/",
        "\"batches\"",
        "\"control\"",
    ] {
        let elsewhere: Vec<String> = lines_with(piece).into_iter().filter(|line| !line.starts_with("keys")).collect();
        assert_eq!(elsewhere, Vec::<String>::new(), "{piece}");
    }
}
