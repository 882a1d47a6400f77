"""The seconds between attempts: exponential, with full jitter, so that clients spread out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import backoff

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_WAIT = 60.0
"""Seconds: the limits of the APIs are per minute."""


def waits() -> Iterator[float]:
    """Yield the seconds to wait after each failed attempt."""
    exponential = backoff.expo(base=2, factor=1, max_value=LONGEST_WAIT)
    next(exponential)  # its first value only starts it
    for seconds in exponential:
        yield backoff.full_jitter(seconds)
