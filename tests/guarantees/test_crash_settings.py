"""What ends of a run cost under each setting that remembers, asks, deletes or batches.

Like `test_crash`, with SIGTERM by turns, and with values that come back (A, B, A): what the ledger
calls unchanged by mistake is then seen in the destination.
"""

from __future__ import annotations

import random
import signal
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from support.model import Destination, differences, events_of, kept_by
from support.process import record, run_target, schema
from support.relay import relaying
from support.replication import KILLED, Replication, Tap, event_key, replicate

from target_userflow.sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = 20240229
KILLS = 25
CONCURRENCY = 4
ENOUGH = 60  # records that a run has before it
FARTHEST = 11  # requests of one run, before it is ended
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)
FAULTS = {"500": 0.005, "503": 0.005, "reset-before": 0.005, "reset-after": 0.01}
COLOURS = ("red", "green", "blue")
WHEN = "2026-01-01T00:00:00Z"
MEMBER = ["user_id", "group_id"]
CHANGING = {"groups": ["name"], "users": ["plan"], "memberships": ["role"]}
"""Columns whose values in the source change between two runs."""
Messages = list[dict[str, Any]]


class Part:
    """Streams of a tap, and what they make of the destination."""

    schemas: ClassVar[list[dict[str, Any]]]
    config: ClassVar[dict[str, Any]] = {}
    before: ClassVar[Messages] = []
    """What somebody else has written before."""

    def __init__(self, choose: random.Random, truth: Destination) -> None:
        """Choose what comes, and note what it makes of the destination."""
        self.choose, self.truth = choose, truth

    def some(self) -> Iterator[dict[str, Any]]:
        """A few messages more."""
        raise NotImplementedError

    def colour(self) -> str:
        """A value that comes back."""
        return self.choose.choice(COLOURS)


class Events(Part):
    """Events of a stream with a key."""

    schemas: ClassVar = [
        schema("events", {"id": "integer", "user_id": "string", "name": "string", "n": "integer"})
    ]

    def __init__(self, choose: random.Random, truth: Destination) -> None:
        """Count them."""
        super().__init__(choose, truth)
        self.numbers: list[int] = []

    def some(self) -> Iterator[dict[str, Any]]:
        """Two of them."""
        for _ in range(2):
            n = len(self.numbers)
            self.numbers.append(n)
            yield record("events", id=n, user_id=f"e{n % 7}", name="used", n=n)


class Rows(Part):
    """Users, groups and memberships; the memberships of some users are lists, which prune."""

    schemas: ClassVar = [
        schema("groups", {"group_id": "string", "name": "string"}, ["group_id"]),
        schema(
            "users",
            {
                "user_id": "string",
                "plan": "string",
                "groups": {"type": ["array", "null"]},
                "prune_memberships": "boolean",
            },
            ["user_id"],
        ),
        schema("memberships", {**dict.fromkeys(MEMBER, "string"), "role": "string"}, MEMBER),
    ]
    config: ClassVar = {"skip_unchanged": True}

    def some(self) -> Iterator[dict[str, Any]]:
        """One record."""
        name = self.choose.choice(["groups", "users", "users", "memberships"])
        number, group = self.choose.randrange(4), f"g{self.choose.randrange(3)}"
        row: dict[str, Any] = {
            "groups": {"group_id": group, "name": self.colour()},
            "users": {"user_id": f"u{number}", "plan": self.colour()},
            "memberships": {"user_id": f"u{number}", "group_id": group, "role": self.colour()},
        }[name]
        if name == "users" and number % 2:
            row = {**row, "user_id": f"l{number}", "groups": [group], "prune_memberships": True}
        self.truth.upsert(name, row)
        yield record(name, **row)


