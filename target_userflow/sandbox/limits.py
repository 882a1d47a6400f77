"""How many requests are let in per minute, and what a client that sent too many is told."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict, deque
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = 60.0
"""Seconds that a request counts against most limits."""


class SlidingWindow:
    """Counts the requests of the last seconds in each bucket; refused ones don't count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Count by a clock that tells seconds and never goes back."""
        self._clock = clock
        self._taken: defaultdict[str, deque[float]] = defaultdict(deque)

    def wait(self, bucket: str, most: int, seconds: float = WINDOW) -> float:
        """Let a request in and return 0, or return the seconds until there is room for one."""
        now, taken = self._clock(), self._taken[bucket]
        while taken and taken[0] <= now - seconds:
            taken.popleft()
        if len(taken) >= most:
            return taken[-most] + seconds - now
        taken.append(now)
        return 0.0

    def reset(self) -> None:
        """Forget every request."""
        self._taken.clear()


class FixedWindow:
    """Counts the requests of this minute, or such, in each bucket; refused ones don't count."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Count by a clock that tells seconds, and whose minutes are those that count."""
        self._clock = clock
        self._taken: Counter[tuple[str, int]] = Counter()

    def wait(self, bucket: str, most: int, seconds: float = WINDOW) -> float:
        """Let a request in and return 0, or return the seconds until there is room for one."""
        window, gone = divmod(self._clock(), seconds)
        if self._taken[bucket, int(window)] >= most:
            return seconds - gone
        self._taken[bucket, int(window)] += 1
        return 0.0

    def reset(self) -> None:
        """Forget every request."""
        self._taken.clear()


def retry_after(form: str, seconds: float, now: datetime | None = None) -> dict[str, str]:
    """The ``Retry-After`` header for a wait: delta seconds, an HTTP date (RFC 9110), or none.

    Both forms know whole seconds only, so they are rounded up: waiting so long is enough.
    """
    match form:
        case "seconds":
            return {"Retry-After": str(math.ceil(seconds))}
        case "date":
            return {"Retry-After": _http_date(seconds, now or datetime.now(timezone.utc))}
        case _:
            return {}


def _http_date(seconds: float, now: datetime) -> str:
    then = now + timedelta(seconds=seconds)
    fraction = timedelta(microseconds=-then.microsecond % 1_000_000)
    return format_datetime(then + fraction, usegmt=True)
