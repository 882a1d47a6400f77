"""Two runs of one stream and one ledger: each event is delivered once, by whichever comes first."""

from __future__ import annotations

import signal
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from support.clocks import VirtualClock
from support.invariants import counts
from support.process import record, schema, state
from support.taps import piped, run_here, wait_until

from target_userflow.clock import Clock
from target_userflow.config.settings import Destination
from target_userflow.dedup.event_leases import AGAIN, EventLeases
from target_userflow.ledger.claims import Claim
from target_userflow.ledger.ledger import DELIVERED, IN_FLIGHT, Ledger, digest
from target_userflow.ledger.runs import Runs
from target_userflow.ledger.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.postgres import Database

    from target_userflow.sandbox import Sandbox

EVENTS = schema("events", {"id": "string", "user_id": "string", "name": "string", "n": "integer"})
TODAY = 739_000
KEY = digest("e")


@pytest.fixture
def url(postgres: Database) -> str:
    """A ledger that several runs may have."""
    return postgres.create(f"leases_{uuid.uuid4().hex}").url.replace("://", "+psycopg://")


def events(*numbers: int) -> list[Any]:
    of = {"user_id": "ada", "name": "used"}
    return [EVENTS, *(record("events", id=f"e{n}", n=n, **of) for n in numbers), state("all")]


def arrived(sandbox: Sandbox) -> list[int]:
    """The numbers of the events that are there, in the order of arrival."""
    return [one["attributes"]["n"] for one in sandbox.state()["events"]]


def test_an_event_that_another_run_is_sending_is_waited_for(
    sandbox: Sandbox, tmp_path: Path, url: str
) -> None:
    """Its answer is late; the second run sends the others, waits, and finds it delivered."""
    sandbox.configure(slow_ms=2_000)
    sandbox.script([{"path": "/events", "fault": "slow"}])
    config = {**sandbox.config, "ledger": url}
    with piped(tmp_path, config) as slow:
        slow.feed(events(1))
        wait_until(lambda: arrived(sandbox) == [1], "the first run's event")
        other = run_here(tmp_path, config, events(1, 2, 3))
        assert other.counts == {"events": {"received": 3, "delivered": 2, "duplicate": 1}}
        assert slow.result().status == 0
    assert sorted(arrived(sandbox)) == [1, 2, 3]


def test_an_event_that_the_other_run_could_not_deliver_is_delivered(
    sandbox: Sandbox, tmp_path: Path, url: str
) -> None:
    """The API rejects it, and what waits for it sends it as its own."""
    sandbox.configure(slow_ms=2_000)
    sandbox.script([{"path": "/events", "status": 400, "fault": "slow"}])
    config = {**sandbox.config, "ledger": url}
    with piped(tmp_path, config) as first:
        first.feed(events(1))
        wait_until(lambda: marks(url, IN_FLIGHT), "the first run to send")
        wait_until(sandbox.requests, "the first run's request")
        other = run_here(tmp_path, config, events(1))
        assert other.counts == {"events": {"received": 1, "delivered": 1}}
        assert first.result().status == 1
    assert arrived(sandbox) == [1]


def test_what_a_run_left_in_flight_that_died_is_sent_and_counted(
    sandbox: Sandbox, tmp_path: Path, url: str
) -> None:
    """Its lease is over: the event may be there, so that it counts as in doubt."""
    config = {**sandbox.config, "ledger": url}
    run_here(tmp_path, config, events(1))
    execute(url, "update ledger_delivered set mark = '\\x3f646561642121'")
    counted = run_here(tmp_path, config, events(1)).counts["events"]
    assert counted == {"received": 1, "delivered": 1, "in_doubt": 1}


def test_what_another_run_took_over_meanwhile_is_not_sent_again(
    sandbox: Sandbox, tmp_path: Path, url: str
) -> None:
    """A run was suspended as its event waited for another attempt; it wakes up, and looks first."""
    sandbox.script([{"path": "/events", "status": 503, "headers": {"Retry-After": "2"}}])
    config = {**sandbox.config, "ledger": url}
    with piped(tmp_path, config) as first:
        first.feed(events(1))
        wait_until(lambda: 503 in [one["status"] for one in sandbox.requests()], "a 503")
        first.process.send_signal(signal.SIGSTOP)
        execute(url, "update ledger_runs set until = 0")  # its lease is over
        other = run_here(tmp_path, config, events(1))
        assert other.counts["events"] == {"received": 1, "delivered": 1, "in_doubt": 1}
        first.process.send_signal(signal.SIGCONT)
        ended = first.result()
    assert ended.status == 0, ended.log
    assert counts(ended)["events"]["duplicate"] == 1
    assert arrived(sandbox) == [1]


