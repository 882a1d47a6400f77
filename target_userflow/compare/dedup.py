"""What of a stream need not be sent, as Userflow has it: `skip_unchanged: destination`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.apis.outcomes import NotSent
from target_userflow.compare.starts import Starts
from target_userflow.dedup.dedup import NoDedup, WholeRecords

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.messages import Request
    from target_userflow.compare.column_watch import DestinationWatch
    from target_userflow.compare.comparison import Comparison
    from target_userflow.compare.differences import Differences

_UNCHANGED = NotSent("unchanged")
_SLICE = 1_000  # records


class CompareWithDestination(NoDedup):
    """Compares the records of one stream with what Userflow has, and keeps a ledger up to date."""

    def __init__(
        self,
        comparison: Comparison,
        ledger: NoDedup,
        *,
        matches: bool,
        watch: DestinationWatch | None = None,
    ) -> None:
        """Compare.

        Args:
            comparison: What all streams to the destination share.
            ledger: Hears of everything, and decides nothing.
            matches: Whether the ids of records are only known once they are matched.
            watch: Counts each record, if it is to be known which columns differ.
        """
        self._comparison = comparison
        self.parts: WholeRecords = comparison.differences
        self._ledger = ledger
        self._matches = matches
        self._watch = watch
        comparison.has_late_ids |= matches
        self._starts = Starts()

    def key(self, row: Mapping[str, Any], request: Request, source: str) -> bytes:
        """Count a record in as it is read."""
        if not self._matches:
            self._comparison.enter(request)
            self._starts.note(request)
        return self._ledger.key(row, request, source)

    def prefetch(self, records: Sequence[PendingRecord]) -> Iterable[Sequence[PendingRecord]]:
        """Look records up, and return slices: some are settled while others' objects are read."""
        if self._matches:
            for record in records:
                self._comparison.enter(record.request)
                self._starts.note(record.request)
        self._ledger.prefetch(records)
        return (self._compared(records[start:]) for start in range(0, len(records), _SLICE))

    def release(self, records: Iterable[PendingRecord]) -> None:
        """Count records out."""
        records = [*records]
        self._comparison.leave(records)
        self._ledger.release(records)

    def outcome(self, record: PendingRecord) -> NotSent | None:
        """Return that a record is unchanged, if Userflow has all that it says."""
        if not self._comparison.is_same(record):
            return None
        if self._watch:
            self._watch.note_same()
        self._ledger.delivered(record)
        return _UNCHANGED

    def is_doubtful(self, record: PendingRecord) -> bool:
        """Return what the ledger says."""
        return self._ledger.is_doubtful(record)

    def sending(self, record: PendingRecord) -> None:
        """Note that the first attempt starts."""
        if self._watch:
            self._watch.note_sent(record)
        self._comparison.sending(record.request)
        self._ledger.sending(record)

    def delivered(self, record: PendingRecord) -> None:
        """Note that the API has it."""
        self._ledger.delivered(record)

    def not_delivered(self, record: PendingRecord) -> None:
        """Note that no attempt can have been carried out."""
        self._ledger.not_delivered(record)

    def forget(self, records: Iterable[PendingRecord]) -> None:
        """Note that all these are about to be sent."""
        self._ledger.forget(records)

    def sync(self) -> None:
        """Return once the ledger has all that was noted."""
        self._ledger.sync()

    def _compared(self, records: Sequence[PendingRecord]) -> Sequence[PendingRecord]:
        """Read what there is of the objects of the first records, and return these."""
        first, following = records[:_SLICE], records[_SLICE:]
        self._comparison.compare(first, self._starts.take(), following)
        return first


class _ReadWholes(WholeRecords):
    """Has whole records sent to objects that were read for other streams."""

    def __init__(self, differences: Differences) -> None:
        self._differences = differences

    def has_attributes(self, record: PendingRecord) -> bool:
        return self._differences.has_attributes(record)


class NoteForComparison(CompareWithDestination):
    """Tells a comparison what a stream writes that is not compared itself, such as by `insert`."""

    def __init__(self, comparison: Comparison, ledger: NoDedup) -> None:
        """Write what the ledger says; arguments as for `CompareWithDestination`."""
        super().__init__(comparison, ledger, matches=False)
        self.parts = _ReadWholes(comparison.differences)

    def key(self, row: Mapping[str, Any], request: Request, source: str) -> bytes:
        """Count a record in as it is read."""
        self._comparison.enter(request)
        return self._ledger.key(row, request, source)

    def prefetch(self, records: Sequence[PendingRecord]) -> Iterable[Sequence[PendingRecord]]:
        """Look up what the ledger knows."""
        return self._ledger.prefetch(records)

    def outcome(self, record: PendingRecord) -> NotSent | None:
        """Return what the ledger says."""
        return self._ledger.outcome(record)