class Deleted(Part):
    """Rows that end and come back, in a log and from one version of a table to the next."""

    schemas: ClassVar = [
        schema(
            "log-users",
            {"user_id": "string", "plan": "string", "_sdc_deleted_at": "string"},
            ["user_id"],
        ),
        schema(
            "log-memberships",
            {**dict.fromkeys(MEMBER, "string"), "role": "string", "_sdc_deleted_at": "string"},
            MEMBER,
        ),
        schema("accounts", {"group_id": "string", "name": "string"}, ["group_id"]),
    ]
    config: ClassVar = {
        "hard_delete": True,
        "max_delete_ratio": 1,
        "streams": {"log-users": {"object": "users"}, "log-memberships": {"object": "memberships"}},
    }

    def __init__(self, choose: random.Random, truth: Destination) -> None:
        """Begin with an empty table."""
        super().__init__(choose, truth)
        self._version = 0
        self._table: set[str] = set()

    def some(self) -> Iterator[dict[str, Any]]:
        """Rows of the log, or a reading of the whole table."""
        yield from self._logged("users", {"user_id": f"d{self.choose.randrange(4)}"}, "plan")
        member = f"v{self.choose.randrange(2)}", f"h{self.choose.randrange(2)}"
        yield from self._logged("memberships", dict(zip(MEMBER, member, strict=True)), "role")
        if self.choose.random() < 0.3:
            yield from self._reading()

    def _logged(self, name: str, key: dict[str, str], column: str) -> Iterator[dict[str, Any]]:
        if self.choose.random() < 0.4:
            self.truth.delete(name, tuple(key.values()))
            yield record(f"log-{name}", **key, _sdc_deleted_at=WHEN)
        else:
            row = {**key, column: self.colour()}
            self.truth.upsert(name, row)
            yield record(f"log-{name}", **row)

    def _reading(self) -> Iterator[dict[str, Any]]:
        self._version += 1
        version = {"version": self._version}
        there = {f"t{n}" for n in range(4) if self.choose.random() < 0.6}
        for id_ in sorted(there):
            row = {"group_id": id_, "name": self.colour()}
            self.truth.upsert("groups", row)
            yield {**record("accounts", **row), **version}
        for id_ in self._table - there:
            self.truth.delete("groups", (id_,))
        self._table = there
        yield {"type": "ACTIVATE_VERSION", "stream": "accounts", **version}


class Matched(Part):
    """Contacts that are found by their email; some are nobody's, or those of two."""

    schemas: ClassVar = [schema("contacts", {"email": "string", "title": "string"}, [])]
    config: ClassVar = {"streams": {"contacts": {"object": "users", "match_by": "email"}}}
    before: ClassVar = [
        schema("users", {"user_id": "string", "email": "string"}, ["user_id"]),
        *(record("users", user_id=f"m{n}", email=f"m{n}@example.com") for n in range(5)),
        *(record("users", user_id=f"twin{n}", email="twin@example.com") for n in range(2)),
    ]

    def some(self) -> Iterator[dict[str, Any]]:
        """One contact."""
        name = self.choose.choice(["nobody", "twin", *(f"m{n}" for n in range(5))])
        title = self.colour()
        if name.startswith("m"):
            self.truth.upsert("users", {"user_id": name, "title": title})
        spelled = self.choose.choice([name, name.upper()])
        yield record("contacts", email=f"{spelled}@example.com", title=title)


class Inserted(Part):
    """Rows that only create, and rows that only update."""

    schemas: ClassVar = [
        schema("signups", {"user_id": "string", "plan": "string"}, ["user_id"]),
        schema("crm", {"user_id": "string", "score": "integer"}, ["user_id"]),
    ]
    config: ClassVar = {
        "streams": {
            "signups": {"object": "users", "mode": "insert"},
            "crm": {"object": "users", "mode": "update"},
        }
    }
    before: ClassVar = [
        schema("users", {"user_id": "string", "plan": "string"}, ["user_id"]),
        *(record("users", user_id=f"old{n}", plan="first") for n in range(4)),
    ]

    def some(self) -> Iterator[dict[str, Any]]:
        """A sign-up, and a score."""
        row = {"user_id": self._one_of(60), "plan": self.colour()}
        if row["user_id"] not in self.truth.users:
            self.truth.upsert("users", row)
        yield record("signups", **row)
        score: dict[str, Any] = {
            "user_id": f"old{self.choose.randrange(8)}",
            "score": self.choose.randrange(3),
        }
        if score["user_id"] in self.truth.users:
            self.truth.upsert("users", score)
        yield record("crm", **score)

    def _one_of(self, count: int) -> str:
        return self.choose.choice(["old0", "old1", f"new{self.choose.randrange(count)}"])


class Participants(Part):
    """Participants of whom each record knows some columns."""

    schemas: ClassVar = [
        schema("participants", dict.fromkeys(("email", "city", "title"), "string"), ["email"])
    ]
    config: ClassVar = {"skip_unchanged": True}

    def some(self) -> Iterator[dict[str, Any]]:
        """One of them."""
        values = {"city": self.choose.choice([None, *COLOURS]), "title": self.colour()}
        chosen = self.choose.sample([*values], self.choose.randrange(1, 3))
        row: dict[str, Any] = {"email": f"p{self.choose.randrange(5)}@example.com"}
        row |= {column: values[column] for column in chosen}
        self.truth.upsert_participant(row)
        yield record("participants", **row)


