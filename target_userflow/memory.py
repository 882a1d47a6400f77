"""What a stream remembers of its records, from window to window and from run to run.

A memory stands between a stream and the ledger: it says which entries need not be sent, and notes
what becomes of the others. Entries of one key are looked at by one worker, in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.errors import RejectRecord
from target_userflow.ledger import DELETED, DELIVERED, IN_FLIGHT, digest, fingerprint
from target_userflow.values import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_userflow.apis import Request
    from target_userflow.entries import Entry
    from target_userflow.ledger import Ledger


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

    def fate(self, entry: Entry) -> str | None:  # noqa: ARG002 - for subclasses
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


class _Rows(Memory):
    """Remembers rows of the ledger."""

    def __init__(self, ledger: Ledger, today: int) -> None:
        self._ledger = ledger
        self._today = today
        self._known: dict[bytes, tuple[bytes, int]] = {}

    def open(self, entries: Iterable[Entry]) -> None:
        """Look up the window's keys."""
        self._known = self._ledger.known([*{entry.key for entry in entries}])

    def _put(self, key: bytes, mark: bytes) -> None:
        self._ledger.put(key, mark, self._today)
        self._known[key] = mark, self._today

    def _drop(self, key: bytes) -> None:
        self._ledger.drop(key)
        self._known.pop(key, None)


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

    def fate(self, entry: Entry) -> str | None:
        """Duplicate, once it was delivered."""
        mark, _ = self._known.get(entry.key, (None, 0))
        return "duplicate" if mark == DELIVERED else None

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
            self._drop(entry.key)


class RecordMemory(_Rows):
    """Users, groups and memberships: what equals the last delivery need not be sent."""

    def __init__(self, ledger: Ledger, today: int, name: str, resync_days: int) -> None:
        """Compare the records of the object `name`, for so many days after a delivery."""
        super().__init__(ledger, today)
        self._object = name
        self._resync_days = resync_days

    def key(self, record: Mapping[str, Any], request: Request) -> bytes:  # noqa: ARG002 - the ids are in the request
        """A hash of the ids that the API knows it by, whatever stream it comes from."""
        return digest(self._object, *request.identity)

    def open(self, entries: Iterable[Entry]) -> None:
        """Look up the window's keys, and whether something was deleted that they join."""
        keys = {entry.key for entry in entries}
        joined = {_grave(*one) for entry in entries for one in entry.request.joins}
        self._known = self._ledger.known([*keys, *joined])

    def fate(self, entry: Entry) -> str | None:
        """Unchanged, if it equals what was last delivered; the same sum again is a change.

        Nor is it, if something that it joins was deleted since, or may have been on the same day.
        """
        mark, day = self._known.get(entry.key, (None, 0))
        graves = [self._known.get(_grave(*one)) for one in entry.request.joins]
        fresh = self._today - day < self._resync_days and all(
            grave is None or grave[1] < day for grave in graves
        )
        same = mark == fingerprint(entry.request.body) and entry.request.repeatable
        return "unchanged" if same and fresh else None

    def sending(self, entry: Entry) -> None:
        """Forget the version before: should the outcome be lost, neither may pass for the last."""
        if entry.key in self._known:
            self._drop(entry.key)

    def delivered(self, entry: Entry) -> None:
        """Note its version, or that it was deleted."""
        if entry.request.deletes:
            self._put(_grave(self._object, *entry.request.identity), DELETED)
        else:
            self._put(entry.key, fingerprint(entry.request.body))


def _grave(*ids: str) -> bytes:
    """Where the ledger has the day on which an object was last deleted."""
    return digest("deleted", *ids)
