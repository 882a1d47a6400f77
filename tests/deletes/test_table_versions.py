"""What a new version of a table leaves behind is deleted, and an emptied source deletes nothing."""

from __future__ import annotations

import json
import sqlite3
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from support.process import Result, record, run_target, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

pytestmark = pytest.mark.smoke

USERS = schema("users", {"id": "string", "plan": "string"})
MEMBERSHIPS = schema(
    "memberships", {"user_id": "string", "group_id": "string"}, ["user_id", "group_id"]
)
ALL: dict[str, Any] = {"max_delete_ratio": 1}
"""For tables so small that one row is more than a tenth."""


def activate(version: int, stream: str = "users") -> dict[str, Any]:
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}


def user(name: str | None, version: int, stream: str = "users", **values: Any) -> dict[str, Any]:
    return {**record(stream, id=name, **{"plan": "pro", **values}), "version": version}


def reading(version: int, names: Iterable[str]) -> list[dict[str, Any]]:
    """What a tap sends of a table of users: its rows, and then that there are no others."""
    return [USERS, *(user(name, version) for name in names), activate(version)]


def reading_ahead(version: int, names: Iterable[str]) -> list[dict[str, Any]]:
    """The same by a tap of the Meltano SDK: the version comes first, and a STATE at the end."""
    rows = [user(name, version) for name in names]
    return [USERS, activate(version), *rows, state({"bookmarks": {"users": {}}})]


READINGS = [
    pytest.param(reading, id="version after the records"),
    pytest.param(reading_ahead, id="version ahead of the records"),
]


class Replica:
    """A destination that several runs bring a table to."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        """Begin with nothing delivered."""
        self.sandbox, self.home = sandbox, home
        self.config: dict[str, Any] = {**sandbox.config, "hard_delete": True}

    def __call__(self, messages: Iterable[Any], status: int = 0, **config: Any) -> Result:
        """One run, which ends as it should."""
        result = run_target(self.home, {**self.config, **config}, messages)
        assert result.status == status, result.log
        return result

    @property
    def users(self) -> set[str]:
        """Who is there."""
        return set(self.sandbox.state()["users"])

    @property
    def deletions(self) -> list[str]:
        """What was asked to be deleted."""
        asked = self.sandbox.requests()
        return [one["path"] for one in asked if one["method"] == "DELETE"]


@pytest.fixture
def replica(sandbox: Sandbox, tmp_path: Path) -> Replica:
    return Replica(sandbox, tmp_path)


@pytest.mark.parametrize("read", READINGS)
@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_a_version_deletes_what_it_leaves_behind_and_nothing_else(
    replica: Replica, request: pytest.FixtureRequest, where: str, read: Any
) -> None:
    """Rows that are gone go; those that stay, or that somebody else made, are not touched."""
    if where == "postgresql":
        database = request.getfixturevalue("postgres").create(f"versions_{uuid.uuid4().hex}")
        replica.config["ledger"] = database.url.replace("://", "+psycopg://")
    other = schema("crm-users", {"id": "string"})
    replica([other, record("crm-users", id="c1")])
    replica(read(1, ["u1", "u2", "u3"]))
    result = replica(read(2, ["u1", "u4"]), **ALL)
    assert replica.users == {"c1", "u1", "u4"}
    assert sorted(replica.deletions) == ["/users/u2", "/users/u3"]
    rows = [line.split() for line in result.log.splitlines()]
    assert ["stream", "received", "delivered", "rejected", "deleted"] in rows
    assert ["users", "2", "2", "0", "2"] in rows
    replica(read(3, ["u1", "u4"]))
    assert len(replica.deletions) == 2


@pytest.mark.parametrize("read", READINGS)
def test_an_emptied_source_never_empties_the_destination(replica: Replica, read: Any) -> None:
    """The brake holds, with the numbers in the message, and the next good run is as ever."""
    names = [f"u{n}" for n in range(20)]
    replica(read(1, names))
    result = replica(read(2, []), status=1)
    assert "would delete 20 of 20 users" in result.errors[-1]
    assert "max_delete_ratio is 0.1" in result.errors[-1]
    assert (len(replica.users), replica.deletions) == (20, [])
    replica(read(3, names[:-2]))
    assert replica.users == set(names[:-2])


@pytest.mark.parametrize("read", READINGS)
def test_a_source_with_other_rows_is_taken_for_another_source(replica: Replica, read: Any) -> None:
    """The brake looks at what was there before: new rows, however many, don't loosen it."""
    replica(read(1, [f"old{n}" for n in range(10)]))
    result = replica(read(2, [f"new{n}" for n in range(200)]), status=1)
    assert "would delete 10 of 10 users" in result.errors[-1]
    assert replica.deletions == []


def test_as_many_may_go_as_the_ratio_allows_and_not_one_more(replica: Replica) -> None:
    """A tenth of twenty is two."""
    names = [f"u{n}" for n in range(20)]
    replica(reading(1, names))
    result = replica(reading(2, names[3:]), status=1)
    assert "would delete 3 of 20 users" in result.errors[-1]
    replica(reading(3, names[2:]))
    assert replica.users == set(names[2:])


