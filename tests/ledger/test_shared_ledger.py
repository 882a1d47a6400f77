"""One ledger, and several runs at the same time that write the same objects."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.process import record, schema
from support.taps import piped, run_here, wait_until

from target_userflow.config.settings import Destination
from target_userflow.dedup.write_intents import WriteIntents, write_intents
from target_userflow.ledger.ledger import Ledger, digest, fingerprint
from target_userflow.ledger.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.postgres import Database

    from target_userflow.sandbox import Sandbox

if TYPE_CHECKING:
    import psycopg
else:
    psycopg = pytest.importorskip("psycopg")  # the smoke tests of the wheel do without

USERS = schema("users", {"id": "string", "plan": "string"})
TODAY = 739_000
WRITERS = 3
STEPS = ("declare", "write", "settle")


@pytest.fixture
def database(postgres: Database) -> Database:
    """An empty database."""
    return postgres.create(f"shared_{uuid.uuid4().hex}")


def url_of(database: Database) -> str:
    return database.url.replace("://", "+psycopg://")


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    """A ledger's tables in it."""
    store = Store(url_of(database), max_retry_seconds=30)
    yield store
    store.close()


# On the wire


@pytest.mark.parametrize("compares", [True, False])
def test_what_another_run_overwrote_before_it_was_noted_is_sent_again(
    sandbox: Sandbox, tmp_path: Path, database: Database, *, compares: bool
) -> None:
    """The answer is late, and meanwhile another run writes the same user, and ends."""
    sandbox.configure(slow_ms=3_000)
    sandbox.script([{"path": "/users", "fault": "slow"}])
    config = {**sandbox.config, "ledger": url_of(database), "skip_unchanged": True}
    config["batch_size_rows"] = 1  # so that nothing is waited for
    first = [USERS, record("users", id="ada", plan="first")]
    second = [USERS, record("users", id="ada", plan="second")]
    with piped(tmp_path, config) as slow:
        slow.feed(first)
        wait_until(lambda: sandbox.state()["users"], "the first run's user")
        other = run_here(tmp_path, {**config, "skip_unchanged": compares}, second)
        assert other.counts == {"users": {"received": 1, "delivered": 1}}
        assert slow.result().status == 0
    assert plan_of(sandbox) == "second"
    run_here(tmp_path, config, first)
    assert plan_of(sandbox) == "first"
    again = run_here(tmp_path, config, first)
    assert again.counts == {"users": {"received": 1, "unchanged": 1}}


def plan_of(sandbox: Sandbox) -> Any:
    return sandbox.state()["users"]["ada"]["attributes"]["plan"]


# In every order


@dataclass
class Writer:
    """A run that writes one object."""

    ledger: Ledger
    key: bytes
    version: str
    compares: bool

    def __post_init__(self) -> None:
        """Begin."""
        self._intents: WriteIntents = write_intents(
            self.ledger, TODAY, notes_versions=self.compares
        )
        self._row = fingerprint({"plan": self.version}), TODAY

    def declare(self, _: list[str]) -> None:
        """What is the same as before needs no declaration."""
        if not self.compares or self.ledger.known([self.key]) != {self.key: self._row}:
            self._intents.declare([self.key])

    def write(self, versions: list[str]) -> None:
        """The API takes it."""
        versions.append(self.version)

    def settle(self, _: list[str]) -> None:
        """The answer came."""
        self._intents.settle({self.key: self._row} if self.compares else {}, waiting=())


orders = st.permutations([number for number in range(WRITERS) for _ in STEPS])
kinds = st.tuples(st.sampled_from(["a", "b"]), st.booleans())


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(order=orders, chosen=st.lists(kinds, min_size=WRITERS, max_size=WRITERS))
def test_the_version_that_the_ledger_knows_is_the_last_one_written(
    store: Store, order: list[int], chosen: list[tuple[str, bool]]
) -> None:
    """Or it knows none, however the steps of three runs fall between each other."""
    ledger = Ledger(store, Destination("https://api.example.com", "key"))
    key, versions = digest(uuid.uuid4().hex), [""]
    writers = [Writer(ledger, key, *kind) for kind in chosen]
    steps = {number: iter(STEPS) for number in range(WRITERS)}
    for number in order:
        getattr(writers[number], next(steps[number]))(versions)
    known = {mark for mark, _ in ledger.known([key]).values()}
    assert known <= {fingerprint({"plan": versions[-1]})}


@pytest.mark.parametrize("compares", [True, False])
def test_what_nobody_else_writes_meanwhile_is_known(store: Store, *, compares: bool) -> None:
    """One run after the other: the last version, if the run says which it is."""
    ledger = Ledger(store, Destination("https://api.example.com", "key"))
    key = digest("ada")
    for version, kind in (("a", True), ("b", compares)):
        writer = Writer(ledger, key, version, kind)
        for step in STEPS:
            getattr(writer, step)([])
    expected = {key: (fingerprint({"plan": "b"}), TODAY)} if compares else {}
    assert ledger.known([key]) == expected


# Waiting for each other


def test_two_runs_that_wait_for_rows_of_each_other_both_get_on(
    store: Store, database: Database
) -> None:
    """The server fails the one that has waited longest, and that one begins again."""
    destination = store.destination(digest("any"))
    keys = [(destination, digest(name)) for name in ("ada", "grace")]
    store.write(dict.fromkeys(keys, (b"before", TODAY)))
    with psycopg.connect(database.url) as other:
        touch(other, keys[1])
        writing = threading.Thread(
            target=store.write, args=(dict.fromkeys(keys, (b"after", TODAY)),)
        )
        writing.start()
        wait_until(lambda: is_waiting(database), "the ledger to wait for a row")
        touch(other, keys[0])
        other.commit()
        writing.join()
    rows = store.rows(destination, [key for _, key in keys])
    assert {mark for mark, _ in rows.values()} == {b"after"}


def touch(connection: psycopg.Connection, key: tuple[int, bytes]) -> None:
    connection.execute(
        "update ledger_delivered set day = day where destination = %s and key = %s", key
    )


def is_waiting(database: Database) -> bool:
    with psycopg.connect(database.url) as connection:
        query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        (count,) = connection.execute(query).fetchone() or (0,)
    return bool(count)
