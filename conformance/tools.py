"""Runs each tool, counts its tests, and checks that the tools notice broken connectors.

conformance/run starts it and installs what it needs. A tool that runs no test, or another number of tests than
docs/conformance.md says, is a failure. This file must not look at what the connector writes; the tools do.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "conformance"
HOME = ROOT / "target/conformance"
DOCUMENT = ROOT / "docs/conformance.md"

NOT_RUN = [
    "connector acceptance tests 3.x: they need a container engine and their own image; tests/acceptance.rs asserts"
    " their rules",
    "airbyte_cdk.test.standard_tests' tests of an image: the container check runs them (python3 .ci/container)",
]

# The tools that must detect each broken connector, with a test of each that must fail. mutant.py has the kinds; the
# first of them is not broken, and no tool may fail.
CONTROL = "unbroken"
MUTANTS = {
    "state-without-source-stats": {
        "acceptance rules": "basic_read_state_messages",
        "protocol models": "test_each_state_counts_its_records",
    },
    "state-an-hour-ahead": {
        "incremental": "test_events_right_after_the_cursor_are_emitted_by_the_next_sync",
    },
    "state-without-look-back": {
        "incremental": "test_late_events_within_the_look_back_are_emitted_by_the_next_sync",
    },
    "state-without-ids": {
        "incremental": "test_a_sync_without_new_events_emits_none",
    },
    "state-before-its-last-record": {
        "protocol models": "test_each_state_counts_its_records",
        "incremental": "test_each_state_continues_right_after_the_records_before_it",
    },
    "state-ignored": {
        "incremental": "test_a_sync_without_new_events_emits_none",
        "PyAirbyte": "test_a_read_and_an_incremental_one",
    },
    "cursor-second-lost": {
        "incremental": "test_events_in_the_second_of_the_cursor_are_emitted_by_the_next_sync",
    },
    "lost-record": {
        "acceptance rules": "basic_read_expected_records_in_exact_order",
        "protocol models": "test_each_state_counts_its_records",
        "incremental": "test_a_first_sync_emits_every_record_once_and_unaltered",
        "PyAirbyte": "test_a_read_and_an_incremental_one",
        "documents": "test_the_quick_start",
    },
    "record-twice": {
        "incremental": "test_a_first_sync_emits_every_record_once_and_unaltered",
        "protocol models": "test_each_state_counts_its_records",
    },
    "id-as-string": {
        "acceptance rules": "basic_read_records_fit_their_schema_and_have_their_primary_key",
        "protocol models": "test_records_fit_the_schema",
        "airbyte-cdk": "test_basic_read['config' Test Scenario]",
    },
    "id-rounded": {
        "incremental": "test_a_first_sync_emits_every_record_once_and_unaltered",
        "PyAirbyte": "test_a_read_and_an_incremental_one",
    },
    "seconds-for-milliseconds": {
        "acceptance rules": "basic_read_records_fit_their_schema_and_have_their_primary_key",
        "protocol models": "test_times_are_milliseconds",
    },
    "failure-without-trace": {
        "acceptance rules": "basic_read_airbyte_trace_message_on_failure",
        "protocol models": "test_each_failure_has_one_trace_error",
        "airbyte-cdk": "test_fail_read_with_bad_catalog['config' Test Scenario]",
    },
    "failure-with-exit-code-0": {
        "protocol models": "test_exit_codes",
        "airbyte-cdk": "test_fail_read_with_bad_catalog['config' Test Scenario]",
    },
    "check-always-succeeds": {
        "protocol models": "test_each_command_has_its_result_message",
        "airbyte-cdk": "test_check['invalid_config' Test Scenario]",
    },
    "control-dropped": {
        "OAuth button": "test_an_emitted_configuration_is_saved_and_works[own-client]",
        "authentication": "test_a_refresh_token_from_the_first_click_to_syncs_that_renew_it",
    },
    "secret-in-log": {
        "protocol models": "test_no_message_but_control_has_a_secret",
        "airbyte-cdk": "test_check['config' Test Scenario]",
    },
}


@dataclass(frozen=True)
class Outcome:
    """The results of a tool's tests."""

    passed: int
    skipped: int
    failed: tuple[str, ...]
    code: int


def environment(connector: str) -> dict[str, str]:
    own = {"CONNECTOR": connector, "PYTHONDONTWRITEBYTECODE": "1", "DO_NOT_TRACK": "1", "AIRBYTE_OFFLINE_MODE": "1"}
    return os.environ | own | {"AIRBYTE_LOGGING_ROOT": str(HOME / "logs")}


def log(name: str) -> Path:
    return HOME / (re.sub(r"[^A-Za-z0-9]+", "-", name) + ".log")


def execute(command: list[str], connector: str, into: Path) -> int:
    """Runs a command, and writes its output to a file."""
    with into.open("wb") as output:
        done = subprocess.run(
            command, cwd=ROOT, env=environment(connector), stdout=output, stderr=subprocess.STDOUT, check=False
        )
    return done.returncode


def pytest(venv: str, file: str, connector: str, into: Path) -> Outcome:
    report = into.with_suffix(".xml")
    report.unlink(missing_ok=True)
    files = HOME / "files" / into.stem
    files.parent.mkdir(exist_ok=True)
    command = [str(HOME / venv / "bin/python"), "-m", "pytest", "-p", "no:cacheprovider", "-W", "ignore", "-ra"]
    command += ["--basetemp", str(files), f"--junitxml={report}", str(HERE / file)]
    code = execute(command, connector, into)
    cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    failed = tuple(case.get("name", "?") for case in cases if {"failure", "error"} & {part.tag for part in case})
    skipped = sum(case.find("skipped") is not None and case.get("name") not in failed for case in cases)
    return Outcome(len(cases) - len(failed) - skipped, skipped, failed, code)


