"""The tracker of a stream: which of its records need a request, and what became of each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from target_userflow.apis.outcomes import MERGED, GaveUp, NotSent, Rejected
from target_userflow.delivery.event_dedup import DIFFERS
from target_userflow.delivery.pending import PendingRecord

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping, Sequence

    from target_userflow.apis.messages import Request
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.delivery.attribute_types import AttributeTypeCheck
    from target_userflow.delivery.dedup import NoDedup
    from target_userflow.delivery.existing_objects import ExistingObjectsByType
    from target_userflow.delivery.tally import Tally
    from target_userflow.delivery.write_modes import UpsertMode
    from target_userflow.mapping.columns import Stream
    from target_userflow.singer.reader import Source


class Shared(Protocol):
    """What the streams of a run share."""

    tally: Tally

    def dedup(self, object_type: ObjectType, stream: Stream) -> NoDedup:
        """What a stream remembers of its records."""

    def existing(self, object_type: ObjectType) -> ExistingObjectsByType:
        """What exists in the product of an object type."""

    def attribute_types(self, object_type: ObjectType, stream: Stream) -> AttributeTypeCheck:
        """What compares a stream with the attributes there are."""


class DeliveryTracker:
    """Judges the records of a window before they are sent, and notes and counts how they end."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        object_type: ObjectType,
        stream: Stream,
        write_mode: UpsertMode,
        run: Shared,
        logger: logging.Logger | logging.LoggerAdapter[logging.Logger],
        write_dead_letter: Callable[[Source, Rejected], None],
    ) -> None:
        """Track the records of a stream to the object `name`.

        Raises:
            StorageError: the ledger can't be used.
        """
        self.stream_name = stream.name
        """The stream's name, after any stream map."""
        self.dedup = run.dedup(object_type, stream)
        self.existing = run.existing(object_type)
        self._object_type = object_type
        self._mode = write_mode
        self._attribute_types = run.attribute_types(object_type, stream)
        self._tally = run.tally
        self._warn = logger.warning
        self._write_dead_letter = write_dead_letter

    @property
    def matches(self) -> bool:
        """Whether the ids of records are only known once they are matched."""
        return self._mode.matches

    def pending(self, record: Mapping[str, Any], request: Request, source: Source) -> PendingRecord:
        """The record of a record.

        Raises:
            RejectRecord: its place in the ledger can't be told.
        """
        return PendingRecord(request, source, self, self.dedup.key(record, request, source.stream))

    def open(self, records: list[PendingRecord]) -> list[Sequence[PendingRecord]]:
        """What of a window may be sent, once all is known that this depends on.

        Returns:
            Rounds; each is to be settled before the next.
        """
        found = self._matched(records) if self._mode.matches else records
        self.dedup.open(found)
        outcomes = [self.dedup.outcome(record) for record in found]
        judged = [*zip(found, outcomes, strict=True)]
        self._mode.prefetch(record for record, outcome in judged if outcome is None)
        times = Counter(map(_place, found))
        again = {place for place, count in times.items() if count > 1}
        left = [
            record
            for record, outcome in judged
            if not self._is_settled(record, outcome, alone=not again or _place(record) not in again)
        ]
        self.dedup.forget(record for record in left if _place(record) not in again)
        return [*self._mode.passes(left)]

    def close(self) -> None:
        """Have the ledger written, however the window ended."""
        self.dedup.close()

    # What the workers tell, as the window's observer

    def superseded(self, record: PendingRecord) -> None:
        """Count a record that a later one of the window stands for."""
        self._leave(record, MERGED)

    def is_needed(self, record: PendingRecord) -> bool:
        """Whether a record has to be sent; counts it otherwise."""
        why = self.dedup.outcome(record) or self._skipping(record)
        if why is not None:
            self._leave(record, why)
        return why is None

    def asking(self) -> None:
        """Count a request."""
        self._tally.ask(self.stream_name)

    def sending(self, record: PendingRecord) -> None:
        """Note that a record is in flight, and count it once if that may double something."""
        doubtful = not record.request.idempotent and (
            record.lost if record.sent else self.dedup.is_doubtful(record)
        )
        if doubtful and not record.in_doubt:
            self._tally.doubt(self.stream_name)
            record.in_doubt = True
        if not record.sent:
            self.dedup.sending(record)

    def settled(self, record: PendingRecord) -> None:
        """Note and count a record whose outcome is known."""
        if isinstance(record.outcome, GaveUp):
            self.unsettled(record)
        elif isinstance(record.outcome, Rejected):
            self.unsettled(record)
            ids = " ".join(record.request.object_id)
            self._tally.reject(self.stream_name, record.outcome.reason, ids)
        else:
            self._note(record, "delivered")

    def convicted(self, record: PendingRecord) -> None:
        """Count, and write to the dead letters, a record that was given up on.

        Raises:
            StorageError: its dead letter can't be written.
        """
        if isinstance(record.outcome, GaveUp):
            self._write_dead_letter(record.source, record.outcome)
            ids = " ".join(record.request.object_id)
            self._tally.give_up(self.stream_name, record.outcome.reason, ids)

    def carried(self, record: PendingRecord) -> None:
        """Note and count a record that another's request took along."""
        record.outcome = MERGED
        self._note(record, "merged")

    def unsettled(self, record: PendingRecord) -> None:
        """Note that a record was not delivered, unless that is in doubt."""
        if record.sent and not record.lost:
            self.dedup.not_delivered(record)

    def _note(self, record: PendingRecord, outcome: str) -> None:
        self.dedup.delivered(record)
        self.existing.note(record.request, self._object_type)
        self._tally.settle(self.stream_name, outcome)

    def _matched(self, records: list[PendingRecord]) -> list[PendingRecord]:
        """The records whose emails are those of one user each, under the ids of these users."""
        unmatched = self._mode.match(records)
        for place, reason in unmatched.items():
            self._leave(records[place], NotSent("skipped", reason))
        matched = [record for place, record in enumerate(records) if place not in unmatched]
        for record in matched:
            record.ledger_key = self.dedup.key({}, record.request, record.source.stream)
        return matched

    def _is_settled(self, record: PendingRecord, outcome: NotSent | None, *, alone: bool) -> bool:
        """Whether it is clear by now that a record is not sent; settles it then."""
        why = outcome or self._skipping(record)
        if why is None:
            return self._is_refused(record)
        if alone:  # else what comes before it may change that
            self._leave(record, why)
        return alone

    def _is_refused(self, record: PendingRecord) -> bool:
        """Whether a record has attributes that must not come into being; rejects it if so."""
        reason = self._attribute_types.refusal(record.request, self._warn)
        if reason is not None:
            record.outcome = Rejected(reason)
            ids = " ".join(record.request.object_id)
            self._tally.reject(self.stream_name, reason, ids)
        return reason is not None

    def _skipping(self, record: PendingRecord) -> NotSent | None:
        """Why a record is left out, if its mode says so."""
        reason = self._mode.refusal(record)
        return NotSent("skipped", reason) if reason else None

    def _leave(self, record: PendingRecord, why: NotSent) -> None:
        record.outcome = why
        if why is DIFFERS:
            self._tally.differ(self.stream_name)
        elif why.reason is None:
            self._tally.settle(self.stream_name, why.outcome)
        else:
            self._tally.skip(self.stream_name, why.reason)


def _place(record: PendingRecord) -> bytes | tuple[str, ...]:
    """What tells whether two records are about the same."""
    return record.ledger_key or record.request.object_id
