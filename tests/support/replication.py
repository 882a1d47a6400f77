"""One replication that is killed again and again, and what arrived of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from support.forks import shared
from support.process import config_file, singer, state
from support.relay import MOMENTS
from support.taps import wait_until

from target_userflow.ledger.ledger import EVENT_MARK_SIZE, IN_FLIGHT, digest

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

    from support.relay import Relay

    from target_userflow.sandbox import Sandbox

_PACE = 0.002  # seconds from one record of a paced tap to the next
OVERLAP = 3  # records that the tap sends again although their STATE was written
KILLED = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 128 + signal.SIGTERM}
"""The status of a target that a signal has ended."""


class Tap:
    """Records of several streams, mixed; it begins again where told."""

    schemas: tuple[dict[str, Any], ...]
    records: list[dict[str, Any]]

    def grow(self, position: int) -> None:
        """Find new records, if there ever are some: up to this position all are delivered."""

    def messages(self, position: int) -> Iterator[tuple[dict[str, Any], ...]]:
        """What comes after a position and a little before it: the schemas, then a record each."""
        start = max(0, position - OVERLAP)
        yield self.schemas
        for at in range(start, len(self.records)):
            yield self.records[at], state({"position": at + 1})


@dataclass
class Replication:
    """One tap and one target with its ledger, however often it is started."""

    directory: Path
    config: dict[str, Any]
    tap: Tap
    position: int = 0
    in_flight: Counter[bytes] = field(default_factory=Counter)
    """How often the ledger held an event marked in flight after a kill."""

    def __post_init__(self) -> None:
        """Make the pipe that each target reads, and the config of all of them."""
        self._pipe, self._states = self.directory / "tap", self.directory / "states"
        os.mkfifo(self._pipe)
        self._command = ["--config", str(config_file(self.directory, self.config))]

    def run(self, relay: Relay, at: int, moment: str, sent: signal.Signals) -> int:
        """Go on from the last STATE with all that the tap has, and tell how that ended."""
        relay.aim(self.start(), at, moment, sent)
        with suppress(BrokenPipeError), self.opened() as tap:
            tap.write(b"".join(map(singer, self.tap.messages(self.position))))
        return self.ended()

    def start(self) -> int:
        """Start a target; its process id."""
        log = self.directory / "log"
        return shared().start(self._command, self._pipe, self._states, log)

    def opened(self) -> FileIO:
        """Where what the tap says is written to, once a target reads there."""
        return self._pipe.open("wb", buffering=0)

    def ended(self) -> int:
        """Note how far the target came, and what it left in flight; how it ended."""
        status = shared().status()
        for line in self._states.read_bytes().splitlines():
            self.position = json.loads(line)["position"]
        if status == KILLED[signal.SIGKILL]:
            self.in_flight.update(self._marked())
            self._end_leases()
        return status

    def _end_leases(self) -> None:
        """Let the seconds be over for which a killed run passes for one that is alive."""
        if "ledger" in self.config:
            engine = sa.create_engine(str(self.config["ledger"]))
            with engine.begin() as connection:
                connection.execute(sa.text("update ledger_runs set until = 0"))
            engine.dispose()

    def _marked(self) -> list[bytes]:
        """What the ledger holds as being in flight; marks of objects have other lengths."""
        engine = sa.create_engine(self._ledger())
        query = sa.text(
            "select key from ledger_delivered "
            "where substr(mark, 1, 1) = :mark and length(mark) = :size"
        )
        with engine.connect() as connection:
            keys = connection.execute(query, {"mark": IN_FLIGHT, "size": EVENT_MARK_SIZE}).scalars()
            found = [bytes(key) for key in keys]
        engine.dispose()
        return found

    def _ledger(self) -> str:
        """A URL: of a file's copy, so that the next run finds the file as it was left."""
        if "ledger" in self.config:
            return str(self.config["ledger"])
        for name in ("ledger.db", "ledger.db-wal"):
            if (self.directory / name).exists():
                shutil.copy(self.directory / name, self.directory / f"copy-of-{name}")
        return f"sqlite:///{self.directory}/copy-of-ledger.db"


