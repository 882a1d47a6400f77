"""What is deleted, when, and what never is: rows that a log says are gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.deleted_rows import (
    GROUPS,
    LOGGED,
    MEMBERSHIPS,
    USERS,
    WHEN,
    asked,
    config,
    gone,
    rows,
    user,
)
from support.process import record, run_target, schema
from support.readme import config as recipe
from support.taps import run_here

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

pytestmark = pytest.mark.smoke


def test_a_deleted_row_deletes_its_user_group_or_membership(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Its ids are enough: the other columns are missing or null, whatever the schema says."""
    messages = [
        USERS,
        *map(user, ("u1", "u2")),
        GROUPS,
        *(record("groups", id=one, name="Acme") for one in ("g1", "g2")),
        MEMBERSHIPS,
        *(record("memberships", user_id="u2", group_id=one, role="admin") for one in ("g1", "g2")),
    ]
    assert run_target(tmp_path, config(sandbox), messages).status == 0
    deleted = [
        *(USERS, gone("users", id="u1", plan=None)),
        *(GROUPS, gone("groups", id="g1")),
        *(MEMBERSHIPS, gone("memberships", user_id="u2", group_id="g2")),
    ]
    result = run_target(tmp_path, config(sandbox), deleted)
    assert result.status == 0, result.log
    found = sandbox.state()
    assert (list(found["users"]), list(found["groups"])) == (["u2"], ["g2"])
    assert found["users"]["u2"]["memberships"] == {}
    assert ["users", "1", "1", "0"] in rows(result.log)


def test_a_mark_in_capitals_deletes_too(sandbox: Sandbox, tmp_path: Path) -> None:
    """As warehouses spell columns: it is no attribute, and the nulls of its row clear nothing."""
    users = schema("users", {"id": "string", "plan": {}, "_SDC_DELETED_AT": {}})
    rows = [record("users", id=f"u{n}", plan="pro", _SDC_DELETED_AT=None) for n in range(2)]
    run_here(tmp_path, config(sandbox), [users, *rows])
    last = record("users", id="u1", plan=None, _SDC_DELETED_AT=WHEN)
    run_here(tmp_path, {**config(sandbox), "hard_delete": False}, [users, last])
    assert sandbox.state()["users"]["u1"]["attributes"] == {"plan": "pro"}
    run_here(tmp_path, config(sandbox), [users, last])
    assert list(sandbox.state()["users"]) == ["u0"]


