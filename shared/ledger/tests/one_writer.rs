//! The audit table has one writer (H3). The compiler keeps its name inside `append`; this keeps what could write without
//! a condition, or take a claim away, out of the rest.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::path::Path;

/// Every line of the crate that holds `needle`, as `file: line`.
fn lines_with(needle: &str) -> Vec<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for entry in fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        found.extend(text.lines().filter(|line| line.contains(needle)).map(|line| format!("{file}: {}", line.trim())));
    }
    found.sort();
    found
}

#[test]
fn something_deletes_or_writes_without_a_condition() {
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
fn the_audit_table_has_a_second_writer() {
    // Its name leaves `append` only to be created, and to be asked for its id.
    let named: Vec<String> = lines_with("audit.table()");
    let of = |file: &str| named.iter().filter(|line| line.starts_with(file)).count();
    assert_eq!((named.len(), of("schema.rs"), of("control.rs")), (3, 2, 1), "{named:?}");
    // Every other put names a table of its own.
    for put in [".put_item()", "Put::builder()"] {
        for line in lines_with(put) {
            let file = line.split(':').next().unwrap();
            assert!(
                [
                    "append.rs",
                    "batch.rs",
                    "body.rs",
                    "case.rs",
                    "case_events.rs",
                    "control.rs",
                    "evidence.rs",
                    "people.rs",
                    "reissue.rs",
                    "round.rs"
                ]
                .contains(&file),
                "{line}"
            );
        }
    }
    assert_eq!(lines_with("table_name(&self.table)").len(), 5);
    assert!(lines_with("table_name(&self.table)").iter().all(|line| line.starts_with("append.rs")));
}
