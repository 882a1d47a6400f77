"""Which destination of a ledger a run writes to, and what the ledger knows of it.

A destination is one URL under one key. A name (`ledger_destination`) stands for the same one when
its key or URL has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from target_userflow.ledger.ledger import digest
from target_userflow.ledger.store import counted_rows, destinations, names, streams

if TYPE_CHECKING:
    from target_userflow.ledger.store import Store

MOST_COUNTED = 100_000
"""Rows that are counted at a start; more are "more than" these."""


class Destinations:
    """The destinations of one product in a ledger."""

    def __init__(self, store: Store, prefix: str) -> None:
        """Share the database with the rest of the ledger.

        Args:
            store: The database.
            prefix: What the settings of the product start with.
        """
        self._store = store
        self._prefix = prefix

    def find(self, hashed: bytes, name: str) -> int:
        """The number of a destination; the first time it is given one.

        Args:
            hashed: A hash of its URL and key.
            name: What the settings call it, or what `id_of` calls the one that it was before;
                empty for none.

        Raises:
            StorageError: the database can't be read and written; so for all that follows.
        """
        return self._named(hashed, name) if name else self._store.destination(hashed)

    def id_of(self, number: int) -> str:
        """What messages call a destination: eight digits, which tell nothing of its key."""
        return self._ids()[number]

    def others(self, number: int) -> list[str]:
        """What messages call all other destinations in the ledger."""
        return [name for other, name in self._ids().items() if other != number]

    def count(self, number: int) -> int:
        """How many rows there are of a destination, up to one more than `MOST_COUNTED`."""
        query = counted_rows(number, MOST_COUNTED + 1)
        with self._store.transaction() as connection:
            return int(connection.execute(query).scalar_one())

    def note(self, number: int, stream: bytes) -> list[str]:
        """Note that a destination gets a stream; the first time, tell which others got it.

        Args:
            number: The destination.
            stream: A hash of the URL and of what tells the stream from others.

        Returns:
            What messages call the other destinations, all of the same URL; empty if this one has
            had the stream before.
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
        """The destination of a name; a new name is one for what it calls, or for the run's own."""
        named = digest("name", self._prefix, name)
        query = sa.select(names.c.destination).where(names.c.name == named)
        before = {known: other for other, known in self._ids().items()}
        own = before.get(name) or self._store.destination(hashed)
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
