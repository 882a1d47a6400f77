"""The limit that an API keeps and does not tell, learned from what it lets through.

Multiplicative decrease, then slow and ever faster increase, as in TCP's CUBIC and AWS's adaptive
retries. But the pace to come back to is not that of the moment of the 429: it is what was let
through up to the end of the pause that follows. So a burst that used up a minute teaches the limit
per minute, and one that filled a second teaches the limit per second.
"""

from __future__ import annotations

import math
from collections import Counter

from target_userflow.transport import retry

_MINUTE = 60.0  # what the products' limits are for
_TICKS = 10  # a second: how finely it is known when requests were let in
_DECREASE = 0.05  # below what was let through, to begin with
_PERIOD = 30.0  # seconds until that is reached again, at most; after as long again it is exceeded
_FAIR = 100  # requests let in for each 429 that is risked to find out more
_ENOUGH = 10  # requests let in, before they say how many that are
_PARTS = (2, 4, 8)  # the last half, … of a cycle may tell more than all of it
_ROUNDED = 0.5  # seconds; those of a Retry-After are whole, so that it is so much too long
_LONGEST = 15.0  # seconds to wait after a 429 that does not say: a quarter of a minute is lost
_PROBE = 1.5  # round trips until it is known whether the first request after a pause is let in
_STEADY = 4  # round trips that no growth should be faster than
_CATCH_UP = 0.1  # seconds; more would be a burst to an API that counts per second


class AdaptiveRate:
    """A pace that 429s slow down, and their absence speeds up; none before the first of them."""

    def __init__(self) -> None:
        """Know of no limit."""
        self.next = -math.inf
        """When the next request may start."""
        self._let_in: Counter[int] = Counter()
        """Requests by the tick that they started in."""
        self._began = math.inf
        """Since when they count."""
        self.until = -math.inf
        """When the latest pause ends."""
        self._full = self._signal = -math.inf
        """When a 429 ended the cycle, and when one last said anything new."""
        self._held = False
        """Whether nothing was let in since."""
        self._refused = 0
        self._rate = math.inf
        self._period = 1.0
        self._round_trip = self._gap = 0.0
        self._waits = retry.waits()

    def take(self, turn: float) -> None:
        """Let one start then."""
        self.next = max(self.next, turn - _CATCH_UP) + max(1 / self._pace(turn), self._gap)
        self._gap = 0.0

    def void(self) -> None:
        """Let none of those start that have not yet."""
        self.next = self.until

    def accepted(self, started: float) -> None:
        """Count a request that was let in, by when it was sent."""
        self._began = min(self._began, started)
        self._let_in[int(started * _TICKS)] += 1
        if self._held and started > self._signal:
            self._held, self._waits = False, retry.waits()
        if self._held:  # it had been in flight when the signal came
            self._measure()
        if len(self._let_in) > 2 * _MINUTE * _TICKS:
            self._forget(started - _MINUTE)

    def refused(self, started: float, now: float, after: float | None) -> None:
        """Slow down, as a request was answered 429.

        Those that were in flight when the first of them was answered say nothing new.

        Args:
            started: When it was sent.
            now: When the answer came.
            after: The seconds that it asks to wait for, if it says.
        """
        self._began = min(self._began, started)
        self._refused += 1
        if started > self._signal:
            self._note(now, now - started)
            after = after or self._wait(now)
        self.until = max(self.until, now + (after or 0))
        self._measure()

    def _note(self, now: float, round_trip: float) -> None:
        """A new signal, which ends a cycle if anything was let in since the one before."""
        self._signal, self._round_trip, self._gap = now, round_trip, _PROBE * round_trip
        began = max(self._began, self.until)
        if not self._held and self._since(began) >= _ENOUGH:
            self._began, self._refused = began, 1
        if not self._held:
            self._held, self._full = True, now

    def _wait(self, now: float) -> float:
        """Seconds until it is worth a 429 to ask again; at most until the minute is over."""
        self.until = max(self.until, now)
        self._measure()
        fair = max(1.0, min(_FAIR / self._rate, _LONGEST))
        wait = max(min(next(self._waits), fair), self._round_trip)
        minute_ends = self._began + _MINUTE + self._round_trip
        return minute_ends - now if now < minute_ends < now + wait else wait

    def _pace(self, now: float) -> float:
        """Requests per second: fewer, then as many as were let through, then ever more."""
        periods = max(0.0, now - self.until) / self._period
        return self._rate * (1 + _DECREASE * (periods - 1) ** 3)

    def _measure(self) -> None:
        """What was let through, per second; and how long to take until that is tried again."""
        end = self.until - min(_ROUNDED, (self.until - self._full) / 2)
        cycle = max(end - max(self._began, self._full - _MINUTE), 1 / _TICKS)
        self._rate = max(self._since(end - cycle), 1) / cycle
        for seconds in (cycle / part for part in _PARTS):
            let_in = self._since(end - seconds)
            if let_in >= _ENOUGH:
                self._rate = max(self._rate, let_in / seconds)
        longest = max(_PERIOD, _FAIR * self._refused / self._rate)
        cycle = min(self.until - self._began, longest)
        self._period = max(1.0, _STEADY * self._round_trip, cycle)

    def _since(self, when: float) -> int:
        return sum(count for tick, count in self._let_in.items() if tick >= int(when * _TICKS))

    def _forget(self, before: float) -> None:
        first = int(before * _TICKS)
        self._let_in = Counter({tick: n for tick, n in self._let_in.items() if tick >= first})
