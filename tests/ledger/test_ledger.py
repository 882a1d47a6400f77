"""What the ledger remembers, whichever database holds it: SQLite, or the PostgreSQL of a team."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from support.ledgers import Bench
from support.process import config_file, record, run_target, schema, state
from support.taps import PATIENCE, piped, wait_until

from target_userflow.errors import StorageError
from target_userflow.ledger.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

EVENTS = schema("events", {"id": "string", "user_id": "string", "name": "string", "n": "integer"})
USERS = schema("users", {"id": "string", "plan": "string", "logins": "integer"})
GROUPS = schema("groups", {"id": "string", "plan": "string"})
MEMBERSHIPS = schema(
    "memberships",
    {"user_id": "string", "group_id": "string", "plan": "string"},
    keys=["user_id", "group_id"],
)
SKIPPING = {"skip_unchanged": True}


def event(key: str, n: int, user: str = "ada") -> dict[str, Any]:
    return record("events", id=key, user_id=user, name="used", n=n)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The one line that a user gets, if it is one."""
    lines = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert not any("\n" in line for line in lines)
    return lines


# Events


def test_an_event_is_delivered_once_however_often_it_is_replayed(bench: Bench) -> None:
    """The tap replays what it likes; the rest of the replay is new and is sent."""
    for last in (2, 3, 3):
        counted = bench.run(EVENTS, *(event(f"e{n}", n) for n in range(last + 1)))
    assert bench.sent == [{"n": 0}, {"n": 1}, {"n": 2}, {"n": 3}]
    assert counted.counts == {"events": {"received": 4, "duplicate": 4}}


def test_a_key_that_comes_twice_in_one_run_is_a_duplicate(bench: Bench) -> None:
    """Also if it names another user, so that another worker might take it."""
    counted = bench.run(EVENTS, event("e", 1), event("e", 2), event("e", 3, user="grace"))
    assert bench.sent == [{"n": 1}]
    wanted = {"received": 3, "delivered": 1, "duplicate": 2, "differs": 2}
    assert counted.counts == {"events": wanted}


def test_events_of_different_streams_are_different(bench: Bench) -> None:
    """Keys are told apart by the stream that they are of."""
    for stream in ("app-events", "web-events"):
        bench.run({**EVENTS, "stream": stream}, {**event("e", 1), "stream": stream})
    assert bench.sent == [{"n": 1}] * 2


def test_an_event_that_was_rejected_is_sent_when_it_comes_again(bench: Bench) -> None:
    """A replay of the dead letters is no duplicate."""
    bench.sandbox.script([{"status": 400}])
    assert bench.run(EVENTS, event("e", 1)).counts["events"]["rejected"] == 1
    assert bench.run(EVENTS, event("e", 1)).counts == {"events": {"received": 1, "delivered": 1}}


# Records that did not change


@pytest.mark.parametrize(
    ("announced", "ids"),
    [
        (USERS, {"id": "ada"}),
        (GROUPS, {"id": "acme"}),
        (MEMBERSHIPS, {"user_id": "ada", "group_id": "acme"}),
    ],
    ids=["users", "groups", "memberships"],
)
def test_only_what_differs_from_the_last_delivery_is_sent(
    bench: Bench, announced: dict[str, Any], ids: dict[str, Any]
) -> None:
    """A, A, B, B, A sends A, B, A: over several runs, and then within one, but not together."""
    plans = [record(announced["stream"], **ids, plan=plan) for plan in "AABBA"]
    for plan in plans:
        bench.run(announced, plan, **SKIPPING)
    assert [payload["plan"] for payload in bench.sent] == ["A", "B", "A"]
    counted = bench.run(announced, *plans, **SKIPPING, batch_size_rows=1)
    assert [payload["plan"] for payload in bench.sent[3:]] == ["B", "A"]
    wanted = {"received": 5, "delivered": 2, "unchanged": 3}
    assert counted.counts == {announced["stream"]: wanted}
    together = bench.run(announced, *plans, **SKIPPING)
    wanted = {"received": 5, "merged": 2, "unchanged": 3}
    assert together.counts == {announced["stream"]: wanted}


def test_a_rejected_version_is_not_remembered(bench: Bench) -> None:
    """It is sent again when it comes again."""
    bench.sandbox.script([{"status": 400}])
    for _ in range(2):
        bench.run(USERS, record("users", id="ada", plan="A"), **SKIPPING)
    assert [request["status"] for request in bench.sandbox.requests()] == [400, 200]


def test_a_version_whose_outcome_is_unknown_makes_the_one_before_unknown_too(bench: Bench) -> None:
    """A, then B whose answer is lost and whose run stops, then A again: B must not stay."""
    bench.run(USERS, record("users", id="ada", plan="A"), **SKIPPING)
    bench.sandbox.script([{"fault": "reset-after"}, {"status": 401}])
    assert bench.run(USERS, record("users", id="ada", plan="B"), **SKIPPING).status == 1
    bench.run(USERS, record("users", id="ada", plan="A"), **SKIPPING)
    assert bench.sandbox.state()["users"]["ada"]["attributes"]["plan"] == "A"


