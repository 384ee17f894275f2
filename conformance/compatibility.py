"""What of the last release today's specification and stream would break.

    compatibility.py check     compares spec.json and schemas/ with last_release/, and reads CHANGELOG.md
    compatibility.py release   copies today's into last_release/: once, with the commit of a release

A configuration that was saved must still be valid and mean the same; a destination's columns must stay.
What does not is accepted only where CHANGELOG.md names it, in the section of the version in Cargo.toml,
on a line that begins with "- Breaking:" and has its name in backticks. It must not judge whether the
change is a good one, and knows nothing but JSON schemas.
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
TODAY = {"spec.json": ROOT / "spec.json", "audit_logs.json": ROOT / "schemas/audit_logs.json"}
# Each bounds what is valid: the value may move in one direction, and the keyword may go, but not come.
LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems")
UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
# Not comparable: any change but their going may refuse what was valid.
PATTERNS = ("pattern", "format", "items", "multipleOf")

Finding = tuple[str, str]


def types(schema: dict[str, Any]) -> set[str]:
    kind = schema.get("type", [])
    return set(kind) if isinstance(kind, list) else {kind}


def accepted_types(schema: dict[str, Any]) -> set[str]:
    found = types(schema)
    return found | {"integer"} if "number" in found else found


def options(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The options of a oneOf, by the constants that tell them apart."""
    named = {}
    for option in schema.get("oneOf", []):
        constants = [str(part["const"]) for part in option.get("properties", {}).values() if "const" in part]
        named["/".join(constants)] = option
    return named


def spec_breaks(old: dict[str, Any], new: dict[str, Any], name: str = "") -> Iterator[Finding]:
    """What a configuration that was valid and understood can stumble over."""
    here = name or "(top level)"
    if types(new) and not (types(old) and accepted_types(old) <= accepted_types(new)):
        yield here, f"its type {sorted(types(old))} became {sorted(types(new))}"
    for required in sorted(set(new.get("required", [])) - set(old.get("required", []))):
        yield f"{name}.{required}".lstrip("."), "it is required now"
    if old.get("additionalProperties", True) is not False and new.get("additionalProperties", True) is not True:
        yield here, "additional properties are refused or bounded now"
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
        yield here, "its default changed: configurations without it mean something else"
    if old.get("airbyte_secret", False) != new.get("airbyte_secret", False):
        yield here, "whether it is a secret changed: the platform keeps it elsewhere"
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
    """What changes a destination's columns: any other type, in whichever direction."""
    here = name or "(top level)"
    if types(old) - {"null"} != types(new) - {"null"}:
        yield here, f"its type {sorted(types(old))} became {sorted(types(new))}"
    if "null" in types(old) and "null" not in types(new):
        yield here, "it cannot be null any more"
    for keyword in ("format", "airbyte_type", "items"):
        if old.get(keyword) != new.get(keyword):
            yield here, f"its {keyword} changed"
    for required in sorted(set(new.get("required", [])) - set(old.get("required", []))):
        yield f"{name}.{required}".lstrip("."), "it is required now"
    if old.get("additionalProperties", True) is not False and new.get("additionalProperties", True) is not True:
        yield here, "additional properties are refused or bounded now"
    for field, schema in old.get("properties", {}).items():
        path = f"{name}.{field}".lstrip(".")
        if field not in new.get("properties", {}):
            yield path, "the field was removed"
        else:
            yield from schema_breaks(schema, new["properties"][field], path)


def compare(old: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]]) -> list[Finding]:
    """All that breaks, of both files."""
    key = "connectionSpecification"
    return [
        *spec_breaks(old["spec.json"][key], new["spec.json"][key]),
        *schema_breaks(old["audit_logs.json"], new["audit_logs.json"]),
    ]


def named_in(changelog: str, version: str) -> set[str]:
    """What the section of this version says is breaking."""
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)
    section = next((part for part in sections if re.match(rf"\[?{re.escape(version)}\b", part)), "")
    entries = re.split(r"^- ", section, flags=re.MULTILINE)
    return {name for entry in entries if entry.startswith("Breaking:") for name in re.findall(r"`([^`]+)`", entry)}


def unannounced(breaks: list[Finding], changelog: str, version: str) -> list[Finding]:
    """Those that the changelog does not name."""
    named = named_in(changelog, version)
    return [finding for finding in breaks if finding[0] not in named]


def load(folder: dict[str, Path]) -> dict[str, dict[str, Any]]:
    return {name: json.loads(path.read_text()) for name, path in folder.items()}


def main(arguments: list[str]) -> int:
    if arguments == ["release"]:
        for name, path in TODAY.items():
            shutil.copyfile(path, LAST / name)
        return 0
    if arguments != ["check"]:
        print(__doc__, file=sys.stderr)
        return 2
    breaks = compare(load({name: LAST / name for name in TODAY}), load(TODAY))
    found = re.search(r'^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert found, "Cargo.toml has no version"
    missing = unannounced(breaks, (ROOT / "CHANGELOG.md").read_text(), found[1])
    for name, why in missing:
        print(f"{name}: {why}, and CHANGELOG.md's {found[1]} has no line '- Breaking: … `{name}` …'", file=sys.stderr)
    print(f"{len(breaks)} breaking changes since the last release, {len(breaks) - len(missing)} of them announced")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
