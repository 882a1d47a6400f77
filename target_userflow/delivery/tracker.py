"""Follows the records of a stream: which of them need a request, and what became of each."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from msgspec.structs import replace

from target_userflow.accounts.pending import PendingRecord
from target_userflow.apis.outcomes import CARRIED, GaveUp, NotSent, Rejected
from target_userflow.dedup.event_dedup import DIFFERS

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Mapping

    from target_userflow.accounts.checkpoint import Checkpoint
    from target_userflow.accounts.tally import Tally
    from target_userflow.apis.messages import Request
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.apis.outcomes import Settled
    from target_userflow.dedup.dedup import NoDedup
    from target_userflow.lookup.attribute_types import AttributeTypeCheck
    from target_userflow.lookup.existing_objects import ExistingObjectsByType
    from target_userflow.lookup.write_modes import UpsertMode
    from target_userflow.mapping.columns import Stream
    from target_userflow.singer.message import Source


@dataclass(frozen=True, slots=True)
class Shared:
    """What a tracker shares with the trackers of other streams."""

    tally: Tally
    checkpoint: Checkpoint
    dedup: NoDedup
    """What the stream remembers of its records."""
    existing: ExistingObjectsByType
    """What exists in the stream's product."""
    attribute_types: AttributeTypeCheck
    """Compares the stream with the attributes that exist."""


class Limit(Protocol):
    """Bounds the deletions of a stream."""

    def check(self) -> None:
        """Let the deletions go that wait; raises if they are too many."""


class Table(Protocol):
    """The table that a stream's records are of."""

    @property
    def is_watched(self) -> bool:
        """Whether it matters which of its rows are delivered."""

    def open(self) -> None:
        """Note the records before they are sent."""

    def close(self, records: Iterable[PendingRecord]) -> None:
        """Forget what does not exist after these records."""


