"""The destinations of a ledger: which one a run writes to, and how many rows it has.

A destination is one URL under one key. A name (`ledger_destination`) keeps standing for the same
destination when its key or URL changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from target_userflow.ledger.ledger import digest
from target_userflow.ledger.statements import counted_rows
from target_userflow.ledger.tables import destinations, names, streams

if TYPE_CHECKING:
    from target_userflow.ledger.store import Store

COUNT_LIMIT = 100_000
"""Rows that are counted at a start; more are "more than" these."""


class Destinations:
    """The destinations of one product in a ledger.

    All methods raise StorageError if the database can't be read and written.
    """

    def __init__(self, store: Store, prefix: str) -> None:
        """Give access to the destinations of a product.

        Args:
            store: The database, which the rest of the ledger uses too.
            prefix: The prefix of the product's settings.
        """
        self._store = store
        self._prefix = prefix

    def find(self, hashed: bytes, name: str) -> int:
        """Return the number of a destination; a new one is given the next number.

        Args:
            hashed: The hash of its URL and key, 16 bytes.
            name: Its name in the settings, or the id in messages of the destination that it was
                before; empty for none.
        """
        return self._named(hashed, name) if name else self._store.destination(hashed)

    def summary(self, number: int) -> str:
        """Return what the ledger knows of a destination: its id, and the number of its rows.

        The id is eight digits, which tell nothing of its key.
        """
        ids, count = self._ids(), self._count(number)
        others = [name for other, name in ids.items() if other != number]
        known = _rows(count) if count else "nothing yet"
        if others and not count:
            known += f"; it knows other destinations: {', '.join(others)}"
        return f"(destination {ids[number]}): {known}"

    def _count(self, number: int) -> int:
        """Return how many rows a destination has, up to one more than `COUNT_LIMIT`."""
        query = counted_rows(number, COUNT_LIMIT + 1)
        with self._store.transaction() as connection:
            return int(connection.execute(query).scalar_one())

    def note(self, number: int, stream: bytes) -> list[str]:
        """Note that a destination receives a stream.

        Args:
            number: The destination.
            stream: The hash of the URL and of what tells the stream from others, 16 bytes.

        Returns:
            The ids of the other destinations of the same URL that received the stream; empty if
            this one has received it before.
        """
        query = sa.select(streams.c.destination).where(streams.c.stream == stream)
        with self._store.transaction(in_turn=True) as connection:
            known = {*connection.execute(query).scalars()}
            if number in known:
                return []
            connection.execute(sa.insert(streams).values(stream=stream, destination=number))
        ids = self._ids()
        return [ids[other] for other in sorted(known)]

    def _named(self, hashed: bytes, name: str) -> int:
        """Return the destination of a name.

        A new name that is the id of a destination stands for that one, any other new name for the
        destination of the URL and key.
        """
        named = digest("name", self._prefix, name)
        query = sa.select(names.c.destination).where(names.c.name == named)
        by_id = {other_id: other for other, other_id in self._ids().items()}
        own = by_id.get(name) or self._store.destination(hashed)
        with self._store.transaction(in_turn=True) as connection:
            number = connection.execute(query).scalar_one_or_none()
            if number is None:
                connection.execute(sa.insert(names).values(name=named, destination=own))
        return own if number is None else int(number)

    def _ids(self) -> dict[int, str]:
        with self._store.transaction() as connection:
            rows = connection.execute(sa.select(destinations)).all()
        return {
            row.id: digest("destination", self._prefix, bytes(row.hash).hex(), size=4).hex()
            for row in rows
        }


def _rows(count: int) -> str:
    if count > COUNT_LIMIT:
        return f"more than {COUNT_LIMIT:,} rows"
    return f"{count:,} {'row' if count == 1 else 'rows'}"
