"""Follows the records of a stream: which of them need a request, and what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.apis.outcomes import NotSent
from target_userflow.tracking.unsent_records import UnsentRecords

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.accounts.stream_tally import StreamTally
    from target_userflow.apis.messages import Request
    from target_userflow.apis.outcomes import Settled
    from target_userflow.dedup.dedup import NoDedup
    from target_userflow.singer.message import Source
    from target_userflow.tracking.pending_records import PendingRecords
    from target_userflow.tracking.record_filter import RecordFilter
    from target_userflow.tracking.settlement import Settlement
    from target_userflow.tracking.waiting_records import WaitingRecords


class DeliveryTracker:
    """The observer of one stream's records, from the line that is read to the outcome."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        stream_name: str,
        dedup: NoDedup,
        pending_records: PendingRecords,
        record_filter: RecordFilter,
        settlement: Settlement,
        tally: StreamTally,
        waiting: WaitingRecords,
        checks: Sequence[Callable[[], None]],
    ) -> None:
        """Follow the records of a stream.

        Args:
            stream_name: The stream's name, after any stream map.
            dedup: What the stream remembers of its records.
            pending_records: Makes a pending record of each.
            record_filter: Judges which of them need a request.
            settlement: Notes their outcomes.
            tally: Counts requests and doubts.
            waiting: The unsettled records of all streams.
            checks: Are called before records are handed over; each raises StopRun if none may be.
        """
        self.stream_name = stream_name
        self._dedup = dedup
        self._pending_records = pending_records
        self._filter = record_filter
        self._settlement = settlement
        self._tally = tally
        self._waiting = waiting
        self._checks = checks

    def pending(self, record: Mapping[str, Any], request: Request, source: Source) -> PendingRecord:
        """Return a record on its way; arguments and errors as for `PendingRecords.new`."""
        return self._pending_records.new(record, request, source, self)

    def check(self) -> None:
        """Let records be handed over that were read.

        Raises:
            StopRun: they may not be, by one of the checks.
        """
        for check in self._checks:
            check()

    def prepare(self, records: Sequence[PendingRecord]) -> list[PendingRecord]:
        """Settle the records that need no request, once all is known that this depends on.

        Returns:
            The others, in the order read.

        Raises:
            StopRun: what it depends on can't be learned.
        """
        self._settlement.begin()
        matched, unmatched = self._pending_records.match(records)
        for record, reason in unmatched:
            self._settlement.finish(record, NotSent("skipped", reason))
        needed: list[PendingRecord] = []
        with UnsentRecords(self._waiting, self._dedup, self._settlement) as unsent:
            for record, outcome in self._filter.judged(matched):
                if outcome is None:
                    needed.append(record)
                elif isinstance(outcome, NotSent):
                    unsent.add(record, outcome)
                else:
                    self.settled(record, outcome)
        self._dedup.forget(filter(self._waiting.is_alone, needed))
        return needed

    def sync(self) -> None:
        """Return once all that was settled is written: to the ledger, and of versions."""
        self._settlement.sync()

    def is_needed(self, record: PendingRecord) -> bool:
        """Return whether a record has to be sent; settle it otherwise."""
        why = self._filter.outcome(record)
        if why is not None:
            self.settled(record, why)
        return why is None

    def reduced(self, record: PendingRecord) -> Request:
        """Return what is sent for a record: its request, or less if that does the same."""
        return self._dedup.parts.reduced(record)

    def rest(self, record: PendingRecord, sent: Request, body: bytes) -> Request | None:
        """Return what has to follow a part of a record, by its answer; None if nothing has."""
        return self._dedup.parts.rest(record, sent, body)

    def is_elsewhere(self, record: PendingRecord) -> bool:
        """Return whether another run is sending the record, so that it has to wait."""
        return self._dedup.is_elsewhere(record)

    def request_sent(self) -> None:
        """Count a request."""
        self._tally.ask()

    def before_send(self, record: PendingRecord) -> None:
        """Note that a record is in flight, and count it once if that may double something."""
        doubtful = not record.request.idempotent and (
            record.lost or self._dedup.is_doubtful(record)
        )
        if record.sent:
            self._dedup.sending_again(record)
        else:
            self._dedup.sending(record)
        if doubtful and not record.in_doubt:
            self._tally.doubt()
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
            self._settlement.note_undelivered(record)
            return
        self._settlement.note(record, outcome)
        self._waiting.remove([record])
        self._dedup.release([record])
        self._settlement.finish(record, outcome)
