//! `infra/reconcile.sql` for one engine: the part in which that engine reads the books, and the part that both share.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Athena,
    DuckDb,
}

const SOURCE: &str = include_str!("../../../infra/reconcile.sql");

/// The file is in sections, each under a line `-- [name]`.
pub fn query(engine: Engine) -> String {
    let wanted = match engine {
        Engine::Athena => "-- [athena]",
        Engine::DuckDb => "-- [duckdb]",
    };
    let mut is_taken = true;
    let mut query = String::new();
    for line in SOURCE.lines() {
        if line.starts_with("-- [") {
            is_taken = line == wanted || line == "-- [both]";
        }
        if is_taken {
            query.push_str(line);
            query.push('\n');
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_has_its_readers_and_the_same_verdicts() {
        let verdicts = |engine| query(engine).split_once("-- [both]").unwrap().1.to_owned();
        assert_eq!(verdicts(Engine::Athena), verdicts(Engine::DuckDb));
        assert!(query(Engine::DuckDb).contains("read_json") && !query(Engine::Athena).contains("read_json"));
    }
}
