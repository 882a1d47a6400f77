"""Rows that a log says are deleted, and what a run with `hard_delete` makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from support.process import record, schema

if TYPE_CHECKING:
    from target_userflow.sandbox import Sandbox


WHEN = "2026-01-01T00:00:00Z"
LOGGED = {"_sdc_deleted_at": "string", "_sdc_lsn": "integer"}
USERS = schema("users", {"id": "string", "plan": {"type": "string"}, **LOGGED})
GROUPS = schema("groups", {"id": "string", "name": "string", **LOGGED})
KEYS = ["user_id", "group_id"]
MEMBERSHIPS = schema(
    "memberships", {"user_id": "string", "group_id": "string", "role": "string", **LOGGED}, KEYS
)


def gone(stream: str, **ids: Any) -> dict[str, Any]:
    """The RECORD of a deleted row: its key, and nothing else."""
    return record(stream, **ids, _sdc_deleted_at=WHEN, _sdc_lsn=7)


def user(name: str, plan: str = "pro") -> dict[str, Any]:
    return record("users", id=name, plan=plan, _sdc_deleted_at=None)


def config(sandbox: Sandbox, **changes: Any) -> dict[str, Any]:
    return {**sandbox.config, "hard_delete": True, **changes}


def asked(sandbox: Sandbox) -> list[str]:
    """Method and path of every request, with its query, in the order of arrival."""
    found = []
    for one in sandbox.requests():
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in one["query"].items())
        found.append(f"{one['method']} {one['path']}{'?' if query else ''}{query}")
    return found


def rows(log: str) -> list[list[str]]:
    return [line.split() for line in log.splitlines()]


OBJECTS = {
    "users": {"id": "u1"},
    "groups": {"id": "g1"},
    "memberships": {"user_id": "u1", "group_id": "g1"},
    "userpilot_users": {"id": "u1"},
    "userpilot_companies": {"id": "c1"},
    "events": {"id": "e1", "user_id": "u1", "name": "used"},
    "participants": {"id": "1", "email": "ada@example.com"},
}
