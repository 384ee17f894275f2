"""Starts, stops and removes containers of the image under test, and gives them files.

It must not judge what the connector writes.
"""

import atexit
import json
import os
import shutil
import subprocess
import time

from checks import TIMEOUT_SECONDS, Failed, must, run
from image import REPO

STREAM = "audit_logs"
ACCESS_LOGS = "access_logs"


class Containers:
    """One image, two sandboxes, and a directory of files that containers mount."""

    def __init__(self, engine, image, sandbox, slow_sandbox, work):
        self.engine, self.image, self.work = engine, image, work
        self.sandbox, self.slow_sandbox = sandbox, slow_sandbox
        self.count, self.processes = 0, []
        self.locked_down = [*engine.read_only_options, "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        self.files = work / "files"
        self.files.mkdir()
        self.files.chmod(0o755)
        self.write("config.json", sandbox.config)
        refused = {"auth_type": "access_token", "access_token": "not-a-token"}
        self.write("refused.json", {**sandbox.config, "credentials": refused})
        catalog = json.loads((REPO / "integration_tests/configured_catalog.json").read_text())
        catalog["streams"] = [stream for stream in catalog["streams"] if stream["stream"]["name"] == STREAM]
        self.write("catalog.json", catalog)
        access_logs = json.loads(json.dumps(catalog["streams"][0]))
        access_logs["stream"]["name"] = ACCESS_LOGS
        self.write("both.json", {"streams": [*catalog["streams"], access_logs]})
        catalog["streams"][0]["stream"]["name"] = "no_such_stream"
        self.write("unknown.json", catalog)
        # The mount and the arguments of a read, for containers that get the files read-only.
        self.mounted = ["--volume", f"{self.files}:/config:ro"]
        self.reading = ["--config", "/config/config.json", "--catalog", "/config/catalog.json"]
        atexit.register(self.remove)

    def write(self, name, content):
        (self.files / name).write_text(json.dumps(content))

    def command(self, *arguments, options=()):
        """Returns a `run` command of the image, and the name of its container."""
        self.count += 1
        name = f"{self.work.name}-{self.count}"
        environment = ["--env", f"ZENDESK_BASE_URL={self.sandbox.base_url}"]
        fixed = ["run", "--rm", "--name", name, *self.engine.run_options, *environment]
        return [*self.engine.program, *fixed, *options, self.image, *arguments], name

    def run(self, *arguments, options=()):
        command, _ = self.command(*arguments, options=options)
        return run(*command)

    def shell(self, script, *options):
        return self.run("-c", script, options=["--entrypoint", "sh", *options])

    def start(self, command, **options):
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, **options)
        self.processes.append(process)
        return process

    def kill(self, name, signal_name):
        run(*self.engine.program, "kill", "--signal", signal_name, name).exits(0)

    def output_of(self, process):
        """Waits for a process that was started here, and returns its stdout."""
        try:
            return process.communicate(timeout=TIMEOUT_SECONDS)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            process.kill()
            output = process.communicate()[0].decode(errors="replace")
            raise Failed(f"Still running after {TIMEOUT_SECONDS} s.\n{output}") from None

    def job_directory(self, name):
        """Makes the directory that the platform mounts for one job: the pod's user may write to it."""
        directory = self.work / name
        directory.mkdir()
        directory.chmod(0o777)
        for file in self.files.iterdir():
            shutil.copy(file, directory)
        return directory

    def fifo(self, path, into=None):
        """Makes a named pipe and starts a reader, which writes to a file or passes its input on."""
        os.mkfifo(path)
        path.chmod(0o666)
        with open(into or os.devnull, "wb") as file:
            reader = subprocess.Popen(["cat", path], stdout=file if into else subprocess.PIPE)
        atexit.register(reader.kill)
        return reader

    def docker_by_name(self):
        """Returns a PATH on which `docker` is this engine, and its containers reach $ZENDESK_BASE_URL."""
        directory = self.work / "bin"
        if not directory.exists():
            directory.mkdir()
            more = [*self.engine.run_options, "--env", "ZENDESK_BASE_URL"]
            program = " ".join(map(str, [shutil.which(self.engine.program[0]), *self.engine.program[1:]]))
            (directory / "docker").write_text(
                f'#!/bin/sh\n[ "$1" = run ] || exec {program} "$@"\nshift\n'
                f'exec {program} run {" ".join(more)} ${{CONTAINER_NAME:+--name $CONTAINER_NAME}} "$@"\n'
            )
            (directory / "docker").chmod(0o755)
        return f"{directory}:{os.environ['PATH']}"

    def remove(self):
        """Removes all containers of this run, also those that were starting when a signal arrived."""
        program = [str(part) for part in self.engine.program]
        for _ in range(3):
            listed = run(*program, "ps", "--all", "--quiet", "--filter", f"name={self.work.name}").stdout.split()
            if listed:
                run(*program, "rm", "--force", *listed)
            for process in self.processes:
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
            if not listed:
                return
            time.sleep(1)


def read_until_states(stream, count):
    """Reads a pipe until this many STATE messages have begun, and returns the bytes."""
    seen = b""
    while seen.count(b'\n{"type":"STATE"') < count:
        piece = os.read(stream.fileno(), 65536)
        must(piece, "stdout ended before the expected STATE.", seen[-4000:].decode(errors="replace"))
        seen += piece
    return seen
