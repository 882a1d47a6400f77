"""The pace that all workers of an API share: budgets per minute, its own limit, its pauses."""

from __future__ import annotations

import math
import threading
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from target_userflow.pace.adaptive_rate import AdaptiveRate
from target_userflow.pace.shares import Share
from target_userflow.pace.throttle_stats import Cause, ThrottleStats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_userflow.clock import Clock

_MINUTE = 60.0
_CATCH_UP = 0.5  # seconds of turns that nobody was there to take are not lost
_LATE = 0.25  # seconds that a worker may come late to its turn
_LEAST = 1e-6  # of a budget, and of a second: nothing is divided by 0
_MARGIN = 1.25  # of what was used, so that a run can come to use more
_ENOUGH = 10  # requests let in, before a run has a pace of its own
_LIMITING = (Cause.BUDGET, Cause.LIMIT)
_TRANSIT = 0.5  # seconds that a request may take longer to the API than the next one


class Budget:
    """Spreads requests so that no 60 seconds hold more than allowed, wherever the API counts from.

    What is held back for that is about 2 %.
    """

    def __init__(self, per_minute: int, share: Share | None = None) -> None:
        """Allow so many in any 60 seconds, or the share of them that this run has."""
        self.next = -math.inf
        """When the next request may start."""
        self.used = 0
        """Requests that did start."""
        self.interval = (_MINUTE + _CATCH_UP + _LATE + _TRANSIT) / per_minute
        """Seconds between two requests of all runs."""
        self._share = share or Share()
        self._after_used = -math.inf
        """What `next` would be, had no other turns been taken than those that were used."""

    def take(self, turn: float) -> None:
        """Let one start then."""
        self.next = self._after(turn, self.next)

    def use(self, turn: float) -> None:
        """Note that one did start."""
        self.used += 1
        self._after_used = self._after(turn, self._after_used)

    def void(self) -> None:
        """Let none of those start that have not yet."""
        self.next = self._after_used

    def _after(self, turn: float, next_turn: float) -> float:
        missed = _CATCH_UP if next_turn > -math.inf else 0.0  # none before the first
        return max(next_turn, turn - missed) + self.interval / max(self._share.part, _LEAST)


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
        self._budget = Budget(per_minute, self._share) if per_minute else None
        self._of_paths = {path: Budget(budget, self._share) for path, budget in of_paths.items()}
        self._asked_at = clock.monotonic()
        self._waited = 0.0
        self._used: Counter[Budget] = Counter()
        self._let_in = 0
        self._refused_until = -math.inf
        self._learned = AdaptiveRate()
        self._clock = clock
        self._lock = threading.Lock()
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
                    self._sleep_until(turn)
            if self.claim(turn, path):
                break
        return self._clock.monotonic()

    def _sleep_until(self, turn: Turn) -> None:
        """Sleep until a turn has come, or has been taken back, where that is looked at."""
        while (left := turn.at - self._clock.monotonic()) > 0 and not self._clock.stopped:
            self._clock.sleep(min(left, self._share.patience))
            if self._share.patience < left and turn.pauses != self._pauses:
                return

    def book(self, path: str) -> Turn:
        """Take the next turn, which is valid until the API asks for a pause."""
        with self._lock:
            now = self._clock.monotonic()
            holds = [(self._learned.next, Cause.LIMIT), (self._paused_until, Cause.PAUSE)]
            holds += ((budget.next, cause) for budget, cause in self._budgets(path))
            at, cause = max(holds, key=lambda hold: hold[0])
            turn = Turn(max(at, now), cause, self._pauses)
            self._learned.take(turn.at)
            for budget, _ in self._budgets(path):
                budget.take(turn.at)
            return turn

    def claim(self, turn: Turn, path: str) -> bool:
        """Whether a request may start now, as its turn has come; else it has to book another."""
        with self._lock:
            if turn.pauses != self._pauses:
                return False
            budgets = [budget for budget, _ in self._budgets(path)]
            if budgets and self._clock.monotonic() > turn.at + _LATE:
                self._void()  # who is late would come at the same time as those behind
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
                self._void()
            return not is_limit

    def pause(self, seconds: float) -> None:
        """Let nobody start for this long: the API asked to come back later."""
        with self._lock:
            until = self._clock.monotonic() + seconds
            if until > self._paused_until:
                self._paused_until = until
                self._void()

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
            now = self._clock.monotonic()
            seconds, self._asked_at = max(now - self._asked_at, _LEAST), now
            parts = [self._part_used(budget, seconds) for budget in self._all_budgets]
            before, self._waited = self._waited, sum(map(self.waits.seconds, _LIMITING))
        if self._waited - before > seconds / 2:
            return min(1.0, 2 * self._share.part)
        return min(1.0, _MARGIN * max(parts, default=1.0))

    def _part_used(self, budget: Budget, seconds: float) -> float:
        used = budget.used - self._used[budget]
        self._used[budget] = budget.used
        return used * budget.interval / seconds

    def refused_for(self) -> float:
        """Seconds for which an answer to this run asks to be left alone; 0 for none."""
        with self._lock:
            return max(0.0, self._refused_until - self._clock.monotonic())

    def hear(self, seconds: float) -> None:
        """Leave the API alone, as another run was refused, and be slower then as it will be."""
        with self._lock:
            now = self._clock.monotonic()
            if now + seconds <= max(self._learned.until, self._paused_until) + _TRANSIT:
                return  # it is known
            if self._let_in >= _ENOUGH:
                self._learned.hear(now, seconds)
            else:  # there is nothing of its own that it could learn a pace from
                self._paused_until = now + seconds
            self._void()

    def retake(self) -> None:
        """Have all requests that wait take another turn, as the part has changed."""
        with self._lock:
            self._void()

    @property
    def _all_budgets(self) -> list[Budget]:
        return [*self._of_paths.values(), *([self._budget] if self._budget else [])]

    def _budgets(self, path: str) -> Iterator[tuple[Budget, Cause]]:
        if self._budget:
            yield self._budget, Cause.BUDGET
        if path in self._of_paths:
            yield self._of_paths[path], Cause.LIMIT

    def _void(self) -> None:
        """Take back all turns that are still to come: who waits for one takes another."""
        self._pauses += 1
        self._learned.void(self._clock.monotonic())
        for budget in self._all_budgets:
            budget.void()
