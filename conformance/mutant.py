"""A connector that is broken on purpose: runs the real one and spoils what it says.

    mutant.py KIND REAL-CONNECTOR ARGUMENTS...

It exists so that the conformance tests can be seen to fail. It must not be used for anything else, and
must leave everything but its one fault as it is.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable, Iterator


def unbroken(line: str) -> Iterator[str]:
    """Nothing is spoilt: what is noticed of the others is their fault, and not that of this program."""
    yield line


def without_source_stats(line: str) -> Iterator[str]:
    """Each STATE lacks its sourceStats."""
    yield re.sub(r',"sourceStats":\{[^}]*\}', "", line) if line.startswith('{"type":"STATE"') else line


def id_as_text(line: str) -> Iterator[str]:
    """Each record's id is a text."""
    yield re.sub(r'("id":\s*)([0-9]+)', r'\1"\2"', line, count=1) if line.startswith('{"type":"RECORD"') else line


def without_trace_error(line: str) -> Iterator[str]:
    """No TRACE ERROR tells of a failure."""
    if not line.startswith('{"type":"TRACE","trace":{"type":"ERROR"'):
        yield line


def seconds(line: str) -> Iterator[str]:
    """Each record's emitted_at is in seconds."""
    yield re.sub(r'("emitted_at":[0-9]{10})[0-9]{3}(\}\})$', r"\1\2", line)


def leaks(line: str) -> Iterator[str]:
    """Each STARTED is followed by a log line with the configuration's secrets."""
    yield line
    if '"status":"STARTED"' in line or '"type":"CONNECTION_STATUS"' in line:
        with open(sys.argv[sys.argv.index("--config") + 1]) as config:
            text = " ".join(re.findall(r'"(zdsb[^"]*)"', config.read()))
        yield '{"type":"LOG","log":{"level":"INFO","message":"Signing in with ' + text + '"}}'


def loses_one() -> Callable[[str], Iterator[str]]:
    """The seventh record is lost, and its STATE says that it is not."""
    seen = 0

    def lose(line: str) -> Iterator[str]:
        nonlocal seen
        seen += line.startswith('{"type":"RECORD"')
        if not (seen == 7 and line.startswith('{"type":"RECORD"')):
            yield line

    return lose


KINDS: dict[str, Callable[[str], Iterator[str]]] = {
    "unbroken": unbroken,
    "state-without-source-stats": without_source_stats,
    "id-as-text": id_as_text,
    "failure-without-trace": without_trace_error,
    "seconds-for-milliseconds": seconds,
    "secret-in-log": leaks,
    "lost-record": loses_one(),
}


def main() -> int:
    kind, connector, *arguments = sys.argv[1:]
    process = subprocess.Popen([connector, *arguments], stdout=subprocess.PIPE)
    assert process.stdout is not None
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    # Lines end at line feeds alone: other separators may stand inside of a JSON text.
    for line in io.TextIOWrapper(process.stdout, encoding="utf-8", newline="\n"):
        for spoilt in KINDS[kind](line.rstrip("\n")):
            sys.stdout.write(spoilt + "\n")
    sys.stdout.flush()
    return process.wait()


if __name__ == "__main__":
    sys.exit(main())