@pytest.mark.parametrize(
    ("resync_days", "day", "outcome"),
    [
        (7, 6, "unchanged"),
        (7, 7, "delivered"),
        (0, 0, "delivered"),
        (1, 0, "unchanged"),
        (1, 1, "delivered"),
    ],
)
def test_an_unchanged_record_is_sent_again_after_some_days(
    bench: Bench, resync_days: int, day: int, outcome: str
) -> None:
    """So that edits made elsewhere heal; 0 days are none at all."""
    config: dict[str, Any] = {**SKIPPING, "resync_days": resync_days}
    messages = USERS, record("users", id="ada", plan="A")
    bench.run(*messages, **config)
    assert bench.run(*messages, day=day, **config).counts["users"] == {"received": 1, outcome: 1}


@pytest.mark.parametrize("operation", ["add", "subtract"])
def test_a_sum_is_never_unchanged(bench: Bench, operation: str) -> None:
    """Twice the same sum is twice the change."""
    config: dict[str, Any] = {
        **SKIPPING,
        "streams": {"users": {"operations": {"logins": operation}}},
    }
    for _ in range(2):
        bench.run(USERS, record("users", id="ada", logins=5), **config)
    sign = {"add": 1, "subtract": -1}[operation]
    assert bench.sandbox.state()["users"]["ada"]["attributes"]["logins"] == 10 * sign


def test_a_run_that_does_not_compare_forgets_what_it_may_change(bench: Bench) -> None:
    """Records only: events stay known."""
    sees = USERS, record("users", id="ada", plan="A"), EVENTS, event("e", 1)
    bench.run(*sees, **SKIPPING)
    bench.run(USERS, record("users", id="ada", plan="B"))
    counted = bench.run(*sees, **SKIPPING)
    assert counted.counts["users"] == {"received": 1, "delivered": 1}
    assert counted.counts["events"] == {"received": 1, "duplicate": 1}


# Destinations


def test_the_ledger_of_another_key_or_url_is_another_one(bench: Bench) -> None:
    """What one environment has, another one may lack."""
    sees = USERS, record("users", id="ada", plan="A"), EVENTS, event("e", 1)
    bench.run(*sees, **SKIPPING)
    other_url = bench.sandbox.url.replace("127.0.0.1", "localhost")
    elsewhere = bench.run(*sees, **SKIPPING, api_url=other_url)
    assert elsewhere.counts == {
        stream: {"received": 1, "delivered": 1} for stream in ("users", "events")
    }
    bench.sandbox.configure(api_key="ak_another")
    assert bench.run(*sees, **SKIPPING).counts == elsewhere.counts
    bench.sandbox.configure(api_key="ak_sandbox")
    again = bench.run(*sees, **SKIPPING).counts
    assert again["users"] == {"received": 1, "unchanged": 1}
    assert again["events"] == {"received": 1, "duplicate": 1}


# The database


