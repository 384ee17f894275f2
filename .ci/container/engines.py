"""The container engine: a Docker daemon, or else buildah, podman and runc with separate storage.

It must not touch images and containers that it did not create.
"""

import json
import os
import platform
import resource
import shutil

from checks import Failed, must, run


class Docker:
    """The Docker daemon of this machine."""

    name = "docker"
    program = ["docker"]
    run_options = ["--network", "host"]
    read_only_options = ["--read-only"]

    def __init__(self, _work):
        self.built = []

    def has(self, image):
        return run(*self.program, "image", "inspect", image).code == 0

    def pull(self, image):
        """Returns `True` if the image is there or can be pulled."""
        return self.has(image) or succeeds(*self.program, "pull", "--quiet", image)

    def image_from(self, root, image):
        """Makes an image of a directory."""
        archive = root.with_suffix(".tar")
        run("tar", "-C", root, "-cf", archive, ".").exits(0)
        run(*self.program, "import", archive, image).exits(0)
        self.built.append(image)

    def build(self, image, *arguments):
        run(*self.program, "build", "--tag", image, *arguments, timeout=300).exits(0)
        self.built.append(image)

    def size(self, image):
        return int(run(*self.program, "image", "inspect", "--format", "{{.Size}}", image).exits(0).stdout)

    def config(self, image):
        return json.loads(run(*self.program, "image", "inspect", image).exits(0).stdout)[0]["Config"]

    def clean(self):
        for image in self.built:
            run(*self.program, "image", "rm", "--force", image)


class Podman(Docker):
    """Debian's tools without a daemon. Everything that they store is in the directory of this run."""

    name = "buildah, podman and runc"
    packages = ["buildah", "podman", "runc"]
    # By default, podman mounts writable file systems over /tmp and others, which Docker does not.
    read_only_options = ["--read-only", "--read-only-tmpfs=false"]

    def __init__(self, work):
        super().__init__(work)
        self.work = work
        # vfs and chroot also work inside virtual machines and containers; the images are small.
        self.storage = ["--root", work / "storage", "--runroot", work / "runroot", "--storage-driver", "vfs"]
        self.program = ["podman", *self.storage, "--cgroup-manager", "cgroupfs", "--runtime", "runc"]
        # Podman's default limits may be higher than this machine allows.
        self.run_options = ["--network", "host", "--log-driver", "none"]
        for name, number, wanted in (("nofile", resource.RLIMIT_NOFILE, 1024), ("nproc", resource.RLIMIT_NPROC, 4096)):
            hard = resource.getrlimit(number)[1]
            limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            self.run_options += ["--ulimit", f"{name}={limit}:{limit}"]

    def pull(self, image):
        return succeeds("buildah", *self.storage, "pull", "--quiet", f"docker.io/library/{image}")

    def image_from(self, root, image):
        recipe = self.work / "directory.Dockerfile"
        recipe.write_text("FROM scratch\nCOPY . /\n")
        self.bud(f"docker.io/library/{image}", "--file", recipe, root)

    def build(self, image, *arguments):
        architecture = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
        self.bud(image, "--pull-never", "--format", "docker", "--build-arg", f"TARGETARCH={architecture}", *arguments)

    def bud(self, image, *arguments):
        run("buildah", *self.storage, "bud", "--isolation", "chroot", "--tag", image, *arguments).exits(0)

    def clean(self):
        """Does nothing: the directory of this run is removed with everything in it."""


def succeeds(*command):
    """Returns `True` if the command succeeds within a minute. Without a network, a pull may fail or never end."""
    try:
        return run(*command, timeout=60).code == 0
    except Failed:
        return False


def engine(work):
    """Returns Docker if a daemon runs, else Podman, whose packages are installed if they are missing."""
    if shutil.which("docker") and run("docker", "info").code == 0:
        return Docker(work)
    missing = [package for package in Podman.packages if not shutil.which(package)]
    if missing:
        install(missing)
    return Podman(work)


def install(packages):
    """Installs Debian packages, as root or with sudo."""
    advice = "Start a Docker daemon, or install buildah, podman and runc. SKIP_CONTAINER=1 skips the container check."
    as_root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    may = shutil.which("apt-get") and (not as_root or (shutil.which("sudo") and run(*as_root, "true").code == 0))
    must(may, f"Missing: {', '.join(packages)}. {advice}")
    print(f"installing {', '.join(packages)}", flush=True)
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = run(*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *arguments, timeout=300)
        must(done.code == 0, f"Cannot install {', '.join(packages)}. {advice}", done)
