"""A connector that is broken on purpose: runs the real one and changes what it receives or writes.

    mutant.py KIND REAL-CONNECTOR ARGUMENTS...

It shows that the conformance tools can fail. It must not be used for anything else, and must leave
everything but its one fault unchanged.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

Lines = Callable[[str], Iterator[str]]
RECORD, STATE = '{"type":"RECORD"', '{"type":"STATE"'


def unchanged(line: str) -> Iterator[str]:
    yield line


@dataclass(frozen=True)
class Fault:
    """The changed part: the lines of stdout, the arguments, or the exit code."""

    lines: Lines = unchanged
    arguments: Callable[[list[str]], list[str]] = lambda arguments: arguments
    code: Callable[[int], int] = lambda code: code


def option(name: str) -> str:
    """Returns the value of an option of this command."""
    return sys.argv[sys.argv.index(name) + 1]


def in_states(change: Callable[[str], str]) -> Lines:
    """Changes each STATE."""

    def lines(line: str) -> Iterator[str]:
        yield change(line) if line.startswith(STATE) else line

    return lines


def in_records(change: Callable[[str], str]) -> Lines:
    """Changes each RECORD."""

    def lines(line: str) -> Iterator[str]:
        yield change(line) if line.startswith(RECORD) else line

    return lines


def an_hour_ahead(line: str) -> str:
    """Moves the cursor and the start of the next sync one hour ahead."""

    def move(match: re.Match[str]) -> str:
        later = datetime.fromisoformat(match[2]) + timedelta(hours=1)
        return f'{match[1]}"{later:%Y-%m-%dT%H:%M:%SZ}"'

    return re.sub(r'("(?:created_at|seen_since)":)"([^"]*)"', move, line)


def without_look_back(line: str) -> str:
    """Lets the next sync start at the cursor."""
    cursor = re.search(r'"created_at":("[^"]*")', line)
    return re.sub(r'("seen_since":)"[^"]*"', rf"\1{cursor[1]}", line) if cursor else line


def rounded(match: re.Match[str]) -> str:
    """Converts an integer to a float and back, as many JSON libraries do."""
    return match[1] + str(int(float(match[2])))


def without_trace_error(line: str) -> Iterator[str]:
    """Drops each TRACE ERROR."""
    if not line.startswith('{"type":"TRACE","trace":{"type":"ERROR"'):
        yield line


def without_control(line: str) -> Iterator[str]:
    """Drops each CONTROL message, with the new pair of tokens."""
    if not line.startswith('{"type":"CONTROL"'):
        yield line


def leaks(line: str) -> Iterator[str]:
    """Adds a log line with the configuration's secrets."""
    yield line
    if '"status":"STARTED"' in line or '"type":"CONNECTION_STATUS"' in line:
        with open(option("--config")) as config:
            text = " ".join(re.findall(r'"(zdsb[^"]*)"', config.read()))
        yield '{"type":"LOG","log":{"level":"INFO","message":"Signing in with ' + text + '"}}'


def seventh_record(times: int) -> Lines:
    """Emits the seventh record this many times; the STATE after it does not change."""
    seen = 0

    def lines(line: str) -> Iterator[str]:
        nonlocal seen
        is_record = line.startswith(RECORD)
        seen += is_record
        yield from [line] * (times if is_record and seen == 7 else 1)

    return lines


def state_before_its_last_record() -> Lines:
    """Emits each STATE one record too early."""
    held: list[str] = []

    def lines(line: str) -> Iterator[str]:
        if line.startswith(STATE) and held and held[0].startswith(RECORD):
            yield line
            return
        yield from held
        held[:] = [line]

    return lines


def loses_the_second_of_the_cursor(line: str) -> Iterator[str]:
    """Skips the records with the `created_at` of the given state, as if they had all been emitted."""
    if line.startswith(RECORD) and "--state" in sys.argv:
        with open(option("--state")) as file:
            states = re.findall(r'"created_at":\s*"([^"]*)"', file.read())
        if json.loads(line)["record"]["data"].get("created_at") in states:
            return
    yield line


def without_state(arguments: list[str]) -> list[str]:
    """Drops the option `--state`."""
    if "--state" not in arguments:
        return arguments
    at = arguments.index("--state")
    return arguments[:at] + arguments[at + 2 :]


KINDS: dict[str, Fault] = {
    # Not broken: it shows that the tools detect the faults of the others, and not this program.
    "unbroken": Fault(),
    "control-dropped": Fault(without_control),
    "state-without-source-stats": Fault(in_states(lambda line: re.sub(r',"sourceStats":\{[^}]*\}', "", line))),
    "state-an-hour-ahead": Fault(in_states(an_hour_ahead)),
    "state-without-look-back": Fault(in_states(without_look_back)),
    "state-without-ids": Fault(in_states(lambda line: re.sub(r'("seen":)\{[^}]*\}', r"\1{}", line))),
    "state-before-its-last-record": Fault(state_before_its_last_record()),
    "state-ignored": Fault(arguments=without_state),
    "cursor-second-lost": Fault(loses_the_second_of_the_cursor),
    "lost-record": Fault(seventh_record(times=0)),
    "record-twice": Fault(seventh_record(times=2)),
    "id-as-string": Fault(in_records(lambda line: re.sub(r'("id":\s*)([0-9]+)', r'\1"\2"', line, count=1))),
    "id-rounded": Fault(in_records(lambda line: re.sub(r'("id":\s*)([0-9]+)', rounded, line, count=1))),
    "seconds-for-milliseconds": Fault(in_records(lambda line: re.sub(r'("emitted_at":\d{10})\d{3}(\}\})$', r"\1\2", line))),
    "failure-without-trace": Fault(without_trace_error),
    "failure-with-exit-code-0": Fault(code=lambda code: 0),
    "check-always-succeeds": Fault(lambda line: iter([line.replace('"status":"FAILED"', '"status":"SUCCEEDED"')])),
    "secret-in-log": Fault(leaks),
}


def main() -> int:
    kind, connector, *arguments = sys.argv[1:]
    fault = KINDS[kind]
    process = subprocess.Popen([connector, *fault.arguments(arguments)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    # Lines end at line feeds only: other separators may be inside a JSON string.
    for line in io.TextIOWrapper(process.stdout, encoding="utf-8", newline="\n"):
        for changed in fault.lines(line.rstrip("\n")):
            sys.stdout.write(changed + "\n")
    sys.stdout.flush()
    return fault.code(process.wait())


if __name__ == "__main__":
    sys.exit(main())
