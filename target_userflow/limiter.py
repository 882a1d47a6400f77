"""The pace that all workers of an API share: budgets per minute, and the pauses it asks for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.clock import Clock

_MARGIN = 1.01  # a request may reach the API later than its turn, and the next one on time


class Limiter:
    """Hands out turns.

    Turns are spread evenly and never saved up, so that no 60 seconds hold more than the budget,
    wherever the API starts to count.
    """

    def __init__(self, per_minute: int | None, clock: Clock) -> None:
        """Keep `per_minute` requests a minute; None for as many as go."""
        self._interval = 60 / per_minute * _MARGIN if per_minute else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._next_turn = self._last_turn = clock.monotonic()
        self._pauses = 0
        self._paused_until = self._next_turn
        self.waited = 0.0
        """Seconds that workers have waited here, all together."""

    def wait(self) -> None:
        """Return when it is this worker's turn, or when the run is stopped."""
        while not self._clock.stopped:
            turn, pauses = self._take_turn()
            seconds = turn - self._clock.monotonic()
            if seconds > 0:
                self._clock.sleep(seconds)
            with self._lock:
                self.waited += max(seconds, 0)
                if pauses == self._pauses:
                    self._last_turn = turn
                    return

    def pause(self, seconds: float) -> None:
        """Let nobody start for this long: the API answered 429 or asked to come back later.

        The turns that are taken are void: the first of them comes after the pause.
        """
        with self._lock:
            until = self._clock.monotonic() + seconds
            if until > self._paused_until:
                self._paused_until = until
                self._next_turn = max(until, self._last_turn + self._interval)
                self._pauses += 1

    def _take_turn(self) -> tuple[float, int]:
        with self._lock:
            turn = max(self._next_turn, self._clock.monotonic())
            self._next_turn = turn + self._interval
            return turn, self._pauses


class Limits:
    """The budget of all requests to an API, and those of single endpoints."""

    def __init__(self, per_minute: int | None, of_paths: Mapping[str, int], clock: Clock) -> None:
        """Keep all these budgets; a path is an endpoint's."""
        self._all = Limiter(per_minute, clock)
        self._of_paths = {path: Limiter(budget, clock) for path, budget in of_paths.items()}

    def wait(self, path: str) -> None:
        """Return when a request to `path` may start, or when the run is stopped."""
        if path in self._of_paths:
            self._of_paths[path].wait()
        self._all.wait()

    def pause(self, seconds: float) -> None:
        """Let nobody start for this long."""
        self._all.pause(seconds)
