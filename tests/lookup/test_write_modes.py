"""Modes: only what exists, or only what does not, learned with as few requests as it takes."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
from support.process import Result, asked, record, run_target, schema, writes
from support.taps import SkippingClock, run_here

from target_userflow.lookup.object_list import LOOK_UPS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

USERS = schema("users", {"id": "string", "email": "string", "plan": "string"})
GROUPS = schema("groups", {"id": "string", "name": "string"})


def seed(sandbox: Sandbox, directory: Path, numbers: Iterable[int], kind: str = "users") -> None:
    """Let users or groups exist, and nothing in the journal tell of it but writes."""
    schemas = {"users": USERS, "groups": GROUPS}
    messages = [schemas[kind], *(record(kind, id=f"{n}") for n in numbers)]
    result = run_target(directory, sandbox.config, messages)
    assert result.status == 0, result.log


def with_mode(sandbox: Sandbox, mode: str, kind: str = "users", **more: Any) -> dict[str, Any]:
    """A config with a mode for the streams of one object."""
    return {**sandbox.config, "streams": {kind: {"mode": mode}}, **more}


def row(result: Result, stream: str) -> dict[str, int]:
    """The accounts of a stream as the summary shows them."""
    lines = [line.split() for line in result.log.replace("in doubt", "in_doubt").splitlines()]
    head = next(line for line in lines if line[:2] == ["stream", "received"])
    found = next(line for line in lines if line[:1] == [stream] and len(line) == len(head))
    return {
        name: int(cell.replace(",", "")) for name, cell in zip(head[1:], found[1:], strict=True)
    }


def users(numbers: Iterable[int], **values: Any) -> list[dict[str, Any]]:
    """A stream of users."""
    return [USERS, *(record("users", id=f"{n}", **values) for n in numbers)]


def test_update_knows_of_what_another_stream_of_the_run_creates(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A row that was read before is delivered before: then the object exists."""
    sandbox.configure(latency_ms=50)
    leads = schema("leads", {"id": "string", "score": "integer"})
    streams = {"leads": {"object": "users", "mode": "update"}}
    created = users(range(4), plan="pro")
    scores = [record("leads", id=f"{n}", score=n) for n in range(5)]
    messages = [leads, record("leads", id="early", score=1), *created, *scores]
    counted = run_here(tmp_path, {**sandbox.config, "streams": streams}, messages)
    assert counted.status == 0
    assert counted.counts["leads"] == {"received": 6, "delivered": 4, "skipped": 2}
    existing = sandbox.state()["users"].values()
    assert [user["attributes"].keys() for user in existing] == [{"plan", "score"}] * 4


