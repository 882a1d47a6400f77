"""What a stream remembers of its records, from window to window and from run to run.

A memory stands between a stream and the ledger: it says which entries need not be sent, and notes
what becomes of the others. Entries of one key are looked at by one worker, in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.apis.messages import Unneeded
from target_userflow.errors import RejectRecord
from target_userflow.ledger.ledger import DELETED, DELIVERED, IN_FLIGHT, digest, fingerprint
from target_userflow.mapping.values import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_userflow.apis.messages import Request
    from target_userflow.delivery.pending import Entry
    from target_userflow.ledger.ledger import Ledger
    from target_userflow.ledger.store import Row


class Memory:
    """Remembers nothing, so that everything is sent; the subclasses remember something."""

    def key(self, record: Mapping[str, Any], request: Request) -> bytes:  # noqa: ARG002 - for subclasses
        """The record's place in the ledger; empty where it has none.

        Raises:
            RejectRecord: its key can't be told.
        """
        return b""

    def open(self, entries: Iterable[Entry]) -> None:
        """Look up what is known of a window."""

    def fate(self, entry: Entry) -> Unneeded | None:  # noqa: ARG002 - for subclasses
        """What becomes of an entry without a request; None if it has to be sent."""
        return None

    def is_doubtful(self, entry: Entry) -> bool:  # noqa: ARG002 - for subclasses
        """Whether an earlier run ended while it was sending the entry."""
        return False

    def sending(self, entry: Entry) -> None:
        """Note that the first attempt starts."""

    def delivered(self, entry: Entry) -> None:
        """Note that the API has it."""

    def not_delivered(self, entry: Entry) -> None:
        """Note that no attempt can have been carried out."""

    def forget(self, entries: Iterable[Entry]) -> None:
        """Note that all these are about to be sent; no other entry of the window has their keys."""

    def close(self) -> None:
        """Return once the ledger has what was noted of a window."""


class _Rows(Memory):
    """Remembers rows of the ledger."""

    def __init__(self, ledger: Ledger, today: int) -> None:
        self._ledger = ledger
        self._today = today
        self._known: dict[bytes, tuple[bytes, int]] = {}

    def open(self, entries: Iterable[Entry]) -> None:
        """Look up the window's keys."""
        self._known = self._ledger.known({entry.key for entry in entries})


class EventMemory(_Rows):
    """Events of a stream with key properties: each is delivered once, however often it comes."""

    def __init__(self, ledger: Ledger, today: int, stream: str, keys: Sequence[str]) -> None:
        """Tell events apart by their stream and its key properties."""
        super().__init__(ledger, today)
        self._stream = stream
        self._keys = keys
        self._doubtful: set[bytes] = set()

    def key(self, record: Mapping[str, Any], request: Request) -> bytes:  # noqa: ARG002 - the API knows no id
        """A hash of the key properties.

        Raises:
            RejectRecord: one of them is null.
        """
        values = [record[key] for key in self._keys]
        if None in values:
            raise RejectRecord(f"key property '{self._keys[values.index(None)]}' is null")
        return digest("event", self._stream, encoded(values).decode())

    def open(self, entries: Iterable[Entry]) -> None:
        """Look up the window's keys, and which of them were left in flight."""
        super().open(entries)
        self._doubtful = {key for key, (mark, _) in self._known.items() if mark == IN_FLIGHT}

    def fate(self, entry: Entry) -> Unneeded | None:
        """Duplicate, once it was delivered."""
        mark, _ = self._known.get(entry.key, (None, 0))
        return _DUPLICATE if mark == DELIVERED else None

    def is_doubtful(self, entry: Entry) -> bool:
        """Whether it was left in flight."""
        return entry.key in self._doubtful

    def sending(self, entry: Entry) -> None:
        """Note that it is in flight, should this be the last that is heard of it."""
        self._put(entry.key, IN_FLIGHT)

    def delivered(self, entry: Entry) -> None:
        """Note that it is never to be sent again."""
        self._put(entry.key, DELIVERED)

    def not_delivered(self, entry: Entry) -> None:
        """Take the note back, unless an earlier run left it."""
        if not self.is_doubtful(entry):
            self._ledger.drop(entry.key)
            self._known.pop(entry.key, None)

    def _put(self, key: bytes, mark: bytes) -> None:
        self._ledger.put(key, mark, self._today)
        self._known[key] = mark, self._today


class RecordMemory(_Rows):
    """Users, groups and memberships: what equals the last delivery need not be sent.

    That one of them is sent twice does no harm, so that what was delivered is noted a window at a
    time. What was delivered before is forgotten ahead of the first attempt: should the outcome be
    lost, neither version may pass for the last.
    """

    def __init__(self, ledger: Ledger, today: int, name: str, resync_days: int) -> None:
        """Compare the records of the object `name`, for so many days after a delivery."""
        super().__init__(ledger, today)
        self._object = name
        self._resync_days = resync_days
        self._noted: dict[bytes, Row] = {}

    def key(self, record: Mapping[str, Any], request: Request) -> bytes:  # noqa: ARG002 - the ids are in the request
        """A hash of the ids that the API knows it by, whatever stream it comes from."""
        return digest(self._object, *request.identity)

    def open(self, entries: Iterable[Entry]) -> None:
        """Look up the window's keys, and whether something was deleted that they join."""
        keys = {entry.key for entry in entries}
        joined = {_grave(*one) for entry in entries for one in entry.request.joins}
        self._known = self._ledger.known(keys | joined)

    def fate(self, entry: Entry) -> Unneeded | None:
        """Unchanged, if it equals what was last delivered; the same sum again is a change.

        Nor is it, if something that it joins was deleted since, or may have been on the same day.
        """
        request = entry.request
        mark, day = self._known.get(entry.key, _UNKNOWN)
        if mark != fingerprint(request.body) or not request.repeatable:
            return None
        is_due = self._today - day >= self._resync_days
        return None if is_due or (request.joins and self._is_orphan(request, day)) else _UNCHANGED

    def forget(self, entries: Iterable[Entry]) -> None:
        """Forget the versions before, all at once."""
        gone = [entry.key for entry in entries if self._known.pop(entry.key, None)]
        self._write(dict.fromkeys(gone))

    def sending(self, entry: Entry) -> None:
        """Forget the version before, if there still is one."""
        if self._known.pop(entry.key, None):
            self._noted.pop(entry.key, None)
            self._ledger.drop(entry.key)

    def delivered(self, entry: Entry) -> None:
        """Note its version, or that it was deleted."""
        if entry.request.deletes:
            self._note(_grave(self._object, *entry.request.identity), DELETED)
        else:
            self._note(entry.key, fingerprint(entry.request.body))

    def close(self) -> None:
        """Have the versions committed that were delivered."""
        noted, self._noted = self._noted, {}
        self._write(noted)

    def _note(self, key: bytes, mark: bytes) -> None:
        self._known[key] = self._noted[key] = mark, self._today

    def _write(self, rows: Mapping[bytes, Row | None]) -> None:
        if rows:
            self._ledger.write(rows)

    def _is_orphan(self, request: Request, day: int) -> bool:
        """Whether something that it joins was deleted since a day, or may have been on it."""
        graves = [self._known.get(_grave(*one)) for one in request.joins]
        return any(grave and grave[1] >= day for grave in graves)


_UNKNOWN = None, 0
_DUPLICATE = Unneeded("duplicate")
_UNCHANGED = Unneeded("unchanged")


def _grave(*ids: str) -> bytes:
    """Where the ledger has the day on which an object was last deleted."""
    return digest("deleted", *ids)
