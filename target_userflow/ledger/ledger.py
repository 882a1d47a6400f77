"""What was delivered to one destination, as hashes: events, and versions of records.

What `hard_delete` may have to delete stands in it with its ids (`mirror`).

Deleting the ledger is always safe: records are sent again, and of events those that the tap sends
again.
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
    from target_userflow.ledger.delivered_rows import Mirror
    from target_userflow.ledger.store import Row, Store

IN_FLIGHT = b"?"
"""The mark of an event that was being sent when it was last heard of."""
DELIVERED = b"!"
"""The mark of an event that was delivered."""
DELETED = b"x"
"""The mark of an object that was deleted, in a row beside its own."""

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


class Ledger:
    """The rows of one destination: those of another URL or key are never looked at."""

    def __init__(self, store: Store, destination: Destination) -> None:
        """Find the destination by a hash of its URL and key.

        Raises:
            StorageError: the store can't be read and written; so for all that follows.
        """
        self._store = store
        self._destination = store.destination(digest(destination.url, destination.api_key))

    def known(self, keys: Iterable[bytes]) -> dict[bytes, Row]:
        """The mark and the day of those keys that have a row."""
        return self._store.rows(self._destination, sorted(keys))  # neighbours lie together

    def put(self, key: bytes, mark: bytes, day: int) -> None:
        """Return once the row is committed."""
        self._store.commit((self._destination, key), (mark, day))

    def drop(self, key: bytes) -> None:
        """Return once the row is gone."""
        self._store.commit((self._destination, key), None)

    def write(self, rows: Mapping[bytes, Row | None]) -> None:
        """Return once all rows are committed, and those gone that are None."""
        self._store.write({(self._destination, key): row for key, row in rows.items()})

    def mirror(self, *stream: str) -> Mirror:
        """What a stream has delivered under which version; `stream` is all that tells it apart."""
        from target_userflow.ledger.delivered_rows import Mirror  # noqa: PLC0415 - SQLAlchemy, as for the store

        return Mirror(self._store, self._destination, digest(*stream))
