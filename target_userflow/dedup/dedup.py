"""What the ledger knows of a stream's records: which need not be sent, as nothing would change.

What is known of a record is looked up before it waits to be sent, and forgotten when it is settled.
Records of one key are looked at by one worker, in the order read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.messages import Request
    from target_userflow.apis.outcomes import NotSent
    from target_userflow.dedup.known_rows import KnownRows


class WholeRecords:
    """Has the whole of each record sent; the subclasses know of parts that are there."""

    def reduced(self, record: PendingRecord) -> Request:
        """Return what is sent for a record: its request, or less if that does the same."""
        return record.request

    def rest(self, record: PendingRecord, sent: Request, body: bytes) -> Request | None:  # noqa: ARG002 - for subclasses
        """Return what of a record has to follow, by the answer to a part; None if nothing has."""
        return None

    def has_attributes(self, record: PendingRecord) -> bool:  # noqa: ARG002 - for subclasses
        """Return whether the product has all attributes of a record in their types, if known."""
        return False


class NoDedup:
    """Remembers nothing, so that everything is sent; the subclasses remember something."""

    parts: WholeRecords = WholeRecords()
    """How much is sent of the records that have to be sent."""

    def key(self, row: Mapping[str, Any], request: Request, source: str) -> bytes:  # noqa: ARG002 - for subclasses
        """Return a record's key in the ledger; empty where it has none.

        Args:
            row: The record, after any stream map.
            request: What is sent for it.
            source: The name that the tap gives its stream.

        Raises:
            RejectRecord: its key properties give none.
        """
        return b""

    def prefetch(self, records: Sequence[PendingRecord]) -> Iterable[Sequence[PendingRecord]]:
        """Look up what is known of records that begin to wait; each is released in the end.

        Returns:
            The records in slices. The outcomes of a slice may be asked for once it is taken.
        """
        return [records]

    def release(self, records: Iterable[PendingRecord]) -> None:
        """Forget what is known of records, unless another one waits that it matters for."""

    def outcome(self, record: PendingRecord) -> NotSent | None:  # noqa: ARG002 - for subclasses
        """Return the outcome of a record that need not be sent; None if it has to be."""
        return None

    def is_doubtful(self, record: PendingRecord) -> bool:  # noqa: ARG002 - for subclasses
        """Return whether an earlier run ended while it was sending a record."""
        return False

    def is_elsewhere(self, record: PendingRecord) -> bool:  # noqa: ARG002 - for subclasses
        """Return whether another run is sending a record."""
        return False

    def sending(self, record: PendingRecord) -> None:
        """Note that the first attempt to send a record starts."""

    def sending_again(self, record: PendingRecord) -> None:
        """Note that another attempt starts."""

    def delivered(self, record: PendingRecord) -> None:
        """Note that a record was delivered."""

    def not_delivered(self, record: PendingRecord) -> None:
        """Note that no attempt to send a record can have been carried out."""

    def forget(self, records: Iterable[PendingRecord]) -> None:
        """Note that all these are about to be sent; no other record that waits has their keys."""

    def sync(self) -> None:
        """Return once the ledger has all that was noted."""


class LedgerDedup(NoDedup):
    """Knows the ledger's rows of the records that wait."""

    def __init__(self, rows: KnownRows, today: int) -> None:
        """Share the known rows with the other streams; `today` is the ordinal of the day."""
        self._rows = rows
        self._today = today

    def prefetch(self, records: Sequence[PendingRecord]) -> Iterable[Sequence[PendingRecord]]:
        """Look up the rows that matter for records."""
        self._rows.prefetch([key for record in records for key in self._read(record)])
        return [records]

    def release(self, records: Iterable[PendingRecord]) -> None:
        """Forget the rows that matter for no other record."""
        self._rows.release(key for record in records for key in self._read(record))

    def sync(self) -> None:
        """Have the ledger written with what was noted."""
        self._rows.sync()

    def _read(self, record: PendingRecord) -> Iterable[bytes]:
        """Return the keys of the rows that matter for a record."""
        return (record.ledger_key,)
