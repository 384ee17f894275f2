"""airbyte_cdk.test.standard_tests' suite for a source, run against the binary.

All assertions are the CDK's. The CDK runs a Python connector in its own process; this file starts the binary instead,
and gives every line of its stdout to the CDK. The tests of an image are in test_image.py. This file must not judge what
the connector writes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.test import entrypoint_wrapper
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput
from airbyte_cdk.test.standard_tests.source_base import SourceTestSuiteBase
from connector import run

pytest_plugins = ["airbyte_cdk.test.standard_tests.pytest_hooks"]


class Connector:
    """A connector class for the CDK: a class with a `spec` method, which it must not call here."""

    def spec(self, logger: object) -> object:
        raise AssertionError(f"called in this process, with {logger}")


@pytest.fixture(autouse=True)
def the_binary(monkeypatch: pytest.MonkeyPatch, base_url: str) -> None:
    """Replaces the Python entrypoint with the binary."""

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


# They are the tests of test_image.py.
for name in [name for name in dir(TestSuite) if name.startswith("test_docker_image")]:
    setattr(TestSuite, name, None)
