"""The threads that send: each takes the next work of a product's queues and settles it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from target_userflow.delivery.concurrency import SLICE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_userflow.clock import Clock
    from target_userflow.delivery.concurrency import Concurrency
    from target_userflow.delivery.pending import PendingRecord
    from target_userflow.delivery.queues import OrderedQueues, Work

_POLL = 0.2  # seconds until a worker that waits looks whether the run was stopped


class WorkerPool:
    """Settles what is in the queues of one product, with many requests in flight."""

    def __init__(
        self,
        name: str,
        queues: OrderedQueues,
        settle: Callable[[Work], None],
        concurrency: Concurrency,
        clock: Clock,
    ) -> None:
        """Start no thread before there is work.

        Args:
            name: The product's name, for the names of the threads.
            queues: What is to be settled.
            settle: Sends work and has its records settled; what it raises stops the product.
            concurrency: How many workers may be busy at once.
            clock: Tells when nothing new is to start.
        """
        self._name = name
        self._queues = queues
        self._settle = settle
        self._concurrency = concurrency
        self._clock = clock
        self._lock = threading.Lock()
        self._work_came = threading.Condition(self._lock)
        self._work_ended = threading.Condition(self._lock)
        self._threads: list[threading.Thread] = []
        self._idle = self._busy = 0
        self._closed = False

    @property
    def unsettled(self) -> int:
        """Records that are in the queues or with a worker."""
        return len(self._queues)

    @property
    def is_busy(self) -> bool:
        """Whether a worker has records."""
        return self._busy > 0

    def add(self, records: Iterable[PendingRecord]) -> None:
        """Add records, in the order read."""
        with self._lock:
            for record in records:
                self._queues.add(record)
            self._call_worker()

    def wait(self) -> None:
        """Return when some work has ended, or after a moment; adapt the number of workers."""
        with self._lock:
            if self._busy or len(self._queues):
                self._work_ended.wait(SLICE)
            self._concurrency.look()
            self._call_worker()

    def close(self) -> None:
        """Let the workers go, without waiting for one that hangs."""
        with self._lock:
            self._closed = True
            self._work_came.notify_all()

    def _call_worker(self) -> None:
        """Have one more worker look for work, if there may be one more; it calls the next."""
        if self._busy >= self._concurrency.workers or not self._queues.may_have_work:
            return
        if self._idle:
            self._work_came.notify()
        elif len(self._threads) < self._concurrency.workers:
            name = f"{self._name} {len(self._threads)}"
            thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        with self._lock:
            while (work := self._next()) is not None:
                self._busy += 1
                self._call_worker()
                self._lock.release()
                try:
                    self._settle(work)
                except BaseException as error:  # noqa: BLE001 - the worker boundary: the run ends with it
                    self._clock.stop(error)
                finally:
                    self._lock.acquire()
                    self._busy -= 1
                    self._queues.finish(work)
                    self._work_ended.notify()

    def _next(self) -> Work | None:
        """The next work; None once the pool is closed or the run is to end."""
        while not self._closed and not self._clock.stopped:
            if self._busy < self._concurrency.workers and (work := self._queues.take()):
                return work
            self._idle += 1
            self._work_came.wait(_POLL)
            self._idle -= 1
        return None
