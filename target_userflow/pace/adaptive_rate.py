"""The limit that an API keeps and does not tell, learned from what it lets through.

Multiplicative decrease, then slow and ever faster increase, as in TCP's CUBIC and AWS's adaptive
retries. But the pace to come back to is not that of the moment of the 429: it is what was let
through up to the end of the pause that follows. So a burst that used up a minute teaches the limit
per minute, and one that filled a second teaches the limit per second.

A 429 by chance is taken back, as TCP takes back a loss that was none (Eifel, RFC 3522): if the next
answer to a request that started after the refused one is a success, all is as it was before.
`docs/rate-limits.md` has the formula, and what was measured.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from target_userflow.pace import jitter
from target_userflow.pace.let_in import LetIn
from target_userflow.pace.refusals import Refusals

_MINUTE = 60.0  # what the products' limits are for
_DECREASE = 0.05  # below what was let through, to begin with
_PERIOD = 30.0  # seconds until that is reached again, at most; after as long again it is exceeded
_FAIR = 100  # requests let in for each 429 that is risked to find out more
_ROUNDED = 0.5  # seconds; those of a Retry-After are whole, so that it is so much too long
_LONGEST = 15.0  # seconds to wait after a 429 that does not say: a quarter of a minute is lost
_PROBE = 1.5  # round trips until it is known whether a request is let in
_STEADY = 4  # round trips that no growth should be faster than
_CATCH_UP = 0.1  # seconds; more would be a burst to an API that counts per second
_KNOWN = 50  # answers before anything is taken for chance: until then nobody knows the API
_HINTS = 3  # 429s among those that pause everybody, but say nothing of a limit yet
_CLEAR = 2  # more refused than let in of those that started later: a limit
_GLANCES = 8  # times that those who are held look whether a doubt is over


class Learned(NamedTuple):
    """What is known of the limit."""

    rate: float = math.inf
    """Requests per second that were let through."""
    period: float = 1.0
    """Seconds until that pace is tried again."""
    paced: float = -math.inf
    """Since when the pace grows."""
    full: float = -math.inf
    """When a 429 ended the cycle."""
    began: float = math.inf
    """When the cycle did begin."""
    refused: int = 0
    """429s in it."""


class AdaptiveRate:
    """A pace that 429s slow down, and their absence speeds up; none before the first of them."""

    def __init__(self) -> None:
        """Know of no limit."""
        self.next = -math.inf
        """When the next request may start."""
        self.until = -math.inf
        """When the latest pause ends."""
        self.doubt = -math.inf
        """Until when it may turn out that the latest 429 was chance."""
        self._let_in = LetIn()
        self._learned = Learned()
        self._before = self._learned, self.until
        self._refusals = Refusals()
        self._answers = 0
        self._signal = -math.inf
        """When a 429 last said anything new."""
        self._suspect = math.inf
        """When the request started whose 429 may be chance."""
        self._evidence = 0
        """Requests let in less those refused, of those that started after it."""
        self._held = self._limited = False
        """Whether nothing was let in since the signal, and whether that is because of a limit."""
        self._limit_ended = -math.inf
        self._round_trip = self._gap = 0.0
        self._waits = jitter.waits()

    @property
    def glance(self) -> float:
        """Seconds after which those that are held by a doubt look whether it is over."""
        return _PROBE * self._round_trip / _GLANCES

    def take(self, turn: float) -> None:
        """Let one start then."""
        pace = 1 / self._pace(turn)
        self.next = max(self.next, turn - _CATCH_UP) + max(pace, self._gap)
        self._gap = 0.0

    def void(self, now: float) -> None:
        """Let none of those start that have not yet."""
        self.next = max(self.until, min(self.next, now))

    def accepted(self, started: float, now: float) -> bool:
        """Count a request that was let in.

        Args:
            started: When it was sent.
            now: When the answer came.

        Returns:
            Whether it shows that the latest 429 was chance, and the pause for it is over.
        """
        self._count(started, refused=False)
        self._let_in.add(started)
        if started > self._signal:
            self._held, self._waits = False, jitter.waits()
            self._limited = False
        if self._limited:  # it had been in flight when the signal came
            self._measure()
        if started <= self._suspect or now > self.doubt:
            self._round_trip = self._round_trip or now - started
            return False
        self._evidence += 1
        if self._evidence > 0:
            self._undo()
        return self._evidence > 0

    def refused(self, started: float, now: float, after: float | None) -> None:
        """Slow down, as a request was answered 429.

        Those that were in flight when the first of them was answered say nothing new.

        Args:
            started: When it was sent.
            now: When the answer came.
            after: The seconds that it asks to wait for, if it says.
        """
        is_new = started > self._signal
        self._count(started, refused=True, is_new=is_new and not self._held)
        self._learned = self._learned._replace(refused=self._learned.refused + 1)
        self._evidence -= started > self._suspect
        if is_new:
            self._pause(started, now, after)
        elif self._held:
            self.until = max(self.until, now + (after or 0))
        if self._held and self._evidence <= -_CLEAR:
            self._limit(self._signal)
            self._limit_ended = self.until
        if self._limited:
            self._measure()

    def _count(self, started: float, *, refused: bool, is_new: bool = True) -> None:
        self._answers += 1
        began = min(self._learned.began, started)
        self._learned = self._learned._replace(began=began)
        self._refusals.add(refused=refused, is_below=is_new and self._is_below(started))

    def _is_below(self, started: float) -> bool:
        paced, period = self._learned.paced, self._learned.period
        return paced < started < paced + period

    def _pause(self, started: float, now: float, after: float | None) -> None:
        """Let nobody start for as long as is asked for; slow down, if that may be a limit."""
        was_held, self._held = self._held, True
        self._round_trip = max(now - started, 0 if was_held else self._round_trip)
        self._suspect, self.doubt, self._evidence = math.inf, -math.inf, -_CLEAR
        if not was_held:
            self._suspect, self._evidence = started, 0
            self._before = self._learned, self.until
            if self._may_be_chance(started):
                self.doubt = now + _PROBE * self._round_trip
        self._signal = now
        self._gap = _PROBE * self._round_trip
        is_hint = self._answers <= _KNOWN and self._learned.refused <= _HINTS
        if was_held or not is_hint or not self._let_in.are_enough(-math.inf):
            self._limit(now)
        self.until = max(self.until, now)
        self.until = max(self.until, now + (after or self._wait(now)))

    def _may_be_chance(self, started: float) -> bool:
        is_below = self._learned.rate == math.inf or self._is_below(started)
        return self._answers >= _KNOWN and self._refusals.may_be_chance(is_below=is_below)

    def _limit(self, now: float) -> None:
        """End a cycle, unless it has been; the next begins where a limit was sure to be reached."""
        if self._limited:
            return
        self._limited = True
        learned = self._learned._replace(full=now)
        if self._let_in.are_enough(learned.paced):
            began = max(learned.began, self._limit_ended)
            learned = learned._replace(began=began, refused=1)
        self._learned = learned

    def _undo(self) -> None:
        """Go on as before the latest 429: it was chance."""
        self._learned, self.until = self._before
        self._signal, self._suspect, self.doubt = self._suspect, math.inf, -math.inf
        self._held = self._limited = False
        self._gap, self._waits = 0.0, jitter.waits()

    def _wait(self, now: float) -> float:
        """Seconds until it is worth a 429 to ask again; at most until the minute is over."""
        if self._limited:
            self._measure()
        fair = max(1.0, min(_FAIR / self._learned.rate, _LONGEST))
        wait = max(min(next(self._waits), fair), self._round_trip)
        minute_ends = self._learned.began + _MINUTE + self._round_trip
        return minute_ends - now if now < minute_ends < now + wait else wait

    def _pace(self, now: float) -> float:
        """Requests per second: fewer, then as many as were let through, then ever more."""
        rate, period, paced, *_ = self._learned
        periods = max(0.0, now - paced) / period
        return rate * (1 + _DECREASE * (periods - 1) ** 3)

    def _measure(self) -> None:
        """What was let through, per second; and how long to take until that is tried again."""
        full, began = self._learned.full, self._learned.began
        end = self.until - min(_ROUNDED, (self.until - full) / 2)
        rate = self._let_in.rate(max(began, full - _MINUTE), end)
        longest = max(_PERIOD, _FAIR * self._learned.refused / rate)
        period = max(1.0, _STEADY * self._round_trip, min(self.until - began, longest))
        self._learned = self._learned._replace(rate=rate, period=period, paced=self.until)
