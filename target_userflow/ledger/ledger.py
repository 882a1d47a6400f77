"""What was delivered to one destination, as hashes: events, and versions of records.

What `hard_delete` may have to delete stands in it with its ids (`delivered_rows`).

Without its ledger a target sends records again, and events as often as the tap sends them again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_userflow.config.settings import Destination
    from target_userflow.ledger.delivered_rows import DeliveredRows
    from target_userflow.ledger.store import Row, Store

IN_FLIGHT = b"?"
"""What the mark of an event begins with that was being sent when it was last heard of."""
DELIVERED = b"!"
"""What the mark of an event begins with that was delivered; the rest is of its body."""
EVENT_MARK_SIZE = 7
"""Bytes of an event's mark; a record's has 8."""
DELETED = b"x"
"""The mark of an object that was deleted, in a row beside its own."""
EVENT_MARKS = (IN_FLIGHT, DELIVERED)
"""The whole marks of events in a ledger of version 1.0.0."""

_json_text = msgspec.json.Encoder().encode


def exists(where: str) -> bool:
    """Whether there may be rows: a database that machines share is always taken for one."""
    return "://" in where or Path(where).exists()


def digest(*parts: str, size: int = 16) -> bytes:
    """A hash of some texts that tells them apart; the ledger holds nothing else of a record."""
    try:
        text = _json_text(parts)
    except UnicodeEncodeError:  # half of a surrogate pair
        text = json.dumps(parts).encode()
    return hashlib.blake2b(text, digest_size=size).digest()


def fingerprint(body: bytes) -> bytes:
    """The mark of a delivered record."""
    return hashlib.blake2b(body, digest_size=8).digest()


def event_mark(what: bytes, body: bytes) -> bytes:
    """The mark of an event: what became of it, `IN_FLIGHT` or `DELIVERED`, and of which body."""
    return what + fingerprint(body)[: EVENT_MARK_SIZE - len(what)]


class Ledger:
    """The rows of one destination: those of another URL or key are never looked at."""

    def __init__(
        self, store: Store, destination: Destination, prefix: str = "", name: str = ""
    ) -> None:
        """Find the destination by its name, or else by a hash of its URL and key.

        Args:
            store: The database.
            destination: Where the run writes to.
            prefix: What the settings of the product start with.
            name: What `ledger_destination` says.

        Raises:
            StorageError: the store can't be read and written; so for all that follows.
        """
        from target_userflow.ledger.destinations import Destinations  # noqa: PLC0415 - SQLAlchemy, as for the store

        self._store = store
        self._url = destination.url
        self._destinations = Destinations(store, prefix)
        self._destination = self._destinations.find(
            digest(destination.url, destination.api_key), name
        )

    def summary(self) -> str:
        """What the ledger knows of the destination, in a line."""
        from target_userflow.ledger.destinations import MOST_COUNTED  # noqa: PLC0415 - likewise

        own = f"{self._url} (destination {self._destinations.id_of(self._destination)})"
        count = self._destinations.count(self._destination)
        if count:
            much = f"more than {MOST_COUNTED:,}" if count > MOST_COUNTED else f"{count:,}"
            known = f"{much} {'row' if count == 1 else 'rows'}"
        else:
            others = self._destinations.others(self._destination)
            known = "nothing yet"
            known += f"; it knows other destinations: {', '.join(others)}" if others else ""
        return f"Ledger {self._store.name} knows of {own}: {known}"

    def note_stream(self, *stream: str) -> list[str]:
        """Note that the destination gets a stream; `stream` is all that tells it from others.

        Returns:
            What messages call those destinations of the same URL, under other keys, that have got
            it before this one; empty once this one has.
        """
        return self._destinations.note(self._destination, digest(self._url, *stream))

    def has_events_of_1_0(self) -> bool:
        """Whether version 1.0.0 noted events that no run has come across since."""
        return self._store.has_mark(self._destination, EVENT_MARKS)

    def known(self, keys: Iterable[bytes]) -> dict[bytes, Row]:
        """The mark and the day of those keys that have a row."""
        return self._store.rows(self._destination, sorted(keys))  # neighbours lie together

    def put(self, key: bytes, mark: bytes, day: int, *, synced: bool) -> None:
        """Return once the row is committed, and on the disk if it is `synced`."""
        self._store.commit((self._destination, key), (mark, day), synced=synced)

    def drop(self, key: bytes) -> None:
        """Return once the row is gone from the disk."""
        self._store.commit((self._destination, key), None)

    def write(self, rows: Mapping[bytes, Row | None]) -> None:
        """Return once all rows are on the disk, and those gone that are None."""
        self._store.write({(self._destination, key): row for key, row in rows.items()})

    def delivered_rows(self, *stream: str) -> DeliveredRows:
        """What a stream has delivered under which version; `stream` is all that tells it apart."""
        from target_userflow.ledger.delivered_rows import DeliveredRows  # noqa: PLC0415 - SQLAlchemy, as for the store

        return DeliveredRows(self._store, self._destination, digest(*stream))
