"""What the ledger knows of a stream's records: which need not be sent, as nothing would change.

What is known of a record is looked up before it waits to be sent, and forgotten when it is settled.
Records of one key are looked at by one worker, in the order read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.apis.outcomes import NotSent
from target_userflow.ledger.ledger import DELETED, digest, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.messages import Request
    from target_userflow.dedup.column_watch import ColumnWatch
    from target_userflow.dedup.known_rows import KnownRows


class NoDedup:
    """Remembers nothing, so that everything is sent; the subclasses remember something."""

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

    def prefetch(self, records: Sequence[PendingRecord]) -> None:
        """Look up what is known of records that begin to wait; each is released in the end."""

    def release(self, record: PendingRecord) -> None:
        """Forget what is known of a record, unless another one waits that it matters for."""

    def outcome(self, record: PendingRecord) -> NotSent | None:  # noqa: ARG002 - for subclasses
        """Return the outcome of a record that need not be sent; None if it has to be."""
        return None

    def reduced(self, record: PendingRecord) -> Request:
        """Return what is sent for a record: its request, or less if that does the same."""
        return record.request

    def has_attributes(self, record: PendingRecord) -> bool:  # noqa: ARG002 - for subclasses
        """Return whether the product has all attributes of a record in their types, if known."""
        return False

    def is_overtaken(self, record: PendingRecord, sent: Request, body: bytes) -> bool:  # noqa: ARG002 - for subclasses
        """Return whether the answer to a part of a record shows that all of it has to be sent."""
        return False

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

    def prefetch(self, records: Sequence[PendingRecord]) -> None:
        """Look up the rows that matter for records."""
        self._rows.prefetch([key for record in records for key in self._read(record)])

    def release(self, record: PendingRecord) -> None:
        """Forget the rows that matter for no other record."""
        self._rows.release(self._read(record))

    def sync(self) -> None:
        """Have the ledger written with what was noted."""
        self._rows.sync()

    def _read(self, record: PendingRecord) -> Iterable[bytes]:
        """Return the keys of the rows that matter for a record."""
        return (record.ledger_key,)


class ForgetWritten(LedgerDedup):
    """Objects that records replace, in a run that does not compare them: all of them are sent.

    Others may compare, now or later, with what they delivered. So whoever writes an object has the
    ledger forget it ahead of the first attempt: should the outcome be lost, neither the version
    before nor this one may pass for the last.
    """

    def __init__(self, rows: KnownRows, today: int, name: str) -> None:
        """Forget what is written of the object `name`, and of others that it takes along."""
        super().__init__(rows, today)
        self._object = name

    def key(self, row: Mapping[str, Any], request: Request, source: str) -> bytes:  # noqa: ARG002 - the ids are in the request
        """Return a hash of the ids by which the API keeps the object, whatever stream it is of."""
        return digest(self._object, *request.object_id)

    def forget(self, records: Iterable[PendingRecord]) -> None:
        """Forget the versions before, all at once."""
        self._drop([key for record in records for key in self._overtaken(record)])

    def sending(self, record: PendingRecord) -> None:
        """Forget the versions before, if there still are some."""
        self._drop([*self._overtaken(record)])

    def _drop(self, keys: list[bytes]) -> None:
        if keys:
            self._rows.drop(keys)

    def delivered(self, record: PendingRecord) -> None:
        """Note what was deleted, or ended without being named."""
        request = record.request
        own = ((self._object, *request.object_id),) if request.deletes else ()
        for ids in (*own, *request.ends):
            self._note(deletion_mark(*ids), DELETED)

    def _read(self, record: PendingRecord) -> Iterator[bytes]:
        """Return the keys of the rows that matter for a record."""
        yield record.ledger_key
        yield from (key for key, _ in _written(record))

    def _overtaken(self, record: PendingRecord) -> Iterator[bytes]:
        """Return the keys of what is known and a record is about to change.

        Where others may come to know of it at any time, of all that it is about to change.
        """
        return (key for key in self._read(record) if self._rows.is_known(key))

    def _note(self, key: bytes, mark: bytes) -> None:
        self._rows.note(key, (mark, self._today))


class ChangeDetection(ForgetWritten):
    """Objects that records replace: what equals the last delivery need not be sent.

    That one of them is sent twice does no harm, so that what was delivered is noted a window at a
    time. A row says what was last written to an object, whichever stream brought it: a user may
    bring attributes of its groups.
    """

    def __init__(
        self,
        rows: KnownRows,
        today: int,
        name: str,
        resync_days: int,
        watch: ColumnWatch | None = None,
    ) -> None:
        """Compare the records of the object `name`, for so many days after a delivery.

        `watch` looks at a few of them column by column, if it is to be known which columns differ.
        """
        super().__init__(rows, today, name)
        self._resync_days = resync_days
        self._watch = watch

    def prefetch(self, records: Sequence[PendingRecord]) -> None:
        """Look the rows up, and note what the records contradict each other about.

        These may be in flight at the same time, so that nobody can tell which was the last.
        """
        super().prefetch(records)
        for record in records:
            for key, mark in _written(record):
                self._rows.pending.add(key, mark)
            for ids in record.request.ends:
                self._rows.pending.add(deletion_mark(*ids), DELETED)

    def outcome(self, record: PendingRecord) -> NotSent | None:
        """Return that a record is unchanged, if it equals what was last delivered.

        A sum is a change each time. Nor is a record unchanged, if something that it joins was
        deleted since, or may have been on the same day, or if another has written something since
        that it brings along.
        """
        request = record.request
        mark, day = self._rows.get(record.ledger_key)
        if self._watch and record.ledger_key <= self._watch.highest:
            self._watch.compare(record, mark)
        if not mark or not request.idempotent or mark != fingerprint(request.payload):
            return None
        is_due = not 0 <= self._today - day < self._resync_days  # a clock may have been ahead
        return None if is_due or self._is_stale(record, day) else _UNCHANGED

    def _is_stale(self, record: PendingRecord, day: int) -> bool:
        """Return whether something that a record brings along may be otherwise by now."""
        are_last = (self._is_last(key, mark) for key, mark in _written(record))
        return self._is_orphan(record.request, day) or not all(are_last)

    def delivered(self, record: PendingRecord) -> None:
        """Note the versions that it leaves behind, or that it was deleted."""
        super().delivered(record)
        if not record.request.deletes:
            self._note(record.ledger_key, fingerprint(record.request.payload))
            if self._watch and record.ledger_key <= self._watch.highest:
                self._watch.keep(record)
        for key, mark in _written(record):
            if not self._rows.pending.are_contested(key):
                self._note(key, mark)

    def _read(self, record: PendingRecord) -> Iterator[bytes]:
        yield from super()._read(record)
        request = record.request
        yield from (deletion_mark(*ids) for ids in (*request.references, *request.ends))

    def _overtaken(self, record: PendingRecord) -> Iterator[bytes]:
        """Return the keys of what a record changes: many users bring the same group as it is."""
        changed = [key for key, mark in _written(record) if not self._is_last(key, mark)]
        return (key for key in (record.ledger_key, *changed) if self._rows.is_known(key))

    def _is_last(self, key: bytes, mark: bytes) -> bool:
        """Return whether a version is the one that was last written."""
        return self._rows.get(key)[0] == mark and not self._rows.pending.are_contested(key)

    def _is_orphan(self, request: Request, day: int) -> bool:
        """Return whether something that a request refers to was deleted since, or will be."""
        keys = [deletion_mark(*ids) for ids in request.references]
        deleted = any(mark == DELETED and last >= day for mark, last in map(self._rows.get, keys))
        return deleted or any(map(self._rows.pending.has, keys))


_UNCHANGED = NotSent("unchanged")


def _written(record: PendingRecord) -> Iterator[tuple[bytes, bytes]]:
    """Return keys and marks of what a record changes beside its own object."""
    return ((digest(*ids), fingerprint(payload)) for ids, payload in record.request.writes)


def deletion_mark(*ids: str) -> bytes:
    """Return where the ledger has the day on which an object was last deleted.

    Args:
        ids: What the object is called in `object`, and its ids.
    """
    return digest("deleted", *ids)
