"""Several records of one user, group or membership as one request, and when they stay apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.process import Result, record, run_target, schema

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

pytestmark = pytest.mark.smoke

ANY: dict[str, Any] = {}
USERS = schema("users", {"id": "string", "a": ANY, "b": ANY, "c": ANY, "groups": ANY})
GROUPS = schema("groups", {"id": "string", "a": ANY, "b": ANY})
MEMBERSHIPS = schema(
    "memberships",
    {"user_id": "string", "group_id": "string", "a": ANY, "b": ANY},
    ["user_id", "group_id"],
)


def users(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Records of one user."""
    return [USERS, *(record("users", id="u1", **row) for row in rows)]


def sent(sandbox: Sandbox) -> list[Any]:
    """What the requests set, in the order of arrival."""
    bodies = [one["body"] for one in sandbox.requests()]
    return [(body.get("memberships") or [body])[0]["attributes"] for body in bodies]


def counts(result: Result, stream: str) -> dict[str, str]:
    """The row of a stream in the summary."""
    rows = [line.split() for line in result.log.splitlines()]
    (head,) = (row for row in rows if row[:2] == ["stream", "received"])
    (row,) = (row for row in rows if row[:1] == [stream] and len(row) == len(head))
    return dict(zip(head[1:], row[1:], strict=True))


