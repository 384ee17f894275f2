"""PyAirbyte runs the binary as its users do: check, discover, reads into DuckDB.

The rows in DuckDB are compared with the sandbox's records, column by column. Nothing here looks at messages, and nothing
may connect to another machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

# PyAirbyte reads these variables when it is imported.
os.environ |= {"DO_NOT_TRACK": "1", "AIRBYTE_OFFLINE_MODE": "1"}

import airbyte
from airbyte.caches import DuckDBCache
from connector import ROOT, STREAM, Sandbox, program
from sqlalchemy import text

EVENTS = 1_000
ACCESS_LOGS = "access_logs"
PAGE = ROOT / "docs/access-logs.md"
ACCESS_RECORDS = 3_000
COLUMNS = {
    "action": "VARCHAR",
    "action_label": "VARCHAR",
    "actor_id": "BIGINT",
    "actor_name": "VARCHAR",
    "change_description": "VARCHAR",
    "created_at": "TIMESTAMP",
    "id": "BIGINT",
    "ip_address": "VARCHAR",
    "source_id": "BIGINT",
    "source_label": "VARCHAR",
    "source_type": "VARCHAR",
    "url": "VARCHAR",
}
# Without graphql, an object, which the cache stores as JSON.
ACCESS_COLUMNS = {
    "authorization_type": "VARCHAR",
    "bytes_sent": "BIGINT",
    "category": "VARCHAR",
    "client": "VARCHAR",
    "id": "VARCHAR",
    "ip_address": "VARCHAR",
    "method": "VARCHAR",
    "origin_service": "VARCHAR",
    "referer": "VARCHAR",
    "status": "BIGINT",
    "summary": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "url": "VARCHAR",
    "user_id": "BIGINT",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    access = ("--access-events", str(ACCESS_RECORDS), "--access-rate-limit", "0")
    with Sandbox("--events", str(EVENTS), "--rate-limit", "1000000", *access) as sandbox:
        os.environ["ZENDESK_BASE_URL"] = sandbox.base_url
        yield sandbox
        del os.environ["ZENDESK_BASE_URL"]


def connect(config: dict[str, Any]) -> airbyte.Source:
    source = airbyte.get_source("source-zendesk-audit-logs", config=config, local_executable=Path(program("CONNECTOR")))
    source.select_streams(STREAM)
    return source


@pytest.fixture(scope="module")
def source(sandbox: Sandbox) -> airbyte.Source:
    return connect(sandbox.configs["client_credentials"])


def select(cache: DuckDBCache, query: str) -> list[tuple[Any, ...]]:
    # Only one process can use a DuckDB file at a time, and the cache does.
    with cache.get_sql_engine().connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def rows(cache: DuckDBCache) -> list[tuple[Any, ...]]:
    """Returns the rows in DuckDB, sorted by url, which is present and unique in every record."""
    return sorted(select(cache, f"SELECT {', '.join(COLUMNS)} FROM main.{STREAM}"), key=lambda values: values[-1])


def access_rows(cache: DuckDBCache) -> list[tuple[Any, ...]]:
    columns = ", ".join(f'"{name}"' for name in ACCESS_COLUMNS)
    return sorted(select(cache, f"SELECT {columns} FROM main.{ACCESS_LOGS}"), key=lambda values: values[4])


def access_row(record: dict[str, Any]) -> tuple[Any, ...]:
    at = datetime.fromisoformat(record["timestamp"]).astimezone(UTC).replace(tzinfo=None)
    return tuple({**{name: record.get(name) for name in ACCESS_COLUMNS}, "timestamp": at}.values())


def expected_access(records: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(map(access_row, records), key=lambda values: values[4])


def row(record: dict[str, Any]) -> tuple[Any, ...]:
    """Returns the row that a record must become; times are in UTC and have no zone."""
    values = {name: record.get(name) for name in COLUMNS}
    if values["created_at"] is not None:
        at = datetime.fromisoformat(values["created_at"])
        values["created_at"] = at.astimezone(UTC).replace(tzinfo=None)
    return tuple(values.values())


def expected(records: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(map(row, records), key=lambda values: values[-1])


def test_check(sandbox: Sandbox) -> None:
    for auth_type, config in sandbox.configs.items():
        # The refresh token can be used once, and PyAirbyte does not store the next one.
        assert connect(config).check() is None, auth_type


def test_check_that_fails(sandbox: Sandbox) -> None:
    config = sandbox.configs["access_token"]
    wrong = config | {"credentials": config["credentials"] | {"access_token": "not-a-token"}}
    with pytest.raises(airbyte.exceptions.AirbyteConnectorCheckFailedError, match="401"):
        connect(wrong).check()


def test_config_is_validated_by_the_specification(source: airbyte.Source) -> None:
    with pytest.raises(airbyte.exceptions.AirbyteConnectorValidationFailedError):
        source.validate_config({"subdomain": "sandbox"})


def test_discover(source: airbyte.Source) -> None:
    assert STREAM in source.get_available_streams()
    properties = source.get_stream_json_schema(STREAM)["properties"]
    assert properties.keys() == COLUMNS.keys()


def test_a_read_and_an_incremental_one(source: airbyte.Source, sandbox: Sandbox, tmp_path: Path) -> None:
    cache = DuckDBCache(db_path=str(tmp_path / "records.duckdb"), cache_dir=tmp_path)
    first = source.read(cache=cache)
    assert first.processed_records == EVENTS
    columns = select(cache, f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{STREAM}'")
    assert {name: kind for name, kind in columns if not name.startswith("_airbyte")} == COLUMNS
    truth = sandbox.records()
    ids = [record["id"] for record in truth if "id" in record]
    assert max(ids) > 2**53, "no id is large enough to be changed by a float"
    assert rows(cache) == expected(truth)

    added = sandbox.add_events(20, "2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z")
    second = source.read(cache=cache)
    assert second.processed_records == len(added)
    assert rows(cache) == expected(truth + added)
    third = source.read(cache=cache)
    assert third.processed_records == 0
    assert rows(cache) == expected(truth + added)


def test_a_forced_full_refresh(source: airbyte.Source, sandbox: Sandbox, tmp_path: Path) -> None:
    cache = DuckDBCache(db_path=str(tmp_path / "refreshed.duckdb"), cache_dir=tmp_path)
    truth = sandbox.records()
    for _ in range(2):
        result = source.read(cache=cache, force_full_refresh=True)
        assert result.processed_records == len(truth)
        assert rows(cache) == expected(truth)


def test_both_streams_in_one_read_and_an_incremental_one(sandbox: Sandbox, tmp_path: Path) -> None:
    source = connect(sandbox.configs["client_credentials"])
    source.select_streams([STREAM, ACCESS_LOGS])
    cache = DuckDBCache(db_path=str(tmp_path / "both.duckdb"), cache_dir=tmp_path)
    truth, access = sandbox.records(), sandbox.access_records()
    first = source.read(cache=cache)
    assert first.processed_records == len(truth) + len(access) == len(truth) + ACCESS_RECORDS
    columns = select(cache, f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{ACCESS_LOGS}'")
    assert {name: kind for name, kind in columns if name in ACCESS_COLUMNS} == ACCESS_COLUMNS
    assert (rows(cache), access_rows(cache)) == (expected(truth), expected_access(access))
    graphql = f"SELECT count(*) FROM main.{ACCESS_LOGS} WHERE graphql->>'$.operation_type' = 'query'"
    queries = sum((record.get("graphql") or {}).get("operation_type") == "query" for record in access)
    assert select(cache, graphql) == [(queries,)]

    newest = max(record["timestamp"] for record in access)
    end = (datetime.fromisoformat(newest) + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    added = sandbox.add_access_events(30, newest, end)
    second = source.read(cache=cache)
    assert second.processed_records == len(added)
    assert (rows(cache), access_rows(cache)) == (expected(truth), expected_access(access + added))


def test_the_queries_of_the_access_log_page(sandbox: Sandbox, tmp_path: Path) -> None:
    source = connect(sandbox.configs["client_credentials"])
    source.select_streams([ACCESS_LOGS])
    cache = DuckDBCache(db_path=str(tmp_path / "queries.duckdb"), cache_dir=tmp_path)
    source.read(cache=cache)
    records = sandbox.access_records()
    viewed, exported, by_token, new_addresses = re.findall(r"^```sql\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)

    tickets = [re.match(r"/api/v2/tickets/(\d+)(\.json)?([/?]|$)", record["url"]) for record in records]
    views = [
        (match[1], record)
        for match, record in zip(tickets, records, strict=True)
        if match and record["method"] == "GET" and record["status"] < 400
    ]
    assert views, "the sandbox has no views of tickets"
    ticket = views[0][0]
    found = select(cache, as_statement(viewed.replace("4711", ticket)))
    assert sorted(row[4] for row in found) == sorted(record["url"] for number, record in views if number == ticket)

    assert select(cache, as_statement(exported)) == [], "no user exceeds the limit of the query"
    hours = select(cache, as_statement(exported.replace("requests > 1000", "requests > 0")))
    assert hours and sum(row[2] for row in hours) >= sum(record["method"] == "GET" for record in records)

    tokens = [record for record in records if record["authorization_type"] in ("basic", "bearer")]
    assert sum(row[3] for row in select(cache, as_statement(by_token))) == len(tokens) > 0

    newest = max(record["timestamp"] for record in records)
    day_before = (datetime.fromisoformat(newest) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    before = {(record["user_id"], record["ip_address"]) for record in records if record["timestamp"] <= day_before}
    last_day = [record for record in records if record["timestamp"] > day_before]
    known = {user for user, _ in before}
    new = {(r["user_id"], r["ip_address"]) for r in last_day if r["user_id"] in known} - before
    assert {(row[0], row[1]) for row in select(cache, as_statement(new_addresses))} == new


def as_statement(query: str) -> str:
    """Returns a query for SQLAlchemy, which interprets a colon as the start of a parameter."""
    return query.rstrip().rstrip(";").replace(":", "\\:")
