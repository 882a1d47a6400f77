"""What the plan says is what the run then does, for tables that nobody thought of."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
from support.process import record, schema, writes
from support.taps import plan_here, run_here

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

SCOPES = {"users": "user", "groups": "group", "memberships": "group_membership", "events": "event"}
ROLES: dict[str, dict[str, tuple[str, ...]]] = {
    "users": {"user_id": ("user_id", "id")},
    "groups": {"group_id": ("group_id", "id")},
    "memberships": {"user_id": ("user_id",), "group_id": ("group_id",)},
    "events": {
        "user_id": ("user_id",),
        "name": ("event_name", "event", "name"),
        "time": ("time", "timestamp", "created_at"),
    },
}
KINDS: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {
    "text": ({"type": ["string", "null"]}, ("a", "12.50", "true", "2026-01-02", "ü", "")),
    "whole": ({"type": ["integer", "null"]}, (0, 1, 1767323045, -3)),
    "number": ({"type": ["number", "null"]}, (0.5, 2, 1e21)),
    "flag": ({"type": ["boolean", "null"]}, (True, False)),
    "time": ({"type": ["string", "null"], "format": "date-time"}, ("2026-01-02T03:04:05Z", "soon")),
    "list": ({"type": ["array", "null"]}, ([], ["a"], [1, 2], [{"a": 1}])),
    "json": ({"type": ["object", "null"]}, ({}, {"a": 1}, {"b": {"c": "x"}}, {"token": "x"})),
    "any": ({}, ("x", 1, True, None, ["a"], {"k": 1})),
}
NAMES = (
    *("plan", "Plan", "EMAIL", "email", "full_name", "created_at", "api_key", "_sdc_batched_at"),
    *("tags", "usage", "logins", "has seats", "is_trial", "a.b", "attributes", "_fivetran_synced"),
)
EVENTS = ("signed in", "signed out", "bad/name", None)


class Invented:
    """A table, with all that is random of it."""

    def __init__(self, seed: int) -> None:
        """Invent a table."""
        self.random = chance = random.Random(seed)  # noqa: S311 - no secret
        self.object = chance.choice([*SCOPES])
        self.ids = {role: chance.choice(names) for role, names in ROLES[self.object].items()}
        others = chance.sample(NAMES, chance.randint(0, 9))
        self.columns = {name: chance.choice([*KINDS]) for name in others}
        self.columns = {n: k for n, k in self.columns.items() if n not in self.ids.values()}

    def options(self) -> dict[str, Any]:
        """What the settings say of it."""
        options: dict[str, Any] = {}
        texts = [name for name, kind in self.columns.items() if kind in {"whole", "flag"}]
        if texts and self.random.random() < 0.5:
            options["data_types"] = {texts[0]: "string"}
        if "api_key" in self.columns and self.random.random() < 0.5:
            options["send"] = ["api_key"]
        if self.random.random() < 0.5:
            options["nulls"] = "omit"
        if self.object == "events" and self.random.random() < 0.5:
            options["fields"] = {"time": self.ids["time"]}
        return {"streams": {self.object: options}} if options else {}

    def messages(self) -> list[Any]:
        """What a tap says of it."""
        columns: dict[str, Any] = {n: KINDS[kind][0] for n, kind in self.columns.items()}
        columns |= dict.fromkeys(self.ids.values(), KINDS["text"][0])
        keys = [] if self.object in {"events", "memberships"} else [*self.ids.values()]
        rows = [record(self.object, **self._row(n)) for n in range(self.random.randint(1, 6))]
        return [schema(self.object, columns, keys), *rows]

    def _row(self, number: int) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name, kind in self.columns.items():
            if self.random.random() < 0.8:
                row[name] = self.random.choice((*KINDS[kind][1], None))
        row |= {name: self._role(role, number) for role, name in self.ids.items()}
        return row

    def _role(self, role: str, number: int) -> Any:
        if role == "name":
            return self.random.choice(EVENTS)
        if role == "time":
            return "2026-01-02T03:04:05Z"
        return f"{role}-{number}" if self.random.random() < 0.9 else " "


def defined(sandbox: Sandbox, path: str) -> dict[str, str]:
    """Name → data type of what is defined."""
    request = Request(f"{sandbox.url}{path}", headers=HEADERS)  # noqa: S310 - on this machine
    with urlopen(request) as answer:  # noqa: S310 - likewise
        return {one["name"]: one.get("data_type", "") for one in json.load(answer)["data"]}


HEADERS = {
    "Authorization": "Bearer ak_sandbox",
    "Userflow-Version": "2020-01-03",
    "Accept": "application/json",
}
SEED = [
    schema("users", {"id": "string", "email": "string", "logins": "integer", "tags": "array"}),
    record("users", id="user_id-1", email="a@example.com", logins=1, tags=["a"]),
]


@pytest.mark.parametrize("seed", range(24))
def test_a_run_defines_what_the_plan_says_and_nothing_else(
    seed: int, sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attributes with their types, event names, rejections, and not one request more."""
    table = Invented(seed)
    messages, config = table.messages(), {**sandbox.config, **table.options()}
    scope = f"/attribute_definitions?limit=100&scope={SCOPES[table.object]}"
    run_here(tmp_path, sandbox.config, SEED)
    before, sent = defined(sandbox, scope), len(writes(sandbox))
    capsys.readouterr()
    status = plan_here(tmp_path, config, messages)
    plan = json.loads(capsys.readouterr().out)
    (stream,) = plan["streams"]
    counted = run_here(tmp_path, config, messages)
    after = defined(sandbox, scope)
    if plan["doubtful"]:
        assert (status, counted.status, after) == (1, 1, before)
        assert len(writes(sandbox)) == sent
        return
    own = [one for one in stream["attributes"] if one["scope"] == SCOPES[table.object]]
    new = {one["name"]: one["type"] for one in own if one["state"] in {"new", "looks like"}}
    sets = {name: kind for name, kind in new.items() if kind}
    assert after.keys() - before.keys() == sets.keys()
    plain = {name: kind for name, kind in sets.items() if "|" not in kind}
    assert {name: after[name] for name in plain} == plain
    there = {one["name"] for one in own if one["state"] in {"exists", "other type"}}
    assert there <= before.keys()
    names = {one["name"] for one in stream["event_names"]}
    assert defined(sandbox, "/event_definitions?limit=100").keys() == names
    accounts = counted.counts.get(table.object, {})
    assert sum(one["count"] for one in stream["rejected"]) == accounts.get("rejected", 0)
    assert len(writes(sandbox)) - sent <= stream["requests"]["most"]
    roles = {one["role"]: one["column"] for one in stream["roles"]}
    assert roles == table.ids
