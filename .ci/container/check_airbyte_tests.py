"""Runs the CDK's tests of an image (conformance/test_image.py) against the image, and against a broken one.

It counts the tests that ran. No test, or another number than in docs/conformance.md, is a failure.
"""

import os
import re
import xml.etree.ElementTree as ElementTree

from check_image import ENTRYPOINT
from checks import must, ok, run
from image import REPO

# `check` accepts every configuration; the other commands are those of the connector.
BROKEN = f"""#!/bin/sh
if [ "$1" = check ]; then
  echo '{{"type":"CONNECTION_STATUS","connectionStatus":{{"status":"SUCCEEDED"}}}}'
else
  exec {ENTRYPOINT} "$@"
fi
"""

# The configurations that conformance/source-zendesk-audit-logs/acceptance-test-config.yml lists under `basic_read`. By
# default, the CDK reads nothing from an image.
READ = ["config", "config_access_token", "config_api_token"]


def check_airbyte_tests(containers, sandbox_program):
    python = run("bash", REPO / "conformance/packages.sh", "tools", timeout=300, cwd=REPO).exits(0)
    python = python.stdout.split("\n")[-2]
    row = re.search(r"^\| image tests \| (\d+) \|", (REPO / "docs/conformance.md").read_text(), re.MULTILINE)
    must(row, "docs/conformance.md does not have the number of image tests.")
    documented = int(row.group(1))

    def tests(image):
        """Returns the names of the tests that passed and of those that failed, and the finished command."""
        report = containers.work / "image-tests.xml"
        report.unlink(missing_ok=True)
        environment = {**os.environ, "PATH": containers.docker_by_name(), "SANDBOX": str(sandbox_program)}
        options = ["-p", "no:cacheprovider", "-W", "ignore", "--tb=short", f"--junitxml={report}"]
        # The options of this plugin exist only if it is named here.
        options += ["-p", "airbyte_cdk.test.standard_tests.pytest_hooks", f"--connector-image={image}"]
        options += ["--read-from-streams=all", f"--read-scenarios={','.join(READ)}"]
        command = [python, "-m", "pytest", *options, REPO / "conformance/test_image.py"]
        done = run(*command, timeout=300, cwd=REPO, env={**environment, "PYTHONDONTWRITEBYTECODE": "1"})
        cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
        ends = {case.get("name"): {part.tag for part in case} for case in cases}
        passed = [name for name, tags in ends.items() if not tags & {"failure", "error", "skipped"}]
        return passed, [name for name, tags in ends.items() if tags & {"failure", "error"}], done

    passed, failed, done = tests(containers.image)
    must(done.code == 0 and not failed, f"Airbyte's tests of the image failed: {', '.join(failed)}.", done)
    numbers = f"{len(passed)} of Airbyte's tests of the image passed; docs/conformance.md has {documented}."
    must(passed and len(passed) == documented, numbers, done)
    ok(f"Airbyte's tests of the image: {len(passed)} passed")

    directory = containers.work / "broken"
    directory.mkdir()
    (directory / "broken").write_text(BROKEN)
    (directory / "broken").chmod(0o755)
    recipe = f'FROM {containers.image}\nCOPY broken /broken\nENTRYPOINT ["/broken"]\n'
    (directory / "Dockerfile").write_text(recipe)
    broken = f"{containers.image}-broken"
    containers.engine.build(broken, directory)
    passed, failed, done = tests(broken)
    expected = "test_docker_image_build_and_check['invalid_config' Test Scenario]"
    must(expected in failed and passed and done.code != 0, "Airbyte's tests did not detect a broken image.", done)
    ok(f"Airbyte's tests of the image: a `check` that accepts everything fails {len(failed)} of them")
