"""airbyte_cdk.test.standard_tests' DockerConnectorTestSuite, run against an image with `--connector-image`.

All assertions are the CDK's. `docker` on the PATH must be an engine that has the image and passes ZENDESK_BASE_URL on
to its containers; `python3 .ci/container` provides both. This file must not judge the connector's output.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from airbyte_cdk.test.standard_tests.docker_base import DockerConnectorTestSuite

pytest_plugins = ["airbyte_cdk.test.standard_tests.pytest_hooks"]


@pytest.fixture(autouse=True)
def address(monkeypatch: pytest.MonkeyPatch, base_url: str) -> None:
    """Passes the sandbox's address to the containers."""
    monkeypatch.setenv("ZENDESK_BASE_URL", base_url)


class TestImage(DockerConnectorTestSuite):
    """The CDK's tests of an image."""

    # It compares the specification with the one in Airbyte's public registry, which does not have this connector.
    # test_compatibility.py compares it with the last release.
    test_docker_image_spec_backward_compatibility = None

    @classmethod
    def get_connector_root_dir(cls) -> Path:
        return Path(__file__).resolve().parent / "source-zendesk-audit-logs"
