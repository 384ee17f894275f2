"""Events that arrive later are added to the table, and the alerts that exist keep their keys."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import reference
from pipeline import Sandbox, run_dbt, sync


def alerts(path: Path, sandbox: Sandbox) -> set[str]:
    """Syncs, runs dbt, compares the alerts with the expected ones, and returns their keys."""
    config = path.parent / "config.json"
    config.write_text(json.dumps(sandbox.configs["client_credentials"]))
    sync(config, path, sandbox.base_url)
    run_dbt("run", "duckdb", "--select", "+zendesk__alerts", environment={"ANALYTICS_DUCKDB": str(path)})
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute("""
            select alerts.alert_key, alerts.detection, events.audit_log_id, events.url
            from analytics.zendesk__alerts as alerts
            inner join analytics.stg_zendesk__audit_logs as events on events.audit_log_key = alerts.audit_log_key
        """).fetchall()
    expected = reference.alerts(sandbox.records())
    assert {tuple(row[1:]) for row in rows} == {(name, *event) for name, events in expected.items() for event in events}
    return {row[0] for row in rows}


def test_later_events_add_alerts_and_change_none(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with Sandbox("--events", "200", "--scenario", "security", "--rate-limit", "1000000") as sandbox:
        before = alerts(path, sandbox)
        sandbox.add_events(200, "2025-02-01T00:00:00Z", "2025-02-28T00:00:00Z")
        after = alerts(path, sandbox)
    assert len(before) > 50
    assert before < after
