"""What a kill -9 costs: a hundred of them, at points spread over one long replication."""

from __future__ import annotations

import random
import signal
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.process import record, schema
from support.relay import relaying
from support.replication import Replication, Tap, event_key, replicate

from target_userflow.sandbox import running

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

KILLS = 100
CONCURRENCY = 4
RECORDS = 900
USERS = 40
WINDOW = 8  # records from one STATE to the next: about two of them pass between two kills
FARTHEST = 25  # requests of one run, before it is killed
FAULTS = {"500": 0.005, "503": 0.005, "429": 0.005, "reset-before": 0.005, "reset-after": 0.01}
SEED = 20240229


class UsersAndEvents(Tap):
    """Users in several versions, and events about them."""

    schemas = (
        schema("events", {"id": "integer", "user_id": "integer", "name": "string", "n": "integer"}),
        schema("users", {"id": "integer", "version": "integer"}),
    )

    def __init__(self) -> None:
        """Think of the records, the same ones each time."""
        choose = random.Random(SEED)  # noqa: S311 - reproducible on purpose, guards nothing
        self.versions: Counter[int] = Counter()
        self.records = []
        self.events = 0
        for n in range(RECORDS):
            user = choose.randrange(USERS)
            if user not in self.versions or choose.random() < 0.5:
                self.versions[user] += 1
                self.records.append(record("users", id=user, version=self.versions[user]))
            else:
                self.events += 1
                self.records.append(record("events", id=n, user_id=user, name="used", n=n))


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
    tap = UsersAndEvents()
    with running(latency_ms=5, faults=FAULTS, seed=SEED, retry_after="none") as sandbox:
        with relaying(sandbox.url) as relay:
            config = {**sandbox.config, "api_url": relay.url, "concurrency": CONCURRENCY}
            one = Replication(tmp_path, {**config, "batch_size_rows": WINDOW}, tap)
            statuses = Counter(replicate(one, relay, sandbox, kills=KILLS, farthest=FARTHEST))
        arrived = Arrivals.of(sandbox.requests())
        users = sandbox.state()["users"]

    keys = {n: event_key("events", n) for n in range(RECORDS)}
    wanted = {(user, last) for user, last in tap.versions.items()}  # others may be merged into it
    lost = len(wanted - arrived.users.keys()) + tap.events - len(arrived.events)
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
