"""The ledger: which events and which versions of records were delivered, as hashes.

Objects that `hard_delete` may have to delete are in it with their ids (`delivered_rows`).

Without its ledger a target sends records again, and events as often as the tap sends them again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from target_userflow.mapping.values import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_userflow.apis.messages import Payload
    from target_userflow.config.settings import Destination
    from target_userflow.ledger.delivered_rows import DeliveredRows
    from target_userflow.ledger.store import Row, Store

IN_FLIGHT = b"?"
"""The first byte of the mark of an event that was sent, and whose outcome is not known; the others
are the token of the run that sends it, or in older ledgers a hash of its body."""
DELIVERED = b"!"
"""The first byte of the mark of a delivered event; the others are a hash of its body."""
SAMPLED = b"s"
"""The first byte of the mark of an event that a sample run delivered (`limit`)."""
EVENT_MARK_SIZE = 7
"""Bytes of an event's mark; a record's mark has 8."""
DELETED = b"x"
"""The mark of an object that was deleted, in a row beside its own."""
INTENT_SIZE = 6
"""Bytes of the mark of an object that a run is writing."""
EVENT_MARKS = (IN_FLIGHT, DELIVERED)
"""The whole marks of events in a ledger of version 1.0.0."""

_json_text = msgspec.json.Encoder().encode


def exists(setting: str) -> bool:
    """Return whether the ledger may have rows; a URL is always taken for one that has.

    Args:
        setting: The setting `ledger`.
    """
    return "://" in setting or Path(setting).exists()


def digest(*parts: str, size: int = 16) -> bytes:
    """Return a hash of some texts; the ledger holds nothing else of a record.

    Args:
        parts: The texts: the same ones, split otherwise, have another hash.
        size: Bytes of the hash.
    """
    try:
        text = _json_text(parts)
    except UnicodeEncodeError:  # half of a surrogate pair
        text = json.dumps(parts).encode()
    return hashlib.blake2b(text, digest_size=size).digest()


def fingerprint(payload: Payload | None) -> bytes:
    """Return the mark of a delivered record, 8 bytes.

    Args:
        payload: The payload of the request; its JSON text is hashed.
    """
    body = b"" if payload is None else encoded(payload)
    return hashlib.blake2b(body, digest_size=8).digest()


def event_mark(status: bytes, payload: Payload | None) -> bytes:
    """Return the mark of a delivered event, `EVENT_MARK_SIZE` bytes.

    Args:
        status: `DELIVERED` or `SAMPLED`.
        payload: The payload of the request.
    """
    return status + fingerprint(payload)[: EVENT_MARK_SIZE - len(status)]


class Ledger:
    """The rows of one destination; rows of another URL or key are never read.

    All methods raise StorageError if the database can't be read and written.
    """

    def __init__(
        self, store: Store, destination: Destination, prefix: str = "", name: str = ""
    ) -> None:
        """Find the destination by its name, or else by a hash of its URL and key.

        Args:
            store: The database.
            destination: Where the run writes to.
            prefix: The prefix of the product's settings.
            name: The setting `ledger_destination`; empty for none.
        """
        from target_userflow.ledger.destinations import Destinations  # noqa: PLC0415 - SQLAlchemy, as for the store

        self._store = store
        self._url = destination.url
        self.is_shared = store.is_shared
        """Whether other runs may write rows at the same time."""
        self._destinations = Destinations(store, prefix)
        self._destination = self._destinations.find(
            digest(destination.url, destination.api_key), name
        )

    def summary(self) -> str:
        """Return what the ledger knows of the destination, in a line."""
        return f"Ledger {self._store.name} knows of {self._url} " + (
            self._destinations.summary(self._destination)
        )

    def note_stream(self, *stream: str) -> list[str]:
        """Note that the destination receives a stream.

        Args:
            stream: All that tells the stream from others.

        Returns:
            The ids of the destinations of the same URL, under other keys, that received the
            stream; empty if this destination has received it before.
        """
        return self._destinations.note(self._destination, digest(self._url, *stream))

    def has_events_of_1_0(self) -> bool:
        """Return whether there are events that version 1.0.0 noted, and that did not come since."""
        return self._store.has_mark(self._destination, EVENT_MARKS)

    def known(self, keys: Iterable[bytes]) -> dict[bytes, Row]:
        """Return key → mark and day, for those of the keys that have a row."""
        return self._store.rows(self._destination, sorted(keys))  # neighbours lie together

    def put(self, key: bytes, mark: bytes, day: int, *, synced: bool) -> None:
        """Write a row, and return once it is committed.

        Args:
            key: The ledger key.
            mark: The mark of an event or a record.
            day: The ordinal of the date of its delivery.
            synced: Whether the row has to survive a power cut.
        """
        self._store.commit((self._destination, key), (mark, day), synced=synced)

    def drop(self, key: bytes, mark: bytes) -> None:
        """Delete a row if it has a mark, and return once that is on the disk."""
        self._store.delete((self._destination, key), mark)

    def write(self, rows: Mapping[bytes, Row | None]) -> None:
        """Write several rows, delete those that are None, and return once that is on the disk."""
        self._store.write({(self._destination, key): row for key, row in rows.items()})

    def replace(self, rows: Mapping[bytes, tuple[bytes, Row]]) -> None:
        """Replace rows that have not changed meanwhile, and delete those that have.

        Args:
            rows: Key → the mark that the row must still have, and the new row.
        """
        self._store.replace({(self._destination, key): parts for key, parts in rows.items()})

    def claim(self, key: bytes, seen: bytes, mark: bytes, day: int) -> bool:
        """Write a row unless another run has written there meanwhile.

        Args:
            key: The ledger key.
            seen: The mark that the row must still have; empty if there must be no row.
            mark: The mark of the row.
            day: The ordinal of the date.

        Returns:
            Whether it stands there, and is on the disk.
        """
        return self._store.claim((self._destination, key), seen, (mark, day))

    def delivered_rows(self, *stream: str) -> DeliveredRows:
        """Return the rows that a stream with versions has delivered.

        Args:
            stream: All that tells the stream from others.
        """
        from target_userflow.ledger.delivered_rows import DeliveredRows  # noqa: PLC0415 - SQLAlchemy, as for the store

        return DeliveredRows(self._store, self._destination, digest(*stream))

    @property
    def place(self) -> tuple[Store, int]:
        """The database, and the number of the destination in it."""
        return self._store, self._destination
