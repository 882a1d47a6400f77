"""What is deleted, when, and what never is: rows that a log says are gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from support.process import record, run_target, schema
from support.readme import config as recipe
from support.taps import run_here

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

pytestmark = pytest.mark.smoke

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


@pytest.mark.parametrize("kind", ["users", "companies"])
def test_userpilots_users_and_companies_are_deleted_many_at_once(
    sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    """A hundred ids stand in one body, as only a request in two seconds is let in."""
    stream = f"userpilot_{kind}"
    head = schema(stream, {"id": "string", **LOGGED})
    sandbox.configure(userpilot_rate_limit=None)
    messages = [head, *(record(stream, id=f"p{n}") for n in range(7))]
    assert run_target(tmp_path, config(sandbox), messages).status == 0
    sandbox.configure(userpilot_rate_limit=600)
    deleted = [head, *(gone(stream, id=f"p{n % 150}") for n in range(1, 160))]
    changes = {"max_delete_ratio": 1}
    result = run_target(tmp_path, config(sandbox, **changes), deleted)
    assert result.status == 0, result.log
    assert list(sandbox.state()["userpilot"][kind]) == []
    sent = [one for one in sandbox.requests() if one["method"] == "DELETE"]
    assert [one["path"] for one in sent] == [f"/v1/{kind}"] * 2
    assert sorted(len(one["body"][kind]) for one in sent) == [50, 100]
    assert {one["status"] for one in sent} == {202}
    assert sent[1]["at"] - sent[0]["at"] >= 60 / 30


def test_a_deletion_that_userpilot_refuses_costs_no_other(sandbox: Sandbox, tmp_path: Path) -> None:
    """It is sent in halves until the culprit is alone."""
    head = schema("userpilot_companies", {"id": "string", **LOGGED})
    messages = [head, *(record("userpilot_companies", id=one) for one in "abc")]
    assert run_target(tmp_path, config(sandbox), messages).status == 0
    path = "/v1/companies"
    sandbox.configure(userpilot_rate_limit=None)
    refusals = [{"status": 400, "body": "{}", "path": path, "times": 2}]  # all, and the first half
    sandbox.script(refusals)
    deleted = [head, *(gone("userpilot_companies", id=one) for one in "abc")]
    result = run_target(tmp_path, config(sandbox, max_rejects=1), deleted)
    assert list(sandbox.state()["userpilot"]["companies"]) == ["a"]
    assert ["userpilot_companies", "3", "2", "1"] in rows(result.log)


def test_what_comes_back_after_its_deletion_is_there(sandbox: Sandbox, tmp_path: Path) -> None:
    """A deletion that a newer record follows keeps its place, and goes by itself."""
    head = schema("userpilot_companies", {"id": "string", "n": "integer", **LOGGED})
    rows_of = [gone("userpilot_companies", id="a"), record("userpilot_companies", id="a", n=2)]
    again = [gone("userpilot_companies", id="b")]
    sandbox.configure(userpilot_rate_limit=None)
    result = run_target(tmp_path, config(sandbox), [head, *rows_of, *again])
    assert result.status == 0, result.log
    assert sandbox.state()["userpilot"]["companies"] == {"a": {"metadata": {"n": 2}}}


def test_companies_that_a_version_leaves_behind_are_deleted_in_one_request(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """`ACTIVATE_VERSION` goes the same way."""
    head = schema("userpilot_companies", {"id": "string"})

    def version(number: int, ids: str) -> list[dict[str, Any]]:
        records = [{**record("userpilot_companies", id=one), "version": number} for one in ids]
        end = {"type": "ACTIVATE_VERSION", "stream": "userpilot_companies", "version": number}
        return [head, *records, {"type": "STATE", "value": {"v": number}}, end]

    changes = {"max_delete_ratio": 1}
    for number, ids in enumerate(["abcd", "d"], 1):
        result = run_target(tmp_path, config(sandbox, **changes), version(number, ids))
        assert result.status == 0, result.log
    assert list(sandbox.state()["userpilot"]["companies"]) == ["d"]
    (sent,) = [one for one in sandbox.requests() if one["method"] == "DELETE"]
    assert sorted(sent["body"]["companies"]) == ["a", "b", "c"]


@pytest.mark.parametrize("blank", ["", "  ", None, "infinity", "0000-00-00 00:00:00"])
@pytest.mark.parametrize("column", ["_sdc_deleted_at", "_sdc_lsn_deleted_at"])
def test_a_mark_that_is_empty_marks_no_row(
    sandbox: Sandbox, tmp_path: Path, column: str, blank: str | None
) -> None:
    """A CSV file with that column has it in every row: none of them is of a deleted row.

    Nor is one whose end is at infinity, or at MySQL's zero date.
    """
    messages = [
        schema("users", {"id": "string", "plan": "string", column: "string"}),
        *(record("users", id=f"u{n}", plan="pro", **{column: blank}) for n in range(3)),
    ]
    for hard_delete in (True, False):
        changes = {"hard_delete": hard_delete}
        result = run_target(tmp_path, config(sandbox, **changes), messages)
        assert result.status == 0, result.log
        assert ["users", "3", "3", "0"] in rows(result.log)
    assert {one["method"] for one in sandbox.requests()} == {"POST"}
    assert sandbox.state()["users"]["u2"]["attributes"] == {"plan": "pro"}


@pytest.mark.parametrize("when", [1767011231, "1767011231234", "2026-01-01 00:00:00 UTC"])
def test_a_mark_is_read_like_any_other_time(sandbox: Sandbox, tmp_path: Path, when: Any) -> None:
    """A soft-delete column of epoch numbers or digits is one, too."""
    messages = [
        schema("users", {"id": "string", "gone_at": {}}),
        *(record("users", id=id_, gone_at=None) for id_ in ("u1", "u2")),
        record("users", id="u1", gone_at=when),
    ]
    streams = {"users": {"fields": {"deleted_at": "gone_at"}}}
    result = run_target(tmp_path, config(sandbox, streams=streams), messages)
    assert result.status == 0, result.log
    assert list(sandbox.state()["users"]) == ["u2"]


OBJECTS = {
    "users": {"id": "u1"},
    "groups": {"id": "g1"},
    "memberships": {"user_id": "u1", "group_id": "g1"},
    "userpilot_users": {"id": "u1"},
    "userpilot_companies": {"id": "c1"},
    "events": {"id": "e1", "user_id": "u1", "name": "used"},
    "participants": {"id": "1", "email": "ada@example.com"},
}


@pytest.mark.parametrize("value", ["no", "2026-13-01", True, 7.5, {"at": WHEN}, [WHEN]])
@pytest.mark.parametrize("column", ["_sdc_deleted_at", "_sdc_lsn_deleted_at", "gone_at"])
def test_a_mark_that_is_no_date_time_rejects_the_row(
    sandbox: Sandbox, tmp_path: Path, column: str, value: Any
) -> None:
    """Whether it is there nobody can tell: it is not sent, not deleted, and the column is named."""
    options = {"gone_at": {"fields": {"deleted_at": "gone_at"}}}.get(column, {})
    messages = [
        schema("users", {"id": "string", column: {}}),
        record("users", id="u1", **{column: value}),
        record("users", id="u2", **{column: None}),
    ]
    result = run_target(tmp_path, config(sandbox, streams={"users": options}), messages)
    assert result.status == 1
    assert f"1 rejected of users: `{column}`: it is no date-time" in result.log
    assert list(sandbox.state()["users"]) == ["u2"]
    (letters,) = (tmp_path / "dead-letters").glob("*.singer")
    assert f"`{column}`" in json.loads(letters.read_bytes().splitlines()[1])["error"]["reason"]


@pytest.mark.parametrize("hard_delete", [True, False])
@pytest.mark.parametrize("stream", OBJECTS)
@pytest.mark.parametrize("column", ["_sdc_lsn_deleted_at", "gone_at"])
def test_another_column_marks_deleted_rows_as_well(
    sandbox: Sandbox,
    tmp_path: Path,
    column: str,
    stream: str,
    hard_delete: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """A soft-deleted row has all of its columns, and is sent to no product; it may be deleted."""
    ids = OBJECTS[stream]
    options = {"fields": {"deleted_at": "gone_at"}} if column == "gone_at" else {}
    changes = {"hard_delete": hard_delete, "streams": {stream: options}}
    columns = {**dict.fromkeys(ids, "string"), column: "string"}
    messages = [schema(stream, columns, list(ids)[:2]), record(stream, **ids, **{column: WHEN})]
    result = run_target(tmp_path, config(sandbox, **changes), messages)
    assert result.status == 0, result.log
    deletes = hard_delete and stream not in {"events", "participants"}
    assert [one["method"] for one in sandbox.requests()] == ["DELETE"] * deletes
    if not deletes:
        assert f"rows that were deleted ({column}) are skipped" in result.log


def test_a_soft_delete_column_is_no_attribute(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nor does it clear one: live rows have null in it."""
    options = {"users": {"fields": {"deleted_at": "gone_at"}}}
    users = schema("users", {"id": "string", "plan": "string", "gone_at": "string"})
    messages = [users, record("users", id="u1", plan="pro", gone_at=None)]
    result = run_target(tmp_path, config(sandbox, streams=options), messages)
    assert result.status == 0, result.log
    assert sandbox.requests()[0]["body"] == {"id": "u1", "attributes": {"plan": "pro"}}


