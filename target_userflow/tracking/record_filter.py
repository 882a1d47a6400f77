"""Which records of a stream need a request: the others are unchanged, skipped or rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from target_userflow.apis.outcomes import NotSent, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.dedup.dedup import NoDedup
    from target_userflow.lookup.attribute_types import AttributeTypeCheck
    from target_userflow.lookup.write_modes import UpsertMode
    from target_userflow.tracking.waiting_records import WaitingRecords


class RecordFilter:
    """Judges the records of one stream, by what was delivered, exists and is defined."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        dedup: NoDedup,
        mode: UpsertMode,
        attribute_types: AttributeTypeCheck,
        before_first_request: Callable[[], None],
        warn: Callable[[str], None],
        waiting: WaitingRecords,
    ) -> None:
        """Judge the records of a stream.

        Args:
            dedup: What the stream remembers of its records.
            mode: Which records are sent at all.
            attribute_types: Compares the stream with the attributes that exist.
            before_first_request: Is called once, ahead of the stream's first request.
            warn: Takes a line, for each attribute whose type is another.
            waiting: The unsettled records of all streams.
        """
        self._dedup = dedup
        self._mode = mode
        self._attribute_types = attribute_types
        self._before_first_request: Callable[[], None] | None = before_first_request
        self._warn = warn
        self._waiting = waiting

    def judged(
        self, records: Sequence[PendingRecord]
    ) -> Iterator[tuple[PendingRecord, NotSent | Rejected | None]]:
        """Yield each record with its outcome, in the order read; None if it needs a request.

        Raises:
            StopRun: what it depends on can't be learned.
        """
        for known in self._dedup.prefetch(records):
            yield from self._judge(known)

    def _judge(
        self, records: Sequence[PendingRecord]
    ) -> Iterator[tuple[PendingRecord, NotSent | Rejected | None]]:
        # what is in flight may change what is known: who was not alone before it was asked waits
        alone = [*map(self._waiting.is_alone, records)]
        outcomes = [self._dedup.outcome(record) for record in records]
        judged = [*zip(records, outcomes, alone, strict=True)]
        self._mode.prefetch([record for record, outcome, _ in judged if outcome is None])
        for record, outcome, is_alone in judged:
            yield record, self._judged(record, outcome, is_alone=is_alone)

    def _judged(
        self, record: PendingRecord, outcome: NotSent | None, *, is_alone: bool
    ) -> NotSent | Rejected | None:
        """Return the outcome of a record that needs no request, unless others may change that."""
        skipped = None if outcome or self._mode.decides_late else self._skipped(record)
        why = outcome or skipped
        if why is None:
            return self._rejected(record)
        if skipped and not is_alone:  # it is judged anew, by itself, after what comes before it
            record.request = replace(record.request, mergeable=False)
        return why if is_alone else None

    def outcome(self, record: PendingRecord) -> NotSent | None:
        """Return why a record is not sent whose turn has come; None if it is."""
        return self._dedup.outcome(record) or self._skipped(record)

    def _skipped(self, record: PendingRecord) -> NotSent | None:
        reason = self._mode.refusal(record)
        return NotSent("skipped", reason) if reason else None

    def _rejected(self, record: PendingRecord) -> Rejected | None:
        """Return why a record is not sent that would define what must not come into being."""
        if self._dedup.parts.has_attributes(record):
            return None
        if self._before_first_request:
            look, self._before_first_request = self._before_first_request, None
            look()
        reason = self._attribute_types.refusal(record.request, self._warn)
        return Rejected(reason) if reason is not None else None
