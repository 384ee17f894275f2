"""Finds changes of the specification and of the schemas that break what the last release accepted or created.

    compatibility.py check     compares spec.json and schemas/ with last_release/, and reads CHANGELOG.md
    compatibility.py release   copies today's files into last_release/: once, in the commit of a release

A saved configuration must stay valid and keep its meaning; a destination's columns must stay. A breaking change passes
only if CHANGELOG.md lists it, in the section of the version in Cargo.toml, on a line that begins with "- Breaking:" and
has its name in backticks. This file must not judge whether a change is good, and works with JSON schemas only.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LAST = Path(__file__).resolve().parent / "last_release"
TODAY = {path.name: path for path in [ROOT / "spec.json", *sorted((ROOT / "schemas").glob("*.json"))]}
# Each limits what is valid: the value may move in one direction, and the keyword may be removed, but not added.
LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems")
UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
# These cannot be compared: any change except a removal may reject what was valid.
PATTERNS = ("pattern", "format", "items", "multipleOf")

Finding = tuple[str, str]


def types(schema: dict[str, Any]) -> set[str]:
    kind = schema.get("type", [])
    return set(kind) if isinstance(kind, list) else {kind}


def accepted_types(schema: dict[str, Any]) -> set[str]:
    found = types(schema)
    return found | {"integer"} if "number" in found else found


def options(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the options of a oneOf, by the constants that identify them."""
    named = {}
    for option in schema.get("oneOf", []):
        constants = [str(part["const"]) for part in option.get("properties", {}).values() if "const" in part]
        named["/".join(constants)] = option
    return named


def spec_breaks(old: dict[str, Any], new: dict[str, Any], name: str = "") -> Iterator[Finding]:
    """Finds changes that can invalidate a saved configuration or change its meaning."""
    here = name or "(top level)"
    if types(new) and not (types(old) and accepted_types(old) <= accepted_types(new)):
        yield here, f"its type {sorted(types(old))} became {sorted(types(new))}"
    for required in sorted(set(new.get("required", [])) - set(old.get("required", []))):
        yield f"{name}.{required}".lstrip("."), "it is required now"
    if old.get("additionalProperties", True) is not False and new.get("additionalProperties", True) is not True:
        yield here, "additional properties are rejected or restricted now"
    if "const" in new and new["const"] != old.get("const", object()):
        yield here, f"its constant became {new['const']!r}"
    if "enum" in new and not ("enum" in old and all(value in new["enum"] for value in old["enum"])):
        yield here, "values were removed from its enum"
    for bounds, sign in ((LOWER_BOUNDS, 1), (UPPER_BOUNDS, -1)):
        for bound in bounds:
            if bound in new and (bound not in old or sign * new[bound] > sign * old[bound]):
                yield here, f"its {bound} is narrower"
    for keyword in PATTERNS:
        if keyword in new and new[keyword] != old.get(keyword):
            yield here, f"its {keyword} changed"
    if old.get("default") != new.get("default"):
        yield here, "its default changed, and so the meaning of configurations without it"
    if old.get("airbyte_secret", False) != new.get("airbyte_secret", False):
        yield here, "it became a secret or is no longer one, and the platform stores it elsewhere"
    yield from properties_breaks(old, new, name)
    before, after = options(old), options(new)
    for option in before:
        if option not in after:
            yield f"{name}.{option}".lstrip("."), "the option was removed"
        else:
            yield from spec_breaks(before[option], after[option], f"{name}.{option}".lstrip("."))


def properties_breaks(old: dict[str, Any], new: dict[str, Any], name: str) -> Iterator[Finding]:
    for field, schema in old.get("properties", {}).items():
        path = f"{name}.{field}".lstrip(".")
        if field not in new.get("properties", {}):
            yield path, "the field was removed"
        else:
            yield from spec_breaks(schema, new["properties"][field], path)


def schema_breaks(old: dict[str, Any], new: dict[str, Any], name: str = "") -> Iterator[Finding]:
    """Finds changes of a destination's columns: any other type, narrower or wider."""
    here = name or "(top level)"
    if types(old) - {"null"} != types(new) - {"null"}:
        yield here, f"its type {sorted(types(old))} became {sorted(types(new))}"
    if "null" in types(old) and "null" not in types(new):
        yield here, "it can no longer be null"
    for keyword in ("format", "airbyte_type", "items"):
        if old.get(keyword) != new.get(keyword):
            yield here, f"its {keyword} changed"
    for required in sorted(set(new.get("required", [])) - set(old.get("required", []))):
        yield f"{name}.{required}".lstrip("."), "it is required now"
    if old.get("additionalProperties", True) is not False and new.get("additionalProperties", True) is not True:
        yield here, "additional properties are rejected or restricted now"
    for field, schema in old.get("properties", {}).items():
        path = f"{name}.{field}".lstrip(".")
        if field not in new.get("properties", {}):
            yield path, "the field was removed"
        else:
            yield from schema_breaks(schema, new["properties"][field], path)


def compare(old: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]]) -> list[Finding]:
    """Returns all breaking changes of all files. A new stream breaks nothing."""
    key = "connectionSpecification"
    found = list(spec_breaks(old["spec.json"][key], new["spec.json"][key]))
    for name in sorted(old.keys() - {"spec.json"}):
        if name in new:
            found += schema_breaks(old[name], new[name])
        else:
            found.append((name.removesuffix(".json"), "the stream was removed"))
    return found


def named_in(changelog: str, version: str) -> set[str]:
    """Returns the breaking changes that the section of this version lists."""
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)
    section = next((part for part in sections if re.match(rf"\[?{re.escape(version)}\b", part)), "")
    entries = re.split(r"^- ", section, flags=re.MULTILINE)
    return {name for entry in entries if entry.startswith("Breaking:") for name in re.findall(r"`([^`]+)`", entry)}


def unannounced(breaks: list[Finding], changelog: str, version: str) -> list[Finding]:
    """Returns the breaking changes that the changelog does not list."""
    named = named_in(changelog, version)
    return [finding for finding in breaks if finding[0] not in named]


def load(files: dict[str, Path]) -> dict[str, dict[str, Any]]:
    return {name: json.loads(path.read_text()) for name, path in files.items()}


def last_release() -> dict[str, Path]:
    return {path.name: path for path in LAST.glob("*.json")}


def main(arguments: list[str]) -> int:
    if arguments == ["release"]:
        for path in last_release().values():
            path.unlink()
        for name, path in TODAY.items():
            shutil.copyfile(path, LAST / name)
        return 0
    if arguments != ["check"]:
        print(__doc__, file=sys.stderr)
        return 2
    breaks = compare(load(last_release()), load(TODAY))
    found = re.search(r'^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert found, "Cargo.toml has no version"
    missing = unannounced(breaks, (ROOT / "CHANGELOG.md").read_text(), found[1])
    for name, why in missing:
        print(f"{name}: {why}, and the section {found[1]} of CHANGELOG.md has no line '- Breaking: … `{name}` …'", file=sys.stderr)
    print(f"{len(breaks)} breaking changes since the last release, {len(breaks) - len(missing)} of them in CHANGELOG.md")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
