"""One replication that is killed again and again, and what arrived of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from support.forks import forking
from support.process import config_file, singer, state
from support.relay import MOMENTS

from target_userflow.ledger.ledger import IN_FLIGHT, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.relay import Relay

    from target_userflow.sandbox import Sandbox

OVERLAP = 3  # records that the tap sends again although their STATE was written
KILLED = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 128 + signal.SIGTERM}
"""The status of a target that a signal has ended."""


class Tap:
    """Records of several streams, mixed; it begins again where told."""

    schemas: tuple[dict[str, Any], ...]
    records: list[dict[str, Any]]

    def grow(self, position: int) -> None:
        """Find new records, if there ever are some: up to this position all are delivered."""

    def lines(self, position: int) -> bytes:
        """What comes after a position, and a little that came before it."""
        start = max(0, position - OVERLAP)
        messages: list[Any] = [*self.schemas]
        for at, one in enumerate(self.records[start:], start + 1):
            messages += [one, state({"position": at})]
        return singer(messages)


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
    def ready(self) -> Iterator[Callable[[Relay, int, str, signal.Signals], int]]:
        """What goes on from the last STATE, and tells how that ended."""
        pipe, states, log = (self.directory / name for name in ("tap", "states", "log"))
        os.mkfifo(pipe)
        command = ["--config", str(config_file(self.directory, self.config))]
        with forking() as targets:

            def run(relay: Relay, at: int, moment: str, sent: signal.Signals) -> int:
                relay.aim(targets.start(command, pipe, states, log), at, moment, sent)
                with suppress(BrokenPipeError), pipe.open("wb", buffering=0) as tap:
                    tap.write(self.tap.lines(self.position))
                status = targets.status()
                for line in states.read_bytes().splitlines():
                    self.position = json.loads(line)["position"]
                if status == KILLED[signal.SIGKILL]:
                    self.in_flight.update(self._marked())
                return status

            yield run

    def _marked(self) -> list[bytes]:
        """What the ledger holds as being in flight."""
        engine = sa.create_engine(self._ledger())
        query = sa.text("select key from ledger_delivered where substr(mark, 1, 1) = :mark")
        with engine.connect() as connection:
            keys = connection.execute(query, {"mark": IN_FLIGHT}).scalars()
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
    with one.ready() as run:
        for number in count():
            one.tap.grow(one.position)
            sent = signals[killed % len(signals)]
            at = 1 + number * 7 % farthest  # no common factor with 7: every one comes up
            status = run(relay, at, MOMENTS[number % len(MOMENTS)], sent)
            yield status
            sandbox.script([])  # once this is answered, so is all that arrived before it
            killed += status == KILLED[sent]
            if killed == kills or status not in {0, KILLED[sent]}:
                break
        yield run(relay, 0, "", signal.SIGKILL)


def event_key(stream: str, number: int) -> bytes:
    """The ledger's key of an event whose key property is a number."""
    return digest("event", stream, "", "", str(number))
