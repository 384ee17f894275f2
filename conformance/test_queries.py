"""The queries of docs/sql give what a plain computation over the sandbox' records gives, row by row.

They run on the table as PyAirbyte lands it. What the expectations look for is written down a second time,
in Python: they must not be made from the queries.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

# PyAirbyte reads them when it is imported.
os.environ |= {"DO_NOT_TRACK": "1", "AIRBYTE_OFFLINE_MODE": "1"}

import airbyte
import duckdb
from airbyte.caches import DuckDBCache
from connector import FILES, ROOT, STREAM, Sandbox, program, run, write

EVENTS = 3_000
SQL = ROOT / "docs/sql"
PAGE = ROOT / "docs/security-queries.md"
COLUMNS = [
    "id", "created_at", "action", "action_label", "actor_id", "actor_name", "source_type", "source_id",
    "source_label", "change_description", "ip_address", "url",
]  # fmt: skip

Row = tuple[Any, ...]
Record = dict[str, Any]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox("--events", str(EVENTS), "--rate-limit", "1000000") as sandbox:
        os.environ["ZENDESK_BASE_URL"] = sandbox.base_url
        yield sandbox
        del os.environ["ZENDESK_BASE_URL"]


@pytest.fixture(scope="module")
def cache(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> DuckDBCache:
    """The table as PyAirbyte lands it."""
    folder = tmp_path_factory.mktemp("queries")
    cache = DuckDBCache(db_path=str(folder / "records.duckdb"), cache_dir=folder)
    config = sandbox.configs["client_credentials"]
    source = airbyte.get_source("source-zendesk-audit-logs", config=config, local_executable=Path(program("CONNECTOR")))
    source.select_all_streams()
    assert source.read(cache=cache).processed_records == EVENTS
    return cache


@pytest.fixture(scope="module")
def records(sandbox: Sandbox) -> list[Record]:
    """The truth, with every column, and times as DuckDB has them: in UTC, without a zone."""
    return [{name: record.get(name) for name in COLUMNS} | {"created_at": at(record)} for record in sandbox.records()]


def at(record: Record) -> datetime | None:
    text = record.get("created_at")
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None) if text else None


def select(cache: DuckDBCache, query: str) -> list[Row]:
    # A database file of DuckDB has one user at a time, and that is the cache. As a driver's statement:
    # colons are no parameters here.
    with cache.get_sql_engine().connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def pick(record: Record, columns: str) -> Row:
    return tuple(record[name] for name in columns.split())


def text(record: Record, name: str) -> str:
    return record[name] or ""


# ---- what each query has to give -----------------------------------------------------------------


def new_admins(records: list[Record]) -> list[Row]:
    ends = ("to Administrator", "to Admin", "in Administrator")
    german = "Rolle geändert von "

    def promoted(line: str) -> bool:
        return line.endswith(ends) and ("ole changed from " in line or line.startswith(german))

    def wanted(record: Record) -> bool:
        if record["source_type"] == "user":
            return any(promoted(line) for line in text(record, "change_description").split("\n"))
        return record["source_type"] == "account" and text(record, "change_description").startswith("Owner changed")

    columns = "created_at actor_id actor_name ip_address source_id source_label change_description"
    return [pick(record, columns) for record in records if wanted(record)]


def role_changes(records: list[Record]) -> list[Row]:
    def wanted(record: Record) -> bool:
        words = text(record, "change_description").lower()
        about = "role changed from" in words or "rolle geändert von" in words
        return about and record["source_type"] == "user" and record["action"] == "update"

    columns = "created_at actor_id actor_name ip_address source_id source_label change_description"
    return [pick(record, columns) for record in records if wanted(record)]


def api_tokens_and_oauth_clients(records: list[Record]) -> list[Row]:
    columns = "created_at action actor_id actor_name ip_address source_type source_id source_label change_description"
    kinds = {"apitoken", "api_token", "oauth_client"}
    found = [record for record in records if record["source_type"] in kinds]
    assert {record["source_type"] for record in found} == kinds
    return [pick(record, columns) for record in found]


def two_factor_off(records: list[Record]) -> list[Row]:
    labels = {"Two-Factor authentication for all admins and agents", "Require Two Factor"}

    def wanted(record: Record) -> bool:
        off = record["change_description"] == "Disabled"
        return off and record["source_type"] == "account_setting" and record["source_label"] in labels

    columns = "created_at actor_id actor_name ip_address source_label change_description"
    return [pick(record, columns) for record in records if wanted(record)]


def exports(records: list[Record]) -> list[Row]:
    columns = "created_at actor_id actor_name ip_address source_type source_label change_description"
    return [pick(record, columns) for record in records if record["action"] == "exported"]


def sign_ins_from_new_addresses(records: list[Record]) -> list[Row]:
    by_actor: dict[int, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        if record["action"] == "login" and record["actor_id"] is not None and record["ip_address"] is not None:
            by_actor[record["actor_id"]][record["ip_address"]].append(record)
    found = []
    for actor, by_address in by_actor.items():
        firsts = {
            address: min((record["created_at"] for record in theirs if record["created_at"]), default=None)
            for address, theirs in by_address.items()
        }
        known_since = min(first for first in firsts.values() if first)
        for address, first in firsts.items():
            if first and first - known_since >= timedelta(days=30):
                theirs = by_address[address]
                found.append((first, actor, name_of(theirs), address, len(theirs)))
    return found


def name_of(records: list[Record]) -> str | None:
    return max((record["actor_name"] for record in records if record["actor_name"]), default=None)


def settings_changed(records: list[Record]) -> list[Row]:
    columns = "created_at action actor_id actor_name ip_address source_type source_label change_description"
    kinds = {"account", "account_setting"}
    return [pick(record, columns) for record in records if record["source_type"] in kinds]


def people(records: list[Record]) -> list[Record]:
    return [record for record in records if record["actor_id"] not in (None, -1)]


def latest(records: list[Record], end: Callable[..., Any] = max) -> datetime | None:
    return end((record["created_at"] for record in records if record["created_at"]), default=None)


def deletions_by_actor(records: list[Record]) -> list[Row]:
    groups: dict[Row, list[Record]] = defaultdict(list)
    for record in people(records):
        if record["action"] in {"destroy", "permanently_destroy"}:
            groups[record["actor_id"], record["source_type"]].append(record)
    return [
        (actor, name_of(theirs), kind, len(theirs), latest(theirs, min), latest(theirs))
        for (actor, kind), theirs in groups.items()
    ]


def outside_business_hours(records: list[Record]) -> list[Row]:
    berlin = ZoneInfo("Europe/Berlin")
    found = []
    for record in people(records):
        if record["created_at"]:
            local = record["created_at"].replace(tzinfo=UTC).astimezone(berlin).replace(tzinfo=None)
            if local.strftime("%a") in {"Sat", "Sun"} or not 8 <= local.hour < 18:
                rest = pick(record, "actor_id actor_name ip_address action source_type source_label")
                found.append((record["created_at"], local, *rest))
    return found


def most_active_actors(records: list[Record]) -> list[Row]:
    counts = Counter(record["actor_id"] for record in people(records))
    top = sorted(counts, key=lambda actor: (-counts[actor], actor))[:10]
    found = []
    for actor in top:
        theirs = [record for record in records if record["actor_id"] == actor]
        days = {record["created_at"].date() for record in theirs if record["created_at"]}
        addresses = {record["ip_address"] for record in theirs} - {None}
        found.append((actor, name_of(theirs), len(theirs), len(days), len(addresses), latest(theirs)))
    return found


EXPECTED = [
    new_admins, role_changes, api_tokens_and_oauth_clients, two_factor_off, exports, sign_ins_from_new_addresses,
    settings_changed, deletions_by_actor, outside_business_hours, most_active_actors,
]  # fmt: skip
COUNTED = {"deletions_by_actor": 3, "most_active_actors": 2}


# ---- the tests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda function: function.__name__)
def test_query(expected: Callable[[list[Record]], list[Row]], cache: DuckDBCache, records: list[Record]) -> None:
    name = expected.__name__
    rows = select(cache, (SQL / f"{name}.sql").read_text())
    wanted = expected(records)
    assert wanted, "the sandbox has nothing for this query to find"
    assert len(wanted) < len(records), "a query that finds everything shows nothing"
    assert sorted(rows, key=repr) == sorted(wanted, key=repr)
    # The newest or the most come first; what has no time comes last.
    column = COUNTED.get(name, 0)
    order = [row[column] for row in rows]
    known = [value for value in order if value is not None]
    assert order == sorted(known, reverse=True) + [None] * (len(order) - len(known))


def test_the_page_shows_every_query_and_each_is_tested() -> None:
    files = {path.stem for path in SQL.glob("*.sql")}
    assert files == {function.__name__ for function in EXPECTED} | {"load"}
    assert set(re.findall(r"\(sql/(\w+)\.sql\)", PAGE.read_text())) == files


def test_the_output_of_read_makes_the_same_table(
    cache: DuckDBCache, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write(tmp_path / "config.json", sandbox.configs["client_credentials"])
    catalog = str(FILES / "configured_catalog.json")
    lines = run(["read", "--config", config, "--catalog", catalog], sandbox.base_url).stdout
    # As after a crash between the records and their state: they come again.
    write(tmp_path / "audit_logs.jsonl", lines + lines)
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as database:
        database.execute((SQL / "load.sql").read_text())
        made = database.execute(f"SELECT {', '.join(COLUMNS)} FROM {STREAM}").fetchall()
        assert database.execute(f"SELECT max(id) FROM {STREAM}").fetchall() > [(2**53,)]
    landed = select(cache, f"SELECT {', '.join(COLUMNS)} FROM {STREAM}")
    assert sorted(made, key=repr) == sorted(landed, key=repr)
    assert len(made) == EVENTS