def test_a_run_that_lost_an_event_does_not_forget_it_for_the_other(
    sandbox: Sandbox, tmp_path: Path, url: str
) -> None:
    """It is asked to end before its next attempt: what the other has delivered stays delivered."""
    sandbox.script([{"path": "/events", "status": 503, "headers": {"Retry-After": "60"}}])
    config = {**sandbox.config, "ledger": url}
    with piped(tmp_path, config) as first:
        first.feed(events(1))
        wait_until(lambda: 503 in [one["status"] for one in sandbox.requests()], "a 503")
        execute(url, "update ledger_delivered set mark = '\\x21313233343536'")
        first.process.terminate()
        assert first.result().status == 143
    assert marks(url, DELIVERED) == [DELIVERED + b"123456"]


def execute(url: str, statement: str) -> list[Any]:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        done = connection.execute(sa.text(statement))
        rows = [*done] if done.returns_rows else []
    engine.dispose()
    return rows


def marks(url: str, of: bytes) -> list[bytes]:
    """The marks of a kind in a ledger that may have no tables yet."""
    engine = sa.create_engine(url)
    has_tables = "ledger_delivered" in sa.inspect(engine).get_table_names()
    engine.dispose()
    rows = execute(url, "select mark from ledger_delivered") if has_tables else []
    return [bytes(mark) for (mark,) in rows if bytes(mark)[:1] == of]


# Claims


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger in a file."""
    store = Store(str(tmp_path / "ledger.db"))
    yield Ledger(store, Destination("https://api.example.com", "key"))
    store.close()


@pytest.fixture
def stores(url: str) -> Iterator[tuple[Store, Store]]:
    """Two runs' connections."""
    both = Store(url), Store(url)
    yield both
    for store in both:
        store.close()


def test_of_two_claims_one_holds(stores: tuple[Store, Store]) -> None:
    """Whoever is first; the second may take over only what it has seen and is still there."""
    first, second = stores
    key = first.destination(digest("any")), KEY
    mine, other, done = ((mark, TODAY) for mark in (b"?first!", b"?second", DELIVERED + b"123456"))
    assert first.claim(key, b"", mine)
    assert not second.claim(key, b"", other)
    assert first.claim(key, b"", mine), "its own, if the answer to the commit was lost"
    assert second.claim(key, mine[0], other)
    assert not first.claim(key, mine[0], mine)
    second.commit(key, done)
    assert not first.claim(key, other[0], mine)
    assert first.rows(key[0], [key[1]]) == {KEY: done}


class FewRuns(Runs):
    """Runs of which it is counted how often somebody looks at them."""

    looks = 0

    def alive(self) -> set[bytes]:
        """Those that are alive."""
        self.looks += 1
        return super().alive()


def test_many_events_that_wait_for_one_run_are_one_look(tmp_path: Path, ledger: Ledger) -> None:
    """Twice a second it is asked whether it is alive; a run that nobody knows, at once."""
    clock, place = VirtualClock(), str(tmp_path / "limits.db")
    runs, others = FewRuns(place, clock), [Runs(place, clock) for _ in range(2)]
    leases = EventLeases(ledger, runs, clock)
    for number, other in enumerate(others, 1):
        other.renew(b"l" * 16, lambda _: Claim(1.0, 1.0))
        mark = IN_FLIGHT + other.token
        for _ in range(100):
            leases.look(mark)
            assert leases.is_held(mark)
        assert runs.looks == number
    clock.sleep(AGAIN)
    others[0].leave()
    leases.look(IN_FLIGHT + others[0].token)
    assert not leases.is_held(IN_FLIGHT + others[0].token)
    runs.leave()
    others[1].leave()


def test_a_run_is_alive_as_long_as_it_renews(url: str) -> None:
    """Not before it has said so, nor after it has left."""
    one, other = Runs(url, Clock()), Runs(url, Clock())
    assert one.alive() == set()
    other.renew(b"l" * 16, lambda _: Claim(1.0, 1.0))
    assert one.alive() == {other.token}
    other.leave()
    assert one.alive() == set()
    one.leave()
