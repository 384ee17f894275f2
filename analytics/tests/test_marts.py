"""The staging models and marts equal the result of a computation in plain Python, in both warehouses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import reference
from conftest import Record, Row
from pipeline import PROJECT, RUN, show

FIELDS = [
    "id", "created_at", "action", "action_label", "actor_id", "actor_name", "ip_address", "source_type", "source_id",
    "source_label", "change_description", "url",
]  # fmt: skip
# Marts with one row for each event, and the events that each must contain.
MARTS: dict[str, Callable[[list[Record]], set[reference.Name]]] = {
    "settings_changed": reference.settings_changed,
    "api_credentials": reference.api_credentials,
    "role_changes": reference.role_changes,
    "outside_business_hours": reference.outside_business_hours,
}
MODELS = sorted(path.stem for path in PROJECT.glob("models/*/*.sql"))


@pytest.fixture(scope="module", params=RUN)
def ask(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue("select" if request.param == "duckdb" else "select_postgres")


def test_no_event_is_lost_or_altered_in_staging(ask: Any, truth: list[Record]) -> None:
    columns = ", ".join("audit_log_id" if name == "id" else name for name in FIELDS)
    rows = ask(f"select {columns} from analytics.stg_zendesk__audit_logs")
    expected = [(r.get("id"), reference.at(r), *(r.get(name) for name in FIELDS[2:])) for r in truth]
    assert sorted(rows, key=repr) == sorted(expected, key=repr)
    assert max(record.get("id") or 0 for record in truth) > 2**53, "no id is too large for a float"
    lacking = [record for record in truth if record.get("id") is None or record.get("created_at") is None]
    assert len(lacking) > 2, "no event lacks an id or a time"


def test_no_line_of_a_change_is_lost(ask: Any, truth: list[Record]) -> None:
    rows = ask("select line from analytics.stg_zendesk__audit_log_changes")
    expected = [line for record in truth for line in reference.lines(record) if line.strip(" ")]
    assert sorted(row[0] for row in rows) == sorted(expected)
    forms = dict(ask("select change_form, count(*) from analytics.stg_zendesk__audit_log_changes group by 1"))
    assert forms["other"] > 100, "no change has an unknown form"


@pytest.mark.parametrize("mart", MARTS)
def test_a_mart_of_events(mart: str, ask: Any, truth: list[Record]) -> None:
    rows = ask(f"""
        select events.audit_log_id, events.url from analytics.zendesk__{mart} as mart
        inner join analytics.stg_zendesk__audit_logs as events on events.audit_log_key = mart.audit_log_key
    """)
    expected = MARTS[mart](truth)
    assert 0 < len(expected) < len(truth)
    assert sorted(rows, key=repr) == sorted(expected, key=repr)


def test_deletions_by_actor(ask: Any, truth: list[Record]) -> None:
    rows = ask("select actor_id, source_type, deletions, first_at, last_at from analytics.zendesk__deletions_by_actor")
    assert sorted(rows, key=repr) == sorted(reference.deletions_by_actor(truth), key=repr)


def test_most_active_actors(ask: Any, truth: list[Record]) -> None:
    columns = "activity_rank, actor_id, events, days, addresses, last_at"
    rows = ask(f"select {columns} from analytics.zendesk__most_active_actors order by activity_rank")
    # The name is not compared: which of several names is the last one depends on the collation.
    assert rows == [(*row[:2], *row[3:]) for row in reference.most_active_actors(truth)]


def test_unrecognized_changes_are_counted(ask: Any) -> None:
    [(listed,)] = ask("select sum(changes) from analytics.zendesk__unrecognized_changes")
    [(there,)] = ask("""
        select count(*) from analytics.stg_zendesk__audit_log_changes
        where change_form in ('other', 'changed_from_to_unclear')
    """)
    assert listed == there > 0


@pytest.mark.parametrize("model", MODELS)
def test_both_warehouses_have_the_same_rows(model: str, select: Any, select_postgres: Any) -> None:
    columns = [row[0] for row in select(f"""
        select column_name from information_schema.columns
        where table_schema = 'analytics' and table_name = '{model}' order by ordinal_position
    """)]  # fmt: skip
    # PostgreSQL's JSON has blanks. Which of several names or examples is the last one depends on the collation.
    columns = [name for name in columns if name != "raw_data" and not name.startswith("example_")]
    if model in {"zendesk__most_active_actors", "zendesk__deletions_by_actor"}:
        columns.remove("actor_name")
    query = f"select {', '.join(columns)} from analytics.{model}"
    in_duckdb, in_postgres = (sorted(map(plain, ask(query)), key=repr) for ask in (select, select_postgres))
    assert in_duckdb
    assert in_duckdb == in_postgres


@pytest.mark.parametrize("target", RUN)
def test_times_are_utc_for_each_column_type_and_session_time_zone(target: str) -> None:
    """PyAirbyte creates columns without a time zone, Airbyte's destinations columns with one."""
    with_zone = "cast('2025-01-06 10:00:00+01:00' as timestamp with time zone)"
    without = "cast('2025-01-06 09:00:00' as timestamp)"
    expressions = [f'{{{{ zendesk_iso(zendesk_utc("{column}")) }}}} as {name}' for column, name in
                   ((with_zone, "with_zone"), (without, "without"))]  # fmt: skip
    zone = "America/New_York"
    environment = {"TZ": zone, "PGTZ": zone, "ANALYTICS_DUCKDB": ":memory:"}
    assert show(f"select {', '.join(expressions)}", target, environment) == [
        {"with_zone": "2025-01-06T09:00:00Z", "without": "2025-01-06T09:00:00Z"}
    ]


def plain(row: Row) -> Row:
    return tuple(int(value) if type(value).__name__ == "Decimal" else value for value in row)
