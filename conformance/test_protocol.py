"""Validates every message of every command with Airbyte's published protocol models, and records with their schemas.

The models are those of the package airbyte-protocol-models, as published. They convert values of another type (a string
into a number) and ignore unknown fields, so these tests also check that what they read equals what was written. Nothing
here knows the sandbox's events.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from airbyte_protocol.models import AirbyteMessage
from connector import FILES, ROOT, STREAM, Run, Sandbox, run, write
from pydantic import BaseModel

# Large enough for more than one STATE.
EVENTS = 6_000
# A rate limit that no run reaches.
GENEROUS = ("--rate-limit", "1000000")
# The sandbox's minute is short here, so that a rate-limited run takes little time.
LIMITED = ("--events", "400", "--rate-limit", "3", "--minute-ms", "1500", "--rate-headers", "none")


def catalog(sync_mode: str, name: str = STREAM) -> dict[str, Any]:
    stream = {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]}
    configured = {"stream": stream, "sync_mode": sync_mode, "destination_sync_mode": "append"}
    # The platform and its tools write explicit nulls.
    return {"streams": [configured | {"cursor_field": None, "primary_key": None, "generation_id": None}]}


def all_runs(folder: Path) -> Iterator[tuple[str, int, Run]]:
    """Runs each command in each way. Returns the name, the expected exit code and the finished command."""

    def read(base_url: str, config: Any, state: Any = None, sync_mode: str = "incremental", name: str = STREAM) -> Run:
        arguments = ["read", "--config", write(folder / "config.json", config)]
        arguments += ["--catalog", write(folder / "catalog.json", catalog(sync_mode, name))]
        if state is not None:
            arguments += ["--state", write(folder / "state.json", state)]
        return run(arguments, base_url)

    yield "spec", 0, run(["spec"], None)
    with Sandbox("--events", str(EVENTS), *GENEROUS) as sandbox:
        url, configs = sandbox.base_url, sandbox.configs
        for auth_type, config in configs.items():
            path = write(folder / f"{auth_type}.json", config)
            yield f"check {auth_type}", 0, run(["check", "--config", path], url)
            yield f"discover {auth_type}", 0, run(["discover", "--config", path], url)
        for path in sorted(FILES.glob("invalid_config*.json")):
            yield f"check {path.stem}", 0, run(["check", "--config", str(path)], url)
            yield f"read {path.stem}", 1, read(url, json.loads(path.read_text()))
        config = configs["access_token"]
        first = read(url, config)
        yield "read incremental", 0, first
        yield "read full_refresh", 0, read(url, config, sync_mode="full_refresh")
        states = [message["state"] for message in first.of_type("STATE")]
        yield "read from the first state", 0, read(url, config, [states[0]])
        yield "read from the last state", 0, read(url, config, [states[-1]])
        yield "read from the future", 0, read(url, config, (FILES / "abnormal_state.json").read_text())
        yield "read from a sample", 0, read(url, config, (FILES / "sample_state.json").read_text())
        yield "read with API token", 0, read(url, configs["api_token"])
        yield "read with client credentials", 0, read(url, configs["client_credentials"])
        yield "read unknown stream", 1, read(url, config, name="no_such_stream")
        yield "read unknown mode", 1, read(url, config, sync_mode="no_such_mode")
        yield "read bad state", 1, read(url, config, "[")
        yield "read bad config", 1, read(url, {"subdomain": "sandbox"})
        yield "check bad config", 0, run(["check", "--config", write(folder / "bad.json", {})], url)
        yield "discover bad config", 1, run(["discover", "--config", str(folder / "bad.json")], url)
        yield "check without config", 1, run(["check", "--config", str(folder / "absent.json")], url)
    with Sandbox("--events", "50") as sandbox:
        yield "read rotating the token", 0, read(sandbox.base_url, sandbox.configs["refresh_token"])
    with Sandbox(*LIMITED) as sandbox:
        config = sandbox.configs["access_token"] | {"rate_limit_percentage": 100, "num_workers": 16}
        yield "read rate limited", 0, read(sandbox.base_url, config)
    for account in ("missing", "professional"):
        with Sandbox("--account", account) as sandbox:
            yield f"read account {account}", 1, read(sandbox.base_url, sandbox.configs["access_token"])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, Run]]:
    return {name: (code, done) for name, code, done in all_runs(tmp_path_factory.mktemp("runs"))}


def same(written: Any, read: Any) -> bool:
    """Returns `True` if both are equal and of the same types. The protocol's numbers may be written as integers."""
    if isinstance(written, dict) and isinstance(read, dict):
        return written.keys() == read.keys() and all(same(written[key], read[key]) for key in written)
    if isinstance(written, list) and isinstance(read, list):
        return len(written) == len(read) and all(map(same, written, read))
    if type(written) is int and type(read) is float:
        return written == read
    return type(written) is type(read) and written == read


