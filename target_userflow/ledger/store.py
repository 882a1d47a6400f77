"""The marks of what was delivered: rows by destination and key, in commits that workers share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from target_userflow.errors import StorageError
from target_userflow.ledger.database import Database, failing
from target_userflow.ledger.statements import (
    CLAIM,
    DELETE,
    DELETE_CHANGED,
    DELETE_MARKED,
    KEY_NAMES,
    LOOK_UP,
    REPLACE,
    TAKE_OVER,
    UPSERTS,
)
from target_userflow.ledger.tables import CHUNK, delivered, destinations

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from target_userflow.clock import Clock

Key = tuple[int, bytes]
"""A row's destination and key."""
Row = tuple[bytes, int]
"""A row's mark and day (the ordinal of a date)."""


class Store(Database):
    """The database with the rows of all destinations."""

    def __init__(
        self,
        setting: str,
        *,
        clock: Clock | None = None,
        max_retry_seconds: float = 0,
        wait: float = 0,
        shown: sa.URL | None = None,
    ) -> None:
        """Open the database; arguments and errors are those of `Database`."""
        super().__init__(
            setting, clock=clock, max_retry_seconds=max_retry_seconds, wait=wait, shown=shown
        )
        self._batch = _Batch()
        self._batch_lock = threading.Lock()

    def destination(self, digest: bytes) -> int:
        """Return the number of a destination; a new one is given the next number.

        Args:
            digest: The hash of its URL and key, 16 bytes.

        Raises:
            StorageError: the database can't be read and written.
        """
        query = sa.select(destinations.c.id).where(destinations.c.hash == digest)
        with self.transaction(in_turn=True) as connection:
            number = connection.execute(query).scalar_one_or_none()
            if number is None:
                connection.execute(sa.insert(destinations).values(hash=digest))
                number = connection.execute(query).scalar_one()
        return int(number)

    def rows(self, destination: int, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """Return key → row for those of the keys that have a row.

        Raises:
            StorageError: the database can't be read.
        """
        rows: dict[bytes, Row] = {}
        for start in range(0, len(keys), CHUNK):
            chunk = [*keys[start : start + CHUNK]]
            chunk += chunk[:1] * (CHUNK - len(chunk))
            query = {"its": destination, **dict(zip(KEY_NAMES, chunk, strict=True))}
            with self._lock, failing(self._shown):
                answer = self._retried(partial(self._look_up, query))
            rows.update((bytes(key), (bytes(mark), day)) for key, mark, day in answer)
        return rows

    def has_mark(self, destination: int, marks: Collection[bytes]) -> bool:
        """Return whether a destination has a row with one of these marks.

        Raises:
            StorageError: the database can't be read.
        """
        mine = delivered.c.destination == destination
        query = sa.select(delivered.c.day).where(mine, delivered.c.mark.in_(marks)).limit(1)
        with self.transaction() as connection:
            return connection.execute(query).first() is not None

    def commit(self, key: Key, row: Row | None, *, synced: bool = True) -> None:
        """Write a row, or delete it if it is None, and return once that is committed.

        Args:
            key: Its destination and key.
            row: The row.
            synced: Whether it must survive a power cut; else it survives a kill, and a power cut
                once something after it was synced.

        Raises:
            StorageError: the database can't be written.
        """
        self.write({key: row}, synced=synced)

    def write(self, rows: Mapping[Key, Row | None], *, synced: bool = True) -> None:
        """Write several rows in one commit; the rest is as of `commit`.

        The thread that gets the lock commits the rows of all that wait for it, and syncs once.
        """
        self._commit_with_others(lambda batch: batch.rows.update(rows), synced=synced)

    def claim(self, key: Key, seen: bytes, row: Row) -> bool:
        """Write a row unless another run has written there meanwhile; in a commit like `write`.

        Args:
            key: Its destination and key.
            seen: The mark that the row must still have; empty if there must be no row.
            row: The row.

        Returns:
            Whether it stands there.

        Raises:
            StorageError: the database can't be written.
        """
        batch = self._commit_with_others(
            lambda batch: batch.claims.update({key: (seen, row)}), synced=True
        )
        return key in batch.claimed

    def _commit_with_others(self, add: Callable[[_Batch], None], *, synced: bool) -> _Batch:
        with self._batch_lock:
            batch = self._batch
            add(batch)
            batch.synced |= synced
        with self._lock:
            with self._batch_lock:
                if batch is self._batch:
                    self._batch = _Batch()
            if not batch.done:
                self._commit_batch(batch)
        if batch.error:
            raise batch.error
        return batch

    def replace(self, rows: Mapping[Key, tuple[bytes, Row]]) -> None:
        """Replace rows that have not changed meanwhile, and delete those that have.

        Args:
            rows: Key → the mark that the row must still have, and the new row.

        Raises:
            StorageError: the database can't be written.
        """
        parameters = [
            {"its_destination": number, "its_key": key, "its_mark": mark, "mark_": new, "day_": day}
            for (number, key), (mark, (new, day)) in rows.items()
        ]
        if parameters:
            with self._lock, failing(self._shown):
                self._sync(wanted=True)
                self._retried(lambda: _replace(self._connection, parameters))

    def delete(self, key: Key, mark: bytes) -> None:
        """Delete a row, unless another run has written there meanwhile.

        Args:
            key: Its destination and key.
            mark: The mark that the row must still have.

        Raises:
            StorageError: the database can't be written.
        """
        number, name = key
        values = {"its_destination": number, "its_key": name, "its_mark": mark}
        with self._lock, failing(self._shown):
            self._sync(wanted=True)
            self._retried(partial(self._connection.execute, DELETE_MARKED, values))

    def _commit_batch(self, batch: _Batch) -> None:
        try:
            with failing(self._shown):
                self._sync(wanted=batch.synced)
                self._retried(lambda: batch.execute(self._connection))
        except StorageError as error:
            batch.error = error
        batch.done = True

    def _look_up(self, query: Mapping[str, Any]) -> Sequence[Any]:
        return self._connection.execute(LOOK_UP, query).all()


@dataclass(slots=True)
class _Batch:
    """Rows that go into one commit, and how it went; a row that is None is deleted."""

    rows: dict[Key, Row | None] = field(default_factory=dict)
    claims: dict[Key, tuple[bytes, Row]] = field(default_factory=dict)
    """Rows that others may claim as well, each with the mark that is seen in its place."""
    claimed: set[Key] = field(default_factory=set)
    """Keys of the claims that hold."""
    synced: bool = False
    done: bool = False
    error: StorageError | None = None

    def execute(self, connection: sa.Connection) -> None:
        """Write the rows, and those of the claims that hold."""
        for statement, parameters in _statements(self, connection.dialect.name):
            connection.execute(statement, parameters)
        self.claimed = {*self._claimed(connection)}

    def _claimed(self, connection: sa.Connection) -> Iterator[Key]:
        """Write the rows of claims that hold; yield their keys."""
        columns = delivered.c.keys()
        new = [
            dict(zip(columns, (*key, *row), strict=True))
            for key, (seen, row) in self.claims.items()
            if not seen
        ]
        if new:
            for number, key in connection.execute(CLAIM, new).all():
                yield number, bytes(key)
        for (number, key), (seen, (mark, day)) in self.claims.items():
            values = {"its_destination": number, "its_key": key, "its_mark": seen}
            values |= {"mark_": mark, "day_": day}
            if seen and connection.execute(TAKE_OVER, values).rowcount:
                yield number, key


def _replace(connection: sa.Connection, parameters: list[dict[str, Any]]) -> None:
    for statement in (REPLACE, DELETE_CHANGED):
        connection.execute(statement, parameters)


def _statements(
    batch: _Batch, backend: str
) -> Iterator[tuple[sa.Executable, list[dict[str, Any]]]]:
    new = {key: row for key, row in batch.rows.items() if row}
    deleted = [key for key in batch.rows if key not in new]
    if backend not in UPSERTS:  # a database whose upsert we don't know
        deleted += new
    if deleted:
        yield DELETE, [{"its_destination": number, "its_key": key} for number, key in deleted]
    if new:
        columns = delivered.c.keys()
        rows = [dict(zip(columns, (*key, *row), strict=True)) for key, row in new.items()]
        yield UPSERTS.get(backend, sa.insert(delivered)), rows
