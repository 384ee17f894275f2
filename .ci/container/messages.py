"""Extracts records, states and errors from the connector's messages, and compares records with the sandbox's events."""

import json

from checks import json_lines, must


def identity(event):
    """Returns the event's id, or its whole content if it has no id or one that is not a number."""
    known = event.get("id")
    return f"{known:020}" if isinstance(known, int) else json.dumps(event, sort_keys=True)


def record_ids(messages, stream="audit_logs"):
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    return [identity(record["data"]) for record in records if record["stream"] == stream]


def states(messages):
    return [message["state"] for message in messages if message["type"] == "STATE"]


def errors(messages):
    traces = [message["trace"] for message in messages if message["type"] == "TRACE"]
    return [trace["error"] for trace in traces if trace["type"] == "ERROR"]


def up_to_the_last_state(text):
    """Returns the messages of an interrupted run that the platform keeps: those up to the last complete STATE."""
    messages = json_lines(text)
    last = max((at for at, message in enumerate(messages) if message["type"] == "STATE"), default=-1)
    return messages[: last + 1]


def must_be_all(ids, sandbox, what, *evidence):
    """Fails unless the ids are those of the sandbox's events, each exactly once."""
    lost = len(set(sandbox.ids) - set(ids))
    must(sorted(ids) == sandbox.ids, f"{what}: {len(ids)} records, {lost} events lost.", *evidence)
