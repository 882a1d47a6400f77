"""The limit that an API keeps and does not tell, learned from what it lets through.

A 429 alone slows nobody down: `chance` tells those at random from those of a limit. A limit that is
found closes the gate until it is over; the rate to come back to is what was let in over the cycle,
that pause included. So a burst that used up a minute teaches the limit per minute, and one that
filled a second teaches the limit per second. Then the pace grows as in TCP's CUBIC.
"""

from __future__ import annotations

import math
from collections import Counter

from target_userflow.transport.chance import Chance

_MINUTE = 60.0  # what the products' limits are for
_TICKS = 10  # a second: how finely it is known when requests were let in
_DECREASE = 0.05  # below what was let through, to begin with
_PERIOD = 30.0  # seconds until that is reached again, at most; after as long again it is exceeded
_FAIR = 50  # requests let in for each 429 that is risked to find out more: the 2 % promised
_ENOUGH = 10  # requests let in, before they say how many that are
_PARTS = (2, 4, 8)  # the last half, … of a cycle may tell more than all of it
_ROUNDED = 0.5  # seconds; those of a Retry-After are whole, so that it is so much too long
_SHORTEST, _LONGEST = 0.75, 12.0  # seconds to wait where no Retry-After says; doubled in between
_PROBE = 1.5  # round trips until it is known whether the first request after a pause is let in
_STEADY = 4  # round trips that no growth should be faster than
_CATCH_UP = 0.1  # seconds; more would be a burst to an API that counts per second


class AdaptiveRate:
    """A pace that a limit slows down, and its absence speeds up; none before the first of them."""

    def __init__(self) -> None:
        """Know of no limit."""
        self.next = -math.inf
        """When the next request may start."""
        self.until = -math.inf
        """When the latest pause ends."""
        self._let_in: Counter[int] = Counter()
        """Requests by the tick that they started in."""
        self._first = self._began = math.inf
        """When the first request started, and that of this cycle."""
        self._first_full = math.inf
        self._full = self._signal = -math.inf
        """When a limit ended the cycle, and when a 429 last said anything new."""
        self._closed = False
        """Whether nothing was let in since."""
        self._refused = 0
        """The 429s that it took to find out."""
        self._rate = math.inf
        self._period = 1.0
        self._round_trip = self._gap = self._wait = 0.0
        self._asked = -math.inf
        """Until when those 429s asked to wait."""
        self._unsure = 0.0
        """Seconds that the pause may have been too long."""
        self._chance = Chance()

    def take(self, turn: float) -> None:
        """Let one start then."""
        self.next = max(self.next, turn - _CATCH_UP) + max(1 / self._pace(turn), self._gap)
        self._gap = 0.0

    def void(self) -> None:
        """Let none of those start that have not yet."""
        self.next = self.until

    def accepted(self, started: float) -> None:
        """Count a request that was let in, by when it was sent."""
        self._note(started)
        self._let_in[int(started * _TICKS)] += 1
        if started > self._signal:
            self._closed = False
            self._hear(started, refused=False)
        if self._closed:  # it had been in flight when the signal came
            self._measure()
        if len(self._let_in) > 2 * _MINUTE * _TICKS:
            self._forget(started - _MINUTE)

    def refused(self, started: float, now: float, after: float | None) -> None:
        """Slow down, if a limit is why a request was answered 429.

        Those that were in flight when it was found say nothing new.

        Args:
            started: When it was sent.
            now: When the answer came.
            after: The seconds that it asks to wait for, if it says.
        """
        self._note(started)
        if self._closed:
            self._stay_closed(started, now, after)
        elif started > self._signal:
            self._suspect(started, now, after)

    def _note(self, started: float) -> None:
        self._first, self._began = min(self._first, started), min(self._began, started)

    def _stay_closed(self, started: float, now: float, after: float | None) -> None:
        if started > self._signal:
            self._refused += 1
            self._hold(now, now - started, after)
        else:
            self.until = max(self.until, now + (after or 0))
        self._measure()

    def _suspect(self, started: float, now: float, after: float | None) -> None:
        if not self._chance.suspects:
            self._refused, self._asked = 0, -math.inf
        self._refused += 1
        self._asked = max(self._asked, now + (after or 0))
        self._hear(started, refused=True)
        if self._chance.is_ruled_out(_MINUTE * self._known_rate(started)):
            self._chance.forget()
            self._close(now, now - started)

    def _hear(self, started: float, *, refused: bool) -> None:
        is_below = self._rate == math.inf or started < self.until + self._period / 2
        self._chance.hear(refused=refused, is_below=is_below)

    def _known_rate(self, now: float) -> float:
        if self._rate < math.inf:
            return self._rate
        return self._since(now - _MINUTE) / min(_MINUTE, now - self._first + 1 / _TICKS)

    def _close(self, now: float, round_trip: float) -> None:
        """End a cycle, as a limit was found."""
        began = max(self._began, self.until)
        let_in = self._since(began)
        if let_in >= _FAIR * self._refused:
            self._wait = 0.0
        if let_in >= _ENOUGH:
            self._began = began
        self._closed, self._full = True, now
        self._first_full = min(self._first_full, now)
        self._hold(now, round_trip, self._asked - now)
        self._measure()

    def _hold(self, now: float, round_trip: float, after: float | None) -> None:
        """Let nobody start for as long as is asked for, or else for ever longer."""
        self._signal, self._round_trip, self._gap = now, round_trip, _PROBE * round_trip
        if after and after > 0:
            self._unsure = min(_ROUNDED, after / 2)
        else:
            wait = max(_SHORTEST, 1 / self._rate, self._gap, 2 * self._wait)
            self._wait = after = min(wait, _LONGEST)
            self._unsure = after / 2
            minute_ends = self._began + _MINUTE + round_trip
            if now < minute_ends < now + after:
                after, self._unsure = minute_ends - now, 0.0
        self.until = max(self.until, now + after)

    def _pace(self, now: float) -> float:
        """Requests per second: fewer, then as many as were let through, then ever more."""
        periods = max(0.0, now - self.until) / self._period
        let_in = self._rate * (1 + _DECREASE * (periods - 1) ** 3)
        return let_in / (1 - self._chance.noise)

    def _measure(self) -> None:
        """What was let through, per second; and how long to take until that is tried again."""
        end = min(self.until - self._unsure, self._full + _MINUTE)
        back = max(min(self._full - self._began, _MINUTE), end - self._full)
        cycle = max(end - max(self._first, self._full - back), 1 / _TICKS)
        self._rate = max(self._since(end - cycle), 1) / cycle
        for seconds in (cycle / part for part in _PARTS):
            let_in = self._since(end - seconds)
            if let_in >= _ENOUGH:
                self._rate = max(self._rate, let_in / seconds)
        if end - _MINUTE > self._first_full:  # a limit held all the minute, and let in so many
            self._rate = max(self._rate, self._since(end - _MINUTE) / _MINUTE)
        cycle = min(self.until - self._first, _PERIOD)
        fair = min(_FAIR * self._refused / self._rate, _MINUTE)
        self._period = max(1.0, _STEADY * self._round_trip, cycle, fair)

    def _since(self, when: float) -> int:
        return sum(count for tick, count in self._let_in.items() if tick >= int(when * _TICKS))

    def _forget(self, before: float) -> None:
        first = int(before * _TICKS)
        self._let_in = Counter({tick: n for tick, n in self._let_in.items() if tick >= first})
