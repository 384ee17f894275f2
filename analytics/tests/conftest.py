"""Fixtures that run each step once in a session, and the table at the end. A skipped test is a failure."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import psycopg2.extras
import pytest
from pipeline import EVENTS, FACTS, HOME, Sandbox, dbt, sync

FIRST_SOURCE_ID = 900_000_000_000
Row = tuple[Any, ...]
Record = dict[str, Any]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox("--events", str(EVENTS), "--scenario", "security", "--rate-limit", "1000000") as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def truth(sandbox: Sandbox) -> list[Record]:
    """Returns all records of the sandbox."""
    return sandbox.records()


@pytest.fixture(scope="session")
def config(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sync") / "config.json"
    path.write_text(json.dumps(sandbox.configs["client_credentials"]))
    return path


@pytest.fixture(scope="session")
def warehouse(sandbox: Sandbox, truth: list[Record], config: Path) -> Path:
    """Returns the DuckDB file with the synced table and the models. All tests of dbt have passed."""
    path = HOME / "warehouse.duckdb"
    path.unlink(missing_ok=True)
    os.environ["ANALYTICS_DUCKDB"] = str(path)
    FACTS.records = sync(config, path, sandbox.base_url)
    assert FACTS.records == len(truth)
    results = dbt("build", "duckdb")
    FACTS.run.append(f"duckdb ({passed(results)})")
    return path


@pytest.fixture(scope="session")
def select(warehouse: Path) -> Iterator[Any]:
    """Returns a function that runs a query in DuckDB."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        yield lambda query: connection.execute(query).fetchall()


@pytest.fixture(scope="session")
def select_postgres(select: Any) -> Iterator[Any]:
    """Returns a function that runs a query in PostgreSQL, on the same table and the models that dbt built from it."""
    password, port = (os.environ[f"ANALYTICS_POSTGRES_{name}"] for name in ("PASSWORD", "PORT"))
    connection = psycopg2.connect(host="127.0.0.1", port=port, user="analytics", password=password, dbname="postgres")
    connection.set_session(autocommit=True)
    with connection.cursor() as cursor:
        load(cursor, select(f"select {', '.join(COLUMNS)} from airbyte.audit_logs"))
    results = dbt("build", "postgres")
    FACTS.run.append(f"postgres ({passed(results)})")

    def ask(query: str) -> list[Row]:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()

    yield ask
    connection.close()


# The columns of Airbyte's destination for PostgreSQL.
COLUMNS = {
    "_airbyte_extracted_at": "timestamp with time zone",
    "id": "bigint",
    "created_at": "timestamp with time zone",
    "action": "varchar",
    "action_label": "varchar",
    "actor_id": "bigint",
    "actor_name": "varchar",
    "ip_address": "varchar",
    "source_type": "varchar",
    "source_id": "bigint",
    "source_label": "varchar",
    "change_description": "varchar",
    "url": "varchar",
}


def load(cursor: Any, rows: list[Row]) -> None:
    """Creates the table airbyte.audit_logs from the rows of DuckDB, whose times are in UTC and have no zone.

    PyAirbyte could write to PostgreSQL itself, but its SQL caches read ids as floats as soon as one id is null.
    """
    cursor.execute("set time zone 'UTC'")
    cursor.execute("create schema airbyte")
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    cursor.execute(f"create table airbyte.audit_logs ({columns})")
    psycopg2.extras.execute_values(cursor, "insert into airbyte.audit_logs values %s", rows, page_size=1_000)


def passed(results: list[dict[str, Any]]) -> str:
    """Returns the number of models and tests that passed. Any other status is a failure."""
    wrong = [result["unique_id"] for result in results if result["status"] not in ("success", "pass")]
    assert not wrong, wrong
    kinds = [result["unique_id"].partition(".")[0] for result in results]
    counts = {kind: kinds.count(kind) for kind in ("model", "test", "unit_test")}
    assert all(counts.values()), counts
    return f"{counts['model']} models, {counts['test']} data tests, {counts['unit_test']} unit tests"


def scenes(file: str) -> set[tuple[str, int]]:
    """Returns (detection, source_id) for each line of a file: a detection and the number of a scene."""
    with (Path(__file__).parent / file).open() as lines:
        return {(row["detection"], FIRST_SOURCE_ID + int(row["scene"])) for row in csv.DictReader(lines)}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"NOT RUN: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints the table of the results."""
    rows = {
        "detections": f"{FACTS.detections}, of them {FACTS.rules} as Sigma rules",
        "dialects run": "; ".join(FACTS.run),
        "dialects parsed": "; ".join(FACTS.parsed),
        "records in": f"{FACTS.records:,}",
        "alerts of the scenario": "{} expected, {} found".format(*FACTS.scenario),
        "alerts in all": "{:,} expected, {:,} found".format(*FACTS.alerts),
    }
    terminalreporter.section("analytics")
    for name, value in rows.items():
        terminalreporter.write_line(f"{name:24} {value}")
