"""The compatibility check finds breaking changes, accepts others, and accepts today's files.

Each case is one change to the files of the last release. This file must not judge a change of today's files.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from compatibility import TODAY, compare, last_release, load, main, named_in, unannounced
from connector import STREAM, Sandbox, run, write

Files = dict[str, dict[str, Any]]


def files() -> Files:
    return load(last_release())


def fields(changed: Files) -> dict[str, Any]:
    return changed["spec.json"]["connectionSpecification"]["properties"]


def columns(changed: Files) -> dict[str, Any]:
    return changed["audit_logs.json"]["properties"]


def option(changed: Files, name: str) -> dict[str, Any]:
    found = fields(changed)["credentials"]["oneOf"]
    return next(one for one in found if one["properties"]["auth_type"]["const"] == name)


def connection(changed: Files) -> dict[str, Any]:
    return changed["spec.json"]["connectionSpecification"]


BREAKS: dict[str, tuple[str, Callable[[Files], Any]]] = {
    "field removed": ("start_date", lambda c: fields(c).pop("start_date")),
    "nested field removed": (
        "credentials.api_token.email",
        lambda c: option(c, "api_token")["properties"].pop("email"),
    ),
    "type changed": ("num_workers", lambda c: fields(c)["num_workers"].update(type="string")),
    "type exchanged": ("subdomain", lambda c: fields(c)["subdomain"].update(type="null")),
    "new required field": ("region", lambda c: connection(c)["required"].append("region")),
    "optional field required": ("start_date", lambda c: connection(c)["required"].append("start_date")),
    "nested required": ("credentials.api_token.x", lambda c: option(c, "api_token")["required"].append("x")),
    "option removed": ("credentials.api_token", lambda c: fields(c)["credentials"]["oneOf"].pop()),
    "constant renamed": (
        "credentials.access_token",
        lambda c: option(c, "access_token")["properties"]["auth_type"].update(const="token"),
    ),
    "enum added": ("subdomain", lambda c: fields(c)["subdomain"].update(enum=["acme"])),
    "maximum lowered": ("num_workers", lambda c: fields(c)["num_workers"].update(maximum=8)),
    "minimum raised": ("num_workers", lambda c: fields(c)["num_workers"].update(minimum=2)),
    "bound added": ("subdomain", lambda c: fields(c)["subdomain"].update(maxLength=5)),
    "pattern changed": ("subdomain", lambda c: fields(c)["subdomain"].update(pattern="^acme$")),
    "default changed": ("num_workers", lambda c: fields(c)["num_workers"].update(default=8)),
    "no longer secret": (
        "credentials.api_token.api_token",
        lambda c: option(c, "api_token")["properties"]["api_token"].pop("airbyte_secret"),
    ),
    "additional properties rejected": ("(top level)", lambda c: connection(c).update(additionalProperties=False)),
    "column removed": ("actor_name", lambda c: columns(c).pop("actor_name")),
    "column widened": ("id", lambda c: columns(c)["id"].update(type=["null", "number"])),
    "column as a string": ("id", lambda c: columns(c)["id"].update(type=["null", "string"])),
    "column not null": ("id", lambda c: columns(c)["id"].update(type="integer")),
    "column without time zone": ("created_at", lambda c: columns(c)["created_at"].pop("airbyte_type")),
    "stream removed": ("audit_logs", lambda c: c.pop("audit_logs.json")),
    "column required": ("id", lambda c: c["audit_logs.json"].update(required=["id"])),
}

PASSES: dict[str, Callable[[Files], Any]] = {
    "nothing": lambda c: None,
    "descriptions": lambda c: fields(c)["subdomain"].update(title="Sub", description="…", order=9, examples=[]),
    "a new optional field": lambda c: fields(c).update(region={"type": "string"}),
    "a new option": lambda c: fields(c)["credentials"]["oneOf"].append(
        {"type": "object", "properties": {"auth_type": {"type": "string", "const": "new"}}, "required": ["auth_type"]}
    ),
    "options in another order": lambda c: fields(c)["credentials"]["oneOf"].reverse(),
    "a wider bound": lambda c: fields(c)["num_workers"].update(maximum=32),
    "a bound removed": lambda c: fields(c)["num_workers"].pop("maximum"),
    "integers become numbers": lambda c: fields(c)["num_workers"].update(type="number"),
    "nothing is required": lambda c: connection(c).update(required=[]),
    "a new stream": lambda c: c.update({"new_stream.json": {"properties": {}, "required": ["id"]}}),
    "a new column": lambda c: columns(c).update(via={"type": ["null", "string"]}),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_breaking_change_is_found_unless_the_changelog_lists_it(case: str) -> None:
    name, change = BREAKS[case]
    changed = files()
    change(changed)
    breaks = compare(files(), changed)
    assert name in {found for found, _ in breaks}, breaks
    assert unannounced(breaks, "", "1.2.3") == breaks
    names = " and ".join(f"`{found}`" for found, _ in breaks)
    assert unannounced(breaks, f"# Changelog\n\n## 1.2.3\n\n- Breaking: {names} changed.\n", "1.2.3") == []


@pytest.mark.parametrize("case", PASSES)
def test_a_compatible_change_passes(case: str) -> None:
    changed = copy.deepcopy(files())
    PASSES[case](changed)
    assert compare(files(), changed) == []


def test_only_breaking_lines_of_this_version_count() -> None:
    changelog = """# Changelog
## 2.0.0 — unreleased
- Breaking: `a` and
  `b` are gone.
- `c` is new.
## 1.0.0
- Breaking: `d` is gone.
"""
    assert named_in(changelog, "2.0.0") == {"a", "b"}
    assert named_in(changelog, "1.0.0") == {"d"}
    assert named_in(changelog, "3.0.0") == set()


def test_todays_files_break_nothing() -> None:
    assert main(["check"]) == 0


def test_the_binary_has_todays_specification_and_schemas(tmp_path: Any) -> None:
    assert run(["spec"], None).of_type("SPEC")[0]["spec"] == json.loads(TODAY["spec.json"].read_text())
    with Sandbox("--events", "1") as sandbox:
        config = write(tmp_path / "config.json", sandbox.configs["access_token"])
        streams = run(["discover", "--config", config], sandbox.base_url).of_type("CATALOG")[0]["catalog"]["streams"]
    schemas = {path.stem: json.loads(path.read_text()) for path in TODAY.values() if path.name != "spec.json"}
    assert {stream["name"]: stream["json_schema"] for stream in streams} == schemas
    # Destinations deduplicate by the primary key and order by the cursor: they cannot change.
    audit_logs = next(stream for stream in streams if stream["name"] == STREAM)
    assert audit_logs["source_defined_primary_key"] == [["id"]]
    assert audit_logs["default_cursor_field"] == ["created_at"]
