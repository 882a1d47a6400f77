"""Which objects unsettled records are about, of all streams of a run."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_userflow.accounts.pending import PendingRecord


class WaitingRecords:
    """Counts the records that are read and not settled, by what they are about."""

    def __init__(self) -> None:
        """Begin with no record."""
        self._counts: dict[bytes | tuple[str, ...], int] = {}  # a Counter takes twice as long
        self._lock = threading.Lock()

    def add(self, record: PendingRecord) -> None:
        """Count a record in."""
        place = _place(record)
        with self._lock:
            self._counts[place] = self._counts.get(place, 0) + 1

    def remove(self, records: Iterable[PendingRecord]) -> None:
        """Count records out."""
        counts = self._counts
        with self._lock:
            for place in map(_place, records):
                left = counts.pop(place) - 1
                if left:
                    counts[place] = left

    def is_alone(self, record: PendingRecord) -> bool:
        """Return whether no other record is unsettled that is about the same."""
        return self._counts.get(_place(record), 0) <= 1


def _place(record: PendingRecord) -> bytes | tuple[str, ...]:
    """Return what tells whether two records are about the same."""
    return record.reference if record.request.object_id else record.ledger_key