class Look(Protocol):
    """Looks at the records of a stream before they are sent."""

    def check(self, logger: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
        """Let records be delivered that were read; raises if they may not be."""


class DeliveryTracker:
    """Judges the records of a stream before they are sent, and notes and counts how they end."""

    table: Table | None = None
    """The table that the records come from, if its versions matter."""
    look: Look | None = None
    """What may hold the records back, if something can."""
    first_request: Callable[[], None] | None = None
    """Is called once, ahead of the stream's first request."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        object_type: ObjectType,
        stream: Stream,
        write_mode: UpsertMode,
        shared: Shared,
        logger: logging.Logger | logging.LoggerAdapter[logging.Logger],
        write_dead_letter: Callable[[Source, Rejected], None],
        limit: Limit,
    ) -> None:
        """Follow the records of a stream.

        Args:
            object_type: What the records go to.
            stream: The stream, after any stream map.
            write_mode: Which records are sent at all.
            shared: What other streams use as well.
            logger: Is told of attributes of another type.
            write_dead_letter: Writes a record to the dead letters.
            limit: What bounds the deletions of the stream.
        """
        self.stream_name = stream.name
        """The stream's name, after any stream map."""
        self.dedup = shared.dedup
        self.existing = shared.existing
        self._object_type = object_type
        self._mode = write_mode
        self._attribute_types = shared.attribute_types
        self._tally = shared.tally
        self._checkpoint = shared.checkpoint
        self._logger = logger
        self._warn = logger.warning
        self._write_dead_letter = write_dead_letter
        self._limit = limit
        self._waiting: Counter[bytes | tuple[str, ...]] = Counter()
        self._settled: list[PendingRecord] = []
        self._lock = threading.Lock()

    @property
    def matches(self) -> bool:
        """Whether the ids of records are only known once they are matched."""
        return self._mode.matches

    def pending(self, record: Mapping[str, Any], request: Request, source: Source) -> PendingRecord:
        """A record on its way.

        Raises:
            RejectRecord: its place in the ledger can't be told.
        """
        if not self._mode.merges:
            request = replace(request, mergeable=False)
        return PendingRecord(
            request,
            source,
            self,
            self.dedup.key(record, request, source.stream),
            self._object_type.turn,
            (self._object_type.name, *request.object_id),
            segment=self._checkpoint.read(len(source.line)),
        )

    def check(self) -> None:
        """Let records be delivered that were read.

        Raises:
            TooManyDeletions: more of the stream's records delete something than may.
            Doubt: what becomes of the stream's columns would be a guess.
        """
        self._limit.check()
        if self.look:
            self.look.check(self._logger)

    def prepare(self, records: list[PendingRecord]) -> list[PendingRecord]:
        """Settle the records that need no request, once all is known that this depends on.

        Returns:
            The others, in the order read.

        Raises:
            StopRun: what it depends on can't be learned.
        """
        if self.table:
            self.table.open()
        if self._mode.matches:
            records = self._matched(records)
        self.dedup.prefetch(records)
        with self._lock:
            self._waiting.update(map(_place, records))
        outcomes = [self.dedup.outcome(record) for record in records]
        judged = [*zip(records, outcomes, strict=True)]
        self._mode.prefetch([record for record, outcome in judged if outcome is None])
        left = [record for record, outcome in judged if not self._is_settled(record, outcome)]
        self.dedup.forget(record for record in left if self._is_alone(record))
        return left

    def sync(self) -> None:
        """Return once all that was settled is written: to the ledger, and of versions."""
        with self._lock:
            settled, self._settled = self._settled, []
        self.dedup.sync()
        if self.table:
            self.table.close(settled)

    # What the workers tell

    def is_needed(self, record: PendingRecord) -> bool:
        """Whether a record has to be sent; settles it otherwise."""
        why = self.dedup.outcome(record) or self._skipping(record)
        if why is not None:
            self.settled(record, why)
        return why is None

    def reduced(self, record: PendingRecord) -> Request:
        """What is sent for a record: its request, or less if it is known to do the same."""
        return self.dedup.reduced(record)

    def is_elsewhere(self, record: PendingRecord) -> bool:
        """Whether another run is sending the record, so that it has to wait."""
        return self.dedup.is_elsewhere(record)

    def request_sent(self) -> None:
        """Count a request."""
        self._tally.ask(self.stream_name)

    def before_send(self, record: PendingRecord) -> None:
        """Note that a record is in flight, and count it once if that may double something."""
        doubtful = not record.request.idempotent and (
            record.lost if record.sent else self.dedup.is_doubtful(record)
        )
        if not record.sent:
            self.dedup.sending(record)
        if doubtful and not record.in_doubt:
            self._tally.doubt(self.stream_name)
            record.in_doubt = True

    def settled(self, record: PendingRecord, outcome: Settled | None) -> None:
        """Note and count what became of a record.

        Args:
            record: The record.
            outcome: Its outcome; None if the run ends before there is one.

        Raises:
            StorageError: the ledger or the dead letters can't be written.
            TooManyRejects: more of the stream's records were rejected than may be.
        """
        if outcome is None:
            self._note_undelivered(record)
            return
        count = self._note(record, outcome)
        with self._lock:
            self._waiting[_place(record)] -= 1
            if not self._waiting[_place(record)]:
                del self._waiting[_place(record)]
        self.dedup.release(record)
        self._finish(record, outcome)
        count()

    def _finish(self, record: PendingRecord, outcome: Settled) -> None:
        """Let STATE go past a record."""
        record.outcome = outcome
        if self.table and self.table.is_watched:
            with self._lock:
                self._settled.append(record)
        if record.segment:
            self._checkpoint.settle(record.segment, len(record.source.line))

    def _note(self, record: PendingRecord, outcome: Settled) -> Callable[[], None]:
        """Note an outcome where it has to be known later. Returns what counts it."""
        if isinstance(outcome, Rejected):
            self._note_undelivered(record)
            self._write_dead_letter(record.source, outcome)
            return lambda: self._count_rejected(record, outcome)
        if isinstance(outcome, NotSent):
            return lambda: self._count_not_sent(outcome)
        self.dedup.delivered(record)
        self.existing.note(record.request, self._object_type)
        count = "merged" if outcome is CARRIED else "delivered"
        return lambda: self._tally.settle(self.stream_name, count)

    def _note_undelivered(self, record: PendingRecord) -> None:
        """Note that a record was not delivered, unless that is in doubt."""
        if record.sent and not record.lost:
            self.dedup.not_delivered(record)

    def _count_rejected(self, record: PendingRecord, outcome: Rejected) -> None:
        ids = " ".join(record.request.object_id)
        count = self._tally.give_up if isinstance(outcome, GaveUp) else self._tally.reject
        count(self.stream_name, outcome.reason, ids)

    def _count_not_sent(self, why: NotSent) -> None:
        if why is DIFFERS:
            self._tally.differ(self.stream_name)
        elif why.reason is None:
            self._tally.settle(self.stream_name, why.outcome)
        else:
            self._tally.skip(self.stream_name, why.reason)

    def _matched(self, records: list[PendingRecord]) -> list[PendingRecord]:
        """The records whose emails are those of one user each, under the ids of these users."""
        unmatched = self._mode.match(records)
        for place, reason in unmatched.items():
            self._finish(records[place], NotSent("skipped", reason))
            self._tally.skip(self.stream_name, reason)
        matched = [record for place, record in enumerate(records) if place not in unmatched]
        for record in matched:
            record.ledger_key = self.dedup.key({}, record.request, record.source.stream)
            record.reference = self._object_type.name, *record.request.object_id
        return matched

    def _is_settled(self, record: PendingRecord, outcome: NotSent | None) -> bool:
        """Whether it is clear by now that a record is not sent; settles it then."""
        why = outcome or (None if self._mode.decides_late else self._skipping(record))
        if why is None:
            return self._is_refused(record)
        is_alone = self._is_alone(record)
        if is_alone:  # else what comes before it may change that
            self.settled(record, why)
        return is_alone

    def _is_alone(self, record: PendingRecord) -> bool:
        """Whether no other record of its object waits."""
        return self._waiting[_place(record)] <= 1

    def _is_refused(self, record: PendingRecord) -> bool:
        """Whether a record has attributes that must not come into being; rejects it if so."""
        if self.first_request:
            look, self.first_request = self.first_request, None
            look()
        reason = self._attribute_types.refusal(record.request, self._warn)
        if reason is not None:
            self.settled(record, Rejected(reason))
        return reason is not None

    def _skipping(self, record: PendingRecord) -> NotSent | None:
        """Why a record is left out, if its mode says so."""
        reason = self._mode.refusal(record)
        return NotSent("skipped", reason) if reason else None


def _place(record: PendingRecord) -> bytes | tuple[str, ...]:
    """What tells whether two records are about the same."""
    return record.ledger_key or record.request.object_id
