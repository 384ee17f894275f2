"""The container check: builds the image with the Dockerfile, and runs it as Airbyte and users do.

    python3 .ci/container                      # with a Docker daemon, or else buildah, podman and runc
    SKIP_CONTAINER=1 python3 .ci/container     # prints that the check did not run, and succeeds

Missing tools are installed with apt-get; if that is not possible, the check fails. The API is the sandbox, on this
machine's loopback. Images, containers and files are removed at the end.
"""

import atexit
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from check_airbyte_tests import check_airbyte_tests
from check_commands import check_commands
from check_document import check_document
from check_image import check_image
from check_interruption import check_interruption
from check_proxy import check_proxy
from check_release import check_release
from check_wrapper import check_wrapper
from checks import Failed, fail_on_signal, progress
from containers import Containers
from engines import engine
from image import NAME, build_binaries, build_image
from sandbox import Sandbox

LIMIT_SECONDS = 900  # for everything after the cargo builds


def temporary_directory():
    path = Path(tempfile.mkdtemp(prefix="container-check-"))
    path.chmod(0o755)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def main():
    if os.environ.get("SKIP_CONTAINER") == "1":
        print("NOT RUN: the container check, because of SKIP_CONTAINER=1.")
        return 0
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, fail_on_signal)
    try:
        binary, sandbox_program = build_binaries()
        signal.alarm(LIMIT_SECONDS)
        progress.restart_clock()
        work = temporary_directory()
        chosen = engine(work)
        atexit.register(chosen.clean)
        print(f"with {chosen.name}", flush=True)
        image = f"{NAME}:{work.name}"
        build_image(chosen, image, binary, work)
        sandbox, slow_sandbox = Sandbox(sandbox_program), Sandbox(sandbox_program, latency_ms=250)
        containers = Containers(chosen, image, sandbox, slow_sandbox, work)
        check_image(containers)
        check_commands(containers, user=1000)
        check_commands(containers, user=12345)
        check_wrapper(containers)
        check_interruption(containers)
        check_proxy(containers)
        check_document(containers)
        check_airbyte_tests(containers, sandbox_program)
        check_release(binary)
    except Failed as failure:
        print(f"\nFAILED after {progress.passed} checks: {failure}", file=sys.stderr, flush=True)
        return 1
    print(f"{progress.passed} checks passed, in {progress.seconds:.0f} s without the cargo builds.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
