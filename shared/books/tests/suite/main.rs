//! The reconciliation as a whole: random books, books in which one row is wrong, and runs that follow each other.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod earlier;
mod items;
mod one_row;
mod random;
mod two_runs;

use std::fs;

use payonce_books::line::Line;
use payonce_books::manifest::read_before;
use payonce_books::reconcile::{BREAKS_CSV, CARRIED, STATEMENT_CSV};
use payonce_protocol::ids::Digest;

#[test]
fn random_books_close_and_chain() {
    for seed in 0..40 {
        let folder = tempfile::tempdir().unwrap();
        let world = random::world(seed, 60);
        let [one, two] = two_runs::both(seed, &world, folder.path());
        assert!(one.statement.closes() && two.statement.closes(), "seed {seed}");
        assert_eq!(two.statement.open.before, one.statement.open.now(), "seed {seed}");
    }
}

#[test]
fn a_row_survives_its_line() {
    for seed in 0..10 {
        for (_, row) in random::world(seed, 60).rows {
            let text = serde_json::to_string(&Line::of(&row)).unwrap();
            assert_eq!(serde_json::from_str::<Line>(&text).unwrap().row(), Ok(row));
        }
    }
}

/// The next run finds what it needs, each file is what the manifest says, and a reading again gives the same bytes.
#[test]
fn a_run_leaves_files_that_its_manifest_vouches_for() {
    let (folder, again) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let world = random::world(7, 60);
    let [_, two] = two_runs::both(7, &world, folder.path());
    two_runs::both(7, &world, again.path());
    let out = |folder: &tempfile::TempDir| folder.path().join("2/out");
    assert_eq!(read_before(&out(&folder)).unwrap(), Some(two.as_before()));
    assert_eq!(two.files.len(), 4);
    for (name, hash) in &two.files {
        let bytes = fs::read(out(&folder).join(name)).unwrap();
        assert_eq!(Digest::of(&bytes), *hash, "{name}");
        assert_eq!(fs::read(out(&again).join(name)).unwrap(), bytes, "{name}");
    }
    let lines = |name| fs::read_to_string(out(&folder).join(name)).unwrap().lines().count();
    assert!(lines(BREAKS_CSV) > 10 && lines(CARRIED) > 10 && lines(STATEMENT_CSV) > 12);
    // Without a manifest it is no run.
    assert_eq!(read_before(again.path()).unwrap(), None);
}

#[test]
fn the_order_in_which_rows_come_changes_nothing() {
    let (folder, turned) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut world = random::world(3, 80);
    // Of two readings of one row the later counts, so that each is read once here.
    world.rows.retain(|(run, _)| *run == 0);
    let rows = |world: &random::World| world.rows.iter().map(|(_, row)| row.clone()).collect();
    let read = |rows| two_runs::Read { carried: vec![], rows };
    let one = two_runs::reconcile(&world, 0, &read(rows(&world)), folder.path(), None, false);
    world.rows.reverse();
    let other = two_runs::reconcile(&world, 0, &read(rows(&world)), turned.path(), None, false);
    assert_eq!((one.statement, one.breaks), (other.statement, other.breaks));
}
