"""The threads that send: each takes the next work of a product's queues and settles it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from target_userflow.errors import Exhausted
from target_userflow.workers.concurrency import SLICE
from target_userflow.workers.delayed import DelayedWork, Task
from target_userflow.workers.threads import start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.clock import Clock
    from target_userflow.ordering.queues import OrderedQueues, Work
    from target_userflow.workers.concurrency import Concurrency
    from target_userflow.workers.delayed import Settling

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
        self.queues = queues
        """The records that are unsettled; whoever has not the lock may count them."""
        self._settle = settle
        self._concurrency = concurrency
        self._clock = clock
        self._lock = threading.Lock()
        self._work_came = threading.Condition(self._lock)
        self._work_ended = threading.Condition(self._lock)
        self._later = DelayedWork(clock)
        self._threads = self._idle = 0
        self._is_timed = False
        self._closed = False
        self.busy = 0
        """Workers that have records."""

    def add(self, records: Iterable[PendingRecord]) -> None:
        """Add records, in the order read."""
        with self._lock:
            for record in records:
                self.queues.add(record)
            self._call_worker()

    def wait(self) -> None:
        """Return when all work has ended, or after a moment; adapt the number of workers."""
        with self._lock:
            if self.busy or len(self.queues):
                self._work_ended.wait(SLICE)
            self._concurrency.look()
            self._call_worker()

    def abandon(self) -> None:
        """Have the records unsettled that wait for another attempt: there will be none."""
        with self._lock:
            abandoned = self._later.take_all()
        for task in abandoned:
            task.settling.close()

    def close(self) -> None:
        """Let the workers go, without waiting for one that hangs."""
        with self._lock:
            self._closed = True
            self._work_came.notify_all()

    def _call_worker(self) -> None:
        """Have one more worker look for work, if there may be one more; it calls the next."""
        has_work = self.queues.may_have_work or self._later.is_due
        if self.busy >= self._concurrency.workers or not has_work:
            return
        if self._idle:
            self._work_came.notify()
        elif self._threads < self._concurrency.workers:
            try:
                start(self._run, f"{self._name} {self._threads}")
            except Exhausted as error:
                self._clock.stop(error)
            else:
                self._threads += 1

    def _run(self) -> None:
        with self._lock:
            while task := self._next():
                self.busy += 1
                self._call_worker()
                seconds = self._advance(task)
                self.busy -= 1
                if seconds is None:
                    self.queues.finish(task.work)
                else:
                    self._later.add(task, seconds)
                if not len(self.queues) or (self._clock.stopped and not self.busy):
                    self._work_ended.notify()

    def _advance(self, task: Task) -> float | None:
        """Go on with a task, without the lock.

        Returns:
            The seconds after which it wants to go on; None if it is done.
        """
        self._lock.release()
        try:
            return next(task.settling, None)
        except BaseException as error:  # noqa: BLE001 - the worker boundary: the run ends with it
            self._clock.stop(error)
            return None
        finally:
            self._lock.acquire()

    def _next(self) -> Task | None:
        """Return the next task; None once the pool is closed or the delivery is to end."""
        while not self._closed and not self._clock.stopped:
            if self.busy < self._concurrency.workers and (task := self._ready()):
                return task
            self._idle += 1
            self._pause()
            self._idle -= 1
        return None

    def _ready(self) -> Task | None:
        if self._later.is_due:
            return self._later.take()
        taken = self.queues.take()
        return Task(taken, self._settle(taken)) if taken else None

    def _pause(self) -> None:
        """Wait for work; one of those that wait looks to it that what is due is tried again."""
        if self._later and not self._is_timed:
            self._is_timed = True
            left = self._later.seconds_left
            self._lock.release()
            self._clock.sleep(max(0.0, min(left, SLICE)))
            self._lock.acquire()
            self._is_timed = False
        else:
            self._work_came.wait(_POLL)
