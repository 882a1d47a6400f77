"""The rows that a stream with versions has delivered: under which version, and with which ids.

A hash can't be deleted: so for these streams, and with `hard_delete` alone, the ledger holds ids as
well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from target_userflow.ledger.store import AT_ONCE, delivered_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from target_userflow.ledger.store import Store

Ids = tuple[str, ...]
"""What a deletion names an object by."""

_other = delivered_rows.alias()
_is_held = sa.exists().where(
    _other.c.destination == delivered_rows.c.destination,
    _other.c.key == delivered_rows.c.key,
    _other.c.stream != delivered_rows.c.stream,
)
"""Whether another stream has delivered the same object."""


class DeliveredRows:
    """The rows of one stream at one destination; each method is one transaction."""

    def __init__(self, store: Store, destination: int, stream: bytes) -> None:
        """Share the database with the rest of the ledger.

        Args:
            store: The database.
            destination: Its number there.
            stream: A hash that tells streams apart.
        """
        self._store = store
        self._place = {"destination": destination, "stream": stream}
        self._at_destination = delivered_rows.c.destination == destination
        self._mine = sa.and_(self._at_destination, delivered_rows.c.stream == stream)

    def note(self, seen: Mapping[bytes, Ids], version: int, also: Collection[bytes]) -> set[bytes]:
        """Note that objects stand in a version, and tell which of them are new.

        Args:
            seen: Their keys and ids.
            version: The version; an earlier one changes nothing.
            also: Keys that stand in it too, and are noted only if they are not new.

        Raises:
            StorageError: the database can't be read and written; so for all that follows.
        """
        with self._store.transaction() as connection:
            known = {
                bytes(key)
                for some in _chunks([*seen, *also])
                for key in connection.execute(
                    sa.select(delivered_rows.c.key).where(
                        self._mine, delivered_rows.c.key.in_(some)
                    )
                ).scalars()
            }
            for some in _chunks([*known]):
                stale = sa.and_(
                    self._mine, delivered_rows.c.key.in_(some), delivered_rows.c.version < version
                )
                connection.execute(sa.update(delivered_rows).where(stale).values(version=version))
            new = [self._row(key, seen[key], version) for key in seen if key not in known]
            if new:
                connection.execute(sa.insert(delivered_rows), new)
        return {row["key"] for row in new}

    def drop(self, keys: Collection[bytes], *, of_all_streams: bool = False) -> None:
        """Forget objects: of all streams, when they are gone."""
        mine = self._at_destination if of_all_streams else self._mine
        if keys:
            with self._store.transaction() as connection:
                for some in _chunks([*keys]):
                    connection.execute(
                        sa.delete(delivered_rows).where(mine, delivered_rows.c.key.in_(some))
                    )

    def has(self, version: int) -> bool:
        """Whether anything stands in a version."""
        query = (
            sa.select(delivered_rows.c.key)
            .where(self._mine, delivered_rows.c.version == version)
            .limit(1)
        )
        with self._store.transaction() as connection:
            return connection.execute(query).first() is not None

    def counts(self, version: int) -> tuple[int, int]:
        """How many objects were known before a version, and how many of them it leaves behind."""
        columns = delivered_rows.c.since < version, delivered_rows.c.version < version
        counts = [sa.func.count(sa.case((column, 1))) for column in columns]
        with self._store.transaction() as connection:
            row = connection.execute(sa.select(*counts).where(self._mine)).one()
        return int(row[0]), int(row[1])

    def release(self, version: int) -> None:
        """Forget what a version leaves behind and another stream still holds."""
        held = sa.delete(delivered_rows).where(
            self._mine, delivered_rows.c.version < version, _is_held
        )
        with self._store.transaction() as connection:
            connection.execute(held)

    def left(self, version: int) -> Iterator[dict[bytes, Ids]]:
        """Keys and ids of what a version leaves behind, some at a time; they may be dropped."""
        last = b""
        while True:
            query = (
                sa.select(delivered_rows.c.key, delivered_rows.c.ids)
                .where(self._mine, delivered_rows.c.version < version, delivered_rows.c.key > last)
                .order_by(delivered_rows.c.key)
                .limit(AT_ONCE)
            )
            with self._store.transaction() as connection:
                rows = connection.execute(query).all()
            if not rows:
                return
            yield {bytes(key): msgspec.json.decode(ids, type=Ids) for key, ids in rows}
            last = bytes(rows[-1].key)

    def _row(self, key: bytes, ids: Ids, version: int) -> dict[str, Any]:
        written = msgspec.json.encode(ids).decode()
        versions = {"since": version, "version": version}
        return {**self._place, **versions, "key": key, "ids": written}


def _chunks(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))
