"""Settings for the tests of every tool: a skipped test is a failure, and one sandbox for Airbyte's own suites.

It must not judge what the connector writes. The CDK skips a command for a configuration that is not listed for it; that
is the only skip that is allowed.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator, Iterator

import pytest
from connector import FILES, environment, program

ALLOWED = "does not run for scenario"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and ALLOWED not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"NOT RUN: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def base_url() -> Iterator[str]:
    """Starts the sandbox that the files of integration_tests/ belong to, which writes secrets/. Returns its address."""
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
