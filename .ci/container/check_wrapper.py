"""Runs the connector inside a shell script as the Airbyte platform does, with stdout in a file or in a named pipe."""

import subprocess

from checks import TIMEOUT_SECONDS, json_lines, must, ok
from messages import errors, must_be_all, record_ids, states
from sandbox import EVENTS


def wrapper(connector, redirect):
    """Returns a script with the structure of the one that the platform runs in the pod."""
    return f"""
        if [ -z "$AIRBYTE_ENTRYPOINT" ]; then echo "no AIRBYTE_ENTRYPOINT"; exit 127; fi
        (eval "$AIRBYTE_ENTRYPOINT {connector}" {redirect}) &
        child=$!
        (while true; do if [ -f TERMINATED ]; then kill "$child"; exit 0; fi; sleep 10; done) &
        wait "$child"
        code=$?
        echo "$code" > exit.tmp
        mv exit.tmp exit.txt
        if [ -f output.jsonl ]; then cat output.jsonl; fi
        exit "$code"
    """


def start_wrapped(containers, directory, connector, redirect):
    """Starts the script with a job's directory. Returns the process and the container's name."""
    options = [*containers.locked_down, "--user", "1000:1000", "--entrypoint", "sh"]
    options += ["--volume", f"{directory}:/source", "--workdir", "/source"]
    command, name = containers.command("-c", wrapper(connector, redirect), options=options)
    return containers.start(command, stderr=subprocess.STDOUT), name


def to_a_file(containers, connector, code, holds):
    directory = containers.job_directory(f"wrapped-{containers.count}")
    process, _ = start_wrapped(containers, directory, connector, "> output.jsonl")
    output = containers.output_of(process)
    saved = (directory / "exit.txt").read_text().strip()
    must(process.returncode == code and saved == str(code), f"Exit codes {process.returncode}, {saved}.", output)
    messages = json_lines((directory / "output.jsonl").read_text())
    must(holds(messages), f"{connector}: unexpected messages.", output)


def to_pipes(containers, name, connector, code):
    directory = containers.job_directory(name)
    readers = [containers.fifo(directory / pipe, directory / f"{pipe}.txt") for pipe in ("stdout", "stderr")]
    process, _ = start_wrapped(containers, directory, connector, '2> "/source/stderr" > "/source/stdout"')
    output = containers.output_of(process)
    for reader in readers:
        reader.wait(TIMEOUT_SECONDS)
    stdout, stderr = ((directory / f"{pipe}.txt").read_text() for pipe in ("stdout", "stderr"))
    saved = (directory / "exit.txt").read_text().strip()
    exit_codes = f"Exit codes {process.returncode}, {saved}."
    must(process.returncode == code and saved == str(code), exit_codes, output, stdout[-4000:], stderr)
    must(stdout.endswith("\n"), "The last line is incomplete.", stdout[-4000:])
    return json_lines(stdout)


def check_wrapper(containers):
    def status(wanted):
        return lambda messages: messages[-1]["connectionStatus"]["status"] == wanted

    def last_is(kind):
        return lambda messages: messages[-1]["type"] == kind

    to_a_file(containers, "spec", 0, last_is("SPEC"))
    to_a_file(containers, "check --config config.json", 0, status("SUCCEEDED"))
    to_a_file(containers, "check --config refused.json", 0, status("FAILED"))
    to_a_file(containers, "discover --config config.json", 0, last_is("CATALOG"))
    to_a_file(containers, "discover --config no-such-file.json", 1, errors)
    ok("platform wrapper: spec, check and discover into a file; SUCCEEDED, FAILED and failure; exit code in a file")

    files = "--config config.json --catalog catalog.json"
    first = to_pipes(containers, "read-first", f"read {files}", 0)
    must_be_all(record_ids(first), containers.sandbox, "read through a named pipe")
    ok(f"platform wrapper: read without --state into a named pipe: {EVENTS} events, each once")

    containers.write("input_state.json", states(first)[1:2])
    rest = to_pipes(containers, "read-rest", f"read {files} --state input_state.json", 0)
    before = sum(int(state["sourceStats"]["recordCount"]) for state in states(first)[:2])
    both = record_ids(first)[:before] + record_ids(rest)
    must_be_all(both, containers.sandbox, "read from a state in the middle")
    ok(f"platform wrapper: read with --state from the middle: the other {len(record_ids(rest))} events")

    for name, state in (("without", ""), ("with", " --state input_state.json")):
        command = f"read --config refused.json --catalog catalog.json{state}"
        failed = to_pipes(containers, f"read-failed-{name}", command, 1)
        must([error["failure_type"] for error in errors(failed)] == ["config_error"], "Different error.", failed)
    ok("platform wrapper: a read that fails, without and with --state: TRACE ERROR, exit code 1 in the file")
