"""Brings what is read to the products while reading goes on, and says which STATE may be written.

Records are handed over in small batches, so that what comes at once can go together: groups before
users, several rows of one user as one request. A batch ends when the tap has nothing more to say,
when reading it has taken `LINGER` seconds of the processor, or when no more may be held.
"""

from __future__ import annotations

import gc
import logging
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from target_userflow.accounts.checkpoint import EVERY

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.accounts.checkpoint import Checkpoint
    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.clock import Clock
    from target_userflow.delivery.product_delivery import ProductDelivery

LINGER = 0.2
"""Seconds of processor time that reading a batch may take: no matter how busy the machine is."""
LONGEST = 1.0
"""Seconds after which a batch is handed over in any case."""
PAUSE = 0.05
"""Seconds that a tap may be silent before what it has written is handed over."""
_logger = logging.getLogger(__name__)
_TICK = 0.2  # seconds until it is looked again whether a STATE may be written
_AGAIN = 0.5  # of the records that may be held: with fewer, reading goes on


class Bounds(NamedTuple):
    """What may be read and not settled."""

    records: int = 10_000
    bytes: int = 32_000_000


class Accounts(Protocol):
    """What is known of the records that are settled, and has to be on disk before STATE is."""

    def check_shares(self) -> None:
        """Let records be delivered, unless too many were rejected."""

    def convict(self, *, last: bool) -> None:
        """Settle the records that were given up on and are clear to be at fault."""

    def sync(self) -> None:
        """Return once the disk has what became of all that is settled."""


