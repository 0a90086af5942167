"""The reconciliation is written twice: shared/protocol/src/reconcile in Rust and infra/reconcile.sql. Random books, and both say the same.

    cargo build -p payonce-books --examples
    python -m pytest tests/reconcile --ignore tests/reconcile/test_athena.py

PAYONCE_RECONCILE_SEEDS=FIRST-LAST runs other seeds than the usual ones.
"""

import gzip
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import duckdb
import pytest
import sqlglot
from said import ROOT, SQL, as_said, differences, rows_of, said_by_merge, said_by_sql, section
from sqlglot import expressions

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
FIRST, LAST = map(int, os.environ.get("PAYONCE_RECONCILE_SEEDS", "1-40").split("-"))


@pytest.fixture(scope="session")
def books(tmp_path_factory):
    folder = tmp_path_factory.mktemp("books")
    subprocess.run([TARGET / "debug/examples/random_books", str(FIRST), str(LAST), folder], check=True)
    return folder


@pytest.mark.parametrize("seed", range(FIRST, LAST + 1))
@pytest.mark.parametrize("run", [1, 2])
def test_sql_says_what_the_merge_says(books, seed, run):
    different = differences(books / str(seed) / str(run), section("duckdb"))
    assert not different, f"seed {seed}, run {run}:\n" + "\n".join(sorted(different))


@pytest.mark.parametrize("seed", range(FIRST, LAST + 1))
def test_what_a_damaged_export_may_have_held_is_not_missing(books, seed):
    """One of its files is cut. Both read the others alone, and conclude nothing from what they do not have."""
    folder = books / str(seed) / "damaged"
    different = differences(folder, section("duckdb"))
    assert not different, f"seed {seed}:\n" + "\n".join(sorted(different))
    said = as_said(said_by_sql(folder, section("duckdb")))
    assert said["verdict", "incomplete"] == 1
    absent = {("event_missing", "provider"), ("outcome_missing", "ours"), ("case_missing", "ours"), ("claim_missing", "ours"),
              ("payout_orphan", "rail"), ("payout_orphan", "bank")}
    assert not [line for line in said if line[0] == "break" and (line[3], line[4]) in absent]


def test_each_kind_of_break_and_each_finding_comes_about(books):
    """A check that never fires proves nothing."""
    kinds, lives, findings = Counter(), Counter(), Counter()
    for seed in range(FIRST, LAST + 1):
        for run in "12":
            for line in said_by_merge(books / str(seed) / run):
                if line[0] == "break":
                    kinds[line[3], line[4]] += 1
                    lives[line[1]] += 1
                elif line[0] == "gone":
                    lives["gone"] += 1
                elif line[0] == "finding":
                    findings[line[1]] += line[2]
    wanted = set(re.findall(r"(?:UNION ALL )?SELECT '(\w+)'(?: AS said)?, '(\w+)'(?: AS of_book)?, '\w*'", section("duckdb")))
    assert len(wanted) == 22 and set(kinds) == wanted
    assert set(lives) == {"new", "persisting", "gone"}
    assert set(findings) == {"break", "incomplete", "pending", "by_hand", "reconciled", "unknown", "not_sent", "rejected", "closed"}


