"""What a kill -9 costs: a hundred of them, at points spread over one long replication."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import sqlite3
import threading
from collections import Counter
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from support.forks import forking
from support.process import config_file, record, schema, singer, state
from support.taps import PATIENCE

from target_userflow.ledger.ledger import IN_FLIGHT, digest
from target_userflow.mapping.values import encoded
from target_userflow.sandbox import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

    from target_userflow.sandbox import Sandbox

KILLS = 100
CONCURRENCY = 4
RECORDS = 900
USERS = 40
WINDOW = 8  # records from one STATE to the next: about two of them pass between two kills
FARTHEST = 25  # requests of one run, before it is killed
OVERLAP = 3  # records that the tap sends again although their STATE was written
MOMENTS = ("as it is sent", "once it is sent", "as its answer comes")
FAULTS = {"500": 0.005, "503": 0.005, "429": 0.005, "reset-before": 0.005, "reset-after": 0.01}
SEED = 20240229


class Tap:
    """Records of several streams, mixed; it begins again where told."""

    schemas: tuple[dict[str, Any], ...]
    records: list[dict[str, Any]]

    def lines(self, position: int) -> bytes:
        """What comes after a position, and a little that came before it."""
        start = max(0, position - OVERLAP)
        messages: list[Any] = [*self.schemas]
        for at, one in enumerate(self.records[start:], start + 1):
            messages += [one, state({"position": at})]
        return singer(messages)


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


class Relay:
    """Stands between the target and the sandbox, and kills the target at one of its requests."""

    url = ""

    def __init__(self, sandbox: str) -> None:
        """Lead to the sandbox at a URL."""
        self._sandbox = urlsplit(sandbox)
        self._target = self._run = self._seen = self._at = 0
        self._moment = ""

    def aim(self, target: int, at: int, moment: str) -> None:
        """Kill this process at its request number `at`, or never if that is 0."""
        self._target, self._at, self._moment = target, at, moment
        self._run, self._seen = self._run + 1, 0

    async def serve(self, opened: threading.Event, closed: threading.Event) -> None:
        """Carry what is said."""
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        opened.set()
        await asyncio.to_thread(closed.wait)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._sandbox.hostname, self._sandbox.port)
        numbers = [0]
        await asyncio.gather(
            self._carry(reader, back, numbers, MOMENTS[:2]),
            self._carry(there, writer, numbers, MOMENTS[2:]),
        )

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        numbers: list[int],
        moments: tuple[str, ...],
    ) -> None:
        """One way of one connection; nothing of a target arrives after it was killed."""
        run = self._run
        with suppress(OSError):
            while (data := await reader.read(65536)) and run == self._run:
                if data.startswith(
                    (b"POST ", b"PATCH ")
                ):  # a client waits for its answer before the next one
                    self._seen += 1
                    numbers.append(self._seen)
                if self._kill(numbers[-1], moments[0]):
                    break
                writer.write(data)
                await writer.drain()
                if data.endswith(b"}") and self._kill(numbers[-1], moments[-1]):
                    break
        writer.transport.abort()

    def _kill(self, number: int, moment: str) -> bool:
        """Kill it at this request, or at the next one if this one gets no answer."""
        if number >= self._at > 0 and moment == self._moment:
            os.kill(self._target, signal.SIGKILL)
            self._at = 0
            self._run += 1
            return True
        return False


@contextmanager
def relaying(sandbox: str) -> Iterator[Relay]:
    """A relay in a thread of its own."""
    relay, opened, closed = Relay(sandbox), threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(relay.serve(opened, closed)))
    thread.start()
    assert opened.wait(PATIENCE)
    try:
        yield relay
    finally:
        closed.set()
        thread.join()


@dataclass
class Replication:
    """One tap and one target with its ledger, however often it is started."""

    directory: Path
    config: dict[str, Any]
    tap: Tap
    position: int = 0
    in_flight: Counter[bytes] = field(default_factory=Counter)
    """How often the ledger held an event marked in flight after a kill."""

    @contextmanager
    def ready(self) -> Iterator[Callable[[Relay, int, str], int]]:
        """What goes on from the last STATE, and tells how that ended."""
        pipe, states, log = (self.directory / name for name in ("tap", "states", "log"))
        os.mkfifo(pipe)
        command = ["--config", str(config_file(self.directory, self.config))]
        with forking() as targets:

            def run(relay: Relay, at: int, moment: str) -> int:
                relay.aim(targets.start(command, pipe, states, log), at, moment)
                with suppress(BrokenPipeError), pipe.open("wb", buffering=0) as tap:
                    tap.write(self.tap.lines(self.position))
                status = targets.status()
                for line in states.read_bytes().splitlines():
                    self.position = json.loads(line)["position"]
                self.in_flight.update(self._marked())
                return status

            yield run

    def _marked(self) -> list[bytes]:
        """What the ledger holds as being in flight; read from a copy, as the next run reads it."""
        for name in ("ledger.db", "ledger.db-wal"):
            if (self.directory / name).exists():
                shutil.copy(self.directory / name, self.directory / f"copy-of-{name}")
        query = "select key from ledger_delivered where mark = ?"
        with closing(sqlite3.connect(self.directory / "copy-of-ledger.db")) as copy:
            return [key for (key,) in copy.execute(query, [IN_FLIGHT])]


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
            statuses = Counter(replicate(one, relay, sandbox))
        arrived = Arrivals.of(sandbox.requests())
        users = sandbox.state()["users"]

    keys = {n: digest("event", "events", encoded([n]).decode()) for n in range(RECORDS)}
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


def replicate(
    one: Replication,
    relay: Relay,
    sandbox: Sandbox,
    *,
    kills: int = KILLS,
    farthest: int = FARTHEST,
) -> Iterator[int]:
    """Run and kill, run and kill, and at last let it come to its end; how each run ended."""
    with one.ready() as run:
        for number in range(kills):
            at = 1 + number * 7 % farthest  # no common factor with 7: every one comes up
            yield run(relay, at, MOMENTS[number % len(MOMENTS)])
            sandbox.script([])  # once this is answered, so is all that arrived before it
        yield run(relay, 0, "")
