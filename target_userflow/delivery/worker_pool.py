"""The threads that send: each takes the next work of a product's queues and settles it."""

from __future__ import annotations

import heapq
import threading
from itertools import count
from typing import TYPE_CHECKING

from target_userflow.delivery.concurrency import SLICE
from target_userflow.errors import Exhausted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.clock import Clock
    from target_userflow.delivery.concurrency import Concurrency
    from target_userflow.delivery.queues import OrderedQueues, Work

    Settling = Generator[float, None, None]
    """Settles some work; yields the seconds after which it wants to go on."""

_POLL = 0.2  # seconds until a worker that waits looks whether the run was stopped


class WorkerPool:
    """Settles what is in the queues of one product, with many requests in flight.

    Work that has to wait before it is tried again holds no worker.
    """

    def __init__(
        self,
        name: str,
        queues: OrderedQueues,
        settle: Callable[[Work], Settling],
        concurrency: Concurrency,
        clock: Clock,
    ) -> None:
        """Start no thread before there is work.

        Args:
            name: The product's name, for the names of the threads.
            queues: What is to be settled.
            settle: Sends work and has its records settled; what it raises stops the product.
            concurrency: How many workers may be busy at once.
            clock: Time, and whether nothing new is to start.
        """
        self._name = name
        self._queues = queues
        self._settle = settle
        self._concurrency = concurrency
        self._clock = clock
        self._lock = threading.Lock()
        self._work_came = threading.Condition(self._lock)
        self._work_ended = threading.Condition(self._lock)
        self._later: list[tuple[float, int, Work, Settling]] = []
        self._numbers = count()
        self._threads = self._idle = 0
        self._is_timed = False
        self._closed = False
        self.busy = 0
        """Workers that have records."""

    @property
    def unsettled(self) -> int:
        """Records that are in the queues, with a worker, or wait for another attempt."""
        return len(self._queues)

    def add(self, records: Iterable[PendingRecord]) -> None:
        """Add records, in the order read."""
        with self._lock:
            for record in records:
                self._queues.add(record)
            self._call_worker()

    def wait(self) -> None:
        """Return when all work has ended, or after a moment; adapt the number of workers."""
        with self._lock:
            if self.busy or len(self._queues):
                self._work_ended.wait(SLICE)
            self._concurrency.look()
            self._call_worker()

    def abandon(self) -> None:
        """Have the records unsettled that wait for another attempt: there will be none."""
        with self._lock:
            later, self._later = self._later, []
        for *_, settling in later:
            settling.close()

    def close(self) -> None:
        """Let the workers go, without waiting for one that hangs."""
        with self._lock:
            self._closed = True
            self._work_came.notify_all()

    def _call_worker(self) -> None:
        """Have one more worker look for work, if there may be one more; it calls the next."""
        if self.busy >= self._concurrency.workers or not self._has_work:
            return
        if self._idle:
            self._work_came.notify()
        elif self._threads < self._concurrency.workers:
            self._start()

    @property
    def _has_work(self) -> bool:
        return self._queues.may_have_work or self._is_due

    @property
    def _is_due(self) -> bool:
        return bool(self._later) and self._later[0][0] <= self._clock.monotonic()

    def _start(self) -> None:
        thread = threading.Thread(
            target=self._run, name=f"{self._name} {self._threads}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:
            self._clock.stop(Exhausted(error))
        else:
            self._threads += 1

    def _run(self) -> None:
        with self._lock:
            while (task := self._next()) is not None:
                work, settling = task
                self.busy += 1
                self._call_worker()
                self._lock.release()
                try:
                    seconds = self._advance(settling)
                finally:
                    self._lock.acquire()
                    self.busy -= 1
                if seconds is None:
                    self._queues.finish(work)
                else:
                    due = self._clock.monotonic() + seconds
                    heapq.heappush(self._later, (due, next(self._numbers), work, settling))
                if not len(self._queues) or (self._clock.stopped and not self.busy):
                    self._work_ended.notify()

    def _advance(self, settling: Settling) -> float | None:
        """Go on with some work: the seconds after which it wants to go on; None if it is done."""
        try:
            return next(settling)
        except StopIteration:
            return None
        except BaseException as error:  # noqa: BLE001 - the worker boundary: the run ends with it
            self._clock.stop(error)
            return None

    def _next(self) -> tuple[Work, Settling] | None:
        """The next work; None once the pool is closed or the delivery is to end."""
        while not self._closed and not self._clock.stopped:
            if self.busy < self._concurrency.workers and (task := self._ready()):
                return task
            self._idle += 1
            self._pause()
            self._idle -= 1
        return None

    def _ready(self) -> tuple[Work, Settling] | None:
        if self._is_due:
            *_, work, settling = heapq.heappop(self._later)
            return work, settling
        taken = self._queues.take()
        return (taken, self._settle(taken)) if taken else None

    def _pause(self) -> None:
        """Wait for work; one of those that wait looks to it that what is due is tried again."""
        if self._later and not self._is_timed:
            self._is_timed = True
            left = self._later[0][0] - self._clock.monotonic()
            self._lock.release()
            self._clock.sleep(max(0.0, min(left, SLICE)))
            self._lock.acquire()
            self._is_timed = False
        else:
            self._work_came.wait(_POLL)