BOTH = SQL.read_text().split("-- [placed]\n")[1]
# One arm or one condition of the verdicts each: whatever goes wrong there is seen in some book.
MUTATIONS = [
    ("'event_missing' THEN CASE WHEN kind = 'event' AND times_named = 0 THEN 1 END", "'event_missing' THEN 0"),
    ("WHEN kind = 'refused' AND times_named = 1 THEN 1 END", "END"),
    ("AND is_bar = 0 AND is_listed = 0", "AND is_listed = 0"),
    (" AND k NOT LIKE '_%~____________'", ""),
    ("AND word <> 'accepted' AND has_case = 0", "AND word <> 'accepted'"),
    ("WHEN 'late_outcome' THEN CASE WHEN kind = 'late' AND late_is_ended = 0", "WHEN 'late_outcome' THEN CASE WHEN kind = 'late'"),
    ("AND has_claim = 0 THEN 1", "AND has_claim = 0 THEN 0"),
    ("WHEN 'claim_overwritten' THEN CASE WHEN kind = 'overwritten' THEN 1 END", "WHEN 'claim_overwritten' THEN 0"),
    ("claims = 0 OR may_have_paid = 0 OR", "claims = 0 OR"),
    ("may_have_paid = 0 OR ended_unpaid = 1", "may_have_paid = 0"),
    ("is_made = 1 AND made_so_far > 1", "is_made = 1 AND made_so_far > 2"),
    ("outs_so_far > backs + 1", "outs_so_far > 1"),
    ("WHEN kind = 'by_hand' OR (kind = 'payout'", "WHEN (kind = 'payout'"),
    ("AND ending = 'confirmed_accepted' AND attempt IS NOT NULL THEN 1", "AND ending = 'confirmed_accepted' AND attempt IS NOT NULL THEN 0"),
    ("AND subject IS NULL AND ending IN ('not_paid', 'written_off')", "AND ending IN ('not_paid')"),
    ("WHEN live > 0 AND last_is_open = 0 THEN 'reconciled'", "WHEN live > 0 THEN 'reconciled'"),
    ("AND word = 'failed' AND live = 0 AND accepted_at IS NOT NULL THEN 1", "AND word = 'failed' AND live = 0 THEN 1"),
    ("minor <> least_claimed OR minor <> most_claimed", "minor <> least_claimed AND minor <> most_claimed"),
    ("WHEN of_book = 'bank' AND kind = 'line' AND claims + by_hand > 0 THEN 1 END", "END"),
    ("payee <> first_payee OR payee <> last_payee", "payee <> first_payee AND payee <> last_payee"),
    ("WHEN of_book = 'rail' AND kind = 'payout' AND payee <> asked_payee THEN 1 END", "END"),
    ("WHEN of_book = 'ours' AND kind = 'claim' AND payee <> asked_payee THEN 1", ""),
    ("max(CASE WHEN voice = asking AND kind = 'claim' THEN payee END)", "max(CASE WHEN kind = 'claim' THEN payee END)"),
    ("AND coalesce(ending, '') <> 'explained'", ""),
    ("CASE WHEN is_held = 1 AND is_ended = 0 THEN 1 ELSE 0 END AS holds", "is_held AS holds"),
    ("WHEN holds = 1 AND as_of < due THEN 'pending'", ""),
    ("WHEN holds = 1 AND gap_count > 0 THEN 'incomplete'", ""),
    ("WHEN holds = 1 AND was_said = 1 THEN 'persisting'", ""),
    ("WHEN was_said = 1 AND has_news = 1 THEN 'gone'", ""),
    ("OR gaps.book = weighed.needs_too", ""),
    ("'payout_orphan', 'bank', 'rail', 'ours'", "'payout_orphan', 'bank', 'rail', ''"),
    ("gaps.from_ms < weighed.due OR gaps.from_ms < weighed.since + 1", "gaps.from_ms < weighed.since + 1"),
    ("WHEN said = 'event_orphan' THEN named_at - provider_ms", ""),
    ("WHEN ends_difference = 1 THEN 'closed'", ""),
    ("CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN word END) ELSE max(word) END AS word", "max(word) AS word"),
    ("amount * scale AS minor, audit.currency", "amount AS minor, audit.currency"),
    ("WHEN kind = 'case' AND subject IS NULL THEN '4'", "WHEN kind = 'case' THEN '4'"),
    ("WHERE was_there = 1 OR is_there = 0", "WHERE was_there = 1 AND is_there = 1"),
    ("WHERE was_there = 1 OR is_there = 0", "WHERE was_there = 1"),
    ("OR on_their_way > 0", ""),
    ("SELECT k, currency_before, -1", "SELECT k, currency_before, 1"),
    ("WHEN incomplete = 1 OR lacks > 0", "WHEN incomplete = 1"),
    ("by_payment = 1 AND event IS NOT NULL THEN pk", "by_payment = 2 THEN pk"),
    ("by_payment = 1 AND event IS NOT NULL THEN coalesce(cases.k, event)", "by_payment = 2 THEN event"),
    ("currency, NULL, hand_at_bank, NULL", "currency, NULL, 1, NULL"),
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation[0][:60])
def test_a_changed_verdict_is_noticed(books, mutation):
    old, new = mutation
    assert BOTH.count(old) == 1, f"{BOTH.count(old)} places: {old}"
    query = section("duckdb").replace(old, new)
    folders = [books / str(seed) / run for seed in range(FIRST, LAST + 1) for run in "21"]
    assert any(differences(folder, query) for folder in folders)


def test_provider_without_a_list_of_events_lacks_none(books, tmp_path):
    """Whoever writes `listed` himself does not have what the merge makes of the deliveries that such a provider signed."""
    of_lists_alone, without = " AND in_list = 1", ("custom/", "square/")
    query = section("duckdb")
    assert query.count(of_lists_alone) == 1

    def orphans(folder, query):
        rows = [row for row in said_by_sql(folder, query) if row["part"] == "break" and row["kind"] == "event_orphan"]
        return [row["payout_key"] for row in rows if row["payout_key"].startswith(without)]

    noticed = False
    for seed in range(FIRST, min(LAST, FIRST + 4) + 1):
        folder = shutil.copytree(books / f"{seed}/1", tmp_path / str(seed))
        file = folder / "listed/rows.jsonl.gz"
        rows = gzip.decompress(file.read_bytes()).decode().splitlines(keepends=True)
        kept = [row for row in rows if not (json.loads(row)["book"] == "provider" and json.loads(row)["key"].startswith(without))]
        assert 0 < len(kept) < len(rows)
        file.write_bytes(gzip.compress("".join(kept).encode()))
        assert not orphans(folder, query)
        noticed = noticed or bool(orphans(folder, query.replace(of_lists_alone, "")))
    assert noticed


