"""A dry run tells what the real one would do, and does none of it."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deletes.test_deletes_properties import SCHEMAS, steps, tapped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.process import asked, record, run_target, schema, state, writes
from support.taps import SkippingClock, run_here

from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.config.settings import StreamOptions
from target_userflow.dry_run.delivery import kind, spoken
from target_userflow.mapping.columns import Stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_userflow.sandbox import Sandbox

USERS = schema("users", {"id": "string", "name": "string", "plan": "string"})
EVENTS = schema("events", {"id": "string", "user_id": "string", "name": "string"})
PEOPLE = schema("participants", {"email": "string", "first_name": "string"}, keys=["email"])
DRY = {"dry_run": True}
_REQUESTS = re.compile(r"(POST|PATCH|DELETE) (/\S+) ([\d,]+)")
_NAMED = re.compile(r"^/(users|groups)/.+")


def users(count: int, **values: Any) -> list[dict[str, Any]]:
    """A stream of users, and a STATE."""
    return [USERS, *(record("users", id=f"u{n}", **values) for n in range(count)), state(count)]


def told(log: str) -> Counter[tuple[str, str]]:
    """The requests that a dry run says would be sent, by kind."""
    found: Counter[tuple[str, str]] = Counter()
    for line in log.splitlines():
        if line.startswith("Stream '"):
            for method, path, count in _REQUESTS.findall(line):
                found[method, path] += int(count.replace(",", ""))
    return found


def made(requests: Iterable[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """The requests that arrived, by kind."""
    return Counter((one["method"], _NAMED.sub(r"/\1/:id", one["path"])) for one in requests)


def files(directory: Path) -> dict[str, bytes]:
    """All files of a directory."""
    return {one.name: one.read_bytes() for one in directory.iterdir() if one.is_file()}


# Nothing happens


def test_nothing_but_reads_arrives_and_no_state_is_written(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The API is asked what exists; a scheduler that keeps STATE has nothing to keep."""
    run_target(tmp_path, sandbox.config, users(2))
    before = len(writes(sandbox))
    modes = {"streams": {"users": {"mode": "update"}}}
    result = run_target(tmp_path, {**sandbox.config, **DRY, **modes}, users(5))
    assert (result.status, result.states) == (0, [])
    assert len(writes(sandbox)) == before
    assert len(asked(sandbox, "/users")) == 5
    assert "3 skipped of users: does not exist yet, and mode is update" in result.log
    assert "Stream 'users': POST /users 2\n" in result.log


def test_a_variable_is_enough(sandbox: Sandbox, tmp_path: Path) -> None:
    """The config of a real run, once with a variable before it."""
    config = {f"TARGET_USERFLOW_{name.upper()}": value for name, value in sandbox.config.items()}
    result = run_target(
        tmp_path,
        {},
        users(1),
        arguments=["--config", "ENV"],
        env={**config, "TARGET_USERFLOW_DRY_RUN": "true"},
    )
    assert (result.status, result.states, writes(sandbox)) == (0, [], []), result.log


def test_no_ledger_is_made(sandbox: Sandbox, tmp_path: Path) -> None:
    """Not even for events; that one of them comes twice is noticed all the same."""
    config = {**sandbox.config, **DRY, "ledger": str(tmp_path / "new" / "ledger.db")}
    events = [record("events", id=f"e{n % 3}", user_id="u1", name="used") for n in range(5)]
    result = run_target(tmp_path, config, [EVENTS, *events])
    assert result.status == 0, result.log
    assert told(result.log) == {("POST", "/events"): 3}
    assert ["events", "5", "3", "2", "0"] in [line.split() for line in result.log.splitlines()]
    assert not (tmp_path / "new").exists()


