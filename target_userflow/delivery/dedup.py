"""What a stream remembers of its records, from window to window and from run to run.

A memory stands between a stream and the ledger: it says which records need not be sent, and notes
what becomes of the others. Entries of one key are looked at by one worker, in order.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from target_userflow.apis.outcomes import NotSent
from target_userflow.delivery.write_intents import write_intents
from target_userflow.ledger.ledger import DELETED, digest, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_userflow.apis.messages import Request
    from target_userflow.delivery.pending import PendingRecord
    from target_userflow.ledger.ledger import Ledger
    from target_userflow.ledger.store import Row


class NoDedup:
    """Remembers nothing, so that everything is sent; the subclasses remember something."""

    def key(self, row: Mapping[str, Any], request: Request, source: str) -> bytes:  # noqa: ARG002 - for subclasses
        """The record's place in the ledger; empty where it has none.

        Args:
            row: The record, after any stream map.
            request: What is sent for it.
            source: The name that the tap gives its stream.

        Raises:
            RejectRecord: its key can't be told.
        """
        return b""

    def open(self, records: Iterable[PendingRecord]) -> None:
        """Look up what is known of a window."""

    def outcome(self, record: PendingRecord) -> NotSent | None:  # noqa: ARG002 - for subclasses
        """What becomes of a record without a request; None if it has to be sent."""
        return None

    def is_doubtful(self, record: PendingRecord) -> bool:  # noqa: ARG002 - for subclasses
        """Whether an earlier run ended while it was sending the record."""
        return False

    def sending(self, record: PendingRecord) -> None:
        """Note that the first attempt starts."""

    def delivered(self, record: PendingRecord) -> None:
        """Note that the API has it."""

    def not_delivered(self, record: PendingRecord) -> None:
        """Note that no attempt can have been carried out."""

    def forget(self, records: Iterable[PendingRecord]) -> None:
        """Note that all these are about to be sent; no other of the window has their keys."""

    def close(self) -> None:
        """Return once the ledger has what was noted of a window."""


class LedgerMemory(NoDedup):
    """Remembers rows of the ledger."""

    def __init__(self, ledger: Ledger, today: int) -> None:
        """Know nothing yet; `today` is the ordinal of the day."""
        self._ledger = ledger
        self._today = today
        self._known: dict[bytes, tuple[bytes, int]] = {}

    def open(self, records: Iterable[PendingRecord]) -> None:
        """Look up the window's keys."""
        self._known = self._ledger.known({record.ledger_key for record in records})


class ForgettingMemory(LedgerMemory):
    """Objects that records replace, in a run that does not compare them: all of them are sent.

    Others may compare, now or later, with what they delivered. So whoever writes an object has the
    ledger forget it ahead of the first attempt: should the outcome be lost, neither the version
    before nor this one may pass for the last.
    """

    _notes_versions = False

    def __init__(self, ledger: Ledger, today: int, name: str) -> None:
        """Forget what is written of the object `name`, and of others that it takes along."""
        super().__init__(ledger, today)
        self._intents = write_intents(ledger, today, notes_versions=self._notes_versions)
        self._object = name
        self._noted: dict[bytes, Row] = {}

    def key(self, row: Mapping[str, Any], request: Request, source: str) -> bytes:  # noqa: ARG002 - the ids are in the request
        """A hash of the ids that the API knows it by, whatever stream it comes from."""
        return digest(self._object, *request.object_id)

    def open(self, records: Iterable[PendingRecord]) -> None:
        """Look up the window's keys, and those of all else that it changes."""
        self._known = self._ledger.known({key for record in records for key in self._read(record)})

    def forget(self, records: Iterable[PendingRecord]) -> None:
        """Forget the versions before, all at once."""
        self._intents.declare({key for record in records for key in self._overtaken(record)})

    def sending(self, record: PendingRecord) -> None:
        """Forget the versions before, if there still are some."""
        overtaken = [*self._overtaken(record)]
        for key in overtaken:
            self._noted.pop(key, None)
        self._intents.declare(overtaken)

    def delivered(self, record: PendingRecord) -> None:
        """Note what was deleted, or ended without being named."""
        request = record.request
        own = ((self._object, *request.object_id),) if request.deletes else ()
        for ids in (*own, *request.ends):
            self._note(_deletion_mark(*ids), DELETED)

    def close(self) -> None:
        """Have the ledger written with what was noted."""
        noted, self._noted = self._noted, {}
        self._intents.settle(noted)

    def _read(self, record: PendingRecord) -> Iterator[bytes]:
        """The keys of the rows that matter for a record."""
        yield record.ledger_key
        yield from (key for key, _ in _written(record))

    def _overtaken(self, record: PendingRecord) -> Iterator[bytes]:
        """Keys of what is known and a record is about to change; it is known no longer then.

        Where others may come to know of it at any time, of all that it is about to change.
        """
        for key in self._read(record):
            if self._known.pop(key, None) or self._intents.is_shared:
                yield key

    def _note(self, key: bytes, mark: bytes) -> None:
        self._known[key] = self._noted[key] = mark, self._today


