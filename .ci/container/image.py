"""Builds the image with the Dockerfile.

Cargo builds the binary on this machine, from a copy of the Dockerfile's build context, and the binary replaces the
Dockerfile's stage `build`. So no image registry is needed. If the registry cannot be reached, Debian's busybox replaces the
base image as well.
"""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from checks import must, run
from engines import install

REPO = Path(__file__).resolve().parent.parent.parent
NAME = "source-zendesk-audit-logs"


TARGET = Path(REPO, os.environ.get("CARGO_TARGET_DIR", "target"))


def cargo_build(directory, *arguments, **environment):
    """Runs cargo and shows its output: it takes minutes, and its errors are for the reader."""
    command = ["cargo", "build", "--locked", *arguments]
    print(f"running {' '.join(command)}", flush=True)
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET), **environment}
    done = subprocess.run(command, cwd=directory, env=environment, timeout=1800, check=False)
    must(done.returncode == 0, f"{' '.join(command)} failed.")


def build_binaries():
    """Builds the static connector, as the Dockerfile's stage `build` does, and the sandbox. Returns their paths."""
    target = f"{platform.machine()}-unknown-linux-gnu"
    static = "-C target-feature=+crt-static"
    cargo_build(build_context(), "--release", "--package", NAME, "--target", target, RUSTFLAGS=static)
    cargo_build(REPO, "--package", "zendesk-sandbox")
    return TARGET / target / "release" / NAME, TARGET / "debug" / "zendesk-sandbox"


def build_context():
    """Copies the files that .dockerignore allows, so that a source that needs another file does not compile."""
    context = TARGET / "container-context"
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    lines = (REPO / ".dockerignore").read_text().splitlines()
    for name in (line[1:] for line in lines if line.startswith("!")):
        source = REPO / name
        if source.is_dir():
            # Times are copied too, so that cargo compiles only what has changed.
            shutil.copytree(source, context / name, ignore=shutil.ignore_patterns("target", "secrets"))
        else:
            shutil.copy2(source, context / name)
    return context


def build_image(engine, image, binary, work):
    """Builds the image around the binary."""
    base = re.search(r"^FROM (busybox:\S+)$", (REPO / "Dockerfile").read_text(), re.MULTILINE).group(1)
    if engine.pull(base):
        print(f"the base image is {base} from the registry", flush=True)
    else:
        print(f"the base image {base} cannot be pulled; Debian's busybox-static replaces it", flush=True)
        engine.image_from(busybox_root(work), base)
    stage = work / "build"
    stage.mkdir()
    shutil.copy(binary, stage / NAME)
    engine.build(image, "--build-context", f"build={stage}", REPO)


def busybox_root(work):
    """Makes a root directory with busybox under all of its names, and with root's account."""
    busybox = shutil.which("busybox")
    if not busybox or run("ldd", busybox).code == 0:  # it must be static
        install(["busybox-static"])
        busybox = shutil.which("busybox")
    root = work / "busybox"
    for directory in ("bin", "etc", "tmp"):
        (root / directory).mkdir(parents=True)
    shutil.copy(busybox, root / "bin/busybox")
    for name in run(busybox, "--list").exits(0).stdout.split():
        if name != "busybox":
            (root / "bin" / name).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    return root
