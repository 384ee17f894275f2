"""Runs the connector and the sandbox as programs, and returns their output unchanged.

It must not judge anything, and uses the standard library only: the tests of every tool share it.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FILES = ROOT / "integration_tests"
STREAM = "audit_logs"
# A command against the sandbox takes milliseconds. After this time it counts as hung.
TIMEOUT_SECONDS = 120


def program(variable: str) -> str:
    """Returns the path of a program that `conformance/run` built, or that its caller named."""
    path = os.environ.get(variable)
    if not path or not os.access(path, os.X_OK):
        raise RuntimeError(f"{variable} must name an executable file: start the tests with conformance/run")
    return path


def environment(base_url: str | None) -> dict[str, str]:
    """Returns this process' environment without variables that would change where the connector connects."""
    unwanted = {"ZENDESK_BASE_URL", "SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
    clean = {name: value for name, value in os.environ.items() if name.upper() not in unwanted}
    return clean | ({"ZENDESK_BASE_URL": base_url} if base_url else {})


@dataclass(frozen=True)
class Run:
    """A finished command of the connector."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        # Not splitlines(): it also splits at characters that may be inside a JSON string.
        return [line for line in self.stdout.split("\n") if line]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    @property
    def records(self) -> list[dict[str, Any]]:
        return [message["record"]["data"] for message in self.of_type("RECORD")]

    @property
    def errors(self) -> list[dict[str, Any]]:
        traces = [message["trace"] for message in self.of_type("TRACE")]
        return [trace["error"] for trace in traces if trace["type"] == "ERROR"]


def run(arguments: list[str], base_url: str | None) -> Run:
    """Runs a command of the connector to its end."""
    process = subprocess.run(
        [program("CONNECTOR"), *arguments],
        env=environment(base_url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return Run(process.returncode, process.stdout.decode(), process.stderr.decode())


def write(path: Path, content: Any) -> str:
    """Writes a JSON file and returns its path as an argument."""
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


class Sandbox:
    """A running sandbox; ends with its `with` block."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [program("SANDBOX"), *arguments], env=environment(None), stdout=subprocess.PIPE, text=True
        )
        self.base_url, self.configs = self._greeting()

    def _greeting(self) -> tuple[str, dict[str, dict[str, Any]]]:
        """Returns the base URL, and a configuration for each authentication method."""
        assert self.process.stdout is not None
        base_url, configs = "", {}
        for line in self.process.stdout:
            if line.startswith("export ZENDESK_BASE_URL="):
                base_url = line.partition("=")[2].strip()
            elif line.startswith("{"):
                config = json.loads(line)
                configs[config["credentials"]["auth_type"]] = config
            if len(configs) == 4:
                return base_url, configs
        raise RuntimeError(f"the sandbox ended: {self.process.wait()}")

    def records(self) -> list[dict[str, Any]]:
        """Returns all records that exist, in ascending order of time."""
        return self._ask("/sandbox/records", None)

    def add_events(self, count: int, start: str, end: str) -> list[dict[str, Any]]:
        """Adds events in `start..end`, and returns their records."""
        return self._ask("/sandbox/events", {"count": count, "from": start, "to": end})

    def access_records(self) -> list[dict[str, Any]]:
        """Returns all access log records that exist, in ascending order of time."""
        return self._ask("/sandbox/access_records", None)

    def add_access_events(self, count: int, start: str, end: str) -> list[dict[str, Any]]:
        """Adds access log records in `start..end`, and returns them."""
        return self._ask("/sandbox/access_events", {"count": count, "from": start, "to": end})

    def _ask(self, path: str, body: Any) -> list[dict[str, Any]]:
        data = None if body is None else json.dumps(body).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.base_url + path, data=data, timeout=TIMEOUT_SECONDS) as answer:
            return [json.loads(line) for line in answer.read().decode().split("\n") if line]

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(TIMEOUT_SECONDS)
