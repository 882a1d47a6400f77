"""The records that are read together, so that they can be sent together."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.delivery.product_delivery import ProductDelivery

LINGER = 0.2
"""Seconds of processor time that reading a batch may take: no matter how busy the machine is."""
AT_ONCE = 0.05
"""The same, while nothing is on its way: the API waits for it."""
LONGEST = 1.0
"""Seconds after which a batch is handed over in any case."""
PAUSE = 0.05
"""Seconds that a tap may be silent before what it has written is handed over."""


class ReadBatch:
    """The records of a batch by product, and since when it is read."""

    def __init__(
        self,
        is_delivering: Callable[[], bool],
        *,
        cpu: Callable[[], float] = time.thread_time,
        wall: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without a record.

        Args:
            is_delivering: Returns whether a record is on its way.
            cpu: Seconds that the reading thread has spent on a processor.
            wall: Seconds that pass while it reads.
        """
        self._is_delivering = is_delivering
        self._cpu = cpu
        self._wall = wall
        self._records: dict[ProductDelivery, list[PendingRecord]] = {}
        self._began = self._began_cpu = self._linger = 0.0

    def __bool__(self) -> bool:
        """Return whether it has a record."""
        return bool(self._records)

    @property
    def is_due(self) -> bool:
        """Whether it has records, and has been read for long enough."""
        if not self._records:
            return False
        taken = self._wall() - self._began
        if taken < self._linger:  # of a processor it can't be more, whose clock is slow to read
            return False
        return self._cpu() - self._began_cpu >= self._linger or taken >= LONGEST

    @property
    def patience(self) -> float:
        """Seconds until it is handed over, if the tap remains silent; 0 or less if at once."""
        return self._began + PAUSE - self._wall()

    def add(self, product: ProductDelivery, record: PendingRecord) -> None:
        """Add a record that was read."""
        if not self._records:
            self._began, self._began_cpu = self._wall(), self._cpu()
            self._linger = LINGER if self._is_delivering() else AT_ONCE
        self._records.setdefault(product, []).append(record)

    def take(self) -> Mapping[ProductDelivery, list[PendingRecord]]:
        """Take all records out, by their product."""
        records, self._records = self._records, {}
        return records
