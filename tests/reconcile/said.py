"""What infra/reconcile.sql says of the books in a folder, and what the merge said of them in its `out`, as lines that can be compared.

    python tests/reconcile/said.py FOLDER    prints, as JSON, the breaks of the SQL, and the lines in which both differ
"""

import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parents[2]
SQL = ROOT / "infra/reconcile.sql"


def section(engine):
    """The query in one piece."""
    name, lines = "", []
    for line in SQL.read_text().splitlines(keepends=True):
        if begun := re.fullmatch(r"-- \[(\w+)\]", line.strip()):
            name = begun[1]
        elif name not in {"tables", "athena", "duckdb"} - {engine}:
            lines.append(line)
    return "".join(lines)


def said_by_sql(folder, query, config={"threads": "1"}):
    """The rows that the query gives over the books in this folder."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        return rows_of(duckdb.connect(config=config).execute(query))
    finally:
        os.chdir(before)


def rows_of(cursor):
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def as_said(rows):
    """What both are to agree on, as comparable lines."""
    said = Counter()
    for row in rows:
        match row["part"]:
            case "break" if row["life"] == "gone":
                subject = f"{row['kind']}:{row['book']}:{row['attempt']}:{row['which']}"
                line = ("gone", row["payout_key"], subject)
            case "break":
                line = ("break", row["life"], row["payout_key"], row["kind"], row["book"], row["attempt"], row["which"],
                        row["expected_minor"], row["expected_currency"], row["found_minor"], row["found_currency"])
            case "open":
                line = ("open", row["payout_key"], row["kind"])
            case "finding" | "carried":
                line = (row["part"], row["kind"], int(row["total_count"]))
            case "statement":
                line = ("statement", row["expected_currency"], row["kind"], int(row["total_count"]), int(row["total_minor"]))
            case "verdict":
                line = ("verdict", row["kind"])
        said[line] += 1
    return said


def said_by_merge(folder):
    said = Counter()
    for text in (folder / "out/breaks.jsonl").read_text().splitlines():
        it = json.loads(text)
        if it["life"] == "gone":
            said["gone", it["key"], it["subject"]] += 1
            continue
        sums = []
        for side in ("expected", "found"):
            sums += [it[side]["minor"], it[side]["currency"]] if it[side] else [None, None]
        said["break", it["life"], it["key"], it["kind"], it["book"], it["attempt"], it["which"], *sums] += 1
    for text in (folder / "out/carried.jsonl").read_text().splitlines():
        row = json.loads(text)
        if row["kind"] == "was_open":
            said["open", row["key"], row["word"]] += 1
    manifest = json.loads((folder / "out/manifest.json").read_text())
    for finding, count in manifest["findings"].items():
        said["finding", finding, count] += 1
    said["carried", "before", manifest["open"]["before"]] += 1
    for currency, lines in manifest["statement"].items():
        for line, total in lines.items():
            said["statement", currency, line, total["count"], total["minor"]] += 1
    said["verdict", manifest["verdict"]] += 1
    return said


def differences(folder, query):
    sql, merge = as_said(said_by_sql(folder, query)), said_by_merge(folder)
    return [f"+ SQL   {line}" for line in sql - merge] + [f"- merge {line}" for line in merge - sql]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    query = (folder / "duckdb.sql").read_text()
    breaks = [line for line in as_said(said_by_sql(folder, query)) if line[0] in ("break", "gone")]
    print(json.dumps({"breaks": sorted(breaks, key=str), "differences": differences(folder, query)}))
