"""The rows of the runs that are alive: in PostgreSQL, and in a file for the runs of one machine."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from support.clocks import VirtualClock

from target_userflow.clock import Clock
from target_userflow.errors import StorageError
from target_userflow.ledger.claims import LEASE, Claim, is_alive
from target_userflow.ledger.runs import Runs
from target_userflow.ledger.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from support.postgres import Database

LIMITS = b"l" * 16


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where runs meet."""
    if request.param == "sqlite":
        return str(tmp_path / "limits.db")
    database: Database = request.getfixturevalue("postgres").create(f"runs_{uuid.uuid4().hex}")
    return database.url.replace("://", "+psycopg://")


@pytest.fixture
def two(place: str) -> Iterator[tuple[Runs, Runs]]:
    """Two runs that share it."""
    runs = Runs(place, Clock()), Runs(place, Clock())
    yield runs
    for one in runs:
        one.leave()


def heard(run: Runs, claim: Claim) -> list[Claim]:
    """What a run hears of the others as it renews its own row."""
    told: list[Claim] = []

    def decide(others: Sequence[Claim]) -> Claim:
        told.extend(others)
        return claim

    run.renew(LIMITS, decide)
    return told


def end_leases(place: str) -> None:
    """Let all that was said be too long ago."""
    engine = sa.create_engine(place if "://" in place else f"sqlite:///{place}")
    with engine.begin() as connection:
        connection.execute(sa.text("update ledger_runs set until = 0"))
    engine.dispose()


def test_runs_hear_of_each_other_until_a_lease_is_over(place: str, two: tuple[Runs, Runs]) -> None:
    """A run that died counts no more; one that renews its row is alive again."""
    first, second = two
    assert heard(first, Claim(1.0, 0.75)) == []
    assert heard(second, Claim(0.5, 0.25)) == [Claim(1.0, 0.75)]
    assert heard(first, Claim(1.0, 0.5)) == [Claim(0.5, 0.25)]
    assert first.alive() == {first.token, second.token}
    end_leases(place)
    assert first.alive() == set()
    assert heard(second, Claim(0.5, 0.25)) == []
    assert first.alive() == {second.token}


def test_a_run_that_leaves_gives_its_part_back_at_once(place: str, two: tuple[Runs, Runs]) -> None:
    """No lease has to end for that."""
    first, _ = two
    third = Runs(place, Clock())
    heard(third, Claim(1.0, 1.0))
    third.leave()
    assert heard(first, Claim(1.0, 0.5)) == []


def test_the_end_of_a_pause_is_the_same_for_all(two: tuple[Runs, Runs]) -> None:
    """Whatever the clocks of their machines say."""
    first, second = two
    heard(first, Claim(1.0, 0.5, refused_for=20.0))
    (claim,) = heard(second, Claim(1.0, 0.5))
    assert 10 < claim.refused_for <= 20


def test_other_limits_are_other_rows(two: tuple[Runs, Runs]) -> None:
    """Two products, or two accounts, have nothing to divide."""
    first, second = two
    first.renew(b"m" * 16, lambda _: Claim(1.0, 1.0))
    assert heard(second, Claim(1.0, 1.0)) == []
    assert second.alive() == {first.token, second.token}


# Time that nobody was there for

NOW = 10_000.0


@pytest.mark.parametrize(
    ("said", "since", "connected", "alive"),
    [
        pytest.param(NOW - 14, 0.0, True, True, id="it renewed its row a moment ago"),
        pytest.param(NOW - 16, 0.0, True, False, id="it died"),
        pytest.param(NOW - 4, 0.0, False, True, id="it may be about to connect again"),
        pytest.param(NOW - 6, 0.0, False, False, id="it was killed"),
        pytest.param(NOW - 40, NOW - 1, False, True, id="the server was away for 39 seconds"),
        pytest.param(NOW - 40, NOW - 16, False, False, id="it was away, and nobody renewed since"),
        pytest.param(NOW - 400, NOW - 1, True, False, id="it died long before"),
        pytest.param(NOW + 60, 0.0, True, False, id="a clock was set back by a minute"),
    ],
)
def test_who_is_alive(said: float, since: float, *, connected: bool, alive: bool) -> None:
    """Whoever could have renewed its row and did not is dead, and nobody else."""
    assert is_alive(said + LEASE, NOW, since, connected) is alive


def test_runs_that_slept_do_not_take_each_other_for_dead(tmp_path: Path) -> None:
    """A laptop was closed: the one that wakes up first gives the other time to renew its row."""
    clock = VirtualClock()
    one, other = (Runs(str(tmp_path / "limits.db"), clock) for _ in range(2))
    heard(one, Claim(1.0, 0.5))
    heard(other, Claim(1.0, 0.5))
    clock.sleep(60)
    assert heard(one, Claim(1.0, 0.5)) == [Claim(1.0, 0.5)]
    for _ in range(int(LEASE)):
        clock.sleep(1)
        assert len(heard(one, Claim(1.0, 0.5))) == (clock.seconds < 60 + LEASE)
    one.leave()
    other.leave()


