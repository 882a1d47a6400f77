"""Whether 429s are more than chance brings: a limit refuses many in a row, noise refuses few."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

_UNLIKELY = 1e-6  # an API answers up to a thousand a second: deceived once in a quarter of an hour
_MEMORY = 2000  # answers: enough to tell 1 % from 2 %
_LEAST = 1e-4  # of all answers: no API is without noise for good
_DOUBT = 200  # answers without a 429, as if they had been seen at the start


class _Refused(NamedTuple):
    number: int
    """Which of the answers it was."""
    is_noise: bool
    """Whether it was counted as noise."""


class Chance:
    """The latest 429s, and the share of answers that are 429s without a limit: the noise."""

    def __init__(self) -> None:
        """Know of no noise."""
        self.answers = 0
        """How many there were."""
        self._latest: deque[_Refused] = deque()
        self._answers = float(_DOUBT)
        self._refused = 0.0

    @property
    def noise(self) -> float:
        """The share of answers that are 429s although the limit is not reached."""
        return max(_LEAST, self._refused / self._answers)

    def let_in(self, *, is_below: bool) -> None:
        """Count an answer that was no 429; `is_below` is whether the pace was below the limit."""
        self._count(refused=False, is_below=is_below)

    def refused(self, *, is_below: bool) -> int:
        """Count a 429.

        Args:
            is_below: Whether the pace was below the limit, so that it is noise unless that changed.

        Returns:
            How many of the latest 429s show a limit; 0 if they may all be chance.
        """
        self._count(refused=True, is_below=is_below)
        self._latest.append(_Refused(self.answers, is_below))
        while self._latest[0].number <= self.answers - _MEMORY:
            self._latest.popleft()
        for refused, first in enumerate(reversed(self._latest), 1):
            if is_unlikely(refused, self.answers - first.number + 1, self.noise):
                self._forget(refused)
                return refused
        return 0

    def _count(self, *, refused: bool, is_below: bool) -> None:
        self.answers += 1
        if is_below:
            self._answers += 1
            self._refused += refused
        if self._answers > _MEMORY:
            self._answers /= 2
            self._refused /= 2

    def _forget(self, refused: int) -> None:
        """Take the latest 429s for no noise: they are those of a limit."""
        counted = sum(one.is_noise for one in list(self._latest)[-refused:])
        self._refused = max(0.0, self._refused - counted)
        self._latest.clear()


def is_unlikely(refused: int, answers: int, noise: float) -> bool:
    """Whether chance hardly refuses so many of so many answers, by Chernoff's bound.

    Args:
        refused: How many were refused.
        answers: Of how many.
        noise: The share that is refused on average.
    """
    share = refused / answers
    if share <= noise:
        return False
    divergence = share * math.log(share / noise)
    if share < 1:
        divergence += (1 - share) * math.log((1 - share) / (1 - noise))
    return answers * divergence > -math.log(_UNLIKELY)