def test_both_engines_read_one_text(books):
    assert (books / "duckdb.sql").read_text() == section("duckdb")
    assert (books / "athena.sql").read_text() == section("athena")


def for_athena(folder):
    """Statements by their names: seven tables over the files, three that are kept of the query, and what is asked."""
    return [file.read_text() for file in sorted((folder / "athena").glob("*.sql"))]


@pytest.mark.parametrize("dialect", ["athena", "trino"])
def test_athena_can_read_it(books, dialect):
    """As far as a parser can say: Athena itself is not asked."""
    for statement in [*for_athena(books / f"{FIRST}/1")[7:], section("athena")]:
        [query] = sqlglot.parse(statement, dialect=dialect)
        called = {type(node).__name__.lower() for node in query.find_all(expressions.Func)} - {"and", "or", "case", "if"}
        unknown = {node.name.lower() for node in query.find_all(expressions.Anonymous)}
        assert not unknown
        assert called <= {"cast", "coalesce", "count", "max", "min", "substring", "sum"}
        kinds = {node.to.sql(dialect=dialect).lower() for node in query.find_all(expressions.Cast)}
        assert kinds <= {"bigint", "varchar"}
        assert not re.search(r"\d\.\d", re.sub("--.*", "", statement))


@pytest.mark.parametrize("seed", range(FIRST, min(LAST, FIRST + 4) + 1))
@pytest.mark.parametrize("run", ["1", "2", "damaged"])
def test_statements_of_athena_say_the_same_one_after_the_other(books, monkeypatch, seed, run):
    """The emulator of `test_athena.py` cannot keep a query as a table. Here views stand for the tables over the files."""
    folder, connection = books / str(seed) / run, duckdb.connect(config={"threads": "1"})
    readers = re.findall(r"(\w+) AS \(\n    SELECT (?:.(?!SELECT))*?FROM (read_\w+\(.*?\}\))\n\)", section("duckdb"), re.S)
    assert len(readers) == 7
    monkeypatch.chdir(folder)
    for name, reader in readers:
        table = {"audit": "audit_export", "cases": "reconcile_export"}.get(name, name)
        connection.execute(f"CREATE VIEW payonce_{table} AS SELECT * FROM {reader}")
    *kept, last = for_athena(folder)[7:]
    assert len(kept) == 3
    for statement in kept:
        connection.execute(statement.replace(" WITH (format = 'PARQUET')", ""))
    sql, merge = as_said(rows_of(connection.execute(last))), said_by_merge(folder)
    assert sql == merge


def fields(kind):
    """What lies in a column: nothing, or fields by their names."""
    return {field.name: fields(field.args["kind"]) for field in kind.expressions}


def test_query_names_what_the_tables_of_athena_have(books):
    """The emulator of `test_athena.py` takes the columns that it finds in the files."""
    columns = {}
    for statement in for_athena(books / f"{FIRST}/1")[:7]:
        made = sqlglot.parse_one(statement, dialect="athena")
        columns[made.this.this.name] = {column.name: fields(column.args["kind"]) for column in made.this.expressions}
    readers = section("athena").split("scales AS (")[0].replace('"', "")
    reads = {table: text for text, table in re.findall(r"AS \(\n(.*?)FROM (payonce_\w+)\n\)", readers, re.S)}
    assert set(reads) == set(columns) and len(columns) == 7
    for table, text in reads.items():
        for path in re.findall(r"(?<!AS )\b[a-z]\w*(?:\.\w+)*", re.sub(r"'\w*'", "", text)):
            there = columns[table]
            for name in path.split("."):
                assert name == "bigint" or name in there, f"{path} of {table}"
                there = there.get(name)


def test_cost_counts_how_often_the_statements_read_their_books(books):
    """Athena reads a named part of a query anew wherever it is used."""
    found = Counter()

    def count(of, parts):
        for table in of.find_all(expressions.Table):
            if table.name in parts:
                count(parts[table.name], parts)
            else:
                found[table.name] += 1

    for statement in for_athena(books / f"{FIRST}/1")[7:]:
        query = sqlglot.parse_one(statement, dialect="athena")
        query = query.expression if isinstance(query, expressions.Create) else query
        parts = {part.alias: part.this for part in query.ctes}
        last = query.copy()
        last.args.pop("with_", None) or last.args.pop("with", None)
        count(last, parts)
    cost = (ROOT / "infra/local/src/cost.rs").read_text()
    said = {name: int(number) for name, number in re.findall(r"const (\w+_READINGS): u128 = (\d+);", cost)}
    tables = {"EXPORT_READINGS": "payonce_audit_export", "LISTED_READINGS": "payonce_listed", "PLACED_READINGS": "payonce_placed"}
    assert said == {name: found[table] for name, table in tables.items()}
