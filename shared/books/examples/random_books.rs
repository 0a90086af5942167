//! `random_books FIRST LAST FOLDER`: random books of these seeds, with what the merge says of them, for the SQL to say the same.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test's tool"
)]

use std::path::Path;

#[path = "../tests/suite/items.rs"]
mod items;
#[path = "../tests/suite/random.rs"]
mod random;
#[path = "../tests/suite/two_runs.rs"]
mod two_runs;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [first, last, folder] = arguments.as_slice() else { panic!("usage: random_books FIRST LAST FOLDER") };
    let seeds = first.parse::<u64>().unwrap()..=last.parse().unwrap();
    for seed in seeds {
        let world = random::world(seed, 60);
        two_runs::both(seed, &world, &Path::new(folder).join(seed.to_string()));
    }
    std::fs::write(Path::new(folder).join("duckdb.sql"), payonce_books::sql::query(payonce_books::sql::Engine::DuckDb))
        .unwrap();
    std::fs::write(Path::new(folder).join("athena.sql"), payonce_books::sql::query(payonce_books::sql::Engine::Athena))
        .unwrap();
}
