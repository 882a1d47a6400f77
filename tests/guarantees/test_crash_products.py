"""What a kill -9 costs at User Interviews and Userpilot: like `test_crash`, with fewer of them.

The target never asks Userpilot faster than every tenth of a second, so the replication is short.
"""

from __future__ import annotations

import random
import signal
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guarantees.test_crash import SEED
from support.process import record, schema
from support.relay import relaying
from support.replication import Replication, Tap, event_key, replicate

from target_userflow.sandbox import running

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from target_userflow.sandbox import Sandbox

KILLS = 30
TURNS = ("event", "user", "event", "participant", "again")  # "again": one batch for two versions
RECORDS = 120
IDS = 15  # of participants, and of users
WINDOW = 5
CONCURRENCY = 4
FARTHEST = 11  # requests of one run, before it is killed
FAULTS = {"500": 0.01, "503": 0.01, "429": 0.01, "reset-before": 0.01, "reset-after": 0.03}


class ProductsTap(Tap):
    """Participants and users in several versions, and events about the users, mixed."""

    schemas = (
        schema(
            "userpilot_events",
            {"n": "integer", "user_id": "integer", "name": "string", "number": "integer"},
            keys=["n"],
        ),
        schema("userpilot_users", {"id": "integer", "version": "integer"}),
        schema("participants", {"email": "string", "version": "integer"}, keys=["email"]),
    )

    def __init__(self) -> None:
        """Think of the records, the same ones each time."""
        choose = random.Random(SEED)  # noqa: S311 - reproducible on purpose, guards nothing
        self.users: Counter[str] = Counter()
        self.participants: Counter[str] = Counter()
        self.events: list[int] = []
        self.records = []
        one = 0
        for n in range(RECORDS):
            turn = TURNS[n % len(TURNS)]
            if turn != "again":
                one = choose.randrange(IDS)
            makes = {"event": self._event, "user": self._user}.get(turn, self._participant)
            self.records.append(makes(n, one))

    def _event(self, n: int, user: int) -> dict[str, Any]:
        self.events.append(n)
        return record("userpilot_events", n=n, user_id=user, name="used", number=n)

    def _user(self, _: int, user: int) -> dict[str, Any]:
        self.users[str(user)] += 1
        return record("userpilot_users", id=user, version=self.users[str(user)])

    def _participant(self, _: int, number: int) -> dict[str, Any]:
        email = f"p{number}@example.com"
        self.participants[email] += 1
        return record("participants", email=email, version=self.participants[email])


@dataclass(frozen=True)
class Arrivals:
    """What the sandbox carried out, by what a record is."""

    events: Counter[int]
    unanswered: Counter[int]
    """Events that were carried out and whose connection was then reset: sent again, in doubt."""
    users: set[tuple[str, int]]

    @classmethod
    def at(cls, sandbox: Sandbox) -> Arrivals:
        """Read the sandbox's journal."""
        found = cls(Counter(), Counter(), set())
        for one in sandbox.requests():
            body = one["body"]
            if one["applied"] and one["path"] == "/v1/track":
                found.events[body["metadata"]["number"]] += 1
                found.unanswered[body["metadata"]["number"]] += one["fault"] == "reset-after"
            elif one["applied"] and one["path"] == "/v1/identify":
                found.users.add((body["user_id"], body["metadata"]["version"]))
        return found


def test_thirty_kills_lose_nothing_and_double_only_what_was_in_flight(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything arrives, participants and users end in their last version, events come once.

    An event may arrive once more for each time that it was in flight when the target was killed,
    and for each of its answers that got lost. Of participants, a batch carries the last version.
    """
    tap = ProductsTap()
    with running(latency_ms=5, faults=FAULTS, seed=SEED, retry_after="none") as sandbox:
        with relaying(sandbox.url) as relay:
            urls = {f"{one}_api_url": relay.url for one in ("user_interviews", "userpilot")}
            config = {
                **sandbox.config,
                **urls,
                "concurrency": CONCURRENCY,
                "batch_size_rows": WINDOW,
            }
            one = Replication(tmp_path, config, tap)
            ended = replicate(one, relay, sandbox, kills=KILLS, farthest=FARTHEST)
            statuses = Counter(ended)
        arrived = Arrivals.at(sandbox)
        there = sandbox.state()

    keys = {n: event_key("userpilot_events", n) for n in tap.events}
    participants = {email: one["version"] for email, one in there["participants"].items()}
    users = {id_: one["metadata"]["version"] for id_, one in there["userpilot"]["users"].items()}
    every_user = {(id_, n) for id_, last in tap.users.items() for n in range(1, last + 1)}
    lost = {
        *(n for n in tap.events if not arrived.events[n]),
        *(every_user - arrived.users),
        *(tap.participants.items() - participants.items()),
    }
    duplicated = arrived.events.total() - len(arrived.events)
    with capsys.disabled():
        print(  # noqa: T201 - the figures are what the test is asked for
            f"\n{statuses[-signal.SIGKILL]} kills in {RECORDS} records for User Interviews and "
            f"Userpilot: lost {len(lost)} / duplicated {duplicated} / in flight "
            f"{one.in_flight.total()} (and {arrived.unanswered.total()} events whose answer was "
            f"dropped; {statuses[0]} runs ended unhurt)"
        )
    assert lost == set()
    assert participants == tap.participants
    assert users == tap.users
    assert {
        n: times
        for n, times in arrived.events.items()
        if times > 1 + one.in_flight[keys[n]] + arrived.unanswered[n]
    } == {}
    assert one.in_flight.keys() <= set(keys.values())
    assert one.in_flight.total() <= KILLS * CONCURRENCY
    assert one.in_flight, "no kill hit an event in flight: this has shown nothing"
    assert statuses == {-signal.SIGKILL: KILLS, 0: 1}
