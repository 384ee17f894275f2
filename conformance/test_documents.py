"""Runs the documents' commands verbatim.

A document's blocks that are marked with the name of this file run in order, in one shell that ends at the first failure,
in an empty folder, with both programs on the PATH. tests/links.rs checks that every other block says where it is run, or
why not.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from connector import TIMEOUT_SECONDS, ROOT, STREAM, environment, program

MARK = "<!-- run by conformance/test_documents.py -->\n```sh\n"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(document: Path) -> str:
    return "".join(block.partition("\n```\n")[0] + "\n" for block in document.read_text().split(MARK)[1:])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "source-zendesk-audit-logs").symlink_to(program("CONNECTOR"))
    (programs / "zendesk-sandbox").symlink_to(program("SANDBOX"))
    (tmp_path / "files").mkdir()
    return tmp_path


def execute(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    own = {"PATH": f"{folder / 'programs'}:{os.environ['PATH']}", "HOME": str(folder)}
    # Files, not pipes: processes that the commands started may outlive the shell, and must not block this one.
    with (folder / "stdout").open("w+") as stdout, (folder / "stderr").open("w+") as stderr:
        shell = subprocess.Popen(
            ["sh", "-euxc", script],
            cwd=folder / "files",
            env=environment(None) | own,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            code = shell.wait(TIMEOUT_SECONDS)
        finally:
            # The shell has its own process group, which no longer exists if every process in it has ended.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)
    said, complained = ((folder / name).read_text() for name in ("stdout", "stderr"))
    return subprocess.CompletedProcess(script, code, said, complained)


def messages(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def records(path: Path) -> list[dict[str, Any]]:
    return [message["record"]["data"] for message in messages(path) if message["type"] == "RECORD"]


def messages_in(stdout: str) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in stdout.split("\n") if line.startswith("{"))


def test_the_quick_start(folder: Path) -> None:
    """Tests check, discover, a first sync and an incremental one: the output, and the files at the end."""
    done = execute(commands(ROOT / "docs/README.md"), folder)
    assert done.returncode == 0, done.stderr
    said = {message["type"]: message for message in messages_in(done.stdout)}
    assert said["CONNECTION_STATUS"]["connectionStatus"]["status"] == "SUCCEEDED"
    assert STREAM in [stream["name"] for stream in said["CATALOG"]["catalog"]["streams"]]
    assert re.findall(r"^\d+$", done.stdout, re.MULTILINE) == ["2000", "25"]

    files = folder / "files"
    first, new = records(files / "audit_logs.jsonl"), records(files / "new.jsonl")
    arrived = messages(files / "arrived.jsonl")
    assert (len(first), len(arrived)) == (2000, 25)
    assert sorted(record["url"] for record in new) == sorted(record["url"] for record in arrived)
    for name in ("audit_logs.jsonl", "new.jsonl"):
        traces = [message["trace"] for message in messages(files / name) if message["type"] == "TRACE"]
        assert traces[-1]["stream_status"]["status"] == "COMPLETE"


def test_only_these_documents_have_marked_commands() -> None:
    """A document with marked commands must have a test above that checks their results."""
    assert [path.name for path in DOCUMENTS if commands(path)] == ["README.md"]
    assert not commands(ROOT / "README.md")


def test_a_command_that_fails_fails_the_test(folder: Path) -> None:
    config = '{"subdomain": "acme", "credentials": {"auth_type": "none"}}'
    use = "source-zendesk-audit-logs discover --config config.json --nonsense"
    broken = f"echo '{config}' > config.json\n{use}\necho on"
    done = execute(broken, folder)
    assert done.returncode == 2
    assert "on" not in done.stdout.split()
