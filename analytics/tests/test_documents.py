"""docs/analytics.md lists every detection, model, form and var, and its SQL creates the table."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import duckdb
import pytest
import reference
from conftest import Record
from connector import FILES, environment, program
from pipeline import ANALYTICS, PAGE, PROJECT, Sandbox, register

TEXT = PAGE.read_text()


def rows(begin: str) -> list[list[str]]:
    """Returns the cells of the table under a heading."""
    section = TEXT.partition(f"\n## {begin}\n")[2].partition("\n## ")[0]
    table = [line for line in section.split("\n") if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_each_detection_is_documented_as_it_is_registered() -> None:
    documented = [[cell.strip("`") for cell in row[:3]] for row in rows("Alerts, and what to do")]
    registered = [[name, entry["severity"], entry["attack"]] for name, entry in register().items()]
    assert documented == registered
    assert all(len(cell) > 20 for row in rows("Alerts, and what to do") for cell in row[3:])


def test_each_model_is_documented() -> None:
    documented = [row[0].strip("`") for row in rows("Models")]
    assert sorted(documented) == sorted(path.stem for path in PROJECT.glob("models/*/*.sql"))


def test_each_form_of_a_change_is_documented() -> None:
    section = TEXT.partition("\n### Forms of a change\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.split("\n") if line.startswith("| `")]
    macro = (PROJECT / "macros/changes.sql").read_text().partition("return([")[2].partition("])")[0]
    assert sorted(re.findall(r"`(\w+)`", " ".join(cells))) == sorted(re.findall(r"'(\w+)'", macro))


def test_the_documented_vars_exist() -> None:
    known = set(re.findall(r"^    (zendesk_\w+):", (PROJECT / "dbt_project.yml").read_text(), re.MULTILINE))
    used = set(re.findall(r"^ +(zendesk_\w+):(?! raw)", TEXT, re.MULTILINE)) - {"zendesk_audit_logs"}
    in_models = {name for path in PROJECT.rglob("*.sql") for name in re.findall(r"var\('(\w+)'", path.read_text())}
    assert used
    assert used <= known
    assert in_models <= known


@pytest.fixture(scope="module")
def output(sandbox: Sandbox, config: Path) -> str:
    catalog = str(FILES / "configured_catalog.json")
    command = [program("CONNECTOR"), "read", "--config", str(config), "--catalog", catalog]
    done = subprocess.run(command, env=environment(sandbox.base_url), capture_output=True, check=True, text=True)
    return done.stdout


def test_the_output_of_read_becomes_the_table(
    output: str, truth: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = TEXT.partition("\n## With the output of `read`\n")[2]
    sql = section.partition("```sql\n")[2].partition("\n```\n")[0]
    # As after a crash between the records and their STATE: the records are emitted again.
    (tmp_path / "audit_logs.jsonl").write_text(output + output)
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as database:
        database.execute(sql)
        made = database.execute("select id, url, created_at, change_description from audit_logs").fetchall()
    expected = [(*reference.name(r), reference.at(r), r.get("change_description")) for r in truth]
    assert sorted(made, key=repr) == sorted(expected, key=repr)


def test_the_blind_spots_are_documented() -> None:
    for text in ("record the creation of users", "Labels and descriptions are in the account's language", "never run"):
        assert text in TEXT
    assert (ANALYTICS / "run").exists()
