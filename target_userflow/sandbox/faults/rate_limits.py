"""Rate limits over sliding or fixed windows, and the ``Retry-After`` header."""

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
"""The seconds that a request counts against most limits."""


class SlidingWindow:
    """Counts the accepted requests of the last seconds in each bucket."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a clock that returns seconds and never goes back."""
        self._clock = clock
        self._accepted: defaultdict[str, deque[float]] = defaultdict(deque)

    def wait(self, bucket: str, most: int, seconds: float = WINDOW) -> float:
        """Count a request if the bucket has room. Returns 0, or the seconds until it has room."""
        now, times = self._clock(), self._accepted[bucket]
        while times and times[0] <= now - seconds:
            times.popleft()
        if len(times) >= most:
            return times[-most] + seconds - now
        times.append(now)
        return 0.0

    def reset(self) -> None:
        """Remove all requests."""
        self._accepted.clear()


class FixedWindow:
    """Counts the accepted requests of the current window in each bucket."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Take a clock that returns seconds; each window starts at a multiple of its length."""
        self._clock = clock
        self._accepted: Counter[tuple[str, int]] = Counter()

    def wait(self, bucket: str, most: int, seconds: float = WINDOW) -> float:
        """Count a request if the bucket has room. Returns 0, or the seconds until it has room."""
        window, elapsed = divmod(self._clock(), seconds)
        if self._accepted[bucket, int(window)] >= most:
            return seconds - elapsed
        self._accepted[bucket, int(window)] += 1
        return 0.0

    def reset(self) -> None:
        """Remove all requests."""
        self._accepted.clear()


def retry_after(form: str, seconds: float, now: datetime | None = None) -> dict[str, str]:
    """Return the ``Retry-After`` header for a wait: seconds, an HTTP date (RFC 9110), or none.

    Both forms have whole seconds only, so the wait is rounded up.

    Args:
        form: ``seconds``, ``date`` or ``none``.
        seconds: The length of the wait.
        now: The time from which the date counts; None for the current time.
    """
    match form:
        case "seconds":
            return {"Retry-After": str(math.ceil(seconds))}
        case "date":
            return {"Retry-After": _http_date(seconds, now or datetime.now(timezone.utc))}
        case _:
            return {}


def _http_date(seconds: float, now: datetime) -> str:
    end = now + timedelta(seconds=seconds)
    fraction = timedelta(microseconds=-end.microsecond % 1_000_000)
    return format_datetime(end + fraction, usegmt=True)