def unknown_fields(model: Any, path: str = "") -> list[str]:
    """Returns fields that the protocol does not have. The contents of states and records are not checked."""
    if isinstance(model, list):
        return [found for item in model for found in unknown_fields(item, path)]
    if not isinstance(model, BaseModel) or type(model).__name__ == "AirbyteStateBlob":
        return []
    known = type(model).__fields__
    unknown = [f"{path}.{name}" for name in model.__fields_set__ - known.keys()]
    return unknown + [found for name in known for found in unknown_fields(getattr(model, name), f"{path}.{name}")]


def test_every_line_is_a_message_of_the_protocol(runs: dict[str, tuple[int, Run]]) -> None:
    kinds: dict[str, int] = {}
    for name, (_, done) in runs.items():
        assert done.stderr == "", name
        assert done.stdout.endswith("\n") and "\n\n" not in done.stdout, name
        for line in done.lines:
            written = json.loads(line)
            message = AirbyteMessage.parse_obj(written)
            read = json.loads(message.json(exclude_unset=True, by_alias=True))
            assert same(written, read), (name, line, read)
            assert unknown_fields(message) == [], (name, line)
            kind = written["type"]
            kinds[kind] = kinds.get(kind, 0) + 1
            if kind == "TRACE":
                kinds[written["trace"]["type"]] = kinds.get(written["trace"]["type"], 0) + 1
                if "reasons" in written["trace"].get("stream_status", {}):
                    kinds["RATE_LIMITED"] = kinds.get("RATE_LIMITED", 0) + 1
    print("\nmessages:", kinds)
    expected = {"SPEC", "CONNECTION_STATUS", "CATALOG", "RECORD", "STATE", "LOG", "TRACE", "CONTROL"}
    assert kinds.keys() == expected | {"ERROR", "STREAM_STATUS", "ESTIMATE", "RATE_LIMITED"}


def test_exit_codes(runs: dict[str, tuple[int, Run]]) -> None:
    assert {name: done.code for name, (_, done) in runs.items()} == {name: code for name, (code, _) in runs.items()}


def test_each_failure_has_one_trace_error(runs: dict[str, tuple[int, Run]]) -> None:
    for name, (_, done) in runs.items():
        assert len(done.errors) == (1 if done.code == 1 else 0), name
        for error in done.errors:
            assert error["failure_type"] in {"config_error", "transient_error", "system_error"}, name
            assert error["message"], name


def test_each_command_has_its_result_message(runs: dict[str, tuple[int, Run]]) -> None:
    answers = {"spec": "SPEC", "check": "CONNECTION_STATUS", "discover": "CATALOG"}
    for name, (_, done) in runs.items():
        answer = answers.get(name.split()[0])
        for kind in answers.values():
            assert len(done.of_type(kind)) == (1 if kind == answer and done.code == 0 else 0), (name, kind)
        for message in done.of_type("CONNECTION_STATUS"):
            status = message["connectionStatus"]
            failed = "bad" in name or "invalid" in name
            assert status["status"] == ("FAILED" if failed else "SUCCEEDED"), name
            assert status["message"], name
            assert status["message"].startswith("Connected. ") != failed, name


