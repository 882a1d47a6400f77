"""Servers that keep a limit, and clients that find it out: minutes pass in an instant."""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Protocol

from support.clocks import VirtualClock

from target_userflow.pace.rate_limiter import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Server(Protocol):
    """Lets in so many requests per minute."""

    per_minute: float

    def wait(self, now: float) -> float:
        """Let a request in and return 0, or return the seconds until there is room."""


class Sliding:
    """Counts the requests of the last seconds, wherever they begin."""

    def __init__(self, per_minute: float, seconds: float = 60) -> None:
        """Count from nothing."""
        self.per_minute = per_minute
        self._seconds = seconds
        self._let_in: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Let a request in and return 0, or return the seconds until there is room."""
        most = max(1, round(self.per_minute * self._seconds / 60))
        while self._let_in and self._let_in[0] <= now - self._seconds:
            self._let_in.popleft()
        if len(self._let_in) >= most:
            return self._let_in[-most] + self._seconds - now
        self._let_in.append(now)
        return 0


class Fixed:
    """Counts the requests since the full minute, or since the full second."""

    def __init__(self, per_minute: float, seconds: float = 60, *, began: float = 0) -> None:
        """Count since `began` seconds before the first request."""
        self.per_minute = per_minute
        self._seconds = seconds
        self._began = began
        self._window = self._let_in = 0

    def wait(self, now: float) -> float:
        """Let a request in and return 0, or return the seconds until there is room."""
        window = int((now + self._began) // self._seconds)
        if window != self._window:
            self._window, self._let_in = window, 0
        if self._let_in >= round(self.per_minute * self._seconds / 60):
            return (window + 1) * self._seconds - self._began - now
        self._let_in += 1
        return 0


class Bucket:
    """Holds tokens for so many seconds, one for each request."""

    def __init__(self, per_minute: float, seconds: float = 60) -> None:
        """Begin with a full one."""
        self.per_minute = per_minute
        self._seconds = seconds
        self._tokens = per_minute * seconds / 60
        self._filled = 0.0

    def wait(self, now: float) -> float:
        """Let a request in and return 0, or return the seconds until there is room."""
        per_second = self.per_minute / 60
        filled = self._tokens + (now - self._filled) * per_second
        self._tokens, self._filled = min(filled, per_second * self._seconds), now
        if self._tokens < 1:
            return (1 - self._tokens) / per_second
        self._tokens -= 1
        return 0


class Unlimited:
    """Refuses none; or now and then one that has no reason to be."""

    def __init__(self, *, refuses: float = 0) -> None:
        """Refuse such a share of all."""
        self.per_minute = math.inf
        self._refuses = refuses

    def wait(self, now: float) -> float:  # noqa: ARG002 - every server is asked by the time
        """Let a request in and return 0, or return the seconds until there is room."""
        return float(random.random() < self._refuses)  # noqa: S311 - seeded


class Noisy:
    """Refuses a share at random, whatever the server behind it would do."""

    def __init__(self, server: Server, share: float, seed: int) -> None:
        """Refuse such a share, and ask to come back in a second."""
        self.refused: list[float] = []
        """When it did."""
        self._server = server
        self._share = share
        self._random = random.Random(seed)  # noqa: S311 - the same in every run

    @property
    def per_minute(self) -> float:
        """The limit of the server behind it."""
        return self._server.per_minute

    @per_minute.setter
    def per_minute(self, limit: float) -> None:
        self._server.per_minute = limit

    def wait(self, now: float) -> float:
        """Let a request in and return 0, or return the seconds until there is room."""
        if self._random.random() < self._share:
            self.refused.append(now)
            return 1
        return self._server.wait(now)


class OneOf:
    """Limits only one of two endpoints, to which every other request goes."""

    def __init__(self, limited: Server) -> None:
        """Ask them in turn."""
        self.per_minute = 2 * limited.per_minute
        """What can be sent to both of them, in that mixture."""
        self._limited = limited
        self._turns = count()

    def wait(self, now: float) -> float:
        """Let a request in and return 0, or return the seconds until there is room."""
        return 0 if next(self._turns) % 2 else self._limited.wait(now)


class Client:
    """Workers that always have something to send, and what became of it."""

    def __init__(
        self,
        server: Server,
        *,
        workers: int,
        latency: float,
        retry_after: bool,
        per_minute: int | None = None,
    ) -> None:
        """Send nothing yet; `latency` is that of the way to the server and back, in seconds."""
        self.clock = VirtualClock()
        self.limits = Limits(per_minute, {}, self.clock)
        self.let_in: list[float] = []
        """When requests came to the server."""
        self.refused: list[float] = []
        self._server = server
        self._latency = latency
        self._retry_after = retry_after
        self._numbers = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        random.seed(1)  # the backoff is by chance
        for _ in range(workers):
            self._book()

    def run(self, until: float, *, changes: Iterable[tuple[float, float]] = ()) -> None:
        """Let time pass; `changes` are new limits per minute, and when they begin."""
        for at, per_minute in changes:
            self._at(at, partial(setattr, self._server, "per_minute", per_minute))
        while self._events[0][0] <= until:
            self.clock.seconds, _, event = heapq.heappop(self._events)
            event()

    def share(self, begin: float, end: float, per_minute: float) -> float:
        """How much of a limit was used."""
        let_in = sum(begin <= one < end for one in self.let_in)
        return let_in / (per_minute * (end - begin) / 60)

    def refusals(self, begin: float, end: float) -> float:
        """How many of all answers were 429s."""
        refused, let_in = (
            sum(begin <= one < end for one in times) for times in (self.refused, self.let_in)
        )
        return refused / (refused + let_in)

    def _at(self, when: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), event))

    def _book(self) -> None:
        turn = self.limits.book("/users")
        self._at(
            turn.at, lambda: self._start() if self.limits.claim(turn, "/users") else self._book()
        )

    def _start(self) -> None:
        started = self.clock.seconds
        way = self._latency / 2 * random.uniform(0.8, 1.2)  # noqa: S311 - seeded
        self._at(started + way, lambda: self._arrive(started))

    def _arrive(self, started: float) -> None:
        now = self.clock.seconds
        wait = self._server.wait(now)
        (self.refused if wait else self.let_in).append(now)
        self._at(now + self._latency / 2, lambda: self._answer(started, wait))

    def _answer(self, started: float, wait: float) -> None:
        if wait:
            self.limits.refused(started, math.ceil(wait) if self._retry_after else None)
        else:
            self.limits.accepted(started)
        self._book()
