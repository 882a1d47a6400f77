"""What a kill -9 costs: a hundred of them, at points spread over one long replication."""

from __future__ import annotations

import random
import signal
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.process import record, schema
from support.relay import relaying
from support.replication import KILLED, Disturbed, Replication, Tap, event_key, replicate

from target_userflow.sandbox import running

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

KILLS = 100
CONCURRENCY = 4
RECORDS = 600
USERS = 40
WINDOW = 8  # records from one STATE to the next: about two of them pass between two kills
FARTHEST = 13  # requests of one run, before it is killed
MOMENTS = 100  # at which a run whose tap stays open is stopped, asked to end or killed
ENDLESS = 6_000  # records: more than come until then
FAULTS = {"500": 0.005, "503": 0.005, "429": 0.005, "reset-before": 0.005, "reset-after": 0.01}
SEED = 20240229


class UsersAndEvents(Tap):
    """Users in several versions, and events about them."""

    schemas = (
        schema("events", {"id": "integer", "user_id": "integer", "name": "string", "n": "integer"}),
        schema("users", {"id": "integer", "version": "integer"}),
    )

    def __init__(self, records: int) -> None:
        """Think of so many records, the same ones each time."""
        choose = random.Random(SEED)  # noqa: S311 - reproducible on purpose, guards nothing
        versions: Counter[int] = Counter()
        self.records = []
        for n in range(records):
            user = choose.randrange(USERS)
            if user not in versions or choose.random() < 0.5:
                versions[user] += 1
                self.records.append(record("users", id=user, version=versions[user]))
            else:
                self.records.append(record("events", id=n, user_id=user, name="used", n=n))

    @property
    def versions(self) -> dict[int, int]:
        """The last version of each user."""
        users = [one["record"] for one in self.records if one["stream"] == "users"]
        return {user["id"]: user["version"] for user in users}

    @property
    def events(self) -> set[int]:
        """The numbers of the events."""
        return {one["record"]["n"] for one in self.records if one["stream"] == "events"}


@dataclass(frozen=True)
class Arrivals:
    """What the sandbox carried out, by what a record is."""

    events: Counter[int]
    unanswered: Counter[int]
    """Events that were carried out and whose connection was then reset: sent again, in doubt."""
    users: Counter[tuple[int, int]]

    @classmethod
    def of(cls, requests: list[dict[str, Any]]) -> Arrivals:
        """Read the sandbox's journal."""
        found = cls(Counter(), Counter(), Counter())
        for one in requests:
            body = one["body"]
            if one["applied"] and one["path"] == "/events":
                found.events[body["attributes"]["n"]] += 1
                found.unanswered[body["attributes"]["n"]] += one["fault"] == "reset-after"
            elif one["applied"]:
                found.users[int(body["id"]), body["attributes"]["version"]] += 1
        return found


def test_a_hundred_kills_lose_nothing_and_double_only_what_was_in_flight(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every record arrives, each user ends in its last version, and each event arrives once.

    An event may arrive once more for each time that it was in flight when the target was killed,
    and for each of its answers that got lost: of those nobody can know whether they arrived.
    """
    tap = UsersAndEvents(RECORDS)
    with running(latency_ms=5, faults=FAULTS, seed=SEED, retry_after="none") as sandbox:
        with relaying(sandbox.url) as relay:
            config = {**sandbox.config, "api_url": relay.url, "concurrency": CONCURRENCY}
            one = Replication(tmp_path, {**config, "batch_size_rows": WINDOW}, tap)
            statuses = Counter(replicate(one, relay, sandbox, kills=KILLS, farthest=FARTHEST))
        arrived = Arrivals.of(sandbox.requests())
        users = sandbox.state()["users"]

    keys = {n: event_key("events", n) for n in range(RECORDS)}
    wanted = {(user, last) for user, last in tap.versions.items()}  # others may be merged into it
    lost = len(wanted - arrived.users.keys()) + len(tap.events - arrived.events.keys())
    duplicated = arrived.events.total() - len(arrived.events)
    with capsys.disabled():
        print(  # noqa: T201 - the figures are what the test is asked for
            f"\n{statuses[-signal.SIGKILL]} kills in {RECORDS} records: lost {lost} / duplicated "
            f"{duplicated} / in flight {one.in_flight.total()} (and {arrived.unanswered.total()} "
            f"events whose answer was dropped; {statuses[0]} runs ended unhurt)"
        )
    assert lost == 0
    assert {int(id_): user["attributes"]["version"] for id_, user in users.items()} == tap.versions
    assert {
        n: times
        for n, times in arrived.events.items()
        if times > 1 + one.in_flight[keys[n]] + arrived.unanswered[n]
    } == {}
    assert one.in_flight.keys() <= set(keys.values())
    assert one.in_flight.total() <= KILLS * CONCURRENCY
    assert one.in_flight, "no kill hit an event in flight: this has shown nothing"
    assert statuses == {-signal.SIGKILL: KILLS, 0: 1}


def test_signals_while_reading_and_delivering_overlap_lose_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tap stays open and says records and STATE by turns: kill -9, SIGTERM, SIGSTOP and on.

    Who is stopped for a moment, or asked to end, doubles nothing; a kill what was in flight.
    """
    tap = UsersAndEvents(ENDLESS)
    seed = random.SystemRandom().randrange(2**32)
    choose = random.Random(seed)  # noqa: S311 - printed, so that it can be tried again
    with running(latency_ms=5) as sandbox:
        with relaying(sandbox.url) as relay:
            config = {**sandbox.config, "api_url": relay.url, "concurrency": CONCURRENCY}
            one = Replication(tmp_path, config, tap)
            disturbed = Disturbed(one, relay, sandbox, choose)
            statuses = Counter(disturbed.disturb(MOMENTS))
        arrived = Arrivals.of(sandbox.requests())
        users = sandbox.state()["users"]

    lost = len(tap.events - arrived.events.keys())
    duplicated = arrived.events.total() - len(arrived.events)
    moments = ", ".join(f"{count} {one.name}" for one, count in disturbed.moments.items())
    with capsys.disabled():
        print(  # noqa: T201 - the figures are what the test is asked for
            f"\n{moments} in {len(tap.records)} records (seed {seed}): lost {lost} / duplicated "
            f"{duplicated} / in flight {one.in_flight.total()}"
        )
    assert lost == 0
    assert {int(id_): user["attributes"]["version"] for id_, user in users.items()} == tap.versions
    assert {
        n: times
        for n, times in arrived.events.items()
        if times > 1 + one.in_flight[event_key("events", n)]
    } == {}
    ends = {KILLED[sent]: disturbed.moments[sent] for sent in KILLED}
    assert {status: count for status, count in statuses.items() if status} == ends
    assert disturbed.moments.total() == MOMENTS
