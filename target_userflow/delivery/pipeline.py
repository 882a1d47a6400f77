"""Brings what is read to the products while reading goes on, and says which STATE may be written.

Records are handed over in small batches, so that what comes at once can go together: groups before
users, several rows of one user as one request. A batch ends when the tap has nothing more to say,
when reading it has taken `LINGER` seconds of the processor (`AT_ONCE` if nothing is on its way),
or when no more may be held.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, NamedTuple

from target_userflow.delivery.read_batch import PAUSE, ReadBatch

if TYPE_CHECKING:
    from target_userflow.accounts.checkpoint import Checkpoint
    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.accounts.state_output import Accounts, StateOutput
    from target_userflow.clock import Clock
    from target_userflow.delivery.deliveries import Deliveries
    from target_userflow.delivery.product_delivery import ProductDelivery

_TICK = 0.2  # seconds until it is looked again whether a STATE may be written
_OBJECTS = 200_000
"""Objects that Python makes before it looks for cycles among them: records are in none, so that it
would look through all that are held, to find nothing. Errors are in some."""
_AGAIN = 0.5  # of the records that may be held: with fewer, reading goes on


class Bounds(NamedTuple):
    """What may be read and not settled."""

    records: int = 3_000
    bytes: int = 32_000_000

    def are_reached(self, held: Checkpoint) -> bool:
        """Return whether no more may be read."""
        return held.records >= self.records or held.bytes > self.bytes

    def are_near(self, held: Checkpoint) -> bool:
        """Return whether so much is held that reading does not go on once it has stopped."""
        return held.records > self.records * _AGAIN or held.bytes > self.bytes * _AGAIN


class Pipeline:
    """Takes records in as they are read, and STATE out as they are settled.

    All of it is called by the thread that reads.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        checkpoint: Checkpoint,
        states: StateOutput,
        accounts: Accounts,
        deliveries: Deliveries,
        clock: Clock,
        bounds: Bounds,
    ) -> None:
        """Begin with nothing read.

        Args:
            checkpoint: Knows what is unsettled.
            states: Writes STATE.
            accounts: What is known of records that are settled.
            deliveries: The deliveries to the products.
            clock: Time, and whether the run is to end.
            bounds: What may be held.
        """
        self._checkpoint = checkpoint
        self._states = states
        self._accounts = accounts
        self._deliveries = deliveries
        self._clock = clock
        self._bounds = bounds
        self._batch = ReadBatch(lambda: deliveries.is_delivering)
        self._ticked = 0.0
        self._is_frozen = False
        self.is_full = False
        """Whether reading waits for records to be settled."""
        self.is_hurried = False
        """Whether `stop` leaves what is in flight; a signal may set it in the midst of anything."""

    def add(self, product: ProductDelivery, record: PendingRecord) -> None:
        """Take a record into the batch that is being read; `tick` hands it over."""
        self._batch.add(product, record)

    def tick(self) -> None:
        """Hand over and write what is due, after each message; wait while too much is held.

        Raises:
            StopRun: the run has to end; records without an outcome are unsettled.
        """
        if self._batch.is_due:
            self.flush()
        if self._clock.monotonic() - self._ticked >= _TICK:
            self._check()
        if self._bounds.are_reached(self._checkpoint):
            self.flush()
            self._make_room()

    def idle(self) -> float | None:
        """Use the time in which the tap is silent.

        Returns:
            Seconds until there may be something to do again; None if there is nothing.

        Raises:
            StopRun: as for `tick`.
        """
        self._check()
        if self._batch:
            left = self._batch.patience
            if left > 0:
                return left
            self.flush()
        if self._checkpoint.records or self._checkpoint.is_open:
            self._deliveries.wait()
            return 0.0 if self._deliveries.is_delivering else PAUSE
        return None

    def flush(self) -> None:
        """Hand over what was read.

        Raises:
            StopRun: some of it may not be sent, and so nothing of it is.
        """
        if not self._is_frozen:
            self._is_frozen = True
            gc.freeze()  # all that stays is there: it need not be looked through again and again
            gc.set_threshold(_OBJECTS)
        batch = self._batch.take()
        self._accounts.check_shares()
        for observer in {record.observer for records in batch.values() for record in records}:
            observer.check()
        for product, records in batch.items():
            product.deliver(records)

    def settle(self) -> None:
        """Return when everything that was read is settled, its STATE written, and all on disk.

        Raises:
            StopRun: as for `tick`.
        """
        self.flush()
        while self._deliveries.is_delivering:
            self._wait()
        self._check()
        self._accounts.sync()

    def end(self) -> None:
        """Settle everything, and what was given up on as well: no more is read.

        Raises:
            StopRun: as for `tick`.
        """
        self.flush()
        while self._deliveries.is_delivering:
            self._wait()
        self._clock.check()
        if self._deliveries.has_failed:
            self._check()
        self._accounts.check_shares()
        self._accounts.convict(last=True)
        self._states.write_last()

    def deliver(self, product: ProductDelivery, records: list[PendingRecord]) -> None:
        """Return when records are settled that no message of the tap asks for.

        Raises:
            StopRun: as for `tick`.
        """
        product.deliver(records)
        self.settle()

    def stop(self) -> None:
        """Return when no request is in flight, or at once if it is hurried; nothing new starts.

        The STATE of what is settled is written.
        """
        self._deliveries.stop(lambda: self.is_hurried)
        self._states.write_last()

    def _make_room(self) -> None:
        """Wait until less is held, or all that is held was given up on.

        Only what is read next can show then whether the API works for others.
        """
        self.is_full = True
        self._wait()
        while self._bounds.are_near(self._checkpoint) and self._deliveries.is_delivering:
            self._wait()
        self.is_full = False

    def _wait(self) -> None:
        self._deliveries.wait()
        self._check()

    def _check(self) -> None:
        """Write a STATE that is due, and end the run if it has to end.

        If a product has failed, what was read for the others is settled before.
        """
        self._ticked = self._clock.monotonic()
        self._clock.check()
        if not self._batch:  # of a tap that sends nothing good, no batch is handed over
            self._accounts.check_shares()
        self._accounts.convict(last=False)
        self._states.write_due()
        if self._deliveries.has_failed:
            self.flush()
            self._deliveries.raise_failure()
