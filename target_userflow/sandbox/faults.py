"""What goes wrong on purpose, and how often."""

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
"""The faults by name, and what each does."""

RESETS = ("reset-before", "reset-after")
"""The faults that leave no answer."""


def check(odds: Mapping[str, float]) -> None:
    """Refuse what is no set of faults with their probabilities.

    Raises:
        ValueError: a name is unknown, a probability is not in 0..1, or their sum exceeds 1.
    """
    for name, probability in odds.items():
        if name not in FAULTS:
            raise ValueError(f"there is no fault {name!r}, only {', '.join(FAULTS)}")
        if not 0 <= probability <= 1:
            raise ValueError(f"the probability of {name} must be in 0..1, not {probability}")
    if sum(odds.values()) > 1:
        raise ValueError("the probabilities of all faults add up to more than 1")


class Faults:
    """Chooses which fault, if any, hits a request: one draw per request, in order of arrival."""

    def __init__(self, odds: Mapping[str, float], seed: int | None = None) -> None:
        """Begin the sequence that ``seed`` stands for; None for another one each time."""
        self._names = [*odds, None]
        self._weights = [*odds.values(), max(0.0, 1.0 - sum(odds.values()))]
        self._random = random.Random(seed)  # noqa: S311 (reproducible on purpose, guards nothing)

    def draw(self) -> str | None:
        """The fault of the next request, None if it is spared."""
        return self._random.choices(self._names, self._weights)[0]
