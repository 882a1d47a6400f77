"""Several streams of a tap under one name: each keeps its own schema, keys and mapping."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.process import record, run_target, schema, writes

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

pytestmark = pytest.mark.smoke

WHEN = "2026-01-01T00:00:00Z"
TIME = {"type": ["string", "null"], "format": "date-time"}


def under(alias: str, *streams: str) -> dict[str, Any]:
    """The stream maps that give these streams one name."""
    return {"stream_maps": {stream: {"__alias__": alias} for stream in streams}}


def attributes(sandbox: Sandbox, kind: str = "users") -> dict[str, Any]:
    """By id, the attributes that there are."""
    return {name: one["attributes"] for name, one in sandbox.state()[kind].items()}


def test_each_stream_is_read_by_its_own_schema(sandbox: Sandbox, tmp_path: Path) -> None:
    """Both SCHEMAs come ahead of the records; a date-time of the one is text of the other."""
    messages = [
        schema("customers", {"id": "string", "since": TIME}),
        schema("staff", {"id": "string", "since": "string"}),
        record("customers", id="c1", since="2026-01-01T00:00:00"),
        record("staff", id="s1", since="2026-01-01T00:00:00"),
        record("customers", id="c2", since="2026-01-02T00:00:00"),
    ]
    config = {**sandbox.config, **under("users", "customers", "staff")}
    result = run_target(tmp_path, config, messages)
    assert result.status == 0, result.log
    assert attributes(sandbox) == {
        "c1": {"since": "2026-01-01T00:00:00Z"},
        "s1": {"since": "2026-01-01T00:00:00"},
        "c2": {"since": "2026-01-02T00:00:00Z"},
    }
    assert ["users", "3", "3", "0"] in [line.split() for line in result.log.splitlines()]


def test_no_stream_is_checked_by_the_schema_of_another(sandbox: Sandbox, tmp_path: Path) -> None:
    """What the one requires the other need not have; and a bad record of each is one."""
    first = schema("customers", {"id": "string", "visits": {"type": "integer"}})
    second = schema("staff", {"id": "string", "desk": {"type": "string"}})
    first["schema"]["required"] = ["visits"]
    second["schema"]["required"] = ["desk"]
    messages = [
        *(first, second),
        *(record("customers", id="c1", visits=1), record("customers", id="c2", visits="one")),
        *(record("staff", id="s1", desk="4b"), record("staff", id="s2")),
    ]
    config = {**sandbox.config, **under("users", "customers", "staff")}
    result = run_target(tmp_path, config, messages)
    assert result.status == 1
    assert attributes(sandbox) == {"c1": {"visits": 1}, "s1": {"desk": "4b"}}
    assert "1 rejected of users: 'visits' breaks 'type'" in result.log
    assert "1 rejected of users: the record breaks 'required'" in result.log


def test_each_stream_has_its_own_columns_and_keys(sandbox: Sandbox, tmp_path: Path) -> None:
    """The id is that of the stream, and so is what is no attribute."""
    messages = [
        schema("customers", {"user_id": "string", "id": "integer", "a.b": "string"}, ["user_id"]),
        schema("staff", {"badge": "string", "a.b": "string"}, ["badge"]),
        record("customers", **{"user_id": "c1", "id": 7, "a.b": "x"}),
        record("staff", **{"badge": "s1", "a.b": "y"}),
    ]
    config = {**sandbox.config, **under("users", "customers", "staff")}
    result = run_target(tmp_path, config, messages)
    assert result.status == 0, result.log
    assert attributes(sandbox) == {"c1": {"id": 7, "a_b": "x"}, "s1": {"a_b": "y"}}


def test_events_of_each_stream_are_known_by_its_own_keys(sandbox: Sandbox, tmp_path: Path) -> None:
    """Both runs send both streams, and each event arrives once."""
    columns = {"user_id": "string", "name": "string"}
    messages = [
        schema("orders", {"order_no": "integer", **columns}, ["order_no"]),
        schema("refunds", {"refund_no": "integer", "line": "integer", **columns}, ["refund_no"]),
        record("orders", order_no=1, user_id="u1", name="ordered"),
        record("refunds", refund_no=2, line=1, user_id="u1", name="refunded"),
    ]
    config = {**sandbox.config, **under("events", "orders", "refunds")}
    for _ in range(2):
        result = run_target(tmp_path, config, messages)
        assert result.status == 0, result.log
    found = [(one["name"], one["attributes"]) for one in sandbox.state()["events"]]
    assert found == [("ordered", {}), ("refunded", {"line": 1})]


def plans(*turns: tuple[str, str, str | None]) -> list[dict[str, Any]]:
    """Records, each of a stream about a user; without a plan, the row is deleted."""
    return [
        record(stream, id=name, plan=plan, _sdc_deleted_at=None if plan else WHEN)
        for stream, name, plan in turns
    ]


BOTH = [
    schema(stream, {"id": "string", "plan": "string", "_sdc_deleted_at": "string"})
    for stream in ("customers", "staff")
]


@pytest.mark.parametrize("skip_unchanged", [False, True])
def test_records_of_one_user_arrive_in_the_order_read_whatever_their_streams(
    sandbox: Sandbox, tmp_path: Path, *, skip_unchanged: bool
) -> None:
    """The last one read is the last that counts, though others of its stream were read before."""
    messages = [
        *BOTH,
        *plans(
            *(("customers", f"u{n}", "1") for n in range(20)),
            *(("staff", f"u{n}", "2") for n in range(20)),
            *(("customers", f"u{n}", "3") for n in range(0, 20, 2)),
        ),
    ]
    config = {**sandbox.config, **under("users", "customers", "staff")}
    config |= {"skip_unchanged": skip_unchanged}
    for _ in range(2):
        result = run_target(tmp_path, config, messages)
        assert result.status == 0, result.log
        expected = {f"u{n}": {"plan": "2" if n % 2 else "3"} for n in range(20)}
        assert attributes(sandbox) == expected
    seen: dict[str, list[str]] = {}
    for one in writes(sandbox):
        seen.setdefault(one["body"]["id"], []).append(one["body"]["attributes"]["plan"])
    assert seen["u0"][-1] == "3"
    assert seen["u0"][: len(seen["u0"]) // 2] == sorted(seen["u0"][: len(seen["u0"]) // 2])


@pytest.mark.parametrize(
    ("turns", "left"),
    [
        pytest.param(
            [("customers", "u1", "1"), ("customers", "u1", None), ("staff", "u1", "2")],
            {"u1": {"plan": "2"}},
            id="deleted in one, and there in the other after that",
        ),
        pytest.param(
            [("staff", "u1", "1"), ("customers", "u1", "2"), ("staff", "u1", None)],
            {},
            id="deleted after all",
        ),
        pytest.param(
            [("staff", "u1", None), ("customers", "u1", "2"), ("staff", "u1", None)],
            {},
            id="deleted twice",
        ),
    ],
)
def test_a_deletion_in_one_stream_keeps_its_place_among_the_records_of_another(
    sandbox: Sandbox, tmp_path: Path, turns: Any, left: dict[str, Any]
) -> None:
    """They are about the same user."""
    config = {**sandbox.config, **under("users", "customers", "staff"), "hard_delete": True}
    result = run_target(tmp_path, config, [*BOTH, *plans(*turns)])
    assert result.status == 0, result.log
    assert attributes(sandbox) == left


def test_a_schema_that_changes_is_that_of_its_own_stream(sandbox: Sandbox, tmp_path: Path) -> None:
    """In the middle of the run the one gets a date-time; the other keeps its text."""
    messages = [
        schema("customers", {"id": "string", "since": "string"}),
        schema("staff", {"id": "string", "since": "string"}),
        record("customers", id="c1", since="2026-01-01T00:00:00"),
        record("staff", id="s1", since="2026-01-01T00:00:00"),
        schema("customers", {"id": "string", "since": TIME}),
        record("staff", id="s2", since="2026-01-01T00:00:00"),
        record("customers", id="c1", since="2026-01-01T00:00:00"),
    ]
    config = {**sandbox.config, **under("users", "customers", "staff")}
    result = run_target(tmp_path, config, messages)
    assert result.status == 0, result.log
    assert attributes(sandbox) == {
        "c1": {"since": "2026-01-01T00:00:00Z"},
        "s1": {"since": "2026-01-01T00:00:00"},
        "s2": {"since": "2026-01-01T00:00:00"},
    }


def version(stream: str, number: int) -> dict[str, Any]:
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": number}


@pytest.mark.parametrize("ahead", [True, False])
def test_each_stream_has_its_own_versions(sandbox: Sandbox, tmp_path: Path, *, ahead: bool) -> None:
    """What a new reading of the one leaves behind is deleted; what the other holds is not."""
    config = {**sandbox.config, **under("users", "customers", "staff")}
    config |= {"hard_delete": True, "max_delete_ratio": 1}
    for number, names in enumerate((["c1", "c2"], ["c1"]), 1):
        active = [version("customers", number), version("staff", number)]
        rows = [
            *({**record("customers", id=name), "version": number} for name in names),
            {**record("staff", id="s1"), "version": number},
        ]
        stated = {"type": "STATE", "value": {"read": number}}
        order = (active, rows) if ahead else (rows, active)
        result = run_target(tmp_path, config, [*BOTH, *order[0], *order[1], stated])
        assert result.status == 0, result.log
    assert sorted(attributes(sandbox)) == ["c1", "s1"]
    assert [one["path"] for one in writes(sandbox) if one["method"] == "DELETE"] == ["/users/c2"]


def test_a_dead_letter_is_replayed_under_the_schema_of_its_own_stream(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The file has both SCHEMAs, ahead of their records."""
    messages = [
        schema("customers", {"id": "string", "since": TIME}),
        schema("staff", {"id": "string", "since": "string"}),
        record("customers", id="c1", since="2026-01-01T00:00:00"),
        record("staff", id="s1", since="2026-01-01T00:00:00"),
    ]
    config = {**sandbox.config, **under("users", "customers", "staff")}
    refusal = json.dumps({"error": {"code": "invalid_request", "message": "not now"}})
    sandbox.script([{"status": 400, "body": refusal, "times": 2}])
    assert run_target(tmp_path, config, messages).status == 1
    (letters,) = (tmp_path / "dead-letters").glob("*.singer")
    replay = run_target(tmp_path, config, letters.read_bytes().splitlines(keepends=True))
    assert replay.status == 0, replay.log
    since = {name: one["since"] for name, one in attributes(sandbox).items()}
    assert since == {"c1": "2026-01-01T00:00:00Z", "s1": "2026-01-01T00:00:00"}


def test_one_stream_under_one_name_twice_stops_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    """Of two records of one name from one line, nobody could say which is which."""
    maps = {"people": {"__alias__": "users"}, "users": {"__source__": "people"}}
    messages = [schema("people", {"id": "string"}), record("people", id="p1")]
    result = run_target(tmp_path, {**sandbox.config, "stream_maps": maps}, messages)
    assert result.status == 1
    assert "stream_maps makes several streams named 'users' of 'people'" in result.errors[-1]
    assert sandbox.requests() == []