def test_the_ledger_is_heeded_and_left_as_it_is(sandbox: Sandbox, tmp_path: Path) -> None:
    """What an earlier run delivered is unchanged or a duplicate; every byte stays."""
    home = tmp_path / "ledger"
    config = {**sandbox.config, "ledger": str(home / "ledger.db"), "skip_unchanged": True}
    event = record("events", id="e1", user_id="u1", name="used")
    assert run_target(tmp_path, config, [*users(3), EVENTS, event]).status == 0
    before = files(home)
    more = [
        *users(5),
        record("users", id="u4"),
        EVENTS,
        event,
        {**event, "record": {**event["record"], "id": "e2"}},
    ]
    for _ in range(2):
        result = run_target(tmp_path, {**config, **DRY}, more)
        assert told(result.log) == {("POST", "/users"): 2, ("POST", "/events"): 1}, result.log
        assert files(home) == before


def test_a_run_that_compares_nothing_forgets_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """A real one would: the records change without being noted."""
    config = {**sandbox.config, "ledger": str(tmp_path / "ledger.db")}
    run_target(tmp_path, {**config, "skip_unchanged": True}, users(3))
    before = (tmp_path / "ledger.db").read_bytes()
    run_target(tmp_path, {**config, **DRY}, users(3))
    assert (tmp_path / "ledger.db").read_bytes() == before


def test_dead_letters_say_that_the_run_was_dry(sandbox: Sandbox, tmp_path: Path) -> None:
    """The reasons are told, and the exit status is that of the real run."""
    bad = [record("users", id=None), record("users", id=" ")]
    result = run_target(tmp_path, {**sandbox.config, **DRY}, [*users(2), *bad])
    (letters,) = (tmp_path / "dead-letters").iterdir()
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{8}\.dry-run\.singer", letters.name)
    assert [json.loads(line)["type"] for line in letters.read_text().splitlines()] == [
        "SCHEMA",
        "RECORD",
        "RECORD",
    ]
    assert str(letters) in result.log
    assert "1 would be rejected: `id`: user_id is blank" in result.log
    assert "replay them with" not in result.log
    real = run_target(tmp_path, sandbox.config, [*users(2), *bad])
    assert result.status == real.status == 1
    allowed = run_target(tmp_path, {**sandbox.config, **DRY, "max_rejects": 2}, [*users(2), *bad])
    assert allowed.status == 0


def test_a_brake_shows_before_it_is_needed(sandbox: Sandbox, tmp_path: Path) -> None:
    """An emptied source: the message of the real run, with its numbers, and its status."""
    activate = {"type": "ACTIVATE_VERSION", "stream": "users"}

    def reading(version: int, count: int) -> list[dict[str, Any]]:
        rows = [{**record("users", id=f"u{n}"), "version": version} for n in range(count)]
        return [USERS, *rows, {**activate, "version": version}]

    config = {**sandbox.config, "hard_delete": True}
    assert run_target(tmp_path, config, reading(1, 10)).status == 0
    before = files(tmp_path)["ledger.db"]
    result = run_target(tmp_path, {**config, **DRY}, reading(2, 2))
    assert result.status == 1
    assert "would delete 8 of 10 users" in result.errors[0]
    result = run_target(tmp_path, {**config, **DRY, "max_delete_ratio": 1}, reading(2, 2))
    assert told(result.log) == {("POST", "/users"): 2, ("DELETE", "/users/:id"): 8}
    assert files(tmp_path)["ledger.db"] == before
    assert len(sandbox.state()["users"]) == 10


# What would happen


@st.composite
def inputs(draw: st.DrawFn) -> list[Any]:
    """Users, groups and memberships in any order, with deletes and versions; others after them."""
    events = draw(st.lists(st.integers(0, 5), max_size=8))
    people = draw(st.lists(st.integers(0, 230), max_size=3).map(sum))
    return [
        *SCHEMAS,
        *tapped(draw(steps)),
        EVENTS,
        *(record("events", id=f"{n}", user_id="u1", name="used") for n in events),
        PEOPLE,
        *(record("participants", email=f"p{n % 200}@example.com") for n in range(people)),
    ]