def test_later_columns_win_missing_ones_stay_and_a_null_stays_a_null(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Five records of one user are one request that does what the five would have done."""
    rows: list[dict[str, Any]] = [{}, {"a": 1, "b": "x"}, {"b": None}, {"c": ["l"]}, {"a": 2}]
    result = run_target(tmp_path, sandbox.config, users(*rows))
    assert result.status == 0, result.log
    assert sent(sandbox) == [{"a": 2, "b": None, "c": ["l"]}]
    assert counts(result, "users") == {
        "received": "5",
        "delivered": "1",
        "merged": "4",
        "rejected": "0",
    }


def test_groups_and_memberships_merge_too(sandbox: Sandbox, tmp_path: Path) -> None:
    """The versions of a group are one request, and so are all memberships of one user."""
    ids = [("u1", "g1"), ("u1", "g2"), ("u1", "g1"), ("u2", "g1")]
    messages = [
        GROUPS,
        *(record("groups", id=one, a=n) for n, one in enumerate(["g1", "g2", "g1"])),
        MEMBERSHIPS,
        *(record("memberships", user_id=u, group_id=g, a=n) for n, (u, g) in enumerate(ids)),
    ]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 0, result.log
    assert [counts(result, one)["merged"] for one in ("groups", "memberships")] == ["1", "2"]
    found = sandbox.state()
    assert {name: one["attributes"] for name, one in found["groups"].items()} == {
        "g1": {"a": 2},
        "g2": {"a": 1},
    }
    assert found["users"]["u1"]["memberships"] == {"g1": {"a": 2}, "g2": {"a": 1}}


def joining(*rows: tuple[str, str, Any]) -> list[dict[str, Any]]:
    """Memberships, each with one attribute."""
    return [
        MEMBERSHIPS,
        *(record("memberships", user_id=user, group_id=group, a=a) for user, group, a in rows),
    ]


def test_memberships_ride_in_the_request_of_their_user(sandbox: Sandbox, tmp_path: Path) -> None:
    """Whichever stream came first; a user that does not wait itself takes its memberships too."""
    rides = joining(("u1", "g1", 1), ("u2", "g1", 2), ("u1", "g2", 3), ("u1", "g1", 4))
    result = run_target(tmp_path, sandbox.config, [*rides, *users({"b": 1}, {"b": 2})])
    assert result.status == 0, result.log
    ridden = [{"attributes": {"a": a}, "group": {"id": g}} for a, g in ((4, "g1"), (3, "g2"))]
    alone = [{"attributes": {"a": 2}, "group": {"id": "g1"}}]
    bodies = sorted((one["body"] for one in sandbox.requests()), key=lambda one: str(one["id"]))
    assert bodies == [
        {"id": "u1", "attributes": {"b": 2}, "memberships": ridden},
        {"id": "u2", "memberships": alone},
    ]
    assert (counts(result, "users")["delivered"], counts(result, "users")["merged"]) == ("1", "1")
    assert counts(result, "memberships")["delivered"] == "1"
    assert counts(result, "memberships")["merged"] == "3"


def test_what_is_refused_together_is_tried_apart(sandbox: Sandbox, tmp_path: Path) -> None:
    """A membership that Userflow refuses does not cost its user, nor the other way round."""
    rows = joining(("u1", "g1", 1), ("u1", "x" * 1000, 2))
    sandbox.script([{"status": 400, "body": "{}", "times": 1}])
    result = run_target(tmp_path, sandbox.config, [*users({"b": 1}), *rows])
    assert result.status == 0, result.log
    carried = [len(one["body"].get("memberships", ())) for one in sandbox.requests()]
    assert carried == [2, 0, 2]
    assert sandbox.state()["users"]["u1"]["attributes"] == {"b": 1}
    assert len(sandbox.state()["users"]["u1"]["memberships"]) == 2


def test_an_unchanged_user_is_not_sent_for_its_membership(sandbox: Sandbox, tmp_path: Path) -> None:
    """Each is compared by itself: what rides is only what has to be sent."""
    config = {**sandbox.config, "skip_unchanged": True}
    run_target(tmp_path, config, [*users({"b": 1}), *joining(("u1", "g1", 1), ("u1", "g2", 2))])
    result = run_target(
        tmp_path, config, [*users({"b": 1}), *joining(("u1", "g1", 1), ("u1", "g2", 3))]
    )
    assert result.status == 0, result.log
    *_, last = [one["body"] for one in sandbox.requests()]
    assert len(sandbox.requests()) == 2
    assert last == {
        "id": "u1",
        "memberships": [{"attributes": {"a": 3}, "group": {"id": "g2"}}],
    }
    assert counts(result, "users")["unchanged"] == "1"
    assert counts(result, "memberships")["unchanged"] == "1"


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        pytest.param({"a": {"add": 1}}, [{"a": {"add": 1}}, {"b": 4}], id="an operation"),
        pytest.param({"a": {"set_once": 1}}, [{"a": {"set_once": 1}}, {"b": 4}], id="another one"),
        pytest.param({"groups": ["g1"]}, [{}, {"b": 4}], id="a list of groups"),
        pytest.param({"a": "text"}, [{"a": "text", "b": 4}], id="a value of another type"),
    ],
)
def test_what_might_end_elsewhere_is_sent_by_itself(
    sandbox: Sandbox, tmp_path: Path, between: dict[str, Any], expected: list[Any]
) -> None:
    """It breaks the chain: what came before it is not merged with what comes after."""
    rows: list[dict[str, Any]] = [{"a": 1}, {"b": 2}, between, {"b": 3}, {"b": 4}]
    result = run_target(tmp_path, sandbox.config, users(*rows))
    assert result.status == 0, result.log
    assert sent(sandbox) == [{"a": 1, "b": 2}, *expected]
    assert counts(result, "users")["delivered"] == str(1 + len(expected))


def test_numbers_keep_their_digits_on_the_way(sandbox: Sandbox, tmp_path: Path) -> None:
    """A value that is merged is the text that it would have been sent as."""
    line = b'{"type":"RECORD","stream":"users","record":{"id":"u1","a":%s}}\n'
    long = b"12345678901234567890.1234567890"
    run_target(tmp_path, sandbox.config, [USERS, line % b"1", line % long])
    (found,) = sent(sandbox)
    assert str(found["a"]) == long.decode()


def test_records_that_merge_do_not_poison_each_other(sandbox: Sandbox, tmp_path: Path) -> None:
    """The API refuses the merged request: each record is tried alone, and one is rejected."""
    body = json.dumps({"error": {"code": "invalid_request", "message": "a is too long"}})
    sandbox.script([{"status": 400, "body": body, "times": 3}])  # all, the first half, the first
    rows = [{"a": 1}, {"b": 2}, {"c": 3}, {"b": 4}]
    result = run_target(tmp_path, sandbox.config, users(*rows))
    assert result.status == 1
    assert sandbox.state()["users"]["u1"]["attributes"] == {"b": 4, "c": 3}
    assert counts(result, "users") == {
        "received": "4",
        "delivered": "2",
        "merged": "1",
        "rejected": "1",
    }
    (letters,) = (tmp_path / "dead-letters").glob("*.singer")
    (letter,) = (json.loads(line) for line in letters.read_text().splitlines()[1:])
    assert letter["record"] == {"id": "u1", "a": 1}


def test_what_comes_back_to_what_was_delivered_is_unchanged(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A, B, A in one window is A, which is there already; A, B is B."""
    config = {**sandbox.config, "skip_unchanged": True}
    run_target(tmp_path, config, users({"a": "A"}))
    result = run_target(tmp_path, config, users({"a": "A"}, {"a": "B"}, {"a": "A"}))
    assert counts(result, "users") == {
        "received": "3",
        "delivered": "0",
        "merged": "1",
        "unchanged": "2",
        "rejected": "0",
    }
    run_target(tmp_path, config, users({"a": "A"}, {"a": "B"}))
    assert sent(sandbox) == [{"a": "A"}, {"a": "B"}]


def test_a_run_that_stops_settles_none_of_what_merges(sandbox: Sandbox, tmp_path: Path) -> None:
    """No record of the merged request counts as merged before the request was delivered."""
    sandbox.script([{"status": 401, "times": 1}])
    result = run_target(tmp_path, sandbox.config, users({"a": 1}, {"a": 2}))
    assert result.status == 1
    assert "merged" not in result.log
