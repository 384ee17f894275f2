"""Runs the four commands as some user, with a read-only root, without capabilities and without new privileges."""

import json

from checks import must, ok
from containers import ACCESS_LOGS
from image import REPO
from messages import errors, must_be_all, record_ids, states
from sandbox import ACCESS_RECORDS, EVENTS


def check_commands(containers, user):
    options = [*containers.locked_down, "--user", f"{user}:{user}", *containers.mounted]
    check_restrictions(containers, user, options)
    who = f"uid {user}, read-only root, no capabilities, no new privileges"

    def connector(*arguments):
        return containers.run(*arguments, options=options)

    spec = connector("spec").exits(0)
    must(spec.messages()[-1]["spec"] == json.loads((REPO / "spec.json").read_text()), "Different spec.", spec)
    ok(f"{who}: spec equals spec.json")

    good = connector("check", "--config", "/config/config.json").exits(0)
    must(good.messages()[-1]["connectionStatus"]["status"] == "SUCCEEDED", "The check failed.", good)
    bad = connector("check", "--config", "/config/refused.json").exits(0)
    must(bad.messages()[-1]["connectionStatus"]["status"] == "FAILED", "The check did not fail.", bad)
    ok(f"{who}: check returns SUCCEEDED, and FAILED for a token that the API rejects")

    found = connector("discover", "--config", "/config/config.json").exits(0)
    streams = sorted(stream["name"] for stream in found.messages()[-1]["catalog"]["streams"])
    must(streams == sorted(path.stem for path in (REPO / "schemas").glob("*.json")), "Different streams.", found)
    ok(f"{who}: discover finds {', '.join(streams)}")

    first = connector("read", *containers.reading).exits(0)
    must_be_all(record_ids(first.messages()), containers.sandbox, "read", first)
    containers.write("state.json", states(first.messages())[-1:])
    second = connector("read", *containers.reading, "--state", "/config/state.json").exits(0)
    must(record_ids(second.messages()) == [] and states(second.messages()), "The state was not used.", second)
    ok(f"{who}: read emits {EVENTS} events, each once; from its last state, none")

    both = connector("read", "--config", "/config/config.json", "--catalog", "/config/both.json").exits(0)
    must_be_all(record_ids(both.messages()), containers.sandbox, "read of both streams", both)
    access = sorted(record_ids(both.messages(), ACCESS_LOGS))
    must(access == containers.sandbox.access_ids(), f"{len(access)} access log records of {ACCESS_RECORDS}.", both)
    ok(f"{who}: read of both streams emits {EVENTS} events and {ACCESS_RECORDS} access log records, each once")

    failed = connector("read", "--config", "/config/config.json", "--catalog", "/config/unknown.json").exits(1)
    must(errors(failed.messages()), "There is no TRACE ERROR.", failed)
    usage = connector("read", "--no-such-option").exits(2)
    must(usage.stdout == "" and usage.stderr, "A usage error must be on stderr only.", usage)
    ok(f"{who}: an unknown stream ends with exit code 1 and a TRACE ERROR, a usage error with 2")


def check_restrictions(containers, user, options):
    """Checks that the engine applies the options; otherwise the other checks would prove nothing."""
    script = "id -u; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status; touch /airbyte/x /tmp/x /x 2>&1; true"
    seen = containers.shell(script, *options)
    status = dict(line.split(":\t") for line in seen.stdout.splitlines() if ":\t" in line)
    must(seen.stdout.startswith(f"{user}\n"), "Different user.", seen)
    must(int(status["CapEff"], 16) == 0 == int(status["CapBnd"], 16), "There are capabilities.", seen)
    must(status["NoNewPrivs"] == "1", "New privileges are possible.", seen)
    must(seen.stdout.count("Read-only file system") == 3, "The root is writable.", seen)