@settings(
    max_examples=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    before=inputs(),
    messages=inputs(),
    options=st.fixed_dictionaries({"skip_unchanged": st.booleans()}),
    mode=st.sampled_from(["upsert", "update", "insert"]),
)
def test_the_real_run_sends_what_the_dry_one_said(  # noqa: PLR0913 - what varies, and fixtures
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
    *,
    before: list[Any],
    messages: list[Any],
    options: dict[str, Any],
    mode: str,
) -> None:
    """Requests of each kind and what becomes of every record: merged, unchanged, deleted, all.

    No time passes, as the windows would be others in a slower run.
    """
    sandbox.reset()
    modes = {"groups": {"mode": mode}, "participants": {"mode": mode}}
    deletes = {"hard_delete": True, "max_delete_ratio": 1}
    config = {**sandbox.config, **deletes, **options, "streams": modes}
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        run_here(home, config, before, clock=SkippingClock())
        earlier, ledger = len(writes(sandbox)), files(home).get("ledger.db")
        caplog.clear()
        caplog.set_level("INFO")
        dry = run_here(home, {**config, **DRY}, messages, clock=SkippingClock())
        said = told(caplog.text)
        assert (len(writes(sandbox)), files(home).get("ledger.db")) == (earlier, ledger)
        assert run_here(home, config, messages, clock=SkippingClock()) == dry
        assert made(writes(sandbox)[earlier:]) == said


@pytest.mark.parametrize(
    ("config", "words"),
    [
        pytest.param(
            {}, ", 10 at a time. How long that takes is not known, as its", id="nothing known"
        ),
        pytest.param({"concurrency": 3}, ", 3 at a time. How long", id="as configured"),
        pytest.param(
            {"requests_per_minute": 6000},
            ". At 6,000 requests a minute that takes 13 s or more",
            id="a budget",
        ),
    ],
)
def test_how_long_it_takes_is_told_where_that_is_known(
    sandbox: Sandbox, tmp_path: Path, config: dict[str, Any], words: str
) -> None:
    """Nothing is made up; and none of that time is waited now."""
    result = run_target(tmp_path, {**sandbox.config, **DRY, **config}, users(1200, plan="pro"))
    assert f"Userflow: 1,200 requests, and 1 that only read{words}" in result.log
    assert "Stream 'users': POST /users 1,200\n" in result.log


def test_the_limits_of_single_endpoints_count(sandbox: Sandbox, tmp_path: Path) -> None:
    """Userpilot documents 600 a minute for each: the slowest one tells."""
    ones = [{**one, "stream": "userpilot_users"} for one in users(1500)[:-1]]
    result = run_target(tmp_path, {**sandbox.config, **DRY}, ones)
    expected = "Userpilot: 1,500 requests. At 600 requests a minute that takes 2 min 30 s or more"
    assert expected in result.log


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(59, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (3660, "1 h 1 min")],
)
def test_durations_are_told_in_two_units(seconds: int, text: str) -> None:
    """What is long needs no seconds."""
    assert spoken(seconds) == text


def test_deletions_are_counted_by_kind_whatever_the_ids() -> None:
    """An id that looks like a path or a query is still no kind of its own."""
    stream = Stream("s", {"user_id": {}, "group_id": {}}, [], StreamOptions())
    names = "groups", "users", "memberships", "userpilot_users"
    of = {name: OBJECT_TYPES[name].mapper(stream).deletion for name in names}
    for odd in ("users", "a/b?c", "..", "group_memberships"):
        assert kind(of["users"]([odd])) == ("DELETE", "/users/:id")
        assert kind(of["groups"]([odd])) == ("DELETE", "/groups/:id")
        assert kind(of["memberships"]([odd, odd])) == ("DELETE", "/group_memberships")
        assert kind(of["userpilot_users"]([odd])) == ("DELETE", "/v1/users")


def test_a_stream_whose_records_ride_with_others_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its records are merged into the requests of their users."""
    members = schema("memberships", {"user_id": "string", "group_id": "string"}, ["user_id"])
    joined = record("memberships", user_id="u0", group_id="g")
    result = run_target(tmp_path, {**sandbox.config, **DRY}, [*users(1), members, joined])
    assert "Stream 'memberships': no request of its own\n" in result.log
    assert told(result.log) == {("POST", "/users"): 1}
