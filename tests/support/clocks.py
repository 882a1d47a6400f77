"""A clock whose time passes only while everybody sleeps, so that no test waits."""

from __future__ import annotations

import heapq
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import TYPE_CHECKING

from target_userflow.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

START = datetime(2024, 3, 1, tzinfo=timezone.utc)
"""What the wall clock shows at first."""


class VirtualClock(Clock):
    """Begins at 0 seconds; a sleep moves it on, in no time.

    `conduct` runs several workers. Each is a thread, but only one of them runs at any instant, and
    the one with the earliest end of its sleep is next: the same in every run.
    """

    def __init__(self) -> None:
        """Begin at 0."""
        super().__init__()
        self.seconds = 0.0
        self._numbers = count()
        self._asleep: list[tuple[float, int, threading.Event]] = []
        self._conducted = threading.local()
        self._handed_back = threading.Semaphore(0)

    def monotonic(self) -> float:
        """Seconds since the beginning."""
        return self.seconds

    def now(self) -> datetime:
        """The wall clock, which keeps pace."""
        return START + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        """Let time pass; while conducted, let the others run in it."""
        if self.stopped or seconds <= 0:
            return
        if not hasattr(self._conducted, "yes"):
            self.seconds += seconds
            return
        woken = threading.Event()
        heapq.heappush(self._asleep, (self.seconds + seconds, next(self._numbers), woken))
        self._handed_back.release()
        woken.wait()

    def conduct(self, *workers: Callable[[], object]) -> None:
        """Run workers side by side until all have ended, and raise what one of them raises."""
        with ThreadPoolExecutor(len(workers)) as threads:
            ends = [self._started(threads, worker) for worker in workers]
            while self._asleep:
                end, _, woken = heapq.heappop(self._asleep)
                if not self.stopped:
                    self.seconds = max(self.seconds, end)
                woken.set()
                self._wait_for_hand_back()
        for one in ends:
            one.result()

    def _started(self, threads: ThreadPoolExecutor, worker: Callable[[], object]) -> Future[None]:
        future = threads.submit(self._conduct, worker)
        self._wait_for_hand_back()
        return future

    def _conduct(self, worker: Callable[[], object]) -> None:
        self._conducted.yes = True
        try:
            worker()
        finally:
            self._handed_back.release()

    def _wait_for_hand_back(self) -> None:
        if not self._handed_back.acquire(timeout=30):
            raise TimeoutError("a worker neither sleeps nor ends: who holds a lock in its sleep?")
