"""The rows that a stream with versions has delivered: under which version, and with which ids.

A hash can't be deleted: so for these streams, and with `hard_delete` alone, the ledger holds ids as
well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from target_userflow.ledger.tables import CHUNK, delivered_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from target_userflow.ledger.store import Store

Ids = tuple[str, ...]
"""The ids by which a deletion names an object."""

_columns = delivered_rows.c
_other = delivered_rows.alias()
_is_shared = sa.exists().where(
    _other.c.destination == _columns.destination,
    _other.c.key == _columns.key,
    _other.c.stream != _columns.stream,
)
"""Whether another stream has delivered the same object."""


class DeliveredRows:
    """The rows of one stream at one destination; each method is one transaction.

    All methods raise StorageError if the database can't be read and written.
    """

    def __init__(self, store: Store, destination: int, stream: bytes) -> None:
        """Give access to the rows of a stream.

        Args:
            store: The database, which the rest of the ledger uses too.
            destination: The number of the destination.
            stream: The hash of all that tells the stream from others, 16 bytes.
        """
        self._store = store
        self._place = {"destination": destination, "stream": stream}
        self._at_destination = _columns.destination == destination
        self._mine = sa.and_(self._at_destination, _columns.stream == stream)

    def note(self, seen: Mapping[bytes, Ids], version: int, also: Collection[bytes]) -> set[bytes]:
        """Note that a version has these objects.

        Args:
            seen: Ledger key → ids of the objects.
            version: The version; an earlier one than that of a row changes nothing.
            also: Keys of further objects; they are noted only if they have a row already.

        Returns:
            The keys of the objects that had no row.
        """
        with self._store.transaction() as connection:
            known = self._known(connection, [*seen, *also])
            self._raise_version(connection, [*known], version)
            new = [key for key in seen if key not in known]
            rows = [self._row(key, seen[key], version) for key in new]
            if rows:
                connection.execute(sa.insert(delivered_rows), rows)
        return {*new}

    def drop(self, keys: Collection[bytes], *, of_all_streams: bool = False) -> None:
        """Delete the rows of objects.

        Args:
            keys: The ledger keys of the objects.
            of_all_streams: Whether to delete the rows of other streams too: the objects are gone.
        """
        scope = self._at_destination if of_all_streams else self._mine
        if keys:
            with self._store.transaction() as connection:
                for chunk in _chunks([*keys]):
                    rows = sa.and_(scope, _columns.key.in_(chunk))
                    connection.execute(sa.delete(delivered_rows).where(rows))

    def has(self, version: int) -> bool:
        """Return whether any row is of a version."""
        query = sa.select(_columns.key).where(self._mine, _columns.version == version).limit(1)
        with self._store.transaction() as connection:
            return connection.execute(query).first() is not None

    def counts(self, version: int) -> tuple[int, int]:
        """Return how many objects were known before a version, and how many are not in it."""
        conditions = _columns.since < version, _columns.version < version
        counts = [sa.func.count(sa.case((condition, 1))) for condition in conditions]
        with self._store.transaction() as connection:
            row = connection.execute(sa.select(*counts).where(self._mine)).one()
        return int(row[0]), int(row[1])

    def release(self, version: int) -> None:
        """Delete the rows that are not in a version, and whose objects another stream delivers."""
        shared = sa.and_(self._mine, _columns.version < version, _is_shared)
        with self._store.transaction() as connection:
            connection.execute(sa.delete(delivered_rows).where(shared))

    def left(self, version: int) -> Iterator[dict[bytes, Ids]]:
        """Yield ledger key → ids of the objects that are not in a version, a chunk at a time.

        The rows of a chunk may be dropped before the next chunk is asked for.
        """
        last = b""
        while chunk := self._obsolete(version, after=last):
            yield {bytes(key): msgspec.json.decode(ids, type=Ids) for key, ids in chunk}
            last = bytes(chunk[-1].key)

    def _obsolete(self, version: int, *, after: bytes) -> Sequence[Any]:
        query = (
            sa.select(_columns.key, _columns.ids)
            .where(self._mine, _columns.version < version, _columns.key > after)
            .order_by(_columns.key)
            .limit(CHUNK)
        )
        with self._store.transaction() as connection:
            return connection.execute(query).all()

    def _known(self, connection: sa.Connection, keys: Sequence[bytes]) -> set[bytes]:
        known: set[bytes] = set()
        for chunk in _chunks(keys):
            query = sa.select(_columns.key).where(self._mine, _columns.key.in_(chunk))
            known.update(map(bytes, connection.execute(query).scalars()))
        return known

    def _raise_version(
        self, connection: sa.Connection, keys: Sequence[bytes], version: int
    ) -> None:
        for chunk in _chunks(keys):
            rows = sa.and_(self._mine, _columns.key.in_(chunk), _columns.version < version)
            connection.execute(sa.update(delivered_rows).where(rows).values(version=version))

    def _row(self, key: bytes, ids: Ids, version: int) -> dict[str, Any]:
        text = msgspec.json.encode(ids).decode()
        return {**self._place, "since": version, "version": version, "key": key, "ids": text}


def _chunks(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))
