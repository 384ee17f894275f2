"""Runs docs/authentication.md from the first click to a sync: its commands, verbatim, with the sandbox as Zendesk.

A person reads what the commands print, answers what they ask, and presses a button in a browser (`browser.py`). Each
block of the page that is marked with the name of this file is run by a test below.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browser import press, query
from connector import TIMEOUT_SECONDS, ROOT, Sandbox, environment, program

PAGE = (ROOT / "docs/authentication.md").read_text()
BLOCK = re.compile(r"^( *)<!-- run by conformance/test_authentication\.py -->\n *```sh\n(.*?)^ *```$", re.M | re.S)
HEADING = re.compile(r"^(#+) (.+)$", re.M)
QUESTION = re.compile(r"^([A-Z][A-Za-z- ]*): \Z", re.M)
CONSENT = re.compile(r"^http\S+/oauth/authorizations/new\?\S+$", re.M)
EVENTS = 250
used: set[str] = set()


def blocks(text: str) -> list[str]:
    return [textwrap.dedent(block) for _, block in BLOCK.findall(text)]


def commands(heading: str) -> str:
    """Returns the commands under a heading, up to the next heading of any level."""
    found = [match for match in HEADING.finditer(PAGE) if match[2] == heading]
    assert len(found) == 1, heading
    following = HEADING.search(PAGE, found[0].end())
    under = blocks(PAGE[found[0].end() : following.start() if following else None])
    assert under, f"{heading} has no commands"
    used.update(under)
    return "".join(under)


@dataclass
class Person:
    """A user who follows the page, in a separate folder."""

    sandbox: Sandbox
    folder: Path

    def __post_init__(self) -> None:
        configs = {name: config["credentials"] for name, config in self.sandbox.configs.items()}
        client, token = configs["client_credentials"], configs["api_token"]
        self.answers = {
            "Subdomain": "sandbox",
            "Client ID": client["client_id"],
            "Client secret": client["client_secret"],
            "E-mail": token["email"],
            "API token": token["api_token"],
        }
        programs = self.folder / "programs"
        programs.mkdir()
        (programs / "source-zendesk-audit-logs").symlink_to(program("CONNECTOR"))
        self.path = f"{programs}:{os.environ['PATH']}"

    def answer(self, question: str, said: str) -> str:
        if question != "Code":
            return self.answers[question]
        # The first click: the address that the commands have printed, in a browser.
        redirect = press(CONSENT.findall(said)[-1], "Allow")
        assert redirect.startswith("http://localhost?"), redirect
        return query(redirect)["code"]

    def follow(self, *headings: str) -> str:
        """Runs the commands under these headings, one after the other, and returns their output."""
        script = "".join(commands(heading) for heading in headings)
        own = {"PATH": self.path, "HOME": str(self.folder)}
        with (self.folder / "stderr").open("w+") as stderr:
            shell = subprocess.Popen(
                ["sh", "-euc", script],
                cwd=self.folder,
                env=environment(self.sandbox.base_url) | own,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
            assert shell.stdin is not None and shell.stdout is not None
            said = ""
            while chunk := os.read(shell.stdout.fileno(), 65536):
                said += chunk.decode()
                if asked := QUESTION.search(said):
                    shell.stdin.write(self.answer(asked[1], said).encode() + b"\n")
                    shell.stdin.flush()
                    said += "\n"
            shell.stdin.close()
            shell.stdout.close()
            assert shell.wait(TIMEOUT_SECONDS) == 0, (self.folder / "stderr").read_text() + said
        return said

    def config(self) -> dict[str, Any]:
        path = self.folder / "config.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, "other users can read the secrets"
        return json.loads(path.read_text())

    def messages(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / name).read_text().split("\n") if line]

    def assert_synced(self) -> None:
        messages = self.messages("messages.jsonl")
        records = [message["record"]["data"] for message in messages if message["type"] == "RECORD"]
        assert records == self.sandbox.records()
        traces = [message["trace"] for message in messages if message["type"] == "TRACE"]
        assert traces[-1]["stream_status"]["status"] == "COMPLETE"


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    with Sandbox("--events", str(EVENTS)) as sandbox:
        yield Person(sandbox, tmp_path)


@pytest.mark.parametrize(
    ("auth_type", "headings"),
    [
        ("client_credentials", ["Configure the connector"]),
        ("access_token", ["Request a token without a browser", "Configure the connector with the token"]),
        ("access_token", ["Authorize in a browser", "Configure the connector with the token"]),
        ("api_token", ["API token"]),
    ],
    ids=["client-credentials", "access-token", "access-token-of-a-browser", "api-token"],
)
def test_from_the_first_step_to_a_sync(person: Person, auth_type: str, headings: list[str]) -> None:
    said = person.follow(*headings, "Check and sync")
    assert person.config()["credentials"]["auth_type"] == auth_type
    assert '"status":"SUCCEEDED"' in said
    person.assert_synced()
    assert not (person.folder / "tokens.json").exists()


def test_a_refresh_token_from_the_first_click_to_syncs_that_renew_it(person: Person) -> None:
    saving = "The CONTROL message"
    person.follow("Authorize in a browser", "Configure the connector with the pair", saving)
    first = person.config()
    assert first["credentials"]["auth_type"] == "refresh_token"
    person.assert_synced()
    # Two days later, twice: the access token has expired, and the connector emits a new pair.
    seen = [first]
    for _ in range(2):
        expired = person.config()
        expired["credentials"]["token_expiry_date"] = "2026-01-01T00:00:00Z"
        (person.folder / "config.json").write_text(json.dumps(expired))
        person.follow(saving)
        person.assert_synced()
        assert [message["type"] for message in person.messages("check.jsonl")].count("CONTROL") == 1
        assert [message["type"] for message in person.messages("messages.jsonl")].count("CONTROL") == 0
        seen.append(person.config())
    for name in ("access_token", "refresh_token"):
        assert len({config["credentials"][name] for config in seen}) == 3


def test_every_block_of_the_page_is_run() -> None:
    """Compares the blocks with those that the tests above have run; pytest runs this test last."""
    assert used == set(blocks(PAGE))
    assert PAGE.count("```sh") == len(blocks(PAGE))