def cargo(connector: str, into: Path) -> Outcome:
    code = execute(["cargo", "test", "--locked", "--test", "acceptance"], connector, into)
    results = re.findall(r"^test (\S+) \.\.\. (ok|FAILED|ignored)", into.read_text(), re.MULTILINE)
    names = {word: tuple(name for name, end in results if end == word) for word in ("ok", "FAILED", "ignored")}
    return Outcome(len(names["ok"]), len(names["ignored"]), names["FAILED"], code)


# The tools, in the order in which they run. A tool has a virtual environment and a test file, except for the acceptance
# rules, which are a test of the crate.
TOOLS: dict[str, tuple[str, str] | None] = {
    "compatibility": ("protocol", "test_compatibility.py"),
    "acceptance rules": None,
    "protocol models": ("protocol", "test_protocol.py"),
    "incremental": ("protocol", "test_incremental.py"),
    "airbyte-cdk": ("tools", "test_cdk.py"),
    "PyAirbyte": ("tools", "test_pyairbyte.py"),
    "documents": ("tools", "test_documents.py"),
    "OAuth button": ("tools", "test_oauth_button.py"),
    "authentication": ("tools", "test_authentication.py"),
}


def run_tool(tool: str, connector: str, into: Path) -> Outcome:
    tests = TOOLS[tool]
    return pytest(*tests, connector, into) if tests else cargo(connector, into)


def documented() -> dict[str, int]:
    """Returns the number of tests of each tool in docs/conformance.md."""
    rows = re.findall(r"^\| ([^|]+?) \| (\d+) \|", DOCUMENT.read_text(), re.MULTILINE)
    return {tool: int(count) for tool, count in rows}


def run_tools(connector: str) -> list[str]:
    """Runs every tool against the connector. Returns the problems."""
    problems = []
    counts = documented()
    for tool in TOOLS:
        began = time.monotonic()
        into = log(tool)
        outcome = run_tool(tool, connector, into)
        took = time.monotonic() - began
        skipped = f", {outcome.skipped} do not apply" if outcome.skipped else ""
        print(f"{tool:17} {outcome.passed:3} passed, {len(outcome.failed)} failed{skipped}  ({took:.0f} s)", flush=True)
        if outcome.failed or outcome.code != 0:
            print(into.read_text()[-6000:])
            problems.append(f"{tool}: {', '.join(outcome.failed) or f'exit code {outcome.code}'}; see {into}")
        elif outcome.passed != counts.get(tool):
            problems.append(f"{tool}: {outcome.passed} tests passed; docs/conformance.md has {counts.get(tool)}")
    return problems


def mutant(kind: str, connector: str) -> str:
    """Writes a program that is the connector with this fault, and returns its path."""
    path = HOME / "mutants" / kind
    path.parent.mkdir(exist_ok=True)
    command = shlex.join([sys.executable, str(HERE / "mutant.py"), kind, connector])
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    path.chmod(0o755)
    return str(path)


def run_control(connector: str) -> list[str]:
    """Runs every tool against the program without a fault. Returns the problems."""
    problems = []
    for tool in TOOLS:
        into = log(f"{CONTROL} {tool}")
        outcome = run_tool(tool, mutant(CONTROL, connector), into)
        print(f"{CONTROL:28} {tool:17} {len(outcome.failed)} of {outcome.passed} tests fail", flush=True)
        if outcome.failed or not outcome.passed or outcome.code != 0:
            problems.append(f"{CONTROL}: {tool} fails: see {into}")
    return problems


def run_mutants(connector: str) -> list[str]:
    """Runs the tools that must detect each broken connector, two tools at a time. Returns the undetected faults."""
    def notices(tool: str, kind: str, test: str) -> str | None:
        into = log(f"{kind} {tool}")
        outcome = run_tool(tool, mutant(kind, connector), into)
        # Some tests must fail and others pass: a tool that cannot run at all has detected nothing.
        if test in outcome.failed and outcome.passed and outcome.code != 0:
            others = f" and {len(outcome.failed) - 1} more" if len(outcome.failed) > 1 else ""
            print(f"{kind:28} {tool:17} noticed by {test}{others}", flush=True)
            return None
        print(f"{kind:28} {tool:17} NOT NOTICED", flush=True)
        return f"{kind} was not noticed by {test} of {tool}: see {into}"

    # One tool never runs twice at a time: its runs may share files, such as secrets/.
    def all_of(tool: str) -> list[str]:
        found = [notices(tool, kind, tests[tool]) for kind, tests in MUTANTS.items() if tool in tests]
        return [problem for problem in found if problem]

    slowest_first = ["protocol models", *(tool for tool in TOOLS if tool != "protocol models")]
    with ThreadPoolExecutor(max_workers=2) as pool:
        return [problem for problems in pool.map(all_of, slowest_first) for problem in problems]


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--no-mutants"], ["--self-test"]):
        print("usage: conformance/run [--no-mutants | --self-test]", file=sys.stderr)
        return 2
    connector = os.environ["CONNECTOR"]
    problems = []
    if arguments != ["--self-test"]:
        print("\n== the tools", flush=True)
        problems += run_tools(connector)
    if arguments != ["--no-mutants"]:
        print("\n== broken connectors", flush=True)
        problems += run_control(connector)
        problems += run_mutants(connector)
    print()
    for what in NOT_RUN:
        print(f"NOT RUN: {what}.")
    for problem in problems:
        print(f"FAILED: {problem}", file=sys.stderr)
    print("conformance: " + ("FAILED" if problems else "all passed"))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
