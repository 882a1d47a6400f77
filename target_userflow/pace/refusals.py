"""Whether the 429s of late are more than chance brings."""

from __future__ import annotations

from collections import deque

_LATEST = 200  # answers that are looked at: enough to tell 1 % from 4 %
_MOST = 12  # 429s among them; 3 % by chance seldom exceeds that
_FEW = 1  # 429 among them that may be chance above the limit where no noise was seen before
_TIMES = 3  # as many 429s as the noise brings on average are still chance
_MEMORY = 1000  # answers below the limit that the noise is averaged over


class Refusals:
    """The 429s among the latest answers, and the share that chance brings: the noise."""

    def __init__(self) -> None:
        """Know of no noise."""
        self._latest: deque[bool] = deque(maxlen=_LATEST)
        self._answers = _MEMORY / 10
        self._refused = 0.0

    def add(self, *, refused: bool, is_below: bool) -> None:
        """Count an answer.

        Args:
            refused: Whether it was a 429.
            is_below: Whether the pace was below the limit, so that a 429 can only be noise.
        """
        self._latest.append(refused)
        if is_below:
            self._answers += 1
            self._refused += refused
        if self._answers > _MEMORY:
            self._answers /= 2
            self._refused /= 2

    def may_be_chance(self, *, is_below: bool) -> bool:
        """Whether there are so few that chance explains them; above the limit that is less."""
        noise = self._refused / self._answers
        most = _MOST if is_below else min(_MOST, _FEW + _TIMES * noise * _LATEST)
        return sum(self._latest) <= most
