"""Runs the steps of the pipeline: sandbox -> connector -> PyAirbyte -> warehouse -> dbt. Each step is a program.

It must not judge the results: the tests do. It also collects the values of the table at the end.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ANALYTICS = ROOT / "analytics"
HOME = ROOT / "target/analytics"
PROJECT = ANALYTICS / "dbt"
SIGMA = ANALYTICS / "sigma"
PAGE = ROOT / "docs/analytics.md"
# The conformance tests start the same sandbox.
sys.path.insert(0, str(ROOT / "conformance"))
from connector import Sandbox  # noqa: E402

__all__ = ["Sandbox"]

EVENTS = 2_000
RUN = ("duckdb", "postgres")
PARSED = ("snowflake", "bigquery", "databricks")
# A step takes seconds. After this time it counts as hung.
TIMEOUT_SECONDS = 240


@dataclass
class Facts:
    """The values of the table at the end. A value is empty if the test that sets it did not run."""

    detections: int = 0
    rules: int = 0
    run: list[str] = field(default_factory=list)
    parsed: list[str] = field(default_factory=list)
    records: int = 0
    scenario: tuple[int, int] = (0, 0)
    alerts: tuple[int, int] = (0, 0)


FACTS = Facts()


def execute(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Runs a program and returns its output. A failure shows the end of the output."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_SECONDS,
        check=False,
        text=True,
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout[-6000:]}"
    return done.stdout


def sync(config: Path, warehouse: Path, base_url: str) -> int:
    """Syncs the sandbox with PyAirbyte into DuckDB, and returns the number of records that PyAirbyte processed."""
    command = [sys.executable, str(ANALYTICS / "sync.py"), os.environ["CONNECTOR"], str(config), str(warehouse)]
    logs = {"AIRBYTE_LOGGING_ROOT": str(HOME / "logs"), "ZENDESK_BASE_URL": base_url}
    output = execute(command, logs)
    return int(output.rpartition("records: ")[2].split()[0])


def run_dbt(command: str, target: str, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """Runs dbt for a target and returns its output. A warning is a failure."""
    venv = "tools" if target in RUN else "warehouses"
    artifacts = HOME / "dbt" / target
    offline = [] if target in RUN else ["--no-introspect", "--no-populate-cache"]
    return execute(
        [str(HOME / venv / "bin/dbt"), "--no-use-colors", "--no-version-check", "--no-send-anonymous-usage-stats"]
        + ["--warn-error", "--log-path", str(artifacts / "logs"), command, "--target", target]
        + ["--project-dir", str(PROJECT), "--profiles-dir", str(ANALYTICS / "tests"), "--target-path", str(artifacts)]
        + ["--vars", json.dumps({"zendesk_schema": "airbyte"}), *offline, *arguments],
        environment,
    )


def dbt(command: str, target: str) -> list[dict[str, Any]]:
    """Runs dbt for a target and returns the result of each node."""
    run_dbt(command, target)
    return json.loads((HOME / "dbt" / target / "run_results.json").read_text())["results"]


def show(query: str, target: str, environment: dict[str, str]) -> list[dict[str, Any]]:
    """Returns the rows of a query with Jinja."""
    output = run_dbt("show", target, "--quiet", "--inline", query, "--output", "json", environment=environment)
    return json.loads(output[output.index("{") :])["show"]


def compiled(target: str) -> dict[str, str]:
    """Returns the SQL that dbt compiled for a target, by file."""
    folder = HOME / "dbt" / target / "compiled"
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.sql"))}


def register() -> dict[str, dict[str, str]]:
    """Returns the detections of macros/detections.sql by name. The list is valid in Jinja and in Python."""
    text = (PROJECT / "macros/detections.sql").read_text()
    listed = text[text.index("return([") + len("return(") : text.index("]) }}") + 1]
    return {detection["name"]: detection for detection in ast.literal_eval(listed)}
