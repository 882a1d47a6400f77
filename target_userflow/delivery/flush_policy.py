"""How many records are held before they are delivered and their STATE is written."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_userflow.clock import Clock
    from target_userflow.config.settings import Pace

SECONDS = 10.0
"""How long filling a window may take, and likewise delivering it: STATE comes twice as seldom."""
MOST_RECORDS = 10_000
MOST_BYTES = 32_000_000
_FIRST = 50  # requests per worker in the first window: 25 s of them, if each takes half a second


class Window:
    """Grows and shrinks with what was delivered lately.

    The first one is modest, as nothing is known yet of the API's speed and limits.
    """

    def __init__(self, clock: Clock, pace: Pace, *, most: int | None = None) -> None:
        """Open the first window.

        Args:
            clock: Measures how long windows take.
            pace: What the first window is made for.
            most: Records in any window; by default 10,000.
        """
        self._clock = clock
        self._lock = threading.Lock()
        most = most or MOST_RECORDS
        budget = int((pace.requests_per_minute or most * 60) / 60 * SECONDS)
        self._most = max(1, min(budget, most))
        self.size = min(_FIRST * pace.concurrency, self._most)
        """Records that fill the window."""
        self._open()

    def add(self, size: int) -> None:
        """Count a record of so many bytes."""
        self._records += 1
        self._bytes += size

    @property
    def due(self) -> bool:
        """Whether it is time to deliver."""
        return (
            self._records >= self.size
            or self._bytes >= MOST_BYTES
            or self._clock.monotonic() - self._opened >= SECONDS
        )

    def sent(self, requests: int) -> None:
        """Count what was not settled without a request."""
        with self._lock:
            self._sent += requests

    def delivered(self, seconds: float) -> None:
        """Note how long the delivery of all streams took."""
        self._seconds += seconds

    def reopen(self) -> None:
        """Open the next one: as large as can be delivered in `SECONDS` at the speed of this one."""
        if self._sent:
            speed = int(self._sent / max(self._seconds, 0.001) * SECONDS)
            self.size = max(1, min(speed, 4 * self.size, self._most))
        self._open()

    def _open(self) -> None:
        self._records = self._bytes = self._sent = 0
        self._seconds = 0.0
        self._opened = self._clock.monotonic()