def test_each_state_counts_its_records(runs: dict[str, tuple[int, Run]]) -> None:
    for name, (_, done) in runs.items():
        count, before, states = 0, None, 0
        for line in done.lines:
            message = json.loads(line)
            if message["type"] == "RECORD":
                count += 1
            if message["type"] == "STATE":
                state = message["state"]
                assert state["type"] == "STREAM", name
                stats = state.get("sourceStats")
                assert stats is not None, f"{name}: a STATE without sourceStats"
                assert type(stats["recordCount"]) is float and stats["recordCount"] == count, name
                assert not (count and state["stream"] == before), f"{name}: equal STATEs with records between them"
                count, before, states = 0, state["stream"], states + 1
        assert count == 0, f"{name}: records after the last STATE"
        if name.startswith("read") and done.code == 0:
            assert states > 0, name


def test_statuses_begin_and_end_a_stream(runs: dict[str, tuple[int, Run]]) -> None:
    for name, (_, done) in runs.items():
        statuses = [
            trace["trace"]["stream_status"]
            for trace in done.of_type("TRACE")
            if trace["trace"]["type"] == "STREAM_STATUS"
        ]
        reported = [status["status"] for status in statuses]
        if name.startswith("read") and done.code == 0:
            assert reported[0] == "STARTED" and reported[-1] == "COMPLETE", name
            assert reported[1:-1] and set(reported[1:-1]) == {"RUNNING"}, name
        elif reported:
            assert reported[0] == "STARTED" and reported[-1] == "INCOMPLETE" and "COMPLETE" not in reported, name


def test_times_are_milliseconds(runs: dict[str, tuple[int, Run]]) -> None:
    for name, (_, done) in runs.items():
        for message in done.messages:
            for kind in ("record", "trace", "control"):
                if kind in message:
                    at = message[kind]["emitted_at"]
                    assert type(at) is int and 1_600_000_000_000 < at < 10_000_000_000_000, (name, at)


def validator(schema: Any) -> jsonschema.Draft7Validator:
    """Returns a validator for draft 7 with formats. An integer must be written without a decimal point."""
    jsonschema.Draft7Validator.check_schema(schema)
    types = jsonschema.Draft7Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    strict = jsonschema.validators.extend(jsonschema.Draft7Validator, type_checker=types)
    return strict(schema, format_checker=jsonschema.FormatChecker())


def test_records_fit_the_schema(runs: dict[str, tuple[int, Run]]) -> None:
    schemas = {path.stem: json.loads(path.read_text()) for path in (ROOT / "schemas").glob("*.json")}
    for name, (_, done) in runs.items():
        for message in done.of_type("CATALOG"):
            streams = message["catalog"]["streams"]
            assert {stream["name"]: stream["json_schema"] for stream in streams} == schemas, name
    validators = {stream: validator(schema) for stream, schema in schemas.items()}
    counted = 0
    for name, (_, done) in runs.items():
        for message in done.of_type("RECORD"):
            check = validators[message["record"]["stream"]]
            errors = check.iter_errors(message["record"]["data"])
            problems = [f"{error.json_path}: {error.message}" for error in errors]
            assert not problems, (name, problems)
            counted += 1
    print("\nrecords:", counted)
    assert counted > EVENTS * 4


def test_configurations_fit_the_specification(runs: dict[str, tuple[int, Run]]) -> None:
    specification = runs["spec"][1].of_type("SPEC")[0]["spec"]
    assert specification == json.loads((ROOT / "spec.json").read_text())
    check = validator(specification["connectionSpecification"])
    with Sandbox("--events", "1") as sandbox:
        configs = dict(sandbox.configs)
    controls = [message["control"] for _, done in runs.values() for message in done.of_type("CONTROL")]
    assert controls
    configs |= {f"control {number}": control["connectorConfig"]["config"] for number, control in enumerate(controls)}
    configs |= {path.name: json.loads(path.read_text()) for path in FILES.glob("*_config*.json")}
    for name, config in configs.items():
        assert [error.message for error in check.iter_errors(config)] == [], name
    assert not check.is_valid({})


def test_no_message_but_control_has_a_secret(runs: dict[str, tuple[int, Run]]) -> None:
    # All credentials of the sandbox begin with this, including those that it issues.
    for name, (_, done) in runs.items():
        for line in done.lines:
            assert "zdsb-fake" not in line or json.loads(line)["type"] == "CONTROL", name
