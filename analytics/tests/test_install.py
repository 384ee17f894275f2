"""Another dbt project can install and configure the package as docs/analytics.md describes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import duckdb
from pipeline import ANALYTICS, HOME, PROJECT, execute


def test_another_project_installs_the_package_and_overrides_its_vars(
    warehouse: Path, select: Any, tmp_path: Path
) -> None:
    copy = tmp_path / "warehouse.duckdb"
    shutil.copy(warehouse, copy)
    (tmp_path / "packages.yml").write_text(f"packages:\n  - local: {PROJECT}\n")
    # The vars of the page, and a label that no event has.
    (tmp_path / "dbt_project.yml").write_text("""
name: acme
version: 1.0.0
profile: zendesk_audit_logs
vars:
  zendesk_audit_logs:
    zendesk_schema: airbyte
    zendesk_two_factor_labels: ["no such setting"]
""")
    dbt = [str(HOME / "tools/bin/dbt"), "--no-use-colors", "--no-version-check", "--no-send-anonymous-usage-stats"]
    place = ["--project-dir", str(tmp_path), "--profiles-dir", str(ANALYTICS / "tests")]
    execute([*dbt, "deps", *place])
    build = ["build", "--select", "package:zendesk_audit_logs", "--target", "duckdb"]
    execute([*dbt, *build, *place], os.environ | {"ANALYTICS_DUCKDB": str(copy)})

    query = "select detection, count(*) from analytics.zendesk__alerts group by detection"
    with duckdb.connect(str(copy), read_only=True) as connection:
        here = dict(connection.execute(query).fetchall())
    expected = dict(select(query))
    assert expected.pop("two_factor_disabled") > 100
    assert here == expected
