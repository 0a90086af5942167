//! `infra/reconcile.sql` for one engine: the part in which that engine reads the books, and the parts that both share. DuckDB takes it in one
//! query, and Athena in several statements: its tables, three parts of the query that are kept as tables, and what is asked of them.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Athena,
    DuckDb,
}

const SOURCE: &str = include_str!("../../../infra/reconcile.sql");

/// Parts of the query that are used more than once.
const KEPT: [&str; 3] = ["placed", "judged", "standing"];

/// In one piece.
pub fn query(engine: Engine) -> String {
    let readers = match engine {
        Engine::Athena => "athena",
        Engine::DuckDb => "duckdb",
    };
    [section(""), section(readers), KEPT.map(section).concat(), section("said")].concat()
}

/// Each statement under a name; in the order of the names the last one answers.
pub fn for_athena() -> Vec<(String, String)> {
    let tables: String = section("tables").split_inclusive('\n').filter(|line| !line.starts_with("--")).collect();
    let tables = tables.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned);
    let mut statements: Vec<String> = tables.collect();
    let mut readers = section("athena");
    for part in KEPT {
        let text = section(part);
        let text = text.trim_end().trim_end_matches(',');
        statements.push(format!(
            "CREATE TABLE payonce_{part} WITH (format = 'PARQUET') AS\n{readers}{text}\nSELECT * FROM {part}\n"
        ));
        readers += &format!("{part} AS (\n    SELECT * FROM payonce_{part}\n),\n");
    }
    statements.push(readers + &section("said"));
    (1..).zip(statements).map(|(number, statement)| (format!("{number:02}"), statement)).collect()
}

/// A section begins under a line `-- [name]`; what stands above all of them has no name.
fn section(wanted: &str) -> String {
    let mut name = "";
    let mut taken = String::new();
    for line in SOURCE.lines() {
        match line.strip_prefix("-- [").and_then(|line| line.strip_suffix(']')) {
            Some(of) => name = of,
            None if name == wanted => {
                taken.push_str(line);
                taken.push('\n');
            }
            None => {}
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_has_its_readers_and_the_same_verdicts() {
        let verdicts = |engine| query(engine).split_once("\nscales AS (").unwrap().1.to_owned();
        assert_eq!(verdicts(Engine::Athena), verdicts(Engine::DuckDb));
        assert!(query(Engine::DuckDb).contains("read_json") && !query(Engine::Athena).contains("read_json"));
    }

    #[test]
    fn athena_is_given_one_statement_at_a_time_and_keeps_what_is_used_again() {
        let statements: Vec<String> = for_athena().into_iter().map(|(_, statement)| statement).collect();
        let begins = |of: &str| statements.iter().filter(|text| text.starts_with(of)).count();
        for table in ["terms", "gaps", "units", "lists", "listed", "audit_export", "reconcile_export"] {
            assert_eq!(begins(&format!("CREATE EXTERNAL TABLE payonce_{table} (")), 1, "{table}");
            assert!(query(Engine::Athena).contains(&format!("FROM payonce_{table}\n")), "{table}");
        }
        for table in KEPT {
            assert_eq!(
                begins(&format!("CREATE TABLE payonce_{table} WITH (format = 'PARQUET') AS\nWITH terms AS (")),
                1
            );
        }
        assert!(statements.len() == 11 && statements.iter().all(|text| !text.contains(';')));
        for (part, statement) in KEPT.iter().chain(&["said"]).map(|part| section(part)).zip(&statements[7..]) {
            assert!(statement.contains(part.trim_end().trim_end_matches(',')));
        }
    }
}