def test_a_soft_delete_column_can_be_one_that_a_stream_map_makes(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """As all columns of `fields`, it is one of those that the stream map leaves."""
    options = {
        "streams": {"users": {"fields": {"deleted_at": "gone_at"}}},
        "stream_maps": {"users": {"gone_at": f"'{WHEN}' if status == 'gone' else None"}},
    }
    users = schema("users", {"id": "string", "status": "string"})
    rows = [record("users", id=one, status=one) for one in ("gone", "here")]
    result = run_target(tmp_path, config(sandbox, **options), [users, *rows])
    assert result.status == 0, result.log
    assert sorted(asked(sandbox)) == ["DELETE /users/gone", "POST /users"]


def test_a_soft_delete_column_that_is_not_there_stops_the_run(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Else every row would pass for a live one."""
    options = {"users": {"fields": {"deleted_at": "gone_at"}}}
    messages = [USERS, user("u1")]
    result = run_target(tmp_path, config(sandbox, streams=options), messages)
    assert result.status == 1
    assert "fields.deleted_at names column 'gone_at'" in result.errors[-1]
    assert sandbox.requests() == []


BOUNDED = {stream: OBJECTS[stream] for stream in list(OBJECTS)[:4]}


def ids_of(stream: str, number: int) -> dict[str, str]:
    return {role: f"{name}-{number}" for role, name in BOUNDED[stream].items()}


@pytest.mark.parametrize("stream", BOUNDED)
def test_too_many_deleted_rows_stop_the_run_before_the_first_deletion(
    sandbox: Sandbox, tmp_path: Path, stream: str
) -> None:
    """The line says the numbers, and STATE stays before them; a higher ratio lets them go."""
    columns = {**dict.fromkeys(BOUNDED[stream], "string"), **LOGGED}
    messages = [
        schema(stream, columns, list(BOUNDED[stream])),
        *(record(stream, **ids_of(stream, n)) for n in range(17)),
        *(gone(stream, **ids_of(stream, n)) for n in range(17, 20)),
        {"type": "STATE", "value": {"read": 20}},
    ]
    result = run_target(tmp_path, config(sandbox), messages)
    assert (result.status, result.states) == (1, [])
    assert f"Stream '{stream}': 3 of the 20 records so far are of deleted" in result.errors[-1]
    assert "max_delete_ratio is 0.1" in result.errors[-1]
    assert sandbox.requests() == []
    result = run_target(tmp_path, config(sandbox, max_delete_ratio=0.15), messages)
    assert (result.status, result.states) == (0, [{"read": 20}]), result.log


def test_a_log_with_a_few_deletions_alone_is_no_mistake(sandbox: Sandbox, tmp_path: Path) -> None:
    """Below 20 records a share says nothing."""
    result = run_target(
        tmp_path, config(sandbox), [USERS, *(gone("users", id=f"u{n}") for n in range(19))]
    )
    assert result.status == 0, result.log
    assert len(sandbox.requests()) == 19


def test_the_share_of_deleted_rows_is_that_of_the_whole_run(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """SCHEMAs that change are none of its business; what was sent before is said."""
    wider = schema("users", {"id": "string", "plan": "string", "name": "string", **LOGGED})
    messages = [
        *(USERS, *(user(f"u{n}") for n in range(38)), gone("users", id="u1")),
        *(wider, gone("users", id="u2"), gone("users", id="u3")),
        *(USERS, *(gone("users", id=f"u{n}") for n in range(4, 10))),
    ]
    result = run_target(tmp_path, config(sandbox, batch_size_rows=1), messages)
    assert result.status == 1
    assert "5 of the 43 records so far" in result.errors[-1]
    assert "of which 4 were sent before" in result.errors[-1]
    assert len(sandbox.state()["users"]) == 34


def test_deleted_rows_of_one_stream_are_no_share_of_another(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Hundreds of live groups make twenty deleted users no better."""
    messages = [
        *(GROUPS, *(record("groups", id=f"g{n}", name="Acme") for n in range(300))),
        *(USERS, *(gone("users", id=f"u{n}") for n in range(20))),
    ]
    result = run_target(tmp_path, config(sandbox), messages)
    assert result.status == 1
    assert "20 of the 20 records so far" in result.errors[-1]
    assert not any(one["method"] == "DELETE" for one in sandbox.requests())


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
