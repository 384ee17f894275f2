"""Runs commands, asserts on them, and reports each check that passes.

It must not know anything about the connector or about containers.
"""

import json
import signal
import subprocess
import time

TIMEOUT_SECONDS = 90


class Failed(Exception):
    """A check that failed; its message has all evidence."""


class Progress:
    """Counts the checks that passed, and the time since the builds ended."""

    def __init__(self):
        self.passed = 0
        self.began = time.monotonic()

    def restart_clock(self):
        self.began = time.monotonic()

    @property
    def seconds(self):
        return time.monotonic() - self.began


progress = Progress()


def ok(what):
    """Reports a check that passed, on a separate line."""
    progress.passed += 1
    print(f"ok {progress.passed:2}  {what}  [{progress.seconds:.0f} s]", flush=True)


def must(condition, what, *evidence):
    """Raises Failed with the evidence unless the condition holds."""
    if not condition:
        raise Failed("\n".join([what, *(str(piece) for piece in evidence)]))


def json_lines(text):
    """Parses complete lines. It does not use `splitlines`: a record may contain line separators other than LF."""
    return [json.loads(line) for line in text.split("\n")[:-1]]


class Finished:
    """A finished command: its exit code and its two streams."""

    def __init__(self, command, code, stdout, stderr):
        self.command, self.code, self.stdout, self.stderr = command, code, stdout, stderr

    def __str__(self):
        streams = [("stdout", self.stdout), ("stderr", self.stderr)]
        tails = [f"--- {name} (the last 4000 characters)\n{text[-4000:]}" for name, text in streams]
        return "\n".join([f"--- exit code {self.code} of: {' '.join(map(str, self.command))}", *tails])

    def exits(self, code):
        must(self.code == code, f"The exit code should be {code}.", self)
        return self

    def messages(self):
        try:
            return json_lines(self.stdout)
        except ValueError as error:
            raise Failed(f"Not a JSON line on stdout: {error}\n{self}") from None


def run(*command, timeout=TIMEOUT_SECONDS, **options):
    """Runs a command to its end."""
    try:
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, timeout=timeout, check=False, **options
        )
    except subprocess.TimeoutExpired as slow:
        out, err = ((stream or b"").decode(errors="replace") for stream in (slow.stdout, slow.stderr))
        raise Failed(f"Still running after {timeout} s.\n{Finished(command, 'none', out, err)}") from None
    return Finished(command, done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace"))


def fail_on_signal(number, _frame):
    """A signal handler that ends the checks through the normal clean-up."""
    raise Failed("The checks took too long." if number == signal.SIGALRM else f"Stopped by signal {number}.")