class ChangeDetection(ForgettingMemory):
    """Objects that records replace: what equals the last delivery need not be sent.

    That one of them is sent twice does no harm, so that what was delivered is noted a window at a
    time. A row says what was last written to an object, whichever stream brought it: a user may
    bring attributes of its groups.
    """

    _notes_versions = True

    def __init__(self, ledger: Ledger, today: int, name: str, resync_days: int) -> None:
        """Compare the records of the object `name`, for so many days after a delivery."""
        super().__init__(ledger, today, name)
        self._resync_days = resync_days
        self._contested: set[bytes] = set()

    def open(self, records: Iterable[PendingRecord]) -> None:
        """Look the window's rows up, and find what its records contradict each other about.

        These are in flight at the same time, so that nobody can tell which of them was the last.
        """
        super().open(records)
        marks: defaultdict[bytes, set[bytes]] = defaultdict(set)
        for record in records:
            for key, mark in _written(record):
                marks[key].add(mark)
        self._contested = {key for key, found in marks.items() if len(found) > 1}

    def outcome(self, record: PendingRecord) -> NotSent | None:
        """Unchanged, if it equals what was last delivered; the same sum again is a change.

        Nor is it, if something that it joins was deleted since, or may have been on the same day,
        or if something that it brings along was written by another since.
        """
        request = record.request
        mark, day = self._known.get(record.ledger_key, _UNKNOWN)
        if mark is None or not request.idempotent or mark != fingerprint(request.payload):
            return None
        is_due = not 0 <= self._today - day < self._resync_days  # a clock may have been ahead
        is_stale = self._is_orphan(request, day) or not all(
            self._is_last(key, mark) for key, mark in _written(record)
        )
        return None if is_due or is_stale else _UNCHANGED

    def delivered(self, record: PendingRecord) -> None:
        """Note the versions that it leaves behind, or that it was deleted."""
        super().delivered(record)
        if not record.request.deletes:
            self._note(record.ledger_key, fingerprint(record.request.payload))
        for key, mark in _written(record):
            if key not in self._contested:
                self._note(key, mark)

    def _read(self, record: PendingRecord) -> Iterator[bytes]:
        yield from super()._read(record)
        yield from (_deletion_mark(*ids) for ids in record.request.references)

    def _overtaken(self, record: PendingRecord) -> Iterator[bytes]:
        """All but what a record would leave as it is: many users bring the same group."""
        changed = [key for key, mark in _written(record) if not self._is_last(key, mark)]
        for key in (record.ledger_key, *changed):
            if self._known.pop(key, None) or self._intents.is_shared:
                yield key

    def _is_last(self, key: bytes, mark: bytes) -> bool:
        """Whether a version is the one that was last written."""
        return self._known.get(key, _UNKNOWN)[0] == mark and key not in self._contested

    def _is_orphan(self, request: Request, day: int) -> bool:
        """Whether something that it joins was deleted since a day, or may have been on it."""
        marks = [self._known.get(_deletion_mark(*ids)) for ids in request.references]
        return any(mark and mark[1] >= day for mark in marks)


_UNKNOWN = None, 0
_UNCHANGED = NotSent("unchanged")


def _written(record: PendingRecord) -> Iterator[tuple[bytes, bytes]]:
    """Keys and marks of what a record changes beside its own object."""
    return ((digest(*ids), fingerprint(payload)) for ids, payload in record.request.writes)


def _deletion_mark(*ids: str) -> bytes:
    """Where the ledger has the day on which an object was last deleted."""
    return digest("deleted", *ids)
