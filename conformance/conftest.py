"""What holds for the tests of every tool: a test that was not run is a failure.

It must not decide what is right. Exempt is one skip that the CDK makes of itself: a command that a
configuration is not listed for.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

HARMLESS = "does not run for scenario"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and HARMLESS not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"NOT RUN: {report.longrepr}"
    return report