class Pipeline:
    """Takes records in as they are read, and STATE out as they are settled.

    All of it is called by the thread that reads.
    """

    def __init__(  # noqa: PLR0913 - each is of another kind
        self,
        checkpoint: Checkpoint,
        write_state: Callable[[str], None],
        accounts: Accounts,
        clock: Clock,
        bounds: Bounds,
        *,
        cpu: Callable[[], float] = time.thread_time,
        wall: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing read.

        Args:
            checkpoint: Knows what is unsettled.
            write_state: Writes a STATE line, once all that it stands for is on disk.
            accounts: What is known of records that are settled.
            clock: Time, and whether the run is to end.
            bounds: What may be held.
            cpu: Seconds that the reading thread has spent on a processor.
            wall: Seconds that pass while it reads.
        """
        self._checkpoint = checkpoint
        self._write_state = write_state
        self._clock = clock
        self._accounts = accounts
        self._bounds = bounds
        self._cpu = cpu
        self._wall = wall
        self._products: list[ProductDelivery] = []
        self._batch: dict[ProductDelivery, list[PendingRecord]] = {}
        self._began = self._began_cpu = self._due = 0.0
        self._ticked = self._synced = 0.0
        self._is_frozen = False
        self.is_full = False
        """Whether reading waits for records to be settled."""
        self.is_hurried = False
        """Whether `stop` leaves what is in flight; a signal may set it in the midst of anything."""

    @property
    def is_delivering(self) -> bool:
        """Whether a record is on its way."""
        return any(product.unsettled for product in self._products)

    def connect(self, product: ProductDelivery) -> None:
        """Have records delivered to a product."""
        self._products.append(product)

    def add(self, product: ProductDelivery, record: PendingRecord) -> None:
        """Take a record into the batch that is being read; `tick` hands it over."""
        if not self._batch:
            self._began, self._began_cpu = self._wall(), self._cpu()
            self._due = self._began + LINGER
        self._batch.setdefault(product, []).append(record)

    def tick(self) -> None:
        """Hand over and write what is due, after each message; wait while too much is held.

        Raises:
            StopRun: the run has to end; records without an outcome are unsettled.
        """
        if self._batch and self._is_due:
            self.flush()
        if self._clock.monotonic() - self._ticked >= _TICK:
            self._check()
        if self._holds(1):
            self.flush()
            self.is_full = True
            while self._holds(_AGAIN, more=True):
                self._wait()
            self.is_full = False

    @property
    def _is_due(self) -> bool:
        """Whether the batch has been read for long enough.

        A processor spends no more seconds than pass: until then it need not be asked, as its
        clock is slow to read.
        """
        now = self._wall()
        if now < self._due:
            return False
        left = LINGER - (self._cpu() - self._began_cpu)
        self._due = now + left
        return left <= 0 or now - self._began >= LONGEST

    def idle(self) -> float | None:
        """Use the time in which the tap is silent.

        Returns:
            Seconds until there may be something to do again; None if there is nothing.
        """
        self._check()
        if self._batch:
            left = self._began + PAUSE - self._wall()
            if left > 0:
                return left
            self.flush()
        if self._checkpoint.records or self._checkpoint.is_open:
            for product in self._products:
                product.wait()
            return 0.0 if self.is_delivering else PAUSE
        return None

    def flush(self) -> None:
        """Hand over what was read.

        Raises:
            StopRun: some of it may not be sent, and so nothing of it is.
        """
        if not self._is_frozen:
            self._is_frozen = True
            gc.freeze()  # all that stays is there: it need not be looked through again and again
        batch, self._batch = self._batch, {}
        self._accounts.check_shares()
        for observer in {record.observer for records in batch.values() for record in records}:
            observer.check()
        for product, records in batch.items():
            product.deliver(records)

    def settle(self) -> None:
        """Return when everything that was read is settled, and its STATE written.

        Raises:
            StopRun: as for `tick`.
        """
        self.flush()
        while self.is_delivering:
            self._wait()
        self._check()
        self._accounts.sync()

    def end(self) -> None:
        """Settle everything, and what was given up on as well: no more is read.

        Raises:
            StopRun: as for `tick`.
        """
        self.settle()
        self._accounts.check_shares()
        self._accounts.convict(last=True)
        self.write_last_state()
        self._accounts.sync()

    def deliver(self, product: ProductDelivery, records: list[PendingRecord]) -> None:
        """Return when records are settled that no message of the tap asks for.

        Raises:
            StopRun: as for `tick`.
        """
        product.deliver(records)
        self.settle()

    def write_last_state(self) -> None:
        """Write the STATE of what is settled, however the run ended."""
        line = self._checkpoint.due(at_once=True)
        if line is not None:
            self._write_state(line)

    def stop(self) -> None:
        """Return when no request is in flight, or at once if it is hurried; nothing new starts."""
        for product in self._products:
            while product.is_busy and not self.is_hurried:
                product.wait()
            product.abandon()

    def _wait(self) -> None:
        for product in self._products:
            if product.unsettled:
                product.wait()
        self._check()

    def _holds(self, share: float, *, more: bool = False) -> bool:
        """Whether a share of the bounds is held, or more than it."""
        held, bounds = self._checkpoint, self._bounds
        left = bounds.records * share - held.records
        return held.bytes > bounds.bytes * share or (left < 0 if more else left <= 0)

    def _check(self) -> None:
        """Write a STATE that is due, and end the run if it has to end."""
        self._ticked = self._clock.monotonic()
        self._clock.check()
        self._accounts.convict(last=False)
        line = self._checkpoint.due()
        if line is not None:
            self._write_state(line)
            self._synced = self._ticked
        elif self._ticked - self._synced >= EVERY:  # a tap without STATE: what is noted must go
            self._accounts.sync()
            self._synced = self._ticked
        if any(product.failure for product in self._products):
            self._end()

    def _end(self) -> None:
        """Let the other products settle what was read for them, then raise the first failure."""
        self.flush()
        while others := [
            product for product in self._products if product.unsettled and not product.failure
        ]:
            self._clock.check()
            for product in others:
                product.wait()
        first, *more = dict.fromkeys(
            product.failure for product in self._products if product.failure
        )
        for error in more:
            _logger.error("%s", error)
        raise first
