"""Whether requests are refused by chance, or because a limit is reached: a sequential test.

Each answer adds the logarithm of how much likelier it is under a limit than by chance (CUSUM, as
control charts have it). Two limits are tested for: one that is used up, which refuses nearly all,
and one that is exceeded a little, which refuses a few more than chance does.
"""

from __future__ import annotations

import math

_USED_UP = 0.5  # share refused by a limit that lets nothing in; the first answers are still mixed
_EXCEEDED = 0.05  # share refused beside the noise, when it is worth it to slow down
_LEAST, _MOST = 0.0005, 0.05  # noise; more than that is never taken for noise
_PRIOR, _WEIGHT = 0.02, 50  # noise before anything is known: one refusal in so many answers
_MEMORY = 1000  # answers that the noise is averaged over


class Chance:
    """The share of requests that is refused for no reason, and what speaks for a limit."""

    def __init__(self) -> None:
        """Expect a little noise."""
        self.noise = _PRIOR
        self._heard = _WEIGHT
        self._used_up = self._exceeded = 0.0
        self._answers = self._refusals = 0
        """Those that say something of the noise, if they do not turn out to come from a limit."""

    @property
    def suspects(self) -> bool:
        """Whether anything speaks for a limit."""
        return self._used_up > 0 or self._exceeded > 0

    def hear(self, *, refused: bool, is_below: bool) -> None:
        """Weigh an answer.

        Args:
            refused: Whether it was a 429.
            is_below: Whether the pace is below any known limit, so that a refusal is noise.
        """
        self._answers += is_below
        self._refusals += is_below and refused
        noise = max(self.noise, _LEAST)
        self._used_up = max(0.0, self._used_up + _evidence(_USED_UP, noise, refused=refused))
        exceeded = _evidence(noise + _EXCEEDED, noise, refused=refused)
        self._exceeded = max(0.0, self._exceeded + exceeded)
        if not self.suspects:
            self._learn()

    def is_ruled_out(self, per_minute: float) -> bool:
        """Whether it is a limit: chance would bring this about once in as many requests."""
        return max(self._used_up, self._exceeded) > math.log(max(per_minute, 1))

    def forget(self) -> None:
        """Start again, as a limit was found; what it refused does not count as noise."""
        self._used_up = self._exceeded = 0.0
        if self._refusals <= 2 * _MOST * self._answers:
            self._learn()
        self._answers = self._refusals = 0

    def _learn(self) -> None:
        self._heard = min(self._heard + self._answers, _MEMORY)
        self.noise += (self._refusals - self._answers * self.noise) / self._heard
        self.noise = min(self.noise, _MOST)
        self._answers = self._refusals = 0


def _evidence(share: float, noise: float, *, refused: bool) -> float:
    return math.log(share / noise) if refused else math.log((1 - share) / (1 - noise))