def test_what_was_rejected_unchanged_or_merged_is_not_left_behind(replica: Replica) -> None:
    """It is in the table all the same."""
    config = {**ALL, "skip_unchanged": True, "max_rejects": 1}
    names = ["rejected", "unchanged", "merged", "gone"]
    replica(reading(1, names), **config)
    messages = [
        USERS,
        user("rejected", 2, plan=7),
        user("unchanged", 2),
        user("merged", 2, plan="free"),
        user("merged", 2, plan="pro"),
        activate(2),
    ]
    result = replica(messages, **config)
    assert "1 rejected of users" in result.log
    assert replica.users == set(names) - {"gone"}


def test_a_record_that_nobody_can_name_holds_the_deletions_up(replica: Replica) -> None:
    """It may be any of those that seem to be left behind; the next whole version tells."""
    replica(reading(1, ["u1", "u2"]))
    messages = [USERS, user("u1", 2), user(None, 2), activate(2)]
    result = replica(messages, **ALL, max_rejects=1)
    assert "ACTIVATE_VERSION deletes nothing, as some of its records were rejected" in result.log
    assert replica.users == {"u1", "u2"}
    replica(reading(3, ["u1"]), **ALL)
    assert replica.users == {"u1"}


def test_a_tap_that_breaks_off_after_its_version_deletes_nothing(replica: Replica) -> None:
    """Without a STATE after the last record, the rest of the table may not have been read."""
    replica(reading_ahead(1, ["u1", "u2"]))
    result = replica(reading_ahead(2, ["u1"])[:-1], **ALL)
    assert "deletes nothing, as no STATE came after its last record" in result.log
    assert replica.users == {"u1", "u2"}


def test_what_another_stream_delivers_as_well_stays(replica: Replica) -> None:
    """The last stream that lets go of a user deletes it."""
    other = [schema("crm-users", {"id": "string", "plan": "string"}), user("u1", 1, "crm-users")]
    replica([*reading(1, ["u1"]), *other, activate(1, "crm-users")])
    replica(reading_ahead(2, []), **ALL)
    assert replica.users == {"u1"}
    replica([other[0], activate(3, "crm-users"), state({"end": True})], **ALL)
    assert replica.users == set()


def test_memberships_are_deleted_by_themselves(replica: Replica) -> None:
    """Their users and groups stay, and so does the other membership of each."""

    def members(version: int, *pairs: tuple[str, str]) -> list[dict[str, Any]]:
        rows = [record("memberships", user_id=one, group_id=other) for one, other in pairs]
        ends = activate(version, "memberships")
        return [MEMBERSHIPS, *({**row, "version": version} for row in rows), ends]

    replica(members(1, ("u1", "g1"), ("u1", "g2"), ("u2", "g1")))
    replica(members(2, ("u1", "g2"), ("u2", "g1")), **ALL)
    found = replica.sandbox.state()
    assert set(found["groups"]) == {"g1", "g2"}
    assert {name: set(one["memberships"]) for name, one in found["users"].items()} == {
        "u1": {"g2"},
        "u2": {"g1"},
    }


def test_a_user_that_a_version_brings_back_is_there_again(replica: Replica) -> None:
    """With skip_unchanged too: what was deleted is not what was last delivered."""
    for version, names in enumerate((["u1", "u2"], ["u1"], ["u1", "u2"])):
        replica(reading(version, names), **ALL, skip_unchanged=True)
    assert replica.users == {"u1", "u2"}


def test_what_may_have_arrived_before_a_crash_is_known(replica: Replica) -> None:
    """Its answer got lost and the run ended: when its row is gone, it is deleted."""
    replica.sandbox.script([{"fault": "reset-after", "times": 1}])
    replica(reading(1, ["u1"]), status=1, max_retry_seconds=0)
    assert replica.users == {"u1"}
    replica(reading_ahead(2, []), **ALL)
    assert replica.users == set()


def test_what_this_stream_never_delivered_is_never_deleted(replica: Replica) -> None:
    """A user that was there before, and of whom the API took no record."""
    replica([USERS, record("users", id="u1", plan="pro")])
    refusal = json.dumps({"error": {"code": "invalid_request", "message": "no"}})
    replica.sandbox.script([{"status": 400, "body": refusal, "times": 1}])
    replica(reading(1, ["u1"]), max_rejects=1)
    replica(reading_ahead(2, []), **ALL)
    assert (replica.users, replica.deletions) == ({"u1"}, [])


def test_a_rejected_deletion_fails_the_run_and_is_tried_again(replica: Replica) -> None:
    """All others are deleted meanwhile."""
    replica(reading(1, ["u1", "u2", "u3"]))
    refusal = json.dumps({"error": {"code": "invalid_request", "message": "not now"}})
    replica.sandbox.script([{"status": 400, "body": refusal, "path": "/users/u2", "times": 1}])
    result = replica(reading(2, ["u1"]), status=1, **ALL)
    assert "1 deletions were rejected (HTTP 400 invalid_request)" in result.log
    assert replica.users == {"u1", "u2"}
    replica(reading(3, ["u1"]), **ALL)
    assert replica.users == {"u1"}