@pytest.mark.parametrize("kind", ["users", "groups"])
def test_update_touches_what_exists_and_creates_nothing(
    sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    """The others are counted as skipped, with the reason; that is no failure."""
    seed(sandbox, tmp_path, range(5), kind)
    before = len(writes(sandbox))
    messages = [GROUPS if kind == "groups" else USERS]
    messages += [record(kind, id=f"{n}") for n in range(3, 8)]
    result = run_target(tmp_path, with_mode(sandbox, "update", kind), messages)
    assert result.status == 0, result.log
    assert {one["body"]["id"] for one in writes(sandbox)[before:]} == {"3", "4"}
    assert row(result, kind) == {"received": 5, "delivered": 2, "skipped": 3, "rejected": 0}
    assert f"3 skipped of {kind}: does not exist yet, and mode is update" in result.log


def test_insert_creates_what_is_missing_and_touches_nothing_else(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """What exists keeps its values."""
    seed(sandbox, tmp_path, range(5))
    result = run_target(tmp_path, with_mode(sandbox, "insert"), users(range(3, 8), plan="pro"))
    assert result.status == 0, result.log
    plans = {name: "plan" in one["attributes"] for name, one in sandbox.state()["users"].items()}
    assert plans == {**dict.fromkeys("01234", False), **dict.fromkeys("567", True)}
    assert "2 skipped of users: exists already, and mode is insert" in result.log


def test_insert_takes_the_first_record_of_an_id(sandbox: Sandbox, tmp_path: Path) -> None:
    """In one window as in two: what the first creates exists for the second."""
    for size in (1, 10):
        sandbox.reset()
        messages = [
            USERS,
            record("users", id="1", plan="free"),
            record("users", id="1", plan="pro"),
            record("users", id="1", plan="max"),
        ]
        config = with_mode(sandbox, "insert", batch_size_rows=size)
        result = run_target(tmp_path, config, messages)
        assert sandbox.state()["users"]["1"]["attributes"] == {"plan": "free"}
        assert row(result, "users")["skipped"] == 2


def test_when_the_first_record_of_an_id_is_refused_the_next_one_is_inserted(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """What was not created does not exist."""
    sandbox.script([{"status": 422, "body": "{}", "method": "POST", "path": "/users"}])
    messages = [USERS, record("users", id="1", plan="a"), record("users", id="1", plan="b")]
    run_target(tmp_path, with_mode(sandbox, "insert", max_rejects=1), messages)
    assert sandbox.state()["users"]["1"]["attributes"] == {"plan": "b"}


def test_what_other_streams_of_the_run_create_exists(sandbox: Sandbox, tmp_path: Path) -> None:
    """A group that a user was put in, though `GET /groups` was asked before that."""
    people = schema("users", {"id": "string", "group_id": "string"})
    messages = [
        GROUPS,
        record("groups", id="g1", name="Acme"),
        people,
        record("users", id="1", group_id="g2"),
        GROUPS,
        record("groups", id="g2", name="Ajax"),
    ]
    config = with_mode(sandbox, "insert", "groups", batch_size_rows=1)
    result = run_target(tmp_path, config, messages)
    found = {name: one["attributes"] for name, one in sandbox.state()["groups"].items()}
    assert found == {"g1": {"name": "Acme"}, "g2": {}}
    assert row(result, "groups")["skipped"] == 1


@pytest.mark.parametrize("existing", [0, 1, 100, 101, 250])
def test_the_list_is_read_once_at_its_largest_page(
    sandbox: Sandbox, tmp_path: Path, existing: int
) -> None:
    """Of M users that is one request for each 100, whatever comes, in however many windows."""
    seed(sandbox, tmp_path, range(existing))
    config = with_mode(sandbox, "update", batch_size_rows=150)
    result = run_target(tmp_path, config, users(range(450), plan="pro"))
    assert row(result, "users")["delivered"] == existing
    queries = asked(sandbox, "/users")
    assert len(queries) == max(1, ceil(existing / 100))
    assert {query["limit"] for query in queries} == {"100"}


def test_a_few_records_are_looked_up_one_by_one(sandbox: Sandbox, tmp_path: Path) -> None:
    """Five requests for five records, though the list would have three pages."""
    seed(sandbox, tmp_path, range(250))
    result = run_target(tmp_path, with_mode(sandbox, "update"), users(range(248, 253)))
    assert row(result, "users") == {"received": 5, "delivered": 2, "skipped": 3, "rejected": 0}
    assert asked(sandbox, "/users") == [{}] * 5


def test_trickling_records_never_cost_more_than_the_list_and_a_hundred(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Look-ups stop where the list is the better deal."""
    seed(sandbox, tmp_path, range(250))
    config = with_mode(sandbox, "update", batch_size_rows=30)
    result = run_target(tmp_path, config, users(range(500)))
    assert row(result, "users")["delivered"] == 250
    assert ceil(250 / 100) <= len(asked(sandbox, "/users")) <= ceil(250 / 100) + LOOK_UPS


def test_ids_of_any_letters_are_looked_up_as_they_are(sandbox: Sandbox, tmp_path: Path) -> None:
    """Slashes, spaces and question marks are part of an id, not of the path."""
    odd = ["a/b", "a b", "ü?x=1", "a#b", "100%"]
    messages = [USERS, *(record("users", id=one) for one in odd)]
    run_target(tmp_path, sandbox.config, messages)
    result = run_target(tmp_path, with_mode(sandbox, "update"), messages)
    assert row(result, "users")["delivered"] == 5, result.log


def test_the_list_is_read_through_faults(sandbox: Sandbox, tmp_path: Path) -> None:
    """Half an answer, a dropped connection, a 503 and a 429 cost a repetition each, no user."""
    seed(sandbox, tmp_path, range(250))
    limit: dict[str, Any] = {"status": 429, "headers": {"Retry-After": "0"}}
    faults: list[dict[str, Any]] = [
        {"fault": "truncated"},
        {"fault": "reset-before"},
        {"status": 503},
    ]
    faults.append(limit)
    sandbox.script([{**one, "method": "GET", "path": "/users"} for one in faults])
    result = run_here(
        tmp_path, with_mode(sandbox, "update"), users(range(300)), clock=SkippingClock()
    )
    assert result.counts["users"]["delivered"] == 250
    assert len(asked(sandbox, "/users")) == ceil(250 / 100) + len(faults)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_list_that_is_refused_stops_the_run_before_anything_is_written(
    sandbox: Sandbox, tmp_path: Path, status: int
) -> None:
    """To take everything for missing would be wrong for as many as there are."""
    sandbox.script([{"status": status, "body": '{"error": {"code": "x"}}', "path": "/users"}])
    result = run_target(tmp_path, with_mode(sandbox, "insert"), users(range(300)))
    assert result.status == 1
    assert f"HTTP {status}" in result.errors[-1]
    assert writes(sandbox) == []
    assert result.states == []


@pytest.mark.parametrize(
    "body", ['{"object": "list"}', '{"data": [], "has_more": true}', '{"data": 1}']
)
def test_a_list_that_is_none_stops_the_run(sandbox: Sandbox, tmp_path: Path, body: str) -> None:
    """One line says what was asked; nothing is guessed, and nobody asks in circles."""
    sandbox.script([{"status": 200, "body": body, "path": "/users"}])
    result = run_target(tmp_path, with_mode(sandbox, "insert"), users(range(300)))
    assert result.status == 1
    assert "GET /users can't be read" in result.errors[-1]
    assert writes(sandbox) == []


def test_a_404_that_is_not_the_apis_own_is_no_answer(sandbox: Sandbox, tmp_path: Path) -> None:
    """Behind a wrong URL nothing exists: the run stops, rather than to skip every record."""
    sandbox.script([{"status": 404, "body": "<html>", "method": "GET", "path": "/users/1"}])
    result = run_target(tmp_path, with_mode(sandbox, "update"), users([1]))
    assert result.status == 1
    assert "HTTP 404: Check api_url" in result.errors[-1]


def test_a_look_up_that_is_refused_is_left_to_the_list(sandbox: Sandbox, tmp_path: Path) -> None:
    """An id that the API does not like to be asked for may still be there."""
    seed(sandbox, tmp_path, range(3))
    sandbox.script([{"status": 400, "body": "{}", "method": "GET", "path": "/users/1"}])
    result = run_target(tmp_path, with_mode(sandbox, "update"), users(range(5)))
    assert row(result, "users")["delivered"] == 3


def test_what_is_unchanged_is_not_asked_for(sandbox: Sandbox, tmp_path: Path) -> None:
    """With `skip_unchanged` a second run with the same records asks nothing."""
    config = with_mode(sandbox, "update", skip_unchanged=True)
    seed(sandbox, tmp_path, range(3))
    run_target(tmp_path, config, users(range(3), plan="pro"))
    questions = len(asked(sandbox, "/users"))
    result = run_target(tmp_path, config, users(range(3), plan="pro"))
    assert row(result, "users")["unchanged"] == 3
    assert len(asked(sandbox, "/users")) == questions


def test_the_budget_holds_for_questions_too(sandbox: Sandbox, tmp_path: Path) -> None:
    """Ten look-ups and ten writes at 600 a minute take the time of twenty requests."""
    seed(sandbox, tmp_path, range(10))
    start = len(sandbox.requests())
    config = with_mode(sandbox, "update", requests_per_minute=600)
    run_target(tmp_path, config, users(range(10)))
    times = [one["at"] for one in sandbox.requests()[start:]]
    assert len(times) == 20
    assert times[-1] - times[0] >= 19 * 60 / 600


PEOPLE = schema("participants", {"email": "string", "first_name": "string"}, keys=["email"])


def people(numbers: Iterable[int], name: str) -> list[dict[str, Any]]:
    """A stream of participants."""
    emails = (f"P{n}@example.com" for n in numbers)
    records = (record("participants", email=email, first_name=name) for email in emails)
    return [PEOPLE, *records]


@pytest.mark.parametrize(("mode", "delivered"), [("update", 450), ("insert", 50)])
def test_participants_are_listed_by_two_hundred(
    sandbox: Sandbox, tmp_path: Path, mode: str, delivered: int
) -> None:
    """Three pages for 450 of them, though only one were asked for: there is no look-up."""
    run_target(tmp_path, sandbox.config, people(range(450), "Ada"))
    config = with_mode(sandbox, mode, "participants", batch_size_rows=100)
    result = run_target(tmp_path, config, people(range(500), "Grace"))
    assert row(result, "participants")["delivered"] == delivered, result.log
    assert [query["page[size]"] for query in asked(sandbox, "/api/participants")] == ["200"] * 3


def test_insert_takes_the_first_record_of_a_participant(sandbox: Sandbox, tmp_path: Path) -> None:
    """In a batch too, where else the last one stands for all."""
    messages = [*people([1, 2], "Ada"), *people([1, 2], "Grace")]
    config = with_mode(sandbox, "insert", "participants")
    result = run_target(tmp_path, config, messages)
    names = {one["first_name"] for one in sandbox.state()["participants"].values()}
    assert names == {"Ada"}
    assert row(result, "participants")["skipped"] == 2


EVENTS = schema("events", {"id": "string", "user_id": "string", "name": "string"})
MEMBERSHIPS = schema("memberships", {"user_id": "string", "group_id": "string"})
PILOTS = schema("userpilot_users", {"id": "string"})


def test_memberships_and_events_create_no_ghosts(sandbox: Sandbox, tmp_path: Path) -> None:
    """With `update`, those pass whose users and groups exist, or are made earlier in the run."""
    seed(sandbox, tmp_path, [1])
    seed(sandbox, tmp_path, [7], "groups")
    options = {name: {"mode": "update"} for name in ("events", "memberships")}
    rows = [(1, 7), (1, 8), (2, 7), (3, 7)]
    messages = [
        EVENTS,
        *(record("events", id=user, user_id=user, name="used") for user in "123"),
        {**MEMBERSHIPS, "key_properties": ["user_id", "group_id"]},
        *(record("memberships", user_id=f"{user}", group_id=f"{group}") for user, group in rows),
        USERS,
        record("users", id="3"),
    ]
    result = run_target(tmp_path, {**sandbox.config, "streams": options}, messages)
    assert result.status == 0, result.log
    state = sandbox.state()
    assert {name: {*user["memberships"]} for name, user in state["users"].items()} == {
        "1": {"7"},
        "3": {"7"},
    }
    assert sorted(event["user_id"] for event in state["events"]) == ["1", "3"]
    assert state["groups"].keys() == {"7"}
    assert "its user does not exist yet, and mode is update" in result.log


@pytest.mark.parametrize(
    ("message", "mode"),
    [(EVENTS, "insert"), (MEMBERSHIPS, "insert"), (PILOTS, "insert"), (PILOTS, "update")],
    ids=lambda one: one if isinstance(one, str) else one["stream"],
)
def test_a_mode_that_cannot_be_kept_stops_the_run_at_the_schema(
    sandbox: Sandbox, tmp_path: Path, mode: str, message: dict[str, Any]
) -> None:
    """The line names the setting, and the objects that have modes."""
    config = with_mode(sandbox, mode, message["stream"])
    result = run_target(tmp_path, config, [message])
    assert result.status == 1
    (line,) = result.errors
    assert f"streams.{message['stream']}.mode '{mode}'" in line
    assert "use it for users, groups, participants" in line
    assert sandbox.requests() == []


def ask(sandbox: Sandbox, path: str, body: bytes) -> None:
    """Write something as somebody else would."""
    headers = {
        "Authorization": f"Bearer {sandbox.api_key}",
        "Userflow-Version": "2020-01-03",
        "Content-Type": "application/json",
    }
    request = Request(sandbox.url + path, body, headers)  # noqa: S310 - the sandbox
    with urlopen(request):  # noqa: S310 - the sandbox
        pass


def test_what_somebody_else_created_meanwhile_is_in_the_list(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The list is asked when the first window is due, not from an earlier run's memory."""
    run_target(tmp_path, with_mode(sandbox, "update"), users(range(3)))
    ask(sandbox, "/users", b'{"id": "1"}')
    result = run_target(tmp_path, with_mode(sandbox, "update"), users(range(3)))
    assert row(result, "users")["delivered"] == 1


def test_a_row_that_is_deleted_and_comes_back_is_inserted(sandbox: Sandbox, tmp_path: Path) -> None:
    """A deletion is carried out in mode insert too, and what is gone does not exist any more."""
    seed(sandbox, tmp_path, range(2))
    deleted = {"_sdc_deleted_at": "2026-01-01T00:00:00Z"}
    listing = schema("users", {"id": "string", "plan": "string", "_sdc_deleted_at": "string"})
    messages = [
        *(listing, record("users", id="0", **deleted), record("users", id="0", plan="new")),
        *(record("users", id="1", plan="new"), record("users", id="1", **deleted)),
    ]
    config = with_mode(sandbox, "insert", hard_delete=True)
    result = run_target(tmp_path, config, messages)
    assert result.status == 0, result.log
    assert sandbox.state()["users"].keys() == {"0"}
    assert sandbox.state()["users"]["0"]["attributes"] == {"plan": "new"}
    assert (row(result, "users")["delivered"], row(result, "users")["skipped"]) == (3, 1)
