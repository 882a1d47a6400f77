"""Objects that records replace: which versions of them were delivered last, if that is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.apis.outcomes import NotSent
from target_userflow.dedup.dedup import LedgerDedup
from target_userflow.ledger.ledger import DELETED, digest, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.messages import Request
    from target_userflow.dedup.column_watch import ColumnWatch
    from target_userflow.dedup.known_rows import KnownRows


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

    def prefetch(self, records: Sequence[PendingRecord]) -> Iterable[Sequence[PendingRecord]]:
        """Look the rows up, and note which objects are about to be deleted or to end.

        They may be in flight while what refers to them is compared.
        """
        slices = super().prefetch(records)
        for record in records:
            if not record.request.stands_alone:
                for key in self._deleted(record.request):
                    self._rows.pending.add(key, DELETED)
        return slices

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
        for key in self._deleted(record.request):
            self._note(key, DELETED)

    def _deleted(self, request: Request) -> Iterator[bytes]:
        """Return where the ledger has the days on which what a request deletes was deleted."""
        own = ((self._object, *request.object_id),) if request.deletes else ()
        return (deletion_mark(*ids) for ids in (*own, *request.ends))

    def _read(self, record: PendingRecord) -> Sequence[bytes]:
        """Return the keys of the rows that matter for a record."""
        if record.request.stands_alone:
            return (record.ledger_key,)
        written = (key for key, _ in _written(record))
        return (record.ledger_key, *written, *self._deleted(record.request))

    def _overtaken(self, record: PendingRecord) -> Iterator[bytes]:
        """Return the keys of what is known and a record is about to change.

        Where others may come to know of it at any time, of all that it is about to change.
        """
        keys = (record.ledger_key, *(key for key, _ in _written(record)))
        return (key for key in keys if self._rows.is_known(key))

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

    def prefetch(self, records: Sequence[PendingRecord]) -> Iterable[Sequence[PendingRecord]]:
        """Look the rows up, and note what the records contradict each other about.

        These may be in flight at the same time, so that nobody can tell which was the last.
        """
        slices = super().prefetch(records)
        for record in records:
            if record.request.writes:
                for key, mark in _written(record):
                    self._rows.pending.add(key, mark)
        return slices

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
        if record.request.stands_alone:
            return False
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

    def _read(self, record: PendingRecord) -> Sequence[bytes]:
        keys = super()._read(record)
        if not record.request.references:
            return keys
        return (*keys, *(deletion_mark(*ids) for ids in record.request.references))

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
