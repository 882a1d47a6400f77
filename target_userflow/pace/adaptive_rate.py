"""The limit that an API keeps and does not tell, learned from what it lets through.

A 429 alone holds up its own request only. Where 429s are more than chance brings (`Chance`), all
requests pause, and go on at the rate that was let through until then: first a little slower, then
slowly and ever faster more, as in TCP's CUBIC. What is let through does not depend on noise, so
that noise slows nothing down. `docs/rate-limits.md` has the formula, and what was measured.
"""

from __future__ import annotations

import math
import random

from target_userflow.pace.chance import Chance
from target_userflow.pace.let_in import LetIn

_MINUTE = 60.0  # what the products' limits are for
_LONG = 2.0  # seconds of a pause, after which a limit is none per second
_CHANGE = 0.04  # below what was let through, to begin with: what was too much is made up for
_PERIOD = 30.0  # seconds until that is reached again; a limit that doubles shows in 4 of them
_KNOWN = 50  # answers before a Retry-After alone holds only its request: until then all believe it
_FAIR = 150  # requests let in for each 429 that is risked to find out more
_ROUNDED = 0.5  # seconds; those of a Retry-After are whole, so that it is so much too long
_LONGEST = 6.0  # seconds to wait after a 429 that does not say: a tenth of a minute is lost
_PROBE = 1.5  # round trips until it is known whether the first request after a pause is let in
_CATCH_UP = 0.1  # seconds; more would be a burst to an API that counts per second


class _Curve:
    """TCP's CUBIC: a pace that begins below a rate, stays near it, and then exceeds it."""

    def __init__(self) -> None:
        """Begin without a rate to follow."""
        self.rate = math.inf
        """Requests per second that were let through."""
        self.period = _PERIOD
        """Seconds until the rate is reached again."""

    def pace(self, seconds: float) -> float:
        """Return the requests per second, so many seconds after a pause."""
        return self.rate * (1 + _CHANGE * (max(0.0, seconds) / self.period - 1) ** 3)


class AdaptiveRate:
    """A pace that limits slow down, and their absence speeds up; none before the first of them."""

    def __init__(self) -> None:
        """Know of no limit."""
        self.next = -math.inf
        """When the next request may start."""
        self.until = -math.inf
        """When the latest pause ends."""
        self._let_in = LetIn()
        self._chance = Chance()
        self._curve = _Curve()
        self._began = self._resumed = -math.inf
        """When the time began over which it is measured, and when the latest pause was over."""
        self._full = -math.inf
        """When the limit was last reached."""
        self._refused = 0
        """429s since `_began` that a limit is the reason for, less those within a pause."""
        self._signal = -math.inf
        """Requests that started before then were in flight when all paused."""
        self._held = False
        """Whether nothing was let in since."""
        self._is_per_minute = False
        self._gap = 0.0

    def take(self, turn: float) -> None:
        """Let one start then."""
        interval = max(1 / self._curve.pace(turn - self.until), self._gap)
        self.next = max(self.next, turn - _CATCH_UP) + interval
        self._gap = 0.0

    def void(self, now: float) -> None:
        """Let none of those start that have not yet."""
        self.next = max(self.until, min(self.next, now))

    def accepted(self, started: float) -> None:
        """Count a request that was let in, by when it was sent."""
        self._let_in.add(started)
        if started > self._signal:
            if self._held:
                self._held, self._resumed = False, started
            self._chance.let_in(is_below=self._is_below(started))
        elif self._held:
            self._measure()

    def refused(self, started: float, now: float, after: float | None) -> bool:
        """Slow down, if a limit is the reason that a request was answered 429.

        Args:
            started: When it was sent.
            now: When the answer came.
            after: The seconds that it asks to wait for, if it says.

        Returns:
            Whether all pause; else it may be chance.
        """
        if started > self._signal:
            return self._judge(started, now, after)
        self._refused += 1
        if self._held:
            self._pause(now, after or 0.0)
        return self._held

    def hear(self, now: float, seconds: float) -> None:
        """Slow down, as another run has to wait for so long."""
        self._limit(now, 1)
        self._pause(now, seconds)

    def _judge(self, started: float, now: float, after: float | None) -> bool:
        """Pause, if a limit is the reason for a 429 to a request that was not in flight then."""
        is_sure = self._held or self._let_in.first == math.inf
        shown = 1 if is_sure else self._chance.refused(is_below=self._is_below(started))
        if shown:
            self._limit(now, 0 if self._held else shown)
            self._gap = _PROBE * (now - started)
            self._pause(now, after or self._wait(now))
        elif after and self._chance.answers <= _KNOWN:
            self.until = max(self.until, now + after)
        return now < self.until

    def _is_below(self, started: float) -> bool:
        """Whether the pace then was below what had been let through."""
        return self._curve.rate == math.inf or started < self.until + self._curve.period

    def _limit(self, now: float, refused: int) -> None:
        """A limit is reached, or still is."""
        self._signal = now
        if not self._held:
            self._held, self._full = True, now
            if self._let_in.are_enough(self._resumed):
                self._began, self._refused = self._resumed, 0
        self._refused += refused

    def _pause(self, now: float, seconds: float) -> None:
        """Let nobody start for so long."""
        self.until = max(self.until, now + seconds)
        self._is_per_minute |= self.until - self._full > _LONG
        self._measure()

    def _wait(self, now: float) -> float:
        """Seconds until it is asked again: half as long as all have waited, so that 429s are few.

        And at most until the minute is over that began with the first of the requests let in.
        """
        seconds = min(max(1.0, (now - self._full) / 2), _LONGEST) * random.uniform(0.5, 1)  # noqa: S311 - no secret
        left = max(self._began, self._let_in.first) + _MINUTE + self._gap - now
        return left if 0 < left < seconds else seconds

    def _measure(self) -> None:
        """What was let through, per second; and how long to take until that is tried again."""
        began = max(self._began, self._let_in.first)
        if not self._let_in.are_enough(began):
            return
        end = self.until - min(_ROUNDED, (self.until - self._full) / 2)
        cycle = max(began, self._full - _MINUTE)
        if self._is_per_minute:
            self._curve.rate = max(self._let_in.rate(one, end) for one in (cycle, end - _MINUTE))
        else:
            self._curve.rate = self._let_in.best_rate(cycle, end)
        longest = max(_PERIOD, _FAIR * self._refused / self._curve.rate)
        shortest = _PERIOD if self._is_per_minute else 0.0
        self._curve.period = max(shortest, min(self.until - began, longest))
