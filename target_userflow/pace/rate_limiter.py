"""The pace that all workers of an API share: budgets per minute, its own limit, its pauses."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, NamedTuple

from target_userflow.pace.adaptive_rate import AdaptiveRate
from target_userflow.pace.budgets import LATE, TRANSIT, Budgets
from target_userflow.pace.shares import Share
from target_userflow.pace.throttle_stats import Cause, ThrottleStats

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_userflow.clock import Clock

_MARGIN = 1.25  # of what was used, so that a run can come to use more
_ENOUGH = 10  # requests let in, before a run has a pace of its own
_LIMITING = (Cause.BUDGET, Cause.LIMIT)


class Turn(NamedTuple):
    """When a request may start, and what it waits for until then."""

    at: float
    cause: Cause
    pauses: int


class Limits:
    """Hands out turns that keep to the budget of an API, those of its endpoints, and its limit."""

    def __init__(
        self,
        per_minute: int | None,
        of_paths: Mapping[str, int],
        clock: Clock,
        share: Share | None = None,
    ) -> None:
        """Know nothing yet of the API's own limit.

        Args:
            per_minute: Requests that the API may be sent; None for as many as go.
            of_paths: Likewise for single endpoints, by their path.
            clock: Time, and whether the run is stopped.
            share: The part of these that the run may use; None for all of it.
        """
        self._share = share or Share()
        self._budgets = Budgets(per_minute, of_paths, self._share, clock.monotonic())
        self._waited = 0.0
        self._let_in = 0
        self._refused_until = -math.inf
        self._learned = AdaptiveRate()
        self._clock = clock
        self._lock = threading.RLock()
        self._paused_until = -math.inf
        self._pauses = 0
        self._unavailable = 0
        self._let_in_at = -math.inf
        self.waits = ThrottleStats(clock)
        """What held requests back, and for how long."""

    def wait(self, path: str) -> float:
        """Return when a request to `path` may start, or when the run is stopped.

        Returns:
            The time, to tell with it what became of the request.
        """
        while not self._clock.stopped:
            turn = self.book(path)
            seconds = turn.at - self._clock.monotonic()
            if seconds > 0:
                with self.waits.on(turn.cause):
                    _sleep(turn, self._clock, self._share, lambda: self._pauses)
            if self.claim(turn, path):
                break
        return self._clock.monotonic()

    def book(self, path: str) -> Turn:
        """Take the next turn, which is valid until the API asks for a pause."""
        with self._lock:
            now = self._clock.monotonic()
            holds = [(self._learned.next, Cause.LIMIT), (self._paused_until, Cause.PAUSE)]
            holds += ((budget.next, cause) for budget, cause in self._budgets.of(path))
            at, cause = max(holds, key=lambda hold: hold[0])
            turn = Turn(max(at, now), cause, self._pauses)
            self._learned.take(turn.at)
            for budget, _ in self._budgets.of(path):
                budget.take(turn.at)
            return turn

    def claim(self, turn: Turn, path: str) -> bool:
        """Whether a request may start now, as its turn has come; else it has to book another."""
        with self._lock:
            if turn.pauses != self._pauses:
                return False
            budgets = [budget for budget, _ in self._budgets.of(path)]
            if budgets and self._clock.monotonic() > turn.at + LATE:
                self.retake()  # who is late would come at the same time as those behind
                return False
            for budget in budgets:
                budget.use(turn.at)
            return True

    def accepted(self, started: float) -> None:
        """Note that a request which started then was let in."""
        with self._lock:
            self._let_in += 1
            self._unavailable = 0
            self._let_in_at = self._clock.monotonic()
            self._learned.accepted(started)

    def refused(self, started: float, after: float | None) -> bool:
        """Let nobody start for a while, and all more slowly then, if a limit is why it was a 429.

        Args:
            started: When the request did that was answered so.
            after: The seconds that the answer asks to wait for, if it says.

        Returns:
            Whether it may be chance: then only this request may have to wait.
        """
        with self._lock:
            before, now = self._learned.until, self._clock.monotonic()
            is_limit = self._learned.refused(started, now, after)
            self._refused_until = self._learned.until
            if self._learned.until > before:
                self.retake()
            return not is_limit

    def pause(self, seconds: float) -> None:
        """Let nobody start for this long: the API asked to come back later."""
        with self._lock:
            until = self._clock.monotonic() + seconds
            if until > self._paused_until:
                self._paused_until = until
                self.retake()

    def unavailable(self, started: float, seconds: float) -> None:
        """Let nobody start for a while, if the API answers 503 to all: it gave no other answer.

        Args:
            started: When the request did that was answered so.
            seconds: How long that request waits.
        """
        with self._lock:
            self._unavailable += 1
            is_for_all = self._let_in_at < started and self._unavailable > 1
        if is_for_all:
            self.pause(seconds)

    # What other runs have to do with it: see `shares.Shared`

    def demand(self) -> float:
        """The part of the budgets that the run could use, by what it used since the last call.

        That is twice what it has, if it waited for most of the time.
        """
        with self._lock:
            part, seconds = self._budgets.part_used(self._clock.monotonic())
            before, self._waited = self._waited, sum(map(self.waits.seconds, _LIMITING))
        if self._waited - before > seconds / 2:
            return min(1.0, 2 * self._share.part)
        return min(1.0, _MARGIN * part)

    def refused_for(self) -> float:
        """Seconds for which an answer to this run asks to be left alone; 0 for none."""
        with self._lock:
            return max(0.0, self._refused_until - self._clock.monotonic())

    def hear(self, seconds: float) -> None:
        """Leave the API alone, as another run was refused, and be slower then as it will be."""
        with self._lock:
            now = self._clock.monotonic()
            if now + seconds <= max(self._learned.until, self._paused_until) + TRANSIT:
                return  # it is known
            if self._let_in >= _ENOUGH:
                self._learned.hear(now, seconds)
            else:  # there is nothing of its own that it could learn a pace from
                self._paused_until = now + seconds
            self.retake()

    def retake(self) -> None:
        """Take back all turns that are still to come: who waits for one takes another."""
        with self._lock:
            self._pauses += 1
            self._learned.void(self._clock.monotonic())
            self._budgets.void()


def _sleep(turn: Turn, clock: Clock, share: Share, pauses: Callable[[], int]) -> None:
    """Sleep until a turn has come, or has been taken back, where that is looked at."""
    while (left := turn.at - clock.monotonic()) > 0 and not clock.stopped:
        clock.sleep(min(left, share.patience))
        if share.patience < left and turn.pauses != pauses():
            return
