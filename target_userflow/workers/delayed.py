"""Work that waits before it is tried again, so that it holds no worker."""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Generator

    from target_userflow.clock import Clock
    from target_userflow.ordering.queues import Work

    Settling = Generator[float, None, None]
    """Settles some work; yields the seconds after which it wants to go on."""


class Task(NamedTuple):
    """Some work, and how far it is."""

    work: Work
    settling: Settling


class DelayedWork:
    """Tasks by the time at which they are due. Whoever uses it holds the lock of the workers."""

    def __init__(self, clock: Clock) -> None:
        """Begin with no task; `clock` says when one is due."""
        self._clock = clock
        self._tasks: list[tuple[float, int, Task]] = []
        self._numbers = count()

    def __len__(self) -> int:
        """Tasks that wait."""
        return len(self._tasks)

    @property
    def is_due(self) -> bool:
        """Whether the next task may go on."""
        return bool(self._tasks) and self.seconds_left <= 0

    @property
    def seconds_left(self) -> float:
        """Seconds until the next task is due; there has to be one."""
        return self._tasks[0][0] - self._clock.monotonic()

    def add(self, task: Task, seconds: float) -> None:
        """Have a task wait for some seconds."""
        due = self._clock.monotonic() + seconds
        heapq.heappush(self._tasks, (due, next(self._numbers), task))

    def take(self) -> Task:
        """Take the next task off."""
        return heapq.heappop(self._tasks)[-1]

    def take_all(self) -> list[Task]:
        """Take all tasks off."""
        tasks, self._tasks = self._tasks, []
        return [task for *_, task in tasks]