@dataclass
class Mixed(Tap):
    """Parts by turns, as many messages as runs can use."""

    kinds: list[type[Part]]
    truth: Destination = field(default_factory=Destination)

    def __post_init__(self) -> None:
        """Choose the same messages each time."""
        choose = random.Random(SEED)  # noqa: S311 - reproducible on purpose, guards nothing
        self.events = Events(choose, self.truth)
        self._parts = [kind(choose, self.truth) for kind in self.kinds]
        self.records = []
        self.schemas = tuple(one for part in [*self._parts, self.events] for one in part.schemas)
        for one in self.before:
            if one["type"] == "RECORD":
                self.truth.upsert(one["stream"], one["record"])

    @property
    def before(self) -> Messages:
        """What somebody else has written before."""
        return [one for kind in self.kinds for one in kind.before]

    @property
    def config(self) -> dict[str, Any]:
        """The settings of all parts."""
        streams = {
            name: one for kind in self.kinds for name, one in kind.config.get("streams", {}).items()
        }
        own = {name: one for kind in self.kinds for name, one in kind.config.items()}
        return {**own, "streams": streams}

    def grow(self, position: int) -> None:
        """Find the rows that were not settled as they are by now, and more where a run could end.

        So what a killed run had sent may never come again, and a value from before it instead.
        """
        for one in self.records[position:]:
            for column in CHANGING.get(one["stream"], ()):
                one["record"][column] = self.events.colour()
                self.truth.upsert(one["stream"], one["record"])
        while len(self.records) < position + ENOUGH:
            for part in [*self._parts, self.events]:
                self.records += part.some()


TAPS: dict[str, list[type[Part]]] = {
    "skip_unchanged": [Rows],
    "deletes": [Deleted],
    "match_by": [Matched],
    "insert": [Inserted],
    "participants": [Participants],
    "PostgreSQL": [Rows, Deleted],
}


@pytest.mark.parametrize("what", TAPS)
def test_ends_of_runs_lose_nothing_and_leave_nothing_stale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest, what: str
) -> None:
    """The destination ends as the records say, and says so again when all of them come again.

    Events come once more than they should only where they were in flight when the target was
    killed, or where their answer got lost.
    """
    tap = Mixed(TAPS[what])
    own: dict[str, Any] = {"concurrency": CONCURRENCY, "batch_size_rows": 8}
    if what == "PostgreSQL":
        database = request.getfixturevalue("postgres").create(f"kills_{uuid.uuid4().hex}")
        own["ledger"] = database.url.replace("://", "+psycopg://")
    with running(latency_ms=5, seed=SEED, retry_after="none") as sandbox:
        before = run_target(tmp_path, {**sandbox.config, "ledger": ""}, tap.before)
        assert before.status == 0, before.log
        sandbox.configure(faults=FAULTS)
        with relaying(sandbox.url) as relay:
            urls = {"api_url": relay.url, "user_interviews_api_url": relay.url}
            config = {**sandbox.config, **urls, **own, **tap.config}
            one = Replication(tmp_path, config, tap)
            ended = replicate(one, relay, sandbox, kills=KILLS, farthest=FARTHEST, signals=SIGNALS)
            statuses = Counter(ended)
            wrong = differences(kept_by(sandbox), tap.truth)
            arrived, unanswered = events_of(sandbox.requests())
            sandbox.configure(faults={})
            again = run_target(tmp_path, config, [*tap.schemas, *tap.records])
            stale = differences(kept_by(sandbox), tap.truth)
        came_again = events_of(sandbox.requests())[0] - arrived

    lost = [n for n in tap.events.numbers if not arrived[n]]
    duplicated = arrived.total() - len(arrived)
    with capsys.disabled():
        print(  # noqa: T201 - the figures are what the test is asked for
            f"\n{what}: {statuses[KILLED[signal.SIGKILL]]} SIGKILL and "
            f"{statuses[KILLED[signal.SIGTERM]]} SIGTERM in {len(tap.records)} records: lost "
            f"{len(lost)} / stale {len(wrong) + len(stale)} / events duplicated {duplicated} / in "
            f"flight {one.in_flight.total()} (and {unanswered.total()} whose answer was dropped)"
        )
    assert wrong == []
    assert lost == []
    assert stale == []
    assert again.status == 0, again.log
    keys = {n: event_key("events", n) for n in tap.events.numbers}
    assert {
        n: times
        for n, times in arrived.items()
        if times > 1 + one.in_flight[keys[n]] + unanswered[n]
    } == {}
    assert one.in_flight.keys() <= {*keys.values()}
    assert one.in_flight, "no kill hit an event in flight: this has shown nothing"
    assert statuses[KILLED[signal.SIGKILL]] + statuses[KILLED[signal.SIGTERM]] == KILLS
    assert not came_again
