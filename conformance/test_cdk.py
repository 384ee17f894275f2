"""airbyte_cdk.test.standard_tests, run against the binary.

All assertions are the CDK's. The CDK runs connectors written in Python in its own process, and others in
an image; here, in the place where it starts one, the binary is started, and it gets every line of stdout.
The image's tests are not run: they need the image. This file must not judge what the connector says.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.test import entrypoint_wrapper
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput
from airbyte_cdk.test.standard_tests.source_base import SourceTestSuiteBase
from connector import FILES, environment, program, run

pytest_plugins = ["airbyte_cdk.test.standard_tests.pytest_hooks"]


class Connector:
    """What the CDK takes for a connector: it wants to see that it could ask for a spec."""

    def spec(self, logger: object) -> object:
        raise AssertionError(f"asked in this process, by {logger}")


@pytest.fixture(scope="session", autouse=True)
def base_url() -> Iterator[str]:
    """The sandbox that the acceptance tests' files were made for; writes secrets/."""
    process = subprocess.Popen(
        [sys.executable, str(FILES / "start_sandbox.py")],
        env=environment(None) | {"SANDBOX": program("SANDBOX")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("export ZENDESK_BASE_URL=http://127.0.0.1:"), address
    yield address.partition("=")[2]
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) in (0, -signal.SIGTERM), process.returncode


@pytest.fixture(autouse=True)
def the_binary(monkeypatch: pytest.MonkeyPatch, base_url: str) -> None:
    """Puts the binary in the place of the Python entrypoint."""

    def command(*, source: object, args: list[str], **_: Any) -> EntrypointOutput:
        assert isinstance(source, Connector)
        done = run(args, base_url)
        output = EntrypointOutput(messages=done.lines, command=args, stderr=done.stderr)
        assert done.code in (0, 1), f"{args}: {done.code}"
        assert bool(output.errors) == (done.code == 1), f"{args}: {done.code}, {len(output.errors)} TRACE ERROR"
        return output

    monkeypatch.setattr(entrypoint_wrapper, "_run_command", command)


class TestSuite(SourceTestSuiteBase):
    """The CDK's tests of a source."""

    connector = Connector

    @classmethod
    def get_connector_root_dir(cls) -> Path:
        return Path(__file__).resolve().parent / "source-zendesk-audit-logs"


# The names of the image's tests are the CDK's; those that it adds later are run, and fail without docker.
for name in [name for name in dir(TestSuite) if name.startswith("test_docker_image")]:
    setattr(TestSuite, name, None)
