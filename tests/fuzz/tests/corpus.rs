//! Every input that is kept, without libFuzzer: what was found once stays mended.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy.toml allows them in #[test] functions only")]

#[path = "../src/bounded.rs"]
mod bounded;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use payonce_fuzz::{TARGETS, run};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_kept_input_keeps_the_promises_of_its_target() {
    std::thread::scope(|scope| {
        for target in &TARGETS {
            scope.spawn(|| {
                let folder = corpus().join(target.name);
                for name in names(&folder) {
                    println!("{}/{name}", target.name);
                    let input = fs::read(folder.join(name)).unwrap();
                    bounded::in_bounded_time(|| run(target, &input));
                }
            });
        }
    });
}

#[test]
fn every_target_has_a_small_corpus_and_no_other_has_one() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names(&corpus()), targets);
    for target in &targets {
        let folder = corpus().join(target);
        let files = names(&folder);
        let bytes: u64 = files.iter().map(|name| fs::metadata(folder.join(name)).unwrap().len()).sum();
        assert!((3..=400).contains(&files.len()) && bytes < 400_000, "{target}: {} files, {bytes} bytes", files.len());
    }
}
