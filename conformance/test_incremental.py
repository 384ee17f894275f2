"""Tests incremental syncs: the events that arrive between two of them, and the records that each STATE covers.

Records are compared by their content, with integers of any size. This file must not use Airbyte's packages, and must not
look into a state.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from connector import ROOT, STREAM, Run, Sandbox, run, write

# A rate limit that no test reaches.
GENEROUS = ("--rate-limit", "1000000")
FIELDS = json.loads((ROOT / "spec.json").read_text())["connectionSpecification"]["properties"]
LOOK_BACK = timedelta(minutes=FIELDS["lookback_window_minutes"]["default"])


class Account:
    """A sandbox with events, and the syncs of a connection to it."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.config = sandbox.configs["access_token"] | {"rate_limit_percentage": 100}

    def sync(self, state: Any = None, sync_mode: str = "incremental") -> Run:
        stream = {"name": STREAM, "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]}
        configured = {"stream": stream, "sync_mode": sync_mode, "destination_sync_mode": "append"}
        arguments = ["read", "--config", write(self.folder / "config.json", self.config)]
        arguments += ["--catalog", write(self.folder / "catalog.json", {"streams": [configured]})]
        if state is not None:
            arguments += ["--state", write(self.folder / "state.json", [state])]
        done = run(arguments, self.sandbox.base_url)
        assert done.code == 0, done.stdout[-2000:]
        return done

    def add(self, count: int, start: datetime, end: datetime) -> list[str]:
        """Adds events in `start..=end`, and returns their texts."""
        written = [time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in (start, end + timedelta(seconds=1))]
        return texts(self.sandbox.add_events(count, *written))


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with Sandbox("--events", "500", *GENEROUS) as sandbox:
        yield Account(sandbox, tmp_path)


def texts(records: list[dict[str, Any]]) -> list[str]:
    """Returns the records as sorted JSON strings."""
    return sorted(json.dumps(record, sort_keys=True) for record in records)


def states(done: Run) -> list[Any]:
    return [message["state"] for message in done.of_type("STATE")]


def newest_time(done: Run) -> datetime:
    """Returns the newest `created_at` of the records: the expected cursor."""
    return max(datetime.fromisoformat(record["created_at"]) for record in done.records if record.get("created_at"))


def test_a_first_sync_emits_every_record_once_and_unaltered(account: Account) -> None:
    truth = account.sandbox.records()
    assert max(record.get("id") or 0 for record in truth if type(record.get("id")) is int) > 2**53
    for sync_mode in ("incremental", "full_refresh"):
        assert texts(account.sync(sync_mode=sync_mode).records) == texts(truth), sync_mode


def test_a_sync_without_new_events_emits_none(account: Account) -> None:
    state = states(account.sync())[-1]
    for _ in range(2):
        done = account.sync(state)
        assert texts(done.records) == []
        state = states(done)[-1]


def test_events_right_after_the_cursor_are_emitted_by_the_next_sync(account: Account) -> None:
    first = account.sync()
    state, newest = states(first)[-1], newest_time(first)
    second, hour = timedelta(seconds=1), timedelta(hours=1)
    new = account.add(1, newest + second, newest + second)
    new += account.add(50, newest + second, newest + hour)
    new += account.add(10, newest + hour, newest + timedelta(days=1))
    done = account.sync(state)
    assert texts(done.records) == sorted(new)
    assert texts(account.sync(states(done)[-1]).records) == []


def test_events_in_the_second_of_the_cursor_are_emitted_by_the_next_sync(account: Account) -> None:
    first = account.sync()
    state, newest = states(first)[-1], newest_time(first)
    new = account.add(5, newest, newest)
    done = account.sync(state)
    assert texts(done.records) == new
    assert texts(account.sync(states(done)[-1]).records) == []


def test_late_events_within_the_look_back_are_emitted_by_the_next_sync(account: Account) -> None:
    first = account.sync()
    state, newest = states(first)[-1], newest_time(first)
    new = account.add(20, newest - LOOK_BACK, newest)
    done = account.sync(state)
    assert texts(done.records) == new
    # A sync that emits only late events does not move the look-back.
    new = account.add(20, newest - LOOK_BACK, newest)
    done = account.sync(states(done)[-1])
    assert texts(done.records) == new
    assert texts(account.sync(states(done)[-1]).records) == []


def test_each_state_continues_right_after_the_records_before_it(tmp_path: Path) -> None:
    with Sandbox("--events", "11000", *GENEROUS) as sandbox:
        account = Account(sandbox, tmp_path)
        first = account.sync()
        truth = texts(sandbox.records())
        emitted: list[dict[str, Any]] = []
        count = 0
        for message in first.messages:
            if message["type"] == "RECORD":
                emitted.append(message["record"]["data"])
            if message["type"] == "STATE":
                count += 1
                assert sorted(texts(emitted) + texts(account.sync(message["state"]).records)) == truth
        assert count > 2