def test_a_newer_ledger_is_left_alone(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """An older target could not know what it means."""
    bench.run(EVENTS, event("e", 1))
    bench.sql("update ledger_version set version = 99")
    caplog.clear()
    assert bench.run(EVENTS, event("f", 2)).status == 1
    (line,) = errors(caplog)
    assert "newer version" in line
    assert bench.sent == [{"n": 1}]


def test_a_migration_that_fails_leaves_nothing_behind(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """All tables or none: once its cause is gone, the next run starts as if nothing had been."""
    bench.sql("create table other (n integer)", "create index ledger_delivered on other (n)")
    assert bench.run(EVENTS, event("e", 1)).status == 1
    assert len(errors(caplog)) == 1
    assert {*bench.sql("drop table other")} <= {"ledger_runs"}, "which nothing outlives a run in"
    assert bench.run(EVENTS, event("e", 1)).status == 0
    assert bench.sent == [{"n": 1}]


def test_a_ledger_that_fails_stops_the_run_before_an_event_is_sent(
    bench: Bench, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """An event that could not be noted would be sent twice; it stays unsettled."""
    bench.run(EVENTS, event("e", 1))
    bench.sql("alter table ledger_delivered rename to elsewhere")
    caplog.clear()
    assert bench.run(EVENTS, event("f", 2), state(2)).status == 1
    assert len(errors(caplog)) == 1
    assert bench.sent == [{"n": 1}]
    assert capsys.readouterr().out == ""


def test_two_first_runs_at_once_make_one_ledger(bench: Bench) -> None:
    """Machines that share a database may start together; a SQLite file has one run at a time."""
    if "://" not in bench.ledger:
        pytest.skip("a SQLite file is one run's alone")
    with ThreadPoolExecutor(8) as threads:
        stores = [*threads.map(Store, [bench.ledger] * 8)]
        numbers = {*threads.map(lambda store: store.destination(b"x" * 16), stores)}
    for store in stores:
        store.close()
    assert len(numbers) == 1


# The SQLite file


def test_the_file_holds_hashes_and_is_its_owners_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    """Neither ids nor names nor the key, in any of its files, even while it is written."""
    home = tmp_path / "home"
    config = {**sandbox.config, "ledger": str(home / "ledger.db"), "batch_size_rows": 2}
    before = os.umask(0)
    try:
        with piped(tmp_path, {**config, **SKIPPING}) as target:
            user = record("users", id="grace-1906", plan="grace@example.com")
            target.feed([USERS, EVENTS, user, event("event-4711", 1, user="grace-1906"), state(2)])
            target.feed([user, user, state(4)])
            wait_until(lambda: target.states, "a STATE line")
            files = {path.name: path.read_bytes() for path in home.iterdir()}
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in home.iterdir()} == {0o600}
    assert home.stat().st_mode & 0o777 == 0o700
    assert {"ledger.db", "ledger.db-wal"} <= files.keys()
    for content in files.values():
        for secret in ("grace", "example.com", "4711", sandbox.api_key, "127.0.0.1"):
            assert secret.encode() not in content


def test_two_runs_never_share_a_file(sandbox: Sandbox, tmp_path: Path) -> None:
    """With `ledger_wait` 0 the second fails at once: each would deliver what the other does."""
    config = {**sandbox.config, "batch_size_rows": 1, "ledger_wait": 0}
    with piped(tmp_path, config) as first:
        first.feed([EVENTS, event("e", 1), state(1), event("f", 2), state(2)])
        wait_until(lambda: first.states, "a STATE line")
        second = run_target(tmp_path, config, [EVENTS, event("g", 3)])
        result = first.result()
    assert (second.status, len(second.errors)) == (1, 1)
    assert "Another run has it" in second.errors[0]
    assert result.status == 0, result.log
    assert sorted(request["body"]["attributes"]["n"] for request in sandbox.requests()) == [1, 2]


def test_closing_waits_for_who_is_in_the_midst_of_a_statement(tmp_path: Path) -> None:
    """A run that is stopped closes the ledger while its other threads come to their ends."""
    store = Store(str(tmp_path / "ledger.db"))
    with ThreadPoolExecutor(1) as pool:
        with store.transaction() as connection:
            closing = pool.submit(store.close)
            assert not wait([closing], 0.05).done
            assert connection.execute(sa.select(1)).scalar_one() == 1
        closing.result(PATIENCE)
    with pytest.raises(StorageError):
        store.rows(1, [b"key"])


def test_a_ledger_can_be_deleted(sandbox: Sandbox, tmp_path: Path) -> None:
    """What the tap sends again is then sent again."""
    bench = Bench(sandbox, tmp_path, str(tmp_path / "ledger.db"))
    for _ in range(2):
        assert bench.run(EVENTS, event("e", 1)).status == 0
        for path in tmp_path.glob("ledger.db*"):
            path.unlink()
    assert bench.sent == [{"n": 1}] * 2


def test_an_empty_name_is_no_ledger(sandbox: Sandbox, tmp_path: Path) -> None:
    """Everything is sent, and no file is made."""
    bench = Bench(sandbox, tmp_path, "")
    for _ in range(2):
        bench.run(EVENTS, event("e", 1), USERS, record("users", id="ada", plan="A"), **SKIPPING)
    assert len(bench.sent) == 4
    assert [path.name for path in tmp_path.iterdir()] == [config_file(tmp_path, {}).name]


def test_no_ledger_is_made_for_what_needs_none(sandbox: Sandbox, tmp_path: Path) -> None:
    """Users that are always sent, and events without a key."""
    bench = Bench(sandbox, tmp_path, str(tmp_path / "ledger.db"))
    keyless = {**EVENTS, "key_properties": []}
    bench.run(USERS, record("users", id="ada", plan="A"), keyless, event("e", 1))
    assert len(bench.sent) == 2
    assert not [*tmp_path.glob("ledger*")]


# URLs


@pytest.mark.parametrize(
    "url", ["mysql+nosuchdriver://db.example.com/x", "nosuch://db.example.com/x"]
)
def test_a_database_without_a_driver_names_the_extra(
    sandbox: Sandbox, tmp_path: Path, url: str
) -> None:
    """A line says what to install before anything is read, and nothing is sent."""
    config = {**sandbox.config, "ledger": url}
    result = run_target(tmp_path, config, [USERS, record("users", id="ada", plan="A")])
    assert result.status == 1
    assert "target-userflow[postgres-ledger]" in result.errors[0]
    assert sandbox.requests() == []


def test_a_database_that_is_not_there_is_said_in_one_line(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the password, and before anything is sent."""
    url = "postgresql+psycopg://ada:sesame@127.0.0.1:1/ledger"
    assert Bench(sandbox, tmp_path, url).run(EVENTS, event("e", 1)).status == 1
    (line,) = errors(caplog)
    assert "127.0.0.1" in line
    assert "sesame" not in line
    assert sandbox.requests() == []