def replicate(  # noqa: PLR0913 - each is of another kind
    one: Replication,
    relay: Relay,
    sandbox: Sandbox,
    *,
    kills: int,
    farthest: int,
    signals: tuple[signal.Signals, ...] = (signal.SIGKILL,),
) -> Iterator[int]:
    """Run and end it, run and end it, and at last let it come to its end; how each run ended.

    Args:
        one: What is replicated; its tap finds more where a run outlives all of its records.
        relay: What ends it.
        sandbox: What it writes to.
        kills: How many runs are to be ended.
        farthest: Requests of a run, before it is ended; no multiple of 7.
        signals: What ends it, by turns.
    """
    killed = 0
    for number in count():
        one.tap.grow(one.position)
        sent = signals[killed % len(signals)]
        at = 1 + number * 7 % farthest  # no common factor with 7: every one comes up
        status = one.run(relay, at, MOMENTS[number % len(MOMENTS)], sent)
        yield status
        sandbox.script([])  # once this is answered, so is all that arrived before it
        killed += status == KILLED[sent]
        assert status in {0, KILLED[sent]}, (status, (one.directory / "log").read_text())
        if killed == kills:
            break
    yield one.run(relay, 0, "", signal.SIGKILL)


@dataclass
class Disturbed:
    """A replication whose tap stays open, and says a record and a STATE every few milliseconds."""

    one: Replication
    relay: Relay
    sandbox: Sandbox
    choose: random.Random
    moments: Counter[signal.Signals] = field(default_factory=Counter)
    """How often each signal came."""
    farthest: int = 0
    """The last record that the tap has said."""

    def disturb(self, times: int) -> Iterator[int]:
        """Stop, ask to end and kill the target at random moments; how each of its runs ended."""
        while self.moments.total() < times:
            yield self._run(times)
            self.sandbox.script([])  # once this is answered, so is all that arrived before it
        del self.one.tap.records[self.farthest :]
        yield self.one.run(self.relay, 0, "", signal.SIGKILL)

    def _run(self, times: int) -> int:
        """One run, until a signal ends it."""
        target = self.one.start()
        self.relay.aim(target, 0, "", signal.SIGKILL)
        with suppress(BrokenPipeError), self.one.opened() as pipe:
            said = self._say(pipe)
            next(said)  # the schemas
            wait_until(lambda: next(said) and self.relay.seen, "a request of the target")
            sent = signal.SIGSTOP
            while sent == signal.SIGSTOP and self.moments.total() < times:
                sent = self._signal(target, said)
        return self.one.ended()

    def _signal(self, target: int, said: Iterator[int]) -> signal.Signals:
        """Send a signal at some moment; a stopped process goes on some moments later."""
        sent = self.choose.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
        self._pass(said)
        os.kill(target, sent)
        self.moments[sent] += 1
        if sent == signal.SIGSTOP:
            self._pass(said)
            os.kill(target, signal.SIGCONT)
        elif sent == signal.SIGKILL:
            self.relay.cut()
        return sent

    def _pass(self, said: Iterator[int]) -> None:
        """Let some records come, and a part of the time until the next one."""
        for _ in range(self.choose.randrange(30)):
            next(said)
        time.sleep(self.choose.random() * _PACE)

    def _say(self, pipe: FileIO) -> Iterator[int]:
        """Say the records from the last STATE on, each with a STATE and one every few moments."""
        for messages in self.one.tap.messages(self.one.position):
            pipe.write(singer(messages))
            self.farthest = max(self.farthest, messages[-1].get("value", {}).get("position", 0))
            yield self.farthest
            time.sleep(_PACE)


def event_key(stream: str, number: int) -> bytes:
    """The ledger's key of an event whose key property is a number."""
    return digest("event", stream, "", "", str(number))
