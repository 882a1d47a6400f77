"""Settles the records of a stream: notes each outcome, then lets STATE go past the record."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from target_userflow.apis.outcomes import CARRIED, Delivered, GaveUp, NotSent, Rejected
from target_userflow.dedup.event_dedup import DIFFERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from target_userflow.accounts.checkpoint import Checkpoint
    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.accounts.stream_tally import StreamTally
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.apis.outcomes import Settled
    from target_userflow.dedup.dedup import NoDedup
    from target_userflow.lookup.existing_objects import ExistingObjectsByType
    from target_userflow.singer.message import Source


class Table(Protocol):
    """The table that a stream's records are of."""

    @property
    def is_watched(self) -> bool:
        """Whether it matters which of its rows are delivered."""

    def note_read(self) -> None:
        """Write the records down that were read, before they are sent."""

    def note_settled(self, records: Iterable[PendingRecord]) -> None:
        """Strike out what is not there after these records."""


class Settlement:
    """Notes outcomes in the ledger, of what exists, in the dead letters and in the accounts."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        object_type: ObjectType,
        tally: StreamTally,
        checkpoint: Checkpoint,
        dedup: NoDedup,
        existing: ExistingObjectsByType,
        write_dead_letter: Callable[[Source, Rejected], None],
        table: Table | None = None,
    ) -> None:
        """Settle the records of a stream.

        Args:
            object_type: What the records go to.
            tally: Counts them.
            checkpoint: Knows which STATE may be written.
            dedup: What the stream remembers of its records.
            existing: What exists in the stream's product.
            write_dead_letter: Writes a record to the dead letters.
            table: The table that the records are of, if that matters.
        """
        self._object_type = object_type
        self._tally = tally
        self._checkpoint = checkpoint
        self._dedup = dedup
        self._existing = existing
        self._write_dead_letter = write_dead_letter
        self._table = table
        self._settled: list[PendingRecord] = []
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Write the records of the table down that were read, before they are sent."""
        if self._table:
            self._table.note_read()

    def note(self, record: PendingRecord, outcome: Settled) -> None:
        """Note an outcome where it has to be known later.

        Raises:
            StorageError: the ledger or the dead letters can't be written.
        """
        if isinstance(outcome, Rejected):
            self.note_undelivered(record)
            self._write_dead_letter(record.source, outcome)
        elif isinstance(outcome, Delivered):
            self._dedup.delivered(record)
            self._existing.note(record.request, self._object_type)

    def note_undelivered(self, record: PendingRecord) -> None:
        """Note that a record was not delivered, unless that is in doubt."""
        if record.sent and not record.lost:
            self._dedup.not_delivered(record)

    def finish(self, record: PendingRecord, outcome: Settled) -> None:
        """Let STATE go past a record, and count it.

        Raises:
            TooManyRejects: more of the stream's records were rejected than may be.
        """
        self._leave([record], outcome)
        if isinstance(outcome, Delivered):
            self._tally.settle("merged" if outcome is CARRIED else "delivered")
        elif isinstance(outcome, Rejected):
            count = self._tally.give_up if isinstance(outcome, GaveUp) else self._tally.reject
            count(outcome.reason, " ".join(record.request.object_id))
        else:
            self._count_not_sent(outcome)

    def finish_unsent(self, records: Sequence[PendingRecord], outcome: NotSent) -> None:
        """Let STATE go past records that were not sent, and count them."""
        self._leave(records, outcome)
        self._count_not_sent(outcome, len(records))

    def sync(self) -> None:
        """Return once all that was settled is written: to the ledger, and of the table.

        Raises:
            StorageError: the ledger can't be written.
        """
        with self._lock:
            settled, self._settled = self._settled, []
        self._dedup.sync()
        if self._table:
            self._table.note_settled(settled)

    def _leave(self, records: Sequence[PendingRecord], outcome: Settled) -> None:
        """Note an outcome on records, and let STATE go past them."""
        for record in records:
            record.outcome = outcome
        if self._table and self._table.is_watched:
            with self._lock:
                self._settled.extend(records)
        self._checkpoint.settle(
            [(record.segment, len(record.source.line)) for record in records if record.segment]
        )

    def _count_not_sent(self, why: NotSent, count: int = 1) -> None:
        if why == DIFFERS:
            self._tally.differ(count)
        elif why.reason is None:
            self._tally.settle(why.outcome, count)
        else:
            self._tally.skip(why.reason, count)
