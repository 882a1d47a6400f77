"""Counts and latencies of requests over the time of a run, in bounded memory."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from target_userflow.apis.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_userflow.apis.messages import Request
    from target_userflow.apis.outcomes import Outcome
    from target_userflow.clock import Clock

MAX_SPANS = 600
"""Spans that are kept: ten minutes by the second, then twenty by two seconds, and so on."""
_LIMITED, _SERVER_ERROR = 429, 500
_REDIRECTS = range(300, 400)
_REFUSALS = {401, 402, 403, 405, 406, 407, 415}
_PER_E = 20  # bins in which a latency grows by a factor of e: each is 5 % wide
_LEAST_LATENCY = 1e-5  # seconds


@dataclass(slots=True)
class Span:
    """Counts of the requests that ended within a span of time."""

    at: float = 0.0
    """Seconds from the start of the run to the start of the span."""
    seconds: float = 0.0
    """The length of the span."""
    requests: int = 0
    limited: int = 0
    """Requests that were answered 429."""
    failed: int = 0
    """Requests without an answer, or with a status of 500 or more."""
    refused: int = 0
    """Requests whose answer was about us and no record: a wrong key, a redirect, a proxy."""
    bins: dict[int, int] = field(default_factory=dict)
    """Bin → requests; a bin is the logarithm of the latency, `_PER_E` bins to a factor of e."""

    def add(self, other: Span) -> None:
        """Add the counts of another span."""
        self.requests += other.requests
        self.limited += other.limited
        self.failed += other.failed
        self.refused += other.refused
        for bin_, count in other.bins.items():
            self.bins[bin_] = self.bins.get(bin_, 0) + count

    def latency(self, share: float) -> float | None:
        """Return a quantile of the latency in seconds, exact to 3 %; None without any requests.

        Args:
            share: The quantile: 0.5 for the median.
        """
        left = share * self.requests
        for bin_ in sorted(self.bins):
            left -= self.bins[bin_]
            if left <= 0:
                return math.exp((bin_ + 0.5) / _PER_E)
        return None


class RequestStats:
    """Counts the requests of a run by the time at which they ended; all workers write to it."""

    def __init__(self, clock: Clock) -> None:
        """Count from now on.

        Args:
            clock: The clock of the run.
        """
        self._clock = clock
        self.started = clock.monotonic()
        """The start of the run, in seconds by the clock."""
        self._width = 1.0
        self._spans: dict[int, Span] = {}
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """The time since the start of the run."""
        return self._clock.monotonic() - self.started

    def add(self, ended: float, seconds: float, status: int | None) -> None:
        """Count a request.

        Args:
            ended: Its end, in seconds by the clock.
            seconds: Its latency.
            status: The status of its answer; None if none came.
        """
        bin_ = math.floor(math.log(max(seconds, _LEAST_LATENCY)) * _PER_E)
        with self._lock:
            span = self._span(ended - self.started)
            span.requests += 1
            span.limited += status == _LIMITED
            span.failed += status is None or status >= _SERVER_ERROR
            span.refused += status in _REDIRECTS or status in _REFUSALS
            span.bins[bin_] = span.bins.get(bin_, 0) + 1

    def spans(self) -> list[Span]:
        """Return all spans up to now, the idle ones too; the last one may be shorter or longer."""
        with self._lock:
            end = self.seconds
            self._make_room(end)
            places = range(int(end / self._width) + 1)
            spans = [total([self._spans.get(place, Span())]) for place in places]
            for place, span in enumerate(spans):
                span.at, span.seconds = place * self._width, self._width
            spans[-1].seconds = end - spans[-1].at
            return _with_long_end(spans, self._width / 2)

    def _span(self, at: float) -> Span:
        self._make_room(at)
        place = int(at / self._width)
        if place not in self._spans:
            self._spans[place] = Span()
        return self._spans[place]

    def _make_room(self, at: float) -> None:
        """Merge neighbours until there are few enough spans."""
        while at / self._width >= MAX_SPANS:
            self._width *= 2
            spans, self._spans = self._spans, {}
            for place, span in spans.items():
                self._spans.setdefault(place // 2, Span()).add(span)


def total(spans: Iterable[Span]) -> Span:
    """Return the sum of the counts and lengths of spans."""
    result = Span()
    for span in spans:
        result.add(span)
        result.seconds += span.seconds
    return result


class Sender(Protocol):
    """Sends requests."""

    def send(self, request: Request) -> Answer | Outcome:
        """Return the answer to one attempt, or the outcome of an attempt without an answer."""

    def close(self) -> None:
        """Close all connections."""


class Timed:
    """Sends requests, and counts each of them."""

    def __init__(self, http: Sender, stats: RequestStats, clock: Clock) -> None:
        """Count the requests of a sender.

        Args:
            http: The sender.
            stats: Where the requests are counted.
            clock: The clock that measures them.
        """
        self._http = http
        self._stats = stats
        self._clock = clock

    def send(self, request: Request) -> Answer | Outcome:
        """Return the answer to one attempt, or the outcome of an attempt without an answer."""
        started = self._clock.monotonic()
        answer = self._http.send(request)
        ended = self._clock.monotonic()
        status = answer.status if isinstance(answer, Answer) else None
        self._stats.add(ended, ended - started, status)
        return answer

    def close(self) -> None:
        """Close all connections."""
        self._http.close()


def _with_long_end(spans: list[Span], least: float) -> list[Span]:
    """Return the spans; the last one is merged if it is too short for a rate, in seconds."""
    *others, last = spans
    if not others or last.seconds >= least:
        return spans
    others[-1].add(last)
    others[-1].seconds += last.seconds
    return others
