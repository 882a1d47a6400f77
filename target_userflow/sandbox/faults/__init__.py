"""The faults that the sandbox can produce, and their probabilities."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FAULTS = {
    "500": "answers 500, writes nothing",
    "503": "answers 503, writes nothing",
    "429": "answers 429, writes nothing",
    "html": "answers 502 with a page of HTML, writes nothing",
    "reset-before": "drops the connection before the write",
    "reset-after": "writes, then drops the connection without an answer",
    "truncated": "writes, then ends the connection in the middle of the answer",
    "slow": "writes, then answers late",
}
"""What each fault does, by its name."""

RESETS = ("reset-before", "reset-after")
"""The faults after which no answer is sent."""


def check(odds: Mapping[str, float]) -> None:
    """Check the probabilities of faults, by fault name.

    Raises:
        ValueError: a fault is unknown, a probability is not in 0..1, or their sum exceeds 1.
    """
    for fault, probability in odds.items():
        if fault not in FAULTS:
            raise ValueError(f"there is no fault {fault!r}, only {', '.join(FAULTS)}")
        if not 0 <= probability <= 1:
            raise ValueError(f"the probability of {fault} must be in 0..1, not {probability}")
    if sum(odds.values()) > 1:
        raise ValueError("the probabilities of all faults add up to more than 1")


class RandomFaults:
    """Draws the fault of each request, in the order of arrival."""

    def __init__(self, odds: Mapping[str, float], seed: int | None = None) -> None:
        """Take the probabilities by fault name, and a seed for a reproducible sequence."""
        self._faults = [*odds, None]
        self._weights = [*odds.values(), max(0.0, 1.0 - sum(odds.values()))]
        self._random = random.Random(seed)  # noqa: S311 (reproducible on purpose, guards nothing)

    def draw(self) -> str | None:
        """Return the fault of the next request, or None for no fault."""
        return self._random.choices(self._faults, self._weights)[0]
