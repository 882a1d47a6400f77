"""Brings the records of all streams to one product: prepares, queues, and has them sent."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.delivery.evidence import Evidence, Suspects
from target_userflow.delivery.merging import RequestMerger
from target_userflow.delivery.sending import Sender
from target_userflow.delivery.writer import Writer
from target_userflow.ordering.preparing import prepared
from target_userflow.ordering.queues import OrderedQueues
from target_userflow.workers.concurrency import SLICE, Concurrency
from target_userflow.workers.pool import WorkerPool
from target_userflow.workers.reads import ConcurrentReads
from target_userflow.workers.threads import submit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.product import Product
    from target_userflow.clock import Clock
    from target_userflow.config.settings import Destination
    from target_userflow.transport.client import Client


class ProductDelivery:
    """Delivers records while others are read; what becomes of each is told to its observer."""

    def __init__(
        self,
        client: Client,
        reads: ConcurrentReads,
        workers: WorkerPool,
        suspects: Suspects,
        clock: Clock,
    ) -> None:
        """Deliver to one product.

        Args:
            client: The way to its API.
            reads: Asks it for what is only read.
            workers: The threads that settle what is queued.
            suspects: What was given up on, and is not settled yet.
            clock: Tells when the product's delivery is to end.
        """
        self.client = client
        self.reads = reads
        self.suspects = suspects
        self._workers = workers
        self._clock = clock
        self._preparer = ThreadPoolExecutor(1, "prepares")
        self._preparing = 0
        self._prepared = threading.Event()
        """Set when records were prepared: workers may have them now."""
        self._lock = threading.Lock()

    @property
    def unsettled(self) -> int:
        """Records on their way; once the delivery is to end, those that a worker still has."""
        if self._clock.stopped:
            return self._workers.busy
        return self._preparing + len(self._workers.queues)

    @property
    def failure(self) -> BaseException | None:
        """Why the delivery is to end, if it is."""
        return self._clock.why

    @property
    def is_busy(self) -> bool:
        """Whether a worker has records."""
        return self._workers.busy > 0

    def deliver(self, records: Sequence[PendingRecord]) -> None:
        """Have records delivered.

        Args:
            records: Records of all streams, in the order read.

        Raises:
            Exhausted: no thread can be started.
        """
        with self._lock:
            self._preparing += len(records)
        submit(self._preparer, self._prepare, records)

    def wait(self) -> None:
        """Return when a worker has settled something, or after a moment."""
        if self._preparing and not len(self._workers.queues):
            self._prepared.wait(SLICE)
            self._prepared.clear()
        self._workers.wait()

    def abandon(self) -> None:
        """Have the records unsettled that wait for another attempt: there will be none."""
        self._workers.abandon()

    def close(self) -> None:
        """Let the threads go, without waiting for one that hangs, and the connections."""
        self._preparer.shutdown(wait=False)
        self.reads.close()
        self._workers.close()
        self.client.close()

    def _prepare(self, records: Sequence[PendingRecord]) -> None:
        """Queue the records that need a request; those that are matched come after the others."""
        try:
            self._queue([record for record in records if not record.is_matched])
            matched = [record for record in records if record.is_matched]
            if matched:
                self._wait_for_creations()
                self._queue(matched)
        except BaseException as error:  # noqa: BLE001 - the thread's boundary: the run ends with it
            self._clock.stop(error)
        finally:
            with self._lock:
                self._preparing -= len(records)
            self._prepared.set()

    def _queue(self, records: Sequence[PendingRecord]) -> None:
        if not self._clock.stopped:
            self._workers.add(prepared(records))

    def _wait_for_creations(self) -> None:
        """Return when nothing is on its way that may create what records are matched with."""
        while self._workers.queues.creating and not self._clock.stopped:
            self._workers.wait()


def product_delivery(
    product: Product, destination: Destination, client: Client, clock: Clock, concurrency: int
) -> ProductDelivery:
    """Return the delivery to a product; threads are started when they are needed.

    Args:
        product: What is sent how.
        destination: Where to.
        client: Sends requests there.
        clock: Tells when the product's delivery is to end.
        concurrency: Requests in flight, at most.
    """
    merger, evidence = RequestMerger(product, destination), Evidence()
    suspects = Suspects(evidence)
    sender = Sender(Writer(client, merger, evidence), merger, suspects, clock)
    reads = ConcurrentReads(product.name, client, clock, concurrency)
    workers = worker_pool(product, sender, clock, concurrency)
    return ProductDelivery(client, reads, workers, suspects, clock)


def worker_pool(product: Product, sender: Sender, clock: Clock, concurrency: int) -> WorkerPool:
    """Return the workers of a product; arguments as for `product_delivery`."""
    turns = {name: kind.turn for name, kind in OBJECT_TYPES.items() if kind.product is product}
    queues = OrderedQueues(turns, product.batch, product.deletions, product.kinds)
    return WorkerPool(product.name, queues, sender.send, Concurrency(concurrency), clock)
