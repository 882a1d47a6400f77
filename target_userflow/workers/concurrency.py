"""How many workers are worth their while: `concurrency` is the most there may be.

A worker more sends more requests as long as the others wait for answers. Where answers come at
once, it only gets into their way, as one thread at a time has the interpreter.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SLICE = 0.02
"""Seconds after which the number is looked at again."""
_IDLE, _FULL = 0.75, 0.95  # processor seconds a second: below more workers help, above fewer do


class Concurrency:
    """Follows how busy the processor is; a request that hangs keeps it idle, and others come."""

    def __init__(
        self,
        most: int,
        *,
        wall: Callable[[], float] = time.perf_counter,
        cpu: Callable[[], float] = time.process_time,
    ) -> None:
        """Begin with one worker.

        Args:
            most: Workers that there may be.
            wall: Seconds that pass.
            cpu: Seconds that all threads spent on a processor.
        """
        self.workers = 1
        """How many there should be now."""
        self._most = most
        self._wall = wall
        self._cpu = cpu
        self.begin()

    def begin(self) -> None:
        """Measure from here: a delivery starts."""
        self._since = self._wall(), self._cpu()

    def look(self) -> None:
        """Set the number of workers, if enough time has passed since it was last set."""
        wall, cpu = self._wall() - self._since[0], self._cpu() - self._since[1]
        if wall < SLICE / 2:
            return
        busy = max(cpu / wall, _IDLE / self._most)
        if not _IDLE <= busy <= _FULL:
            self.workers = max(1, min(self._most, round(self.workers * _IDLE / busy)))
        self.begin()
