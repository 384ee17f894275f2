"""Checks the image itself: size, labels, environment, user and tools."""

import re

from checks import must, ok
from image import NAME, REPO

ENTRYPOINT = f"/usr/local/bin/{NAME}"
MAX_SIZE = 12 * 1000 * 1000


def check_image(containers):
    size = containers.engine.size(containers.image)
    must(size <= MAX_SIZE, f"The image has {size:,} bytes; {MAX_SIZE:,} are allowed.")
    ok(f"size: {size:,} bytes of at most {MAX_SIZE:,}")

    config = containers.engine.config(containers.image)
    metadata = (REPO / "metadata.yaml").read_text()
    version = re.search(r'^version = "(.+)"$', (REPO / "Cargo.toml").read_text(), re.MULTILINE).group(1)
    repository = re.search(r"^  dockerRepository: (\S+)$", metadata, re.MULTILINE).group(1)
    expected = {
        "io.airbyte.name": repository,
        "io.airbyte.version": version,
        "org.opencontainers.image.title": NAME,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.licenses": "MIT",
    }
    labels = config.get("Labels") or {}
    must(expected.items() <= labels.items(), "The labels are different.", labels)
    must(labels.get("org.opencontainers.image.description"), "There is no description.", labels)
    ok("labels: name and version of metadata.yaml and Cargo.toml, title, description, license")

    must(config.get("Entrypoint") == [ENTRYPOINT], "The entrypoint is different.", config)
    must(f"AIRBYTE_ENTRYPOINT={ENTRYPOINT}" in config["Env"], "AIRBYTE_ENTRYPOINT is different.", config)
    must(not config.get("Cmd"), "There is a command in addition to the entrypoint.", config)
    ok("environment: AIRBYTE_ENTRYPOINT equals ENTRYPOINT, an absolute path")

    must(config.get("User") == "1000:1000", "The user is different.", config)
    must(config.get("WorkingDir") == "/airbyte", "The working directory is different.", config)
    script = (
        "set -e; id; touch /airbyte/file; cd /; for tool in sh cat sleep mv; do command -v $tool; done; "
        f"! touch {ENTRYPOINT} /etc/passwd 2>/dev/null; "
        "for tool in apk apt dpkg opkg ipkg rpm; do ! test -x /sbin/$tool -o -x /usr/bin/$tool; done"
    )
    seen = containers.shell(script).exits(0)
    must("uid=1000(airbyte) gid=1000(airbyte)" in seen.stdout, "The account is different.", seen)
    ok("user: airbyte 1000:1000 can write to /airbyte but not to the program; sh, cat, sleep and mv exist")
