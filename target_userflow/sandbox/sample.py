"""The sample: made-up data of a company as Singer messages, the same on every run."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS, USERS, EVENTS, PARTICIPANTS = 40, 200, 600, 150

_START = datetime(2026, 1, 5, 9, tzinfo=timezone.utc)
_FIRST = (
    "Ada Ben Cleo Dana Emil Fay Gus Hana Ivo Jun Kira Leo Mia Noor Otto Pia Quin Rosa Sven Tara"
)
_LAST = "Abel Berg Cruz Diaz Egan Frey Gold Haas Ito Jung Klein Lund Moss Nash Ott Pace Rios Sato"
_NAMES = "Amber Birch Cedar Delta Ember Fable Grove Harbor Iris Juniper"
_KINDS = "Labs Works Studio Freight"
_EVENTS = ("signed_in", "report_exported", "teammate_invited", "plan_upgraded")
_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "time": {"type": ["string", "null"], "format": "date-time"},
    "texts": {"type": ["array", "null"], "items": {"type": ["string"]}},
    "object": {"type": ["object", "null"], "additionalProperties": True},
}


def lines() -> Iterator[str]:
    """Yield the Singer messages, a line each; the streams are in alphabetical order, as in taps."""
    chance = random.Random(2026)  # noqa: S311 - a sample, not a secret
    users = list(_users(chance))
    yield from _stream("public-events", _events(chance, users), _EVENT_COLUMNS)
    yield from _stream("public-groups", _groups(chance), _GROUP_COLUMNS)
    yield from _stream("public-memberships", _memberships(chance, users), _MEMBERSHIP_COLUMNS)
    yield from _stream("public-participants", _participants(chance, users), _PARTICIPANT_COLUMNS)
    yield from _stream("public-users", iter(users), _USER_COLUMNS)
    yield json.dumps({"type": "STATE", "value": {"bookmarks": {"public-users": {"id": USERS}}}})


_EVENT_COLUMNS = {
    "id": "integer",
    "user_id": "text",
    "name": "text",
    "time": "time",
    "duration_ms": "integer",
    "properties": "object",
}
_GROUP_COLUMNS = {"id": "integer", "name": "text", "seats": "integer", "mrr": "number"}
_MEMBERSHIP_COLUMNS = {"user_id": "text", "group_id": "integer", "role": "text", "since": "time"}
_PARTICIPANT_COLUMNS = {
    "email": "text",
    "first_name": "text",
    "last_name": "text",
    "title": "text",
    "country": "text",
    "interviews": "integer",
    "opted_in": "boolean",
}
_USER_COLUMNS = {
    "id": "text",
    "name": "text",
    "email": "text",
    "is_admin": "boolean",
    "tags": "texts",
    "preferences": "object",
    "signed_up_at": "time",
}
_KEYS = {"public-memberships": ["user_id", "group_id"], "public-participants": ["email"]}


def _stream(
    stream: str, records: Iterator[dict[str, Any]], columns: dict[str, str]
) -> Iterator[str]:
    schema = {
        "type": "object",
        "properties": {key: _TYPES[type_] for key, type_ in columns.items()},
    }
    keys = _KEYS.get(stream, ["id"])
    yield json.dumps({"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": keys})
    for record in records:
        yield json.dumps({"type": "RECORD", "stream": stream, "record": record})


def _groups(chance: random.Random) -> Iterator[dict[str, Any]]:
    names = [f"{name} {kind}" for kind in _KINDS.split() for name in _NAMES.split()]
    for number, name in enumerate(names[:GROUPS], 1):
        seats = chance.choice([5, 10, 25, 100])
        yield {"id": number, "name": name, "seats": seats, "mrr": round(seats * 11.9, 2)}


def _users(chance: random.Random) -> Iterator[dict[str, Any]]:
    for number in range(1, USERS + 1):
        first, last = chance.choice(_FIRST.split()), chance.choice(_LAST.split())
        yield {
            "id": f"u{number}",
            "name": f"{first} {last}",
            "email": f"{first}.{last}.{number}@example.com".lower(),
            "is_admin": chance.random() < 0.1,  # noqa: PLR2004 - one in ten
            "tags": chance.sample(["beta", "champion", "churn-risk", "trial"], 2),
            "preferences": {"theme": chance.choice(["dark", "light"]), "mail": {"weekly": True}},
            "signed_up_at": _at(chance.randrange(300)),
        }


def _memberships(chance: random.Random, users: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for number, user in enumerate(users):
        role = "owner" if number < GROUPS else chance.choice(["editor", "viewer"])
        group = number % GROUPS + 1
        yield {
            "user_id": user["id"],
            "group_id": group,
            "role": role,
            "since": user["signed_up_at"],
        }


def _events(chance: random.Random, users: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for number in range(1, EVENTS + 1):
        yield {
            "id": number,
            "user_id": chance.choice(users)["id"],
            "name": chance.choice(_EVENTS),
            "time": _at(300 + chance.randrange(20)),
            "duration_ms": chance.randrange(20, 4000),
            "properties": {"page": {"path": chance.choice(["/home", "/reports", "/team"])}},
        }


def _participants(chance: random.Random, users: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for user in users[:PARTICIPANTS]:
        first, last = user["name"].split()
        yield {
            "email": user["email"],
            "first_name": first,
            "last_name": last,
            "title": chance.choice(["Analyst", "Designer", "Engineer", "Product manager"]),
            "country": chance.choice(["Canada", "Denmark", "Japan", "Kenya"]),
            "interviews": chance.randrange(5),
            "opted_in": chance.random() < 0.8,  # noqa: PLR2004 - four in five
        }


def _at(days: int) -> str:
    return (_START + timedelta(days=days, minutes=37 * days % 600)).isoformat()
