"""The SQL's section for Athena by Athena's own API, as a user asks it: the files in S3, the tables, the query. MiniStack answers, and not
Athena: it takes the tables' statements and the API as Athena does, and runs the query on DuckDB. Of JSON it makes its own columns out of what
it finds in the files, and not those of the table: books in which a field never stands cannot be asked here. And it keeps no query as a table:
the query is asked in one piece, and `test_reconcile.py` runs the pieces that Athena is given.

    cargo build -p payonce-books --examples
    target/tools/deploy/bin/python -m pytest tests/reconcile/test_athena.py
"""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from said import ROOT, as_said, said_by_merge

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# Of random books, the second runs of these have every field at least once.
SEEDS = (3, 10, 13)
BUCKET = "payonce-books"
NUMBERS = {"attempt", "expected_minor", "found_minor", "total_count", "total_minor"}


class Account:
    def __init__(self, port):
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
        endpoint = f"http://127.0.0.1:{port}"
        self.s3, self.glue, self.athena = (boto3.client(name, endpoint_url=endpoint, **keys) for name in ("s3", "glue", "athena"))

    def ask(self, statement, database):
        """The id of a query that has ended."""
        where = {"QueryExecutionContext": {"Database": database}, "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/answers/"}}
        query = self.athena.start_query_execution(QueryString=statement, **where)["QueryExecutionId"]
        while True:
            status = self.athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
            if status["State"] not in ("QUEUED", "RUNNING"):
                assert status["State"] == "SUCCEEDED", f"{status['StateChangeReason']}\n{statement[:400]}"
                return query
            time.sleep(0.02)

    def rows(self, query):
        """As text; the first row of all names the columns."""
        pages = self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=query)
        names, *rows = [[cell.get("VarCharValue") for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
        typed = {name: int if name in NUMBERS else str for name in names}
        return [{name: value if value is None else typed[name](value) for name, value in zip(names, row)} for row in rows]


@pytest.fixture(scope="module")
def account():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "MINISTACK_REGION": "eu-central-1", "ATHENA_ENGINE": "duckdb", "IOT_MTLS_ENABLED": "0"}
    emulator = subprocess.Popen([Path(sys.executable).with_name("ministack")], env=os.environ | settings, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    break
            assert emulator.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        account = Account(port)
        account.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield account
    finally:
        emulator.kill()
        emulator.wait()


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    folder = tmp_path_factory.mktemp("books")
    for seed in SEEDS:
        subprocess.run([TARGET / "debug/examples/random_books", str(seed), str(seed), folder], check=True)
    return folder


@pytest.mark.parametrize("seed", SEEDS)
def test_athena_is_asked_as_a_user_asks_it_and_says_what_the_merge_says(account, books, seed):
    folder, database = books / f"{seed}/2", f"payonce_{seed}"
    for table in ("terms", "gaps", "units", "lists", "listed", "audit", "reconcile"):
        for file in (folder / table).rglob("*"):
            if file.is_file():
                account.s3.upload_file(str(file), BUCKET, f"{database}/{file.relative_to(folder)}")
    account.glue.create_database(DatabaseInput={"Name": database})
    tables = sorted((folder / "athena").glob("*.sql"))[:7]
    for statement in [file.read_text() for file in tables]:
        account.ask(statement.replace("s3://YOUR-BUCKET/run/", f"s3://{BUCKET}/{database}/"), database)
    query = account.ask((books / "athena.sql").read_text(), database)
    sql, merge = as_said(account.rows(query)), said_by_merge(folder)
    assert sql == merge
    assert sum(sql.values()) > 50
