"""Every row of the OCSF view is a valid event of OCSF 1.6.0 and contains the whole record."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import jsonschema
import pytest
import reference
from conftest import Record
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

VERSION = "1.6.0"
KNOWN = [
    "id", "created_at", "action", "action_label", "actor_id", "actor_name", "source_type", "source_id", "source_label",
    "change_description", "ip_address", "url",
]  # fmt: skip


def nested(row: dict[str, Any]) -> dict[str, Any]:
    """Returns the event as an object. Columns become paths, and nulls are omitted."""
    event: dict[str, Any] = {}
    for column, value in row.items():
        if value is None or column == "audit_log_key":
            continue
        *path, last = column.split("__")
        place = event
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return event


@pytest.fixture(scope="module")
def rows(select: Any) -> list[dict[str, Any]]:
    columns = [row[0] for row in select("""
        select column_name from information_schema.columns
        where table_schema = 'analytics' and table_name = 'zendesk__ocsf_events' order by ordinal_position
    """)]  # fmt: skip
    query = f"select {', '.join(columns)} from analytics.zendesk__ocsf_events"
    return [dict(zip(columns, row, strict=True)) for row in select(query)]


def test_every_row_is_valid_in_its_class(rows: list[dict[str, Any]], truth: list[Record]) -> None:
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=VERSION))
    validators = {}
    for class_uid in (3001, 3002, 3004):
        class_name = schema.lookup_class_name_from_uid(class_uid=class_uid)
        validators[class_uid] = jsonschema.Draft202012Validator(schema.get_class_schema(class_name=class_name))
    assert len(rows) == len(truth)
    for row in rows:
        event = nested(row)
        assert event["metadata"]["version"] == VERSION
        problem = jsonschema.exceptions.best_match(validators[row["class_uid"]].iter_errors(event))
        assert problem is None, f"{problem.message} in {event}"
    classes = Counter(row["class_uid"] for row in rows)
    assert min(classes[uid] for uid in validators) > 100, classes


def test_an_event_without_a_required_attribute_is_invalid(rows: list[dict[str, Any]]) -> None:
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=VERSION))
    validator = jsonschema.Draft202012Validator(schema.get_class_schema(class_name="authentication"))
    event = nested(next(row for row in rows if row["class_uid"] == 3002))
    for lacking in ("user", "service", "time", "metadata"):
        assert not validator.is_valid({name: value for name, value in event.items() if name != lacking}), lacking


def test_the_raw_data_is_the_record(rows: list[dict[str, Any]], truth: list[Record]) -> None:
    raw = [json.loads(row["raw_data"]) for row in rows]
    expected = []
    for record in truth:
        fields = {name: record.get(name) for name in KNOWN}
        expected.append(fields)
    key = json.dumps
    assert sorted(map(key, raw)) == sorted(map(key, expected))


def test_the_time_is_that_of_the_event(rows: list[dict[str, Any]], truth: list[Record]) -> None:
    dated = {reference.name(r): reference.at(r) for r in truth if reference.at(r)}
    times = Counter(int(time.timestamp() * 1000) for time in (t.replace(tzinfo=reference.UTC) for t in dated.values()))
    found = Counter(row["time"] for row in rows if row["metadata__original_time"])
    assert found == times
