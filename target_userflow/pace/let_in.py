"""The requests that an API let in, and how many per second that are."""

from __future__ import annotations

import math
from collections import Counter

_TICKS = 10  # a second: how finely it is known when requests were let in
_KEPT = 120  # seconds that are kept at least
_ENOUGH = 10  # requests, before they say how many per second that are
_PARTS = (1, 2, 4, 8)  # the last half, … of a time may tell more than all of it


class LetIn:
    """Counts requests by when they started."""

    def __init__(self) -> None:
        """Begin with none."""
        self.first = math.inf
        """When the first of them started."""
        self._ticks: Counter[int] = Counter()

    def add(self, started: float) -> None:
        """Count a request."""
        self.first = min(self.first, started)
        self._ticks[int(started * _TICKS)] += 1
        if len(self._ticks) > _KEPT * _TICKS:
            first = int((started - _KEPT / 2) * _TICKS)
            self._ticks = Counter({tick: n for tick, n in self._ticks.items() if tick >= first})

    def are_enough(self, began: float) -> bool:
        """Whether there were enough since then to say how many per second that are."""
        return self._since(began) >= _ENOUGH

    def rate(self, began: float, end: float) -> float:
        """Requests per second of a time, which begins with the first request at the earliest.

        Args:
            began: When the time begins, in seconds of the clock.
            end: When it ends; it may be a pause until then.
        """
        seconds = max(end - max(began, self.first), 1 / _TICKS)
        return max(self._since(end - seconds), 1) / seconds

    def best_rate(self, began: float, end: float) -> float:
        """Requests per second of a time, or of its last half, quarter or eighth if more."""
        begins = [began] + [
            end - (end - began) / part
            for part in _PARTS
            if self.are_enough(end - (end - began) / part)
        ]
        return max(self.rate(begin, end) for begin in begins)

    def _since(self, when: float) -> int:
        return sum(n for tick, n in self._ticks.items() if tick > when * _TICKS - 1)