def test_a_deletion_and_a_later_insert_of_one_key_keep_their_order(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The row that came back is there, without what it was before, and so is one that went last."""
    messages = [
        USERS,
        *(user("u1", "old"), gone("users", id="u1"), record("users", id="u1", plan="new")),
        *(user("u2"), gone("users", id="u2"), user("u2"), gone("users", id="u2")),
    ]
    result = run_target(tmp_path, config(sandbox), messages)
    assert result.status == 0, result.log
    found = sandbox.state()["users"]
    assert {name: one["attributes"] for name, one in found.items()} == {"u1": {"plan": "new"}}
    of_u1 = [
        one["method"] for one in sandbox.requests() if "u1" in (one["path"] + str(one["body"]))
    ]
    assert of_u1 == ["POST", "DELETE", "POST"]


def test_nothing_that_waits_brings_a_deleted_user_back(sandbox: Sandbox, tmp_path: Path) -> None:
    """A user's last membership creates the user anew, if it arrives after the user was deleted."""
    messages = [
        GROUPS,
        record("groups", id="g1", name="Acme"),
        MEMBERSHIPS,
        record("memberships", user_id="u1", group_id="g1", role="admin"),
        USERS,
        *(user("u1"), gone("users", id="u1")),
        gone("groups", id="g1"),
    ]
    result = run_target(tmp_path, config(sandbox), messages)
    assert result.status == 0, result.log
    found = sandbox.state()
    assert (found["users"], found["groups"]) == ({}, {})
    assert asked(sandbox)[-2:] == ["DELETE /users/u1", "DELETE /groups/g1"]


def test_deleting_what_is_gone_already_is_a_success(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nothing to delete, an answer that got lost, and a 404 that the API gives: all the same."""
    missing = {"error": {"code": "not_found", "message": "no such user"}}
    said = {"status": 404, "body": json.dumps(missing), "path": "/users/u3"}
    sandbox.script(
        [{"fault": "reset-after", "path": "/users/u2", "times": 1}, {**said, "times": 1}]
    )
    messages = [USERS, *(gone("users", id=one) for one in ("u1", "u2", "u3"))]
    result = run_target(tmp_path, config(sandbox), messages)
    assert result.status == 0, result.log
    assert ["users", "3", "3", "0"] in rows(result.log)


def test_a_404_that_is_none_of_the_apis_stops_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    """A wrong api_url must not pass for a thousand users that are gone already."""
    sandbox.script([{"status": 404, "body": "<html>no such page</html>", "times": 1}])
    result = run_target(tmp_path, config(sandbox), [USERS, gone("users", id="u1")])
    assert result.status == 1
    assert "api_url" in result.errors[-1]


STRANGE = ["a/b", "a?b=c", "a#b", "50%", "ä ö", "a+b&user_id=x", ".", "..", "x\\y", "\n"]


def test_every_id_is_deleted_by_itself(sandbox: Sandbox, tmp_path: Path) -> None:
    """None of its characters leads anywhere else: not a slash, not a dot, not a question mark."""
    names = [one for one in STRANGE if one.strip()]
    messages = [
        *(USERS, *map(user, [*names, "kept"])),
        MEMBERSHIPS,
        *(record("memberships", user_id="kept", group_id=name, role="r") for name in names),
    ]
    assert run_target(tmp_path, config(sandbox), messages).status == 0
    deleted = [
        *(USERS, *(gone("users", id=name) for name in names)),
        *(MEMBERSHIPS, *(gone("memberships", user_id="kept", group_id=name) for name in names)),
    ]
    result = run_target(tmp_path, config(sandbox), deleted)
    assert result.status == 0, result.log
    found = sandbox.state()["users"]
    assert list(found) == ["kept"]
    assert found["kept"]["memberships"] == {}


def test_a_deleted_row_without_its_id_is_a_dead_letter(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nobody can say who it was; the others are deleted."""
    messages = [USERS, user("u1"), gone("users", id=None), gone("users", id="u1")]
    result = run_target(tmp_path, config(sandbox), messages)
    assert result.status == 1
    assert "1 rejected of users: `id`: user_id is missing" in result.log
    assert sandbox.state()["users"] == {}


def test_a_stream_map_that_leaves_the_mark_out_does_not_undo_the_deletion(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """With its columns named, the map drops `_sdc_deleted_at`: the row is deleted all the same."""
    maps = {"users": {"id": "id", "plan": "plan", "__else__": None}}
    messages = [USERS, user("u1"), gone("users", id="u1", plan=None)]
    result = run_target(tmp_path, config(sandbox, stream_maps=maps), messages)
    assert result.status == 0, result.log
    assert sandbox.state()["users"] == {}


def test_without_hard_delete_nothing_is_deleted_and_that_is_said_once(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The default: rows that are gone are skipped, and counted."""
    messages = [USERS, user("u1"), gone("users", id="u1"), gone("users", id="u2")]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 0, result.log
    assert list(sandbox.state()["users"]) == ["u1"]
    assert ["users", "3", "1", "2", "0"] in rows(result.log)
    assert result.log.count("hard_delete is off") == 1


@pytest.mark.parametrize(
    ("stream", "columns"),
    [
        ("events", {"id": "string", "user_id": "string", "name": "string"}),
        ("participants", {"id": "string", "email": "string"}),
        ("userpilot_events", {"id": "string", "user_id": "string", "name": "string"}),
    ],
)
def test_what_cannot_be_deleted_is_skipped_and_said_once(
    sandbox: Sandbox, tmp_path: Path, stream: str, columns: dict[str, str]
) -> None:
    """Other streams of the same run can be mirrored all the same."""
    messages = [schema(stream, {**columns, **LOGGED}), gone(stream, id="1"), gone(stream, id="2")]
    result = run_target(tmp_path, config(sandbox), messages)
    assert result.status == 0, result.log
    assert result.log.count(f"can't delete {stream}") == 1
    assert sandbox.requests() == []


def test_a_user_that_comes_back_after_a_deletion_is_sent_though_it_looks_the_same(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """With skip_unchanged: what was deleted is no longer what was last delivered."""
    unchanged = config(sandbox, skip_unchanged=True)
    for messages in ([user("u1")], [gone("users", id="u1")], [user("u1")]):
        assert run_target(tmp_path, unchanged, [USERS, *messages]).status == 0
    assert list(sandbox.state()["users"]) == ["u1"]
    assert [one["method"] for one in sandbox.requests()] == ["POST", "DELETE", "POST"]


@pytest.mark.parametrize("deleted", ["users", "groups", "memberships"])
def test_what_a_deletion_takes_along_is_no_longer_unchanged(
    sandbox: Sandbox, tmp_path: Path, deleted: str
) -> None:
    """A membership ends with its user or group, and comes back with them though it did not change.

    So does the membership that stands in its user's own record.
    """
    ids = {"users": {"id": "u1"}, "groups": {"id": "g1"}}
    ended = ids.get(deleted, {"user_id": "u1", "group_id": "g1"})
    listing = schema("users", {"id": "string", "plan": "string", "group_id": "string", **LOGGED})
    whole = [
        *(GROUPS, record("groups", id="g1", name="Acme")),
        *(listing, user("u1"), record("users", id="u2", plan="pro", group_id="g1")),
        *(MEMBERSHIPS, record("memberships", user_id="u1", group_id="g1", role="admin")),
    ]
    unchanged = config(sandbox, skip_unchanged=True)
    for messages in (whole, [*whole, gone(deleted, **ended)], whole):
        result = run_target(tmp_path, unchanged, messages)
        assert result.status == 0, result.log
    found = sandbox.state()["users"]
    assert {name: set(one["memberships"]) for name, one in found.items()} == {
        "u1": {"g1"},
        "u2": {"g1"},
    }


def test_a_rejected_deletion_is_a_dead_letter_that_can_be_replayed(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """It is a record like any other: kept with its reason, and deleted by the replay."""
    assert run_target(tmp_path, config(sandbox), [USERS, user("u1")]).status == 0
    refusal = {"error": {"code": "invalid_request", "message": "not now"}}
    sandbox.script([{"status": 400, "body": json.dumps(refusal), "times": 1}])
    result = run_target(tmp_path, config(sandbox), [USERS, gone("users", id="u1")])
    assert result.status == 1
    (letters,) = (tmp_path / "dead-letters").glob("*.singer")
    replay = run_target(tmp_path, config(sandbox), letters.read_bytes().splitlines(keepends=True))
    assert replay.status == 0, replay.log
    assert sandbox.state()["users"] == {}


def test_memberships_that_a_whole_list_leaves_out_end_by_the_recipe_of_the_readme(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A constant in a stream map is all that it takes, and an empty list ends them all."""
    maps = recipe("deletes", 1)
    users = schema("users", {"id": "string", "group_id": {"type": ["array", "null"]}})
    for groups in (["g1", "g2"], ["g2", "g3"]):
        messages = [users, record("users", id="u1", group_id=groups)]
        result = run_target(tmp_path, {**sandbox.config, **maps}, messages)
        assert result.status == 0, result.log
    assert set(sandbox.state()["users"]["u1"]["memberships"]) == {"g2", "g3"}
    run_target(tmp_path, {**sandbox.config, **maps}, [users, record("users", id="u1", group_id=[])])
    assert sandbox.state()["users"]["u1"]["memberships"] == {}
