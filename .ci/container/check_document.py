"""Runs the marked commands of docs/airbyte.md and README.md, each in one directory. They run verbatim, except that
README.md's IMAGE is the image under test.

The marks are `<!-- tried by .ci/container -->`, and `<!-- tried by .ci/container: NAME -->` for a script.
"""

import json
import os
import re
import shutil
import subprocess
import time

from checks import TIMEOUT_SECONDS, json_lines, must, ok, run
from image import REPO
from messages import must_be_all, record_ids
from sandbox import EVENTS

MARKED = r"<!-- tried by \.ci/container(?:: (\S+))? -->\n+```\w+\n(.*?)```"


def check_document(containers):
    directory = containers.work / "by-hand"
    directory.mkdir()
    shutil.copy(containers.files / "config.json", directory)
    here = {"IMAGE": containers.image, "PATH": containers.docker_by_name()}
    environment = {**os.environ, **here, "ZENDESK_BASE_URL": containers.sandbox.base_url}

    def shell(script):
        return run("bash", "-euc", script, cwd=directory, env=environment)

    blocks = re.findall(MARKED, (REPO / "docs/airbyte.md").read_text(), re.DOTALL)
    names = [name for name, _ in blocks if name]
    must(names == ["sync.sh"] and len(blocks) > 1, "docs/airbyte.md has other marked blocks.", blocks)
    done = ""
    for name, block in blocks:
        if name:
            must(len(block.strip().splitlines()) <= 10, f"{name} has more than ten lines.")
            (directory / name).write_text(block)
            (directory / name).chmod(0o755)
        else:
            done += shell(block).exits(0).stdout
    for answer in ('"type":"SPEC"', '"status":"SUCCEEDED"', '"type":"CATALOG"'):
        must(answer in done, f"The document's commands did not show {answer}.", done)
    ok(f"docs/airbyte.md: {len(blocks) - 1} blocks of commands, verbatim")

    readme_reads_everything(containers, environment)
    table = directory / "audit_logs.jsonl"
    script_adds_new_events(containers, table, shell)
    script_survives_a_kill(containers, directory, table, shell, environment)
    script_reports_failure(containers, directory, table, shell)


def readme_reads_everything(containers, environment):
    directory = containers.work / "readme"
    directory.mkdir()
    shutil.copy(containers.files / "config.json", directory)
    blocks = re.findall(MARKED, (REPO / "README.md").read_text(), re.DOTALL)
    must(len(blocks) == 1, "README.md has other marked blocks.", blocks)
    block, images = re.subn(r"^IMAGE=ghcr\.io/OWNER/\S+$", f"IMAGE={containers.image}", blocks[0][1], flags=re.MULTILINE)
    must(images == 1 and len(block.strip().splitlines()) == 4, "README.md's commands are not four lines.", block)
    done = run("bash", "-euc", block, cwd=directory, env=environment).exits(0)
    must('"status":"SUCCEEDED"' in done.stdout, "README.md's check does not succeed.", done)
    must_be_all(record_ids(json_lines((directory / "audit_logs.jsonl").read_text())), containers.sandbox, "README.md")
    ok("README.md: four lines of docker run")


def script_adds_new_events(containers, table, shell):
    shell("./sync.sh").exits(0)
    first = table.read_text()
    must_be_all(record_ids(json_lines(first)), containers.sandbox, "sync.sh")
    shell("./sync.sh").exits(0)
    must(table.read_text() == first, "The second sync.sh added records.")
    ok(f"docs/airbyte.md: sync.sh adds {EVENTS} events, and none when nothing is new")


def script_survives_a_kill(containers, directory, table, shell, environment):
    """Kills the script's container as soon as there is a state. The script fails, and the next run continues."""
    table.unlink()
    (directory / "state.json").unlink()
    name = f"{containers.work.name}-loop"
    slow = {**environment, "CONTAINER_NAME": name, "ZENDESK_BASE_URL": containers.slow_sandbox.base_url}
    with open(directory / "sync.log", "wb") as log:
        process = subprocess.Popen(["bash", "./sync.sh"], cwd=directory, env=slow, stderr=log)
    containers.processes.append(process)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not (directory / "state.json").exists() or len((directory / "state.json").read_text()) < 10:
        going = time.monotonic() < deadline and process.poll() is None
        must(going, "sync.sh wrote no state in time.", (directory / "sync.log").read_text())
        time.sleep(0.005)
    run(*containers.engine.program, "kill", "--signal", "KILL", name)
    code = process.wait(TIMEOUT_SECONDS)
    before = len(json_lines(table.read_text()))
    shell("./sync.sh").exits(0)
    must(code != 0 and 0 < before < EVENTS, f"sync.sh was not interrupted: exit code {code}, {before} events.")
    must_be_all(record_ids(json_lines(table.read_text())), containers.sandbox, "sync.sh, killed")
    ok(f"docs/airbyte.md: sync.sh with its container killed exits with {code} after {before} events; the next adds the rest")


def script_reports_failure(containers, directory, table, shell):
    def state():
        return json.loads((directory / "state.json").read_text())[0]["stream"]

    before = table.read_text(), state()
    shutil.copy(containers.files / "refused.json", directory / "config.json")
    failed = shell("./sync.sh")
    must(failed.code != 0, "sync.sh hides a failure.", failed)
    must(before == (table.read_text(), state()), "A sync.sh that fails changed the table or the state.", failed)
    ok("docs/airbyte.md: a sync.sh that fails has another exit code than 0, and changes neither table nor state")
