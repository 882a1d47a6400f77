"""What held the requests to an API back, and for how long by the wall clock."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING

from target_userflow.pace.wait_spans import WaitSpans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.clock import Clock
    from target_userflow.pace.wait_spans import WaitSpan

_LATELY = 1.0  # seconds; between two turns nobody waits for an instant
_WORTH_TELLING = 1.0  # seconds


class Cause(Enum):
    """What a request waits for."""

    BUDGET = "requests_per_minute"
    LIMIT = "the API's rate limit"
    PAUSE = "the API to come back"
    LATENCY = "latency"

    @property
    def as_limit(self) -> str:
        """What it is called where the pace of a run is shown: "limited by" this."""
        return "no answer" if self is Cause.PAUSE else self.value


class ThrottleStats:
    """Seconds in which at least one worker waited for something: ten that wait make one second.

    So it is how long of the run a limit was felt; without it, the run would be shorter by as much
    at most, as other workers may have had requests in flight.
    """

    def __init__(self, clock: Clock) -> None:
        """Start with nobody waiting."""
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: Counter[Cause] = Counter()
        self._since: dict[Cause, float] = {}
        """Since when somebody waits, or until when somebody did."""
        self._seconds: Counter[Cause] = Counter()
        self._begun: dict[Cause, float] = {}
        self._spans: defaultdict[Cause, WaitSpans] = defaultdict(WaitSpans)

    @contextmanager
    def on(self, cause: Cause) -> Iterator[None]:
        """A worker waits as long as the block runs."""
        self._change(cause, +1)
        try:
            yield
        finally:
            self._change(cause, -1)

    def seconds(self, cause: Cause) -> float:
        """How long somebody has waited for this."""
        with self._lock:
            return self._until_now(cause)

    @property
    def limiting(self) -> Cause:
        """What sets the pace now: what was waited for within the last second, else latency."""
        with self._lock:
            now = self._clock.monotonic()
            lately = {
                cause: now if self._waiting[cause] else since
                for cause, since in self._since.items()
                if self._waiting[cause] or now - since <= _LATELY
            }
            return max(lately, key=lately.__getitem__, default=Cause.LATENCY)

    def told(self) -> Iterator[tuple[Cause, float]]:
        """What was waited for long enough to be told, and for how many seconds."""
        for cause in Cause:
            seconds = self.seconds(cause)
            if seconds > _WORTH_TELLING:
                yield cause, seconds

    def spans(self) -> Iterator[tuple[Cause, WaitSpan]]:
        """The times in which somebody waited long enough to be seen."""
        with self._lock:
            for cause, spans in self._spans.items():
                yield from ((cause, span) for span in spans.worth_showing())

    def _change(self, cause: Cause, by: int) -> None:
        with self._lock:
            self._seconds[cause] = self._until_now(cause)  # type: ignore[assignment] # seconds have fractions
            self._waiting[cause] += by
            now = self._since[cause] = self._clock.monotonic()
            if by > 0 and self._waiting[cause] == 1:
                self._begun[cause] = now
            elif not self._waiting[cause]:
                self._spans[cause].add(self._begun[cause], now)

    def _until_now(self, cause: Cause) -> float:
        going_on = self._clock.monotonic() - self._since[cause] if self._waiting[cause] else 0.0
        return self._seconds[cause] + going_on
