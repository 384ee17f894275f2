"""Interrupts a read in the middle, and checks that the next read continues from the last STATE."""

import subprocess

from check_wrapper import start_wrapped
from checks import TIMEOUT_SECONDS, Finished, must, ok
from containers import read_until_states
from messages import must_be_all, record_ids, states, up_to_the_last_state
from sandbox import EVENTS


def check_interruption(containers):
    killed(containers)
    stopped(containers)


def killed(containers):
    """Kills the pod while the connector waits for its reader, which has received the second STATE."""
    directory = containers.job_directory("killed")
    reader, stderr = (containers.fifo(directory / pipe) for pipe in ("stdout", "stderr"))
    redirect = '2> "/source/stderr" > "/source/stdout"'
    command = "read --config config.json --catalog catalog.json"
    process, name = start_wrapped(containers, directory, command, redirect)
    seen = read_until_states(reader.stdout, 2)
    containers.kill(name, "KILL")
    seen += reader.stdout.read()
    output = containers.output_of(process)
    stderr.communicate(timeout=TIMEOUT_SECONDS)
    must(process.returncode == 137, f"Exit code {process.returncode} instead of 137.", output)
    must(not (directory / "exit.txt").exists(), "The wrapper continued after the kill.", output)
    resumes(containers, "SIGKILL of the container in the middle of a read", seen.decode())


def stopped(containers):
    """Sends SIGTERM to the connector as PID 1 while its reader waits: complete lines, STATE, exit code 143."""
    options = [*containers.locked_down, *containers.mounted]
    command, name = containers.command("read", *containers.reading, options=options)
    process = containers.start(command, stderr=subprocess.PIPE)
    seen = read_until_states(process.stdout, 1)
    containers.kill(name, "TERM")
    rest, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    stdout = (seen + rest).decode()
    ended = Finished(command, process.returncode, stdout, stderr.decode()).exits(143)
    covered = record_ids(up_to_the_last_state(stdout))
    must(record_ids(ended.messages()) == covered, "There are records after the last STATE.", ended)
    resumes(containers, "SIGTERM to PID 1 in the middle of a read", stdout)


def resumes(containers, what, stdout):
    kept = up_to_the_last_state(stdout)
    before = record_ids(kept)
    must(0 < len(before) < EVENTS, f"{what}: {len(before)} records before it: too few or too many.")
    containers.write("state.json", states(kept)[-1:])
    options = [*containers.locked_down, *containers.mounted]
    rest = containers.run("read", *containers.reading, "--state", "/config/state.json", options=options).exits(0)
    after = record_ids(rest.messages())
    must_be_all(before + after, containers.sandbox, f"{what}, then resumed", rest)
    ok(f"{what}: {len(before)} events up to the last state, {len(after)} after it; none lost or repeated")
