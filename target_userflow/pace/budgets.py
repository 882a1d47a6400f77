"""Budgets of requests per minute, of an API and of its endpoints."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from target_userflow.pace.shares import Share
from target_userflow.pace.throttle_stats import Cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LATE = 0.25
"""Seconds that a worker may come late to its turn."""
TRANSIT = 0.5
"""Seconds that a request may take longer to the API than the next one."""
_MINUTE = 60.0
_CATCH_UP = 0.5  # seconds of turns that nobody was there to take are not lost
_LEAST = 1e-6  # of a budget, and of a second: nothing is divided by 0


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
        self.interval = (_MINUTE + _CATCH_UP + LATE + TRANSIT) / per_minute
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


class Budgets:
    """The budget of an API, and those of single endpoints."""

    def __init__(
        self, per_minute: int | None, of_paths: Mapping[str, int], share: Share, now: float
    ) -> None:
        """Allow requests from now on.

        Args:
            per_minute: Requests that the API may be sent; None for as many as go.
            of_paths: Likewise for single endpoints, by their path.
            share: The part of these that the run may use.
            now: Seconds of the clock.
        """
        self._whole = Budget(per_minute, share) if per_minute else None
        self._of_paths = {path: Budget(budget, share) for path, budget in of_paths.items()}
        self._used: Counter[Budget] = Counter()
        self._asked_at = now

    def of(self, path: str) -> Iterator[tuple[Budget, Cause]]:
        """Yield the budgets that a request to a path needs, and what it waits for by each."""
        if self._whole:
            yield self._whole, Cause.BUDGET
        if path in self._of_paths:
            yield self._of_paths[path], Cause.LIMIT

    def void(self) -> None:
        """Let none of those start that have not yet."""
        for budget in self._all():
            budget.void()

    def part_used(self, now: float) -> tuple[float, float]:
        """Return the largest part of a budget that was used since the last call.

        Returns:
            The part (1 if there is no budget), and the seconds since then.
        """
        seconds, self._asked_at = max(now - self._asked_at, _LEAST), now
        parts = [self._part_of(budget, seconds) for budget in self._all()]
        return max(parts, default=1.0), seconds

    def _part_of(self, budget: Budget, seconds: float) -> float:
        used = budget.used - self._used[budget]
        self._used[budget] = budget.used
        return used * budget.interval / seconds

    def _all(self) -> list[Budget]:
        return [*self._of_paths.values(), *([self._whole] if self._whole else [])]
