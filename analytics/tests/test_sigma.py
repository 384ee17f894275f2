"""The Sigma rules are valid, find the same events on SQLite as dbt, and convert for three other systems."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

import pytest
import reference
from conftest import Record
from pipeline import ANALYTICS, FACTS, HOME, SIGMA, execute, register
from sigma.backends.elasticsearch import ESQLBackend, LuceneBackend
from sigma.backends.kusto import KustoBackend
from sigma.backends.splunk import SplunkBackend
from sigma.backends.sqlite import sqliteBackend
from sigma.backends.sqlite.runtime import execute_plan
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule

RULES = sorted(path.stem for path in SIGMA.glob("*.yml"))
# Sigma cannot express that an address is new.
WITHOUT_RULE = {"sign_in_from_new_address"}
BACKENDS = {
    "splunk": SplunkBackend, "elasticsearch, Lucene": LuceneBackend, "elasticsearch, ES|QL": ESQLBackend,
    "kusto": KustoBackend,
}  # fmt: skip
# Backends without support for correlation rules.
WITHOUT_CORRELATION = {"elasticsearch, Lucene", "kusto"}


def load(rule: str) -> SigmaCollection:
    return SigmaCollection.load_ruleset([SIGMA / f"{rule}.yml"])


def main_rule(rule: str) -> Any:
    """Returns the rule that raises the alert: the correlation, if the file has one."""
    rules = list(load(rule))
    return next((found for found in rules if isinstance(found, SigmaCorrelationRule)), rules[0])


@pytest.fixture(scope="module")
def logs(truth: list[Record]) -> sqlite3.Connection:
    """Returns a SQLite table with the records. Its columns are the field names of the rules."""
    columns = [
        "id", "url", "created_at", "action", "actor_id", "actor_name", "ip_address", "source_type", "source_id",
        "source_label", "change_description",
    ]  # fmt: skip
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE logs ({', '.join(f'{column} COLLATE NOCASE' for column in columns)})")
    rows = [[record.get(column) for column in columns] for record in truth]
    connection.executemany(f"INSERT INTO logs VALUES ({', '.join('?' * len(columns))})", rows)
    return connection


@pytest.fixture(scope="module")
def alerts(select: Any) -> dict[str, set[reference.Name]]:
    """Returns the events that dbt found, by detection."""
    found: dict[str, set[reference.Name]] = {}
    for detection, event, url in select("""
        select alerts.detection, events.audit_log_id, events.url from analytics.zendesk__alerts as alerts
        inner join analytics.stg_zendesk__audit_logs as events on events.audit_log_key = alerts.audit_log_key
    """):
        found.setdefault(detection, set()).add((event, url))
    return found


def test_sigma_check_passes() -> None:
    sigma = str(HOME / "tools/bin/sigma")
    config = str(ANALYTICS / "sigma-validation.yml")
    output = execute([sigma, "check", "--fail-on-error", "--fail-on-issues", "-c", config, str(SIGMA)])
    assert "0 errors, 0 condition errors and 0 issues" in output


def test_each_detection_has_a_rule_that_agrees_with_the_register() -> None:
    detections = register()
    assert set(RULES) == set(detections) - WITHOUT_RULE
    FACTS.rules = len(RULES)
    for name in RULES:
        rule = main_rule(name)
        assert rule.level.name.lower() == detections[name]["severity"], name
        tags = {tag.name for tag in rule.tags}
        assert detections[name]["attack"].lower() in tags, name
        assert all([rule.description, rule.falsepositives, rule.references, rule.id]), name


@pytest.mark.parametrize("rule", sorted(set(RULES) - {"mass_deletion"}))
def test_a_rule_finds_the_same_events_in_sqlite_as_dbt(rule: str, logs: sqlite3.Connection, alerts: dict[str, Any]) -> None:
    [query] = sqliteBackend().convert(load(rule))
    query = re.sub(r"^SELECT \* FROM", "SELECT id, url FROM", query)
    assert set(logs.execute(query)) == alerts[rule]


def test_the_correlation_finds_the_same_actors(logs: sqlite3.Connection, select: Any, truth: list[Record]) -> None:
    """Sigma has a sliding hour and dbt a clock hour, so the event can differ."""
    backend = sqliteBackend()
    backend.table, backend.timestamp_field = "logs", "created_at"
    backend.convert(load("mass_deletion"))
    [plan] = backend._correlation_plans.values()
    found, _ = execute_plan(logs, plan)
    actors = {int(actor) for actor in re.findall(r"\d{12,}", str([row["group_keys"] for row in found]))}
    in_dbt = select("select distinct actor_id from analytics.zendesk__mass_deletions")
    assert [(actor,) for actor in sorted(actors)] == sorted(in_dbt)
    assert len(actors) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_rules_are_converted(backend: str) -> None:
    for rule in RULES:
        if rule == "mass_deletion" and backend in WITHOUT_CORRELATION:
            continue
        queries = BACKENDS[backend]().convert(load(rule))
        assert len(queries) == 1, rule
        # A field of the rule is in its query.
        assert "source_type" in queries[0] or "action" in queries[0], rule
