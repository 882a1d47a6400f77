"""Taps of the tests' own, and targets that are looked at while they run."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Target
from support.process import TARGET, Result, config_file, singer

from target_userflow.clock import Clock
from target_userflow.target import TargetUserflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from singer_sdk.sinks import Sink

PATIENCE = 60.0
"""Seconds until what a test waits for counts as never coming."""


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return as soon as a condition holds.

    Raises:
        TimeoutError: it never does.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:.0f} s in vain for {what}")
        time.sleep(0.02)


class Piped:
    """A target at the end of a pipe that the test holds; what it writes goes to files."""

    def __init__(self, directory: Path, config: Mapping[str, Any]) -> None:
        """Start it."""
        self._out, self._log = directory / "states", directory / "log"
        command = [*TARGET, "--config", str(config_file(directory, config))]
        with self._out.open("wb") as out, self._log.open("wb") as err:
            self.process = subprocess.Popen(  # noqa: S603 - our own module
                command, stdin=subprocess.PIPE, stdout=out, stderr=err, cwd=directory
            )

    @property
    def states(self) -> list[Any]:
        """The STATE values that have been written."""
        return [json.loads(line) for line in self._out.read_bytes().splitlines()]

    def feed(self, messages: Iterable[Any]) -> None:
        """Write messages, and leave the pipe open."""
        assert self.process.stdin
        self.process.stdin.write(singer(messages))
        self.process.stdin.flush()

    def result(self) -> Result:
        """How it ended: the pipe is closed, if it was not."""
        assert self.process.stdin
        self.process.stdin.close()
        status = self.process.wait(PATIENCE)
        return Result(status, self.states, self._log.read_text())


@contextmanager
def piped(directory: Path, config: Mapping[str, Any]) -> Iterator[Piped]:
    """A target that does not outlive its test."""
    target = Piped(directory, config)
    try:
        yield target
    finally:
        target.process.kill()
        target.process.wait()


@contextmanager
def same_signals() -> Iterator[None]:
    """Give the signals back to pytest, which a target in its process takes for itself."""
    kept = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in kept.items():
            signal.signal(one, handler)


@dataclass(frozen=True)
class Counted:
    """How a run in this process ended."""

    status: int
    counts: dict[str, dict[str, int]]
    """Per stream, the counts of the summary that are not 0."""


class WaitingTap(io.BytesIO):
    """A tap that says some records, and no more before these are settled."""

    def __init__(self, said: bytes, target: TargetUserflow, together: int) -> None:
        """Say the lines of `said` to `target`; `together` as for `run_here`."""
        super().__init__(said)
        self._target = target
        self._together = together
        self._records = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        """The next line."""
        if self._together and self._records == self._together:
            self._records = 0
            self._target.run.pipeline.settle()
        line = super().readline(size)
        is_record = b'"RECORD"' in line
        self._records = self._records + 1 if is_record else 0
        return line


def run_here(
    directory: Path,
    config: Mapping[str, Any],
    messages: Iterable[Any],
    *,
    clock: Clock | None = None,
    together: int = 0,
) -> Counted:
    """Run the target in this process: no start-up, and a clock of one's own.

    Args:
        directory: Where the config is written.
        config: The settings.
        messages: What the tap says.
        clock: The time.
        together: After how many records the tap waits until all is settled; 0 for never.
    """
    settings = json.loads(config_file(directory, config).read_text())
    with same_signals():
        target = TargetUserflow(config=settings, clock=clock or Clock())
        tap = WaitingTap(singer(messages), target, together)
        status = target.finish(tap)  # type: ignore[arg-type] # it reads bytes
    counts: dict[str, dict[str, int]] = {}
    for stream, outcome, count in target.run.tally.counts():
        counts.setdefault(stream, {})[outcome] = count
    return Counted(status, counts)


def plan_here(
    directory: Path, config: Mapping[str, Any], messages: Iterable[Any], *, form: str = "json"
) -> int:
    """Print the plan of the target in this process; returns the exit status.

    Args:
        directory: Where the config is written.
        config: The settings.
        messages: What the tap says.
        form: `text` or `json`.
    """
    settings = json.loads(config_file(directory, config).read_text())
    with same_signals():
        target = TargetUserflow(config=settings, clock=Clock())
        return target.plan(io.BytesIO(singer(messages)), form)  # type: ignore[arg-type] # as above


class SkippingClock(Clock):
    """Its time passes only while somebody waits, and then at once; waits are as many as ever."""

    def __init__(self, parent: Clock | None = None) -> None:
        """Begin at 0 seconds, or with the time of `parent`."""
        super().__init__(parent)
        self.seconds = 0.0
        self._turn = threading.Lock()

    def monotonic(self) -> float:
        """Seconds that were waited for."""
        return self._parent.monotonic() if self._parent else self.seconds

    def sleep(self, seconds: float) -> None:
        """Skip so many of them, for everybody."""
        if self._parent:
            self._parent.sleep(seconds)
            return
        end = self.seconds + seconds
        with self._turn:
            self.seconds = max(self.seconds, end)

    def child(self) -> Clock:
        """One that skips the same time."""
        self._children.append(SkippingClock(self))
        return self._children[-1]


class Stamped(io.StringIO):
    """Standard output that knows when each line was written."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Ask for the time with `now`."""
        super().__init__()
        self._now = now
        self.at: list[float] = []

    def write(self, text: str) -> int:
        """Note the time."""
        self.at.append(self._now())
        return super().write(text)

    @property
    def longest_gap(self) -> float:
        """Seconds without a line, from the beginning to now."""
        return max(after - before for before, after in pairwise([0, *self.at, self._now()]))


def plain_target(sink: type[Sink]) -> Target:
    """A target as the SDK makes it, without any of our overrides."""

    class PlainTarget(Target):
        name = "plain"
        config_jsonschema: ClassVar[dict[str, Any]] = {"type": "object", "properties": {}}
        default_sink_class = sink

    return PlainTarget()