def test_a_log_and_versions_go_together(replica: Replica) -> None:
    """What `_sdc_deleted_at` deleted is not deleted again, unless it comes back and goes."""
    users = schema("users", {"id": "string", "plan": "string", "_sdc_deleted_at": "string"})
    gone = {**user("u2", 1), "record": {"id": "u2", "_sdc_deleted_at": "2026-01-01T00:00:00Z"}}
    replica([users, user("u1", 1), user("u2", 1), gone, activate(1)])
    replica(reading(2, ["u1"]))
    assert replica.deletions == ["/users/u2"]


def test_an_alias_keeps_the_versions_of_its_streams_apart(replica: Replica) -> None:
    """Two tables become users: a new version of one says nothing of the other's rows."""
    tables = [schema(one, {"id": "string", "plan": "string"}) for one in ("people", "staff")]
    rows = [user("p1", 1, "people"), user("s1", 1, "staff")]
    first = [tables[0], rows[0], activate(1, "people"), tables[1], rows[1], activate(1, "staff")]
    maps = {one: {"__alias__": "users"} for one in ("people", "staff")}
    config: dict[str, Any] = {**ALL, "stream_maps": maps}
    replica(first, **config)
    replica([tables[0], user("p1", 2, "people"), activate(2, "people")], **config)
    assert replica.users == {"p1", "s1"}
    replica([tables[1], user("s2", 3, "staff"), activate(3, "staff")], **config)
    assert replica.users == {"p1", "s2"}


def test_versions_without_a_ledger_are_refused_before_anything_is_sent(replica: Replica) -> None:
    """The line names both settings; a stream without versions needs none."""
    replica([USERS, record("users", id="u0")], ledger="")
    result = replica(reading(1, ["u1"]), status=1, ledger="")
    assert "Set ledger, or set hard_delete to false" in result.errors[-1]
    assert replica.users == {"u0"}


def test_without_hard_delete_a_version_deletes_nothing_and_that_is_said_once(
    replica: Replica,
) -> None:
    """The default, whatever the tap sends."""
    replica(reading(1, ["u1", "u2"]), hard_delete=False)
    messages = [*reading(2, ["u1"]), activate(2)]
    result = replica(messages, hard_delete=False)
    assert result.log.count("ACTIVATE_VERSION deletes nothing, as hard_delete is off") == 1
    assert replica.users == {"u1", "u2"}


def test_events_have_no_versions(replica: Replica) -> None:
    """They can't be deleted, and are sent as ever."""
    events = schema("events", {"id": "string", "user_id": "string", "name": "string"})
    one = {**record("events", id="1", user_id="u1", name="used"), "version": 1}
    replica([events, one, activate(1, "events"), activate(2, "events")], **ALL)
    assert len(replica.sandbox.state()["events"]) == 1
    assert replica.deletions == []


@pytest.mark.parametrize("version", ["1", 1.5, True, 2**63, [1]])
def test_a_version_that_is_none_stops_the_run_with_its_line(replica: Replica, version: Any) -> None:
    """No traceback, and nothing of it is guessed."""
    result = replica([USERS, user("u1", version)], status=1)
    assert result.errors[-1].startswith("Line 2: ")


def test_ids_are_kept_of_streams_with_versions_alone(replica: Replica) -> None:
    """A hash can't be deleted. Of everything else the ledger holds hashes."""
    name = "ada-lovelace"
    replica([USERS, record("users", id=name)], skip_unchanged=True)
    replica(reading(1, [name]), hard_delete=False, skip_unchanged=True)
    assert kept(replica.home) == []
    replica(reading(1, [name]))
    assert kept(replica.home) == [json.dumps([name])]
    assert (replica.home / "ledger.db").stat().st_mode & 0o077 == 0


def kept(home: Path) -> list[str]:
    """The ids in a ledger."""
    database = sqlite3.connect(home / "ledger.db")
    try:
        return [ids for (ids,) in database.execute("select ids from ledger_mirrored")]
    finally:
        database.close()


def test_a_ledger_of_the_first_schema_is_brought_up_to_date(replica: Replica) -> None:
    """What it knows stays known, and versions are kept from then on."""
    events = schema("events", {"id": "string", "user_id": "string", "name": "string"})
    one = record("events", id="1", user_id="u1", name="used")
    replica([events, one])
    database = sqlite3.connect(replica.home / "ledger.db")
    database.executescript("drop table ledger_mirrored; update ledger_version set version = 1")
    database.close()
    replica([events, one, *reading(1, ["u1", "u2"])])
    assert len(replica.sandbox.state()["events"]) == 1
    replica(reading(2, ["u1"]), **ALL)
    assert replica.deletions == ["/users/u2"]
