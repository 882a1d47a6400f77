"""Records that are not sent, settled together: one at a time takes twice as long."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.outcomes import NotSent
    from target_userflow.dedup.dedup import NoDedup
    from target_userflow.tracking.settlement import Settlement
    from target_userflow.tracking.waiting_records import WaitingRecords

_TOGETHER = 500  # records; reading may wait for them


class UnsentRecords:
    """Collects records by their outcomes, and has them settled; all of them in the end."""

    def __init__(self, waiting: WaitingRecords, dedup: NoDedup, settlement: Settlement) -> None:
        """Collect nothing yet.

        Args:
            waiting: Counts the records that wait.
            dedup: What the stream remembers of its records.
            settlement: Lets STATE go past them.
        """
        self._waiting = waiting
        self._dedup = dedup
        self._settlement = settlement
        self._records: dict[NotSent, list[PendingRecord]] = {}

    def __enter__(self) -> Self:
        """Return the collection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Have everything settled, also if something else went wrong."""
        for outcome in [*self._records]:
            self._settle(outcome)

    def add(self, record: PendingRecord, outcome: NotSent) -> None:
        """Take a record that is not sent."""
        records = self._records.setdefault(outcome, [])
        records.append(record)
        if len(records) >= _TOGETHER:
            self._settle(outcome)

    def _settle(self, outcome: NotSent) -> None:
        records = self._records.pop(outcome)
        self._waiting.remove(records)
        self._dedup.release(records)
        self._settlement.finish_unsent(records, outcome)