def test_a_file_that_says_what_will_be_is_not_believed(tmp_path: Path) -> None:
    """The machine's clock was set back: a run that died would else hold its part until then."""
    ahead, behind = VirtualClock(), VirtualClock()
    ahead.sleep(600)
    died = Runs(str(tmp_path / "limits.db"), ahead)
    heard(died, Claim(1.0, 1.0))
    other = Runs(str(tmp_path / "limits.db"), behind)
    assert heard(other, Claim(1.0, 1.0)) == []
    for one in (died, other):
        one.leave()


@pytest.fixture
def server(postgres: Database) -> str:
    """An empty database of a server."""
    return postgres.create(f"runs_{uuid.uuid4().hex}").url.replace("://", "+psycopg://")


OLD_ENOUGH = """
select pg_sleep(greatest(0, 7 - extract(epoch from now() - pg_postmaster_start_time())))
"""
"""Waits, should the server have been started only now: its runs would have time to connect."""


def execute(place: str, statement: str) -> list[Any]:
    """Look at the database, or change it, behind the runs' back."""
    engine = sa.create_engine(place)
    with engine.begin() as connection:
        done = connection.execute(sa.text(statement))
        rows = [*done] if done.returns_rows else []
    engine.dispose()
    return rows


def test_a_run_whose_connection_is_gone_is_dead_sooner(server: str) -> None:
    """The server says who is connected: a killed run's events need not wait for its lease."""
    execute(server, OLD_ENOUGH)
    one, killed = Runs(server, Clock()), Runs(server, Clock())
    heard(killed, Claim(1.0, 1.0))
    age = "update ledger_runs set until = until - 6"  # more than GONE
    execute(server, age)
    assert killed.token in one.alive()
    (pid,) = execute(server, "select backend from ledger_runs")[0]
    execute(server, f"select pg_terminate_backend({pid}, 5000)")
    assert killed.token not in one.alive()
    with pytest.raises(StorageError):
        heard(killed, Claim(1.0, 1.0))
    heard(killed, Claim(1.0, 1.0))
    execute(server, age)
    assert killed.token in one.alive(), "it was not killed, and has connected again"
    for run in (one, killed):
        run.leave()


def test_a_run_that_is_suspended_in_its_turn_holds_up_nobody(server: str) -> None:
    """The server ends its transaction; it goes on with the next one when it wakes up."""
    hasty = f"{server}?options=-c%20idle_in_transaction_session_timeout%3D2000"
    suspended, other = Runs(hasty, Clock()), Runs(server, Clock())

    def sleep(_: Sequence[Claim]) -> Claim:
        heard(other, Claim(1.0, 0.5))
        return Claim(1.0, 0.5)

    with pytest.raises(StorageError):
        suspended.renew(LIMITS, sleep)
    assert heard(suspended, Claim(1.0, 0.5)) == [Claim(1.0, 0.5)]
    for run in (suspended, other):
        run.leave()


def test_the_server_bounds_how_long_a_run_may_be_suspended_in_its_turn(server: str) -> None:
    """Ten seconds, for the ledger's own connection as well: others wait for what it has locked."""
    store = Store(server)
    with store.transaction() as connection:
        query = sa.text("show idle_in_transaction_session_timeout")
        assert connection.execute(query).scalar_one() == "10s"
    store.close()


def test_a_table_of_another_version_is_replaced(server: str) -> None:
    """Nothing in it outlives a run."""
    execute(server, "create table ledger_runs (owner bytea, until float)")
    run = Runs(server, Clock())
    assert heard(run, Claim(1.0, 1.0)) == []
    run.leave()


def test_a_look_at_who_is_alive_outlasts_a_lost_connection(server: str) -> None:
    """As all of the ledger does: a restart of the server stops no run that waits for another."""
    run, other = Runs(server, Clock(), max_retry_seconds=30), Runs(server, Clock())
    heard(run, Claim(1.0, 1.0))
    (pid,) = execute(server, "select backend from ledger_runs")[0]
    execute(server, f"select pg_terminate_backend({pid}, 5000)")
    assert run.alive() == {run.token}
    for one in (run, other):
        one.leave()


def test_a_server_that_falls_silent_is_noticed_in_half_a_minute(server: str) -> None:
    """Its machine or the network is gone: a run would else hang for a quarter of an hour."""
    store = Store(server)
    with store.transaction() as connection:
        raw: Any = connection.connection.driver_connection
        parameters = raw.info.get_parameters()
    store.close()
    assert parameters["tcp_user_timeout"] == "30000"
    idle, interval, count = (
        parameters[f"keepalives_{one}"] for one in ("idle", "interval", "count")
    )
    assert int(idle) + int(interval) * int(count) <= 30
