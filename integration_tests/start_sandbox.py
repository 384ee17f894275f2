#!/usr/bin/env python3
"""Starts the sandbox Zendesk that the files of this folder were made for, and writes secrets/.

    python3 integration_tests/start_sandbox.py [--port 8123]

It prints the environment line for the connector, and serves until it is stopped. SANDBOX may name a
built zendesk-sandbox; without it, it is built. The credentials are made up by the sandbox; those of a
real account must never be written by this script, nor may secrets/ be committed.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What expected_records.jsonl was made with; tests/generated.rs holds the two together.
DATA = ["--events", "20", "--seed", "1"]
# The one for reading, and one more for each other way to sign in.
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
    """Writes a configuration, but not over one with credentials from elsewhere: the sandbox' have a mark."""
    if path.exists() and "zdsb" not in path.read_text():
        sys.exit(f"{path} is not of the sandbox: move it away first")
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
    """Writes secrets/ from what the sandbox says, and then prints its address."""
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
            # Said last: whoever waits for it finds the files written.
            print(address, end="", flush=True)
            return
    sys.exit("the sandbox ended")


if __name__ == "__main__":
    sys.exit(main())
