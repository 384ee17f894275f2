#!/usr/bin/env python3
"""Starts the sandbox that the files of this folder belong to, and writes secrets/.

    python3 integration_tests/start_sandbox.py [--port 8123]

It prints the environment variable for the connector, and runs until it is stopped. SANDBOX may name a built
zendesk-sandbox; otherwise it is built. The sandbox generates the credentials. This script must never write those of a
real account, and secrets/ must never be committed.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The options with which expected_records.jsonl was created, and access logs; tests/generated.rs compares them.
DATA = ["--events", "20", "--seed", "1", "--access-events", "20", "--access-rate-limit", "0"]
# The configuration for reads, and one for each other authentication method.
FILES = {
    "client_credentials": "config.json",
    "access_token": "config_access_token.json",
    "api_token": "config_api_token.json",
    "refresh_token": "config_refresh_token.json",
}


def built() -> str:
    """Builds the sandbox and returns its path."""
    cargo = os.environ.get("CARGO", "cargo")
    command = [cargo, "build", "--locked", "-p", "zendesk-sandbox", "--message-format=json"]
    output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    artifacts = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return next(path for artifact in artifacts if (path := artifact.get("executable")))


def write(path: Path, config: dict[str, object]) -> None:
    """Writes a configuration, unless the file has credentials that are not the sandbox'."""
    if path.exists() and "zdsb" not in path.read_text():
        sys.exit(f"{path} was not written for the sandbox: move it away first")
    path.write_text(json.dumps(config, indent=2) + "\n")


def main() -> int:
    command = [os.environ.get("SANDBOX") or built(), *DATA, *sys.argv[1:]]
    sandbox = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: sandbox.terminate())
    try:
        prepare(sandbox)
        return sandbox.wait()
    finally:
        sandbox.terminate()


def prepare(sandbox: subprocess.Popen[str]) -> None:
    """Writes secrets/ from the sandbox's output, and then prints its address."""
    secrets = ROOT / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    assert sandbox.stdout is not None
    address, written = "", set()
    for line in sandbox.stdout:
        if line.startswith("export "):
            address = line
        elif line.startswith("{"):
            config = json.loads(line)
            name = FILES[config["credentials"]["auth_type"]]
            write(secrets / name, config)
            written.add(name)
        if written == set(FILES.values()):
            # Printed last: when it appears, the files are complete.
            print(address, end="", flush=True)
            return
    sys.exit("the sandbox ended")


if __name__ == "__main__":
    sys.exit(main())
