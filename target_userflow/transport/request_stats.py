"""How fast the requests of a run were over its time: bounded memory, however long it lasts."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from target_userflow.apis.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_userflow.apis.messages import Outcome, Request
    from target_userflow.clock import Clock

MOST = 600
"""Spans that are kept: ten minutes by the second, then twenty by two seconds, and so on."""
_LIMITED, _SERVER_ERROR = 429, 500
_REDIRECTS = range(300, 400)
_REFUSALS = {401, 402, 403, 405, 406, 407, 415}
_PER_E = 20  # bins in which a latency grows by a factor of e: each is 5 % wide
_QUICKEST = 1e-5  # seconds


@dataclass(slots=True)
class Span:
    """The requests that ended within a span of time."""

    at: float = 0.0
    """Seconds from the start of the run to that of the span."""
    seconds: float = 0.0
    """How long it is."""
    requests: int = 0
    limited: int = 0
    """Those that were answered 429."""
    failed: int = 0
    """Those without an answer, and those with a status of 500 or more."""
    refused: int = 0
    """Those whose answer was about us and no record: a wrong key, a redirect, a proxy."""
    bins: dict[int, int] = field(default_factory=dict)
    """How many took so long, by a number that grows with the logarithm of the latency."""

    def add(self, other: Span) -> None:
        """Take in what another one counted."""
        self.requests += other.requests
        self.limited += other.limited
        self.failed += other.failed
        self.refused += other.refused
        for place, count in other.bins.items():
            self.bins[place] = self.bins.get(place, 0) + count

    def latency(self, share: float) -> float | None:
        """The seconds that so large a share of the requests took at most, to 3 %.

        None without any requests.
        """
        left = share * self.requests
        for place in sorted(self.bins):
            left -= self.bins[place]
            if left <= 0:
                return math.exp((place + 0.5) / _PER_E)
        return None


class RequestStats:
    """Counts the requests of a run by the time at which they ended; all workers write to it."""

    def __init__(self, clock: Clock) -> None:
        """Begin now."""
        self._clock = clock
        self._started = clock.monotonic()
        self._width = 1.0
        self._spans: dict[int, Span] = {}
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """How long the run has been going on."""
        return self._clock.monotonic() - self._started

    def add(self, ended: float, seconds: float, status: int | None) -> None:
        """Count a request.

        Args:
            ended: When, by the clock.
            seconds: How long it took.
            status: That of its answer; None if none came.
        """
        place = math.floor(math.log(max(seconds, _QUICKEST)) * _PER_E)
        with self._lock:
            span = self._span(ended - self._started)
            span.requests += 1
            span.bins[place] = span.bins.get(place, 0) + 1
            if status is None or status >= _SERVER_ERROR:
                span.failed += 1
            elif status == _LIMITED:
                span.limited += 1
            elif status in _REDIRECTS or status in _REFUSALS:
                span.refused += 1

    def spans(self) -> list[Span]:
        """All spans up to now, the idle ones too; the last one may be shorter or longer."""
        with self._lock:
            end = self.seconds
            self._make_room(end)
            places = range(int(end / self._width) + 1)
            found = [total([self._spans.get(place, Span())]) for place in places]
            for place, span in enumerate(found):
                span.at, span.seconds = place * self._width, self._width
            found[-1].seconds = end - found[-1].at
            return _without_a_stub(found, self._width / 2)

    def _span(self, at: float) -> Span:
        self._make_room(at)
        place = int(at / self._width)
        if place not in self._spans:
            self._spans[place] = Span()
        return self._spans[place]

    def _make_room(self, at: float) -> None:
        """As long as there would be too many spans, two neighbours become one."""
        while at / self._width >= MOST:
            self._width *= 2
            spans, self._spans = self._spans, {}
            for place, span in spans.items():
                self._spans.setdefault(place // 2, Span()).add(span)


def total(spans: Iterable[Span]) -> Span:
    """All that spans count."""
    found = Span()
    for span in spans:
        found.add(span)
        found.seconds += span.seconds
    return found


class Sender(Protocol):
    """Sends requests."""

    def send(self, request: Request) -> Answer | Outcome:
        """The answer to one attempt, or what it means that none came."""

    def close(self) -> None:
        """Close all connections."""


class Timed:
    """Sends requests, and tells a timeline of each."""

    def __init__(self, http: Sender, stats: RequestStats, clock: Clock) -> None:
        """Send through `http`."""
        self._http = http
        self._stats = stats
        self._clock = clock

    def send(self, request: Request) -> Answer | Outcome:
        """The answer to one attempt, or what it means that none came."""
        started = self._clock.monotonic()
        answer = self._http.send(request)
        ended = self._clock.monotonic()
        status = answer.status if isinstance(answer, Answer) else None
        self._stats.add(ended, ended - started, status)
        return answer

    def close(self) -> None:
        """Close all connections."""
        self._http.close()


def _without_a_stub(spans: list[Span], least: float) -> list[Span]:
    """The spans, the last one joined to the one before if it is too short for a rate."""
    *others, last = spans
    if not others or last.seconds >= least:
        return spans
    others[-1].add(last)
    others[-1].seconds += last.seconds
    return others
