"""Which records of a stream need a request: the others are unchanged, skipped or rejected."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from target_userflow.apis.outcomes import NotSent, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.dedup.dedup import NoDedup
    from target_userflow.lookup.attribute_types import AttributeTypeCheck
    from target_userflow.lookup.write_modes import UpsertMode


class WaitingRecords:
    """Counts the records of a stream that wait, by what they are about."""

    def __init__(self) -> None:
        """Begin with no record."""
        self._counts: Counter[bytes | tuple[str, ...]] = Counter()
        self._lock = threading.Lock()

    def add(self, records: Iterable[PendingRecord]) -> None:
        """Count records in."""
        with self._lock:
            self._counts.update(map(_place, records))

    def remove(self, record: PendingRecord) -> None:
        """Count a record out."""
        place = _place(record)
        with self._lock:
            self._counts[place] -= 1
            if not self._counts[place]:
                del self._counts[place]

    def is_alone(self, record: PendingRecord) -> bool:
        """Return whether no other record waits that is about the same."""
        return self._counts[_place(record)] <= 1


class RecordFilter:
    """Judges the records of one stream, by what was delivered, exists and is defined."""

    def __init__(
        self,
        dedup: NoDedup,
        mode: UpsertMode,
        attribute_types: AttributeTypeCheck,
        before_first_request: Callable[[], None],
        warn: Callable[[str], None],
    ) -> None:
        """Judge the records of a stream.

        Args:
            dedup: What the stream remembers of its records.
            mode: Which records are sent at all.
            attribute_types: Compares the stream with the attributes that exist.
            before_first_request: Is called once, ahead of the stream's first request.
            warn: Takes a line, for each attribute whose type is another.
        """
        self._dedup = dedup
        self._mode = mode
        self._attribute_types = attribute_types
        self._before_first_request: Callable[[], None] | None = before_first_request
        self._warn = warn
        self.waiting = WaitingRecords()

    def judged(
        self, records: list[PendingRecord]
    ) -> Iterator[tuple[PendingRecord, NotSent | Rejected | None]]:
        """Yield each record with its outcome, in the order read; None if it needs a request.

        Whoever asks settles a record before it asks for the next.

        Raises:
            StopRun: what it depends on can't be learned.
        """
        self._dedup.prefetch(records)
        self.waiting.add(records)
        outcomes = [self._dedup.outcome(record) for record in records]
        judged = [*zip(records, outcomes, strict=True)]
        self._mode.prefetch([record for record, outcome in judged if outcome is None])
        for record, outcome in judged:
            why = outcome or (None if self._mode.decides_late else self._skipped(record))
            if why is None:
                yield record, self._rejected(record)
            else:  # what comes before it may change that
                yield record, why if self.waiting.is_alone(record) else None

    def outcome(self, record: PendingRecord) -> NotSent | None:
        """Return why a record is not sent whose turn has come; None if it is."""
        return self._dedup.outcome(record) or self._skipped(record)

    def _skipped(self, record: PendingRecord) -> NotSent | None:
        reason = self._mode.refusal(record)
        return NotSent("skipped", reason) if reason else None

    def _rejected(self, record: PendingRecord) -> Rejected | None:
        """Return why a record is not sent that would define what must not come into being."""
        if self._dedup.has_attributes(record):
            return None
        if self._before_first_request:
            look, self._before_first_request = self._before_first_request, None
            look()
        reason = self._attribute_types.refusal(record.request, self._warn)
        return Rejected(reason) if reason is not None else None


def _place(record: PendingRecord) -> bytes | tuple[str, ...]:
    """Return what tells whether two records are about the same."""
    return record.ledger_key or record.request.object_id
