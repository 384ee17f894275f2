"""Computes in plain Python which of the sandbox's records each detection and mart must contain.

It must not use SQL or Sigma: it is a second, independent implementation.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Record = dict[str, Any]
# The id and the url identify a record. Each record has at least one of them.
Name = tuple[int | None, str | None]


def name(record: Record) -> Name:
    return record.get("id"), record.get("url")


def text(record: Record, field: str) -> str:
    return record.get(field) or ""


def at(record: Record) -> datetime | None:
    """Returns `created_at` in UTC, without a zone."""
    written = record.get("created_at")
    return datetime.fromisoformat(written).astimezone(UTC).replace(tzinfo=None) if written else None


def lines(record: Record) -> list[str]:
    return [line.removesuffix("\r") for line in text(record, "change_description").split("\n")]


def is_person(record: Record) -> bool:
    return record.get("actor_id") not in (None, -1)


# ---- detections ----------------------------------------------------------------------------------

ADMIN_ENDS = ("to Administrator", "to Admin", "in Administrator")


def role_lines(record: Record) -> list[str]:
    if record.get("source_type") != "user":
        return []
    return [line for line in lines(record) if "ole changed from " in line or line.startswith("Rolle geändert von ")]


def new_admin(record: Record) -> bool:
    return any(line.endswith(ADMIN_ENDS) for line in role_lines(record))


def role_changed(record: Record) -> bool:
    changed = role_lines(record)
    return bool(changed) and record.get("action") == "update" and not any(line.endswith(ADMIN_ENDS) for line in changed)


def account_owner_changed(record: Record) -> bool:
    return record.get("source_type") == "account" and "Owner changed from" in text(record, "change_description")


def is_credential(record: Record) -> bool:
    return record.get("source_type") in {"api_token", "apitoken", "oauth_client"}


def setting(label: str, *changes: str) -> Callable[[Record], bool]:
    """Returns a test for a change of a setting with this label, to one of these values or to any value."""

    def wanted(record: Record) -> bool:
        found = record.get("source_type") == "account_setting" and text(record, "source_label").startswith(label)
        return found and (not changes or text(record, "change_description") in changes)

    return wanted


def either(*wanted: Callable[[Record], bool]) -> Callable[[Record], bool]:
    return lambda record: any(function(record) for function in wanted)


def suspension(change: str) -> Callable[[Record], bool]:
    def wanted(record: Record) -> bool:
        about = record.get("source_type") == "user_setting" and "Suspension state: " in text(record, "source_label")
        return about and record.get("change_description") == change

    return wanted


# Detections that look at one event.
SINGLE: dict[str, Callable[[Record], bool]] = {
    "new_admin": new_admin,
    "role_changed": role_changed,
    "account_owner_changed": account_owner_changed,
    "api_credential_created": lambda record: is_credential(record) and record.get("action") == "create",
    "two_factor_disabled": either(
        setting("Require Two Factor", "Disabled"), setting("Two-Factor authentication for all", "Disabled")
    ),
    "data_exported": lambda record: record.get("action") == "exported",
    "user_suspended": suspension("Suspended"),
    "user_unsuspended": suspension("Unsuspended"),
    "account_assumption_changed": setting("Account Assumption"),
    "credit_card_redaction_disabled": setting("Credit Card Redaction", "Disabled"),
    "mobile_access_enabled": setting("Zendesk Support Mobile App Access", "Enabled"),
    "api_access_enabled": setting("API Token Access", "Enabled"),
    "sso_changed": either(setting("Single Sign-On"), setting("SSO bypass")),
    "password_policy_changed": setting("Password security level"),
    "ip_restriction_changed": setting("IP restrictions"),
}


def sign_in_from_new_address(records: list[Record]) -> list[Record]:
    sign_ins = [r for r in records if r.get("action") == "login" and r.get("actor_id") is not None and at(r)]
    found = []
    for actor in {record["actor_id"] for record in sign_ins}:
        own = [record for record in sign_ins if record["actor_id"] == actor and record.get("ip_address")]
        # Within a second, events are ordered by their ids as strings, as in the model.
        own.sort(key=lambda record: (at(record), str(record.get("id"))))
        seen: set[str] = set()
        for record in own:
            if record["ip_address"] not in seen and at(record) - at(own[0]) >= timedelta(days=30):
                found.append(record)
            seen.add(record["ip_address"])
    return found


def is_deletion(record: Record) -> bool:
    return is_person(record) and record.get("action") in {"destroy", "permanently_destroy"}


def mass_deletion(records: list[Record]) -> list[Record]:
    hours: dict[Any, list[Record]] = defaultdict(list)
    for record in records:
        if is_deletion(record) and at(record):
            hours[record["actor_id"], at(record).replace(minute=0, second=0)].append(record)
    return [min(deleted, key=at) for deleted in hours.values() if len(deleted) >= 20]


SEVERAL: dict[str, Callable[[list[Record]], list[Record]]] = {
    "sign_in_from_new_address": sign_in_from_new_address,
    "mass_deletion": mass_deletion,
}


def alerts(records: list[Record]) -> dict[str, set[Name]]:
    """Returns the events that each detection must find."""
    found = {detection: {name(r) for r in records if wanted(r)} for detection, wanted in SINGLE.items()}
    return found | {detection: {name(r) for r in wanted(records)} for detection, wanted in SEVERAL.items()}


# ---- marts without a detection ----------------------------------------------------------------


def settings_changed(records: list[Record]) -> set[Name]:
    return {name(record) for record in records if record.get("source_type") in {"account", "account_setting"}}


def api_credentials(records: list[Record]) -> set[Name]:
    return {name(record) for record in records if is_credential(record)}


def role_changes(records: list[Record]) -> set[Name]:
    return {name(record) for record in records if role_lines(record) and record.get("action") == "update"}


def outside_business_hours(records: list[Record], zone: str = "UTC") -> set[Name]:
    found = set()
    for record in records:
        if is_person(record) and at(record):
            local = at(record).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
            if local.strftime("%a") in {"Sat", "Sun"} or not 8 <= local.hour < 18:
                found.add(name(record))
    return found


def best_name(records: list[Record]) -> str | None:
    """Returns the last name in the order of code points."""
    return max((record["actor_name"] for record in records if record.get("actor_name")), default=None)


def deletions_by_actor(records: list[Record]) -> list[tuple[Any, ...]]:
    groups: dict[Any, list[Record]] = defaultdict(list)
    for record in records:
        if is_deletion(record):
            groups[record["actor_id"], record.get("source_type")].append(record)
    rows = []
    for (actor, kind), theirs in groups.items():
        times = [at(record) for record in theirs if at(record)]
        rows.append((actor, kind, len(theirs), min(times, default=None), max(times, default=None)))
    return rows


def most_active_actors(records: list[Record]) -> list[tuple[Any, ...]]:
    people = [record for record in records if is_person(record)]
    counts = Counter(record["actor_id"] for record in people)
    rows = []
    for rank, actor in enumerate(sorted(counts, key=lambda actor: (-counts[actor], actor)), 1):
        theirs = [record for record in people if record["actor_id"] == actor]
        times = [at(record) for record in theirs if at(record)]
        addresses = {record.get("ip_address") for record in theirs} - {None}
        days = {time.date() for time in times}
        rows.append((rank, actor, best_name(theirs), len(theirs), len(days), len(addresses), max(times, default=None)))
    return rows
