"""Each detection finds the expected events and no others, from the sandbox to the alert."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
import reference
from conftest import FIRST_SOURCE_ID, scenes
from pipeline import FACTS, register

DETECTIONS = sorted(register())
FOUND = """
    select alerts.detection, events.audit_log_id, events.url, alerts.source_id
    from analytics.zendesk__alerts as alerts
    inner join analytics.stg_zendesk__audit_logs as events on events.audit_log_key = alerts.audit_log_key
"""


@pytest.fixture(scope="module")
def found(select: Any) -> dict[str, set[tuple[reference.Name, int | None]]]:
    """Returns ((id, url), source_id) of the alerts of each detection."""
    by_detection = defaultdict(set)
    for detection, event, url, source_id in select(FOUND):
        by_detection[detection].add(((event, url), source_id))
    return by_detection


@pytest.mark.parametrize("detection", DETECTIONS)
def test_a_detection_finds_the_expected_events_and_no_others(
    detection: str, found: dict[str, Any], truth: list[dict[str, Any]]
) -> None:
    of_scenario = {source_id for _, source_id in found[detection] if source_id and source_id >= FIRST_SOURCE_ID}
    expected = {source_id for name, source_id in scenes("expected_alerts.csv") if name == detection}
    harmless = {source_id for name, source_id in scenes("near_misses.csv") if name == detection}
    assert expected, "the scenario has no event that this detection must find"
    assert harmless, "the scenario has no event that this detection must not find"
    assert not expected & harmless
    assert of_scenario == expected
    # The comparison of all events, including seeded ones.
    assert {name for name, _ in found[detection]} == reference.alerts(truth)[detection]


def test_all_alerts_are_expected(found: dict[str, Any], truth: list[dict[str, Any]]) -> None:
    expected = reference.alerts(truth)
    assert set(found) == set(expected) == set(DETECTIONS)
    listed = scenes("expected_alerts.csv")
    in_scenario = {(name, s) for name, alerts in found.items() for _, s in alerts if s and s >= FIRST_SOURCE_ID}
    FACTS.detections = len(found)
    FACTS.scenario = (len(listed), len(in_scenario))
    FACTS.alerts = (sum(map(len, expected.values())), sum(map(len, found.values())))
    assert in_scenario == listed
    assert {detection: {name for name, _ in alerts} for detection, alerts in found.items()} == expected


def test_every_event_in_the_lists_is_in_the_scenario(truth: list[dict[str, Any]]) -> None:
    there = {record["source_id"] for record in truth if (record.get("source_id") or 0) >= FIRST_SOURCE_ID}
    named = {source_id for file in ("expected_alerts.csv", "near_misses.csv") for _, source_id in scenes(file)}
    assert named <= there
    assert len(there) == 85
