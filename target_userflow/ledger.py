"""What was delivered to one destination, as hashes: events, and versions of records.

Deleting the ledger is always safe: records are sent again, and of events those that the tap sends
again.
"""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from target_userflow.errors import ConfigError, StorageError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from target_userflow.settings import Destination

_AT_ONCE = 500  # keys in one look-up

_metadata = sa.MetaData()
_version = sa.Table("ledger_version", _metadata, sa.Column("version", sa.Integer, nullable=False))
_destinations = sa.Table(
    "ledger_destinations",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("hash", sa.LargeBinary(16), nullable=False, unique=True),
)
_delivered = sa.Table(
    "ledger_delivered",
    _metadata,
    sa.Column("destination", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("key", sa.LargeBinary(16), primary_key=True),
    sa.Column("mark", sa.LargeBinary(8), nullable=False),
    sa.Column("day", sa.Integer, nullable=False),
    sqlite_with_rowid=False,  # half the size: the key is the row's place
)
_MIGRATIONS = ([_version, _destinations, _delivered],)
"""The tables that each schema version adds; a ledger's version is how many it has."""

IN_FLIGHT = b"?"
"""The mark of an event that was being sent when it was last heard of."""
DELIVERED = b"!"
"""The mark of an event that was delivered."""
EVENT_MARKS = (IN_FLIGHT, DELIVERED)


def exists(where: str) -> bool:
    """Whether there may be rows: a database that machines share is always taken for one."""
    return "://" in where or Path(where).exists()


def digest(*parts: str, size: int = 16) -> bytes:
    """A hash of some texts that tells them apart; the ledger holds nothing else of a record."""
    hashed = hashlib.blake2b(digest_size=size)
    for part in parts:
        text = part.encode("utf-8", "surrogatepass")
        hashed.update(b"%d:" % len(text) + text)
    return hashed.digest()


def fingerprint(body: bytes) -> bytes:
    """The mark of a delivered record."""
    return hashlib.blake2b(body, digest_size=8).digest()


class Ledger:
    """The rows of one destination; the workers of a run share it."""

    def __init__(self, where: str, destination: Destination) -> None:
        """Open the ledger, and make or migrate it where needed.

        Args:
            where: The path of a SQLite file, or an SQLAlchemy URL.
            destination: Rows of another URL or key are never looked at.

        Raises:
            ConfigError: `where` names no database that can be used.
            StorageError: it can't be opened, or another run has it.
        """
        self._url = _url(where)
        self._lock = threading.Lock()
        self._batch = _Batch()
        self._waiting_lock = threading.Lock()
        with self._failing():
            self._connection = _engine(self._url).connect()
            with self._connection.begin():
                self._migrate()
            with self._connection.begin():
                self._destination = self._id_of(digest(destination.url, destination.api_key))

    def known(self, keys: Sequence[bytes]) -> dict[bytes, tuple[bytes, int]]:
        """The mark and the day of those keys that have a row.

        Raises:
            StorageError: the ledger can't be read.
        """
        found: dict[bytes, tuple[bytes, int]] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            query = sa.select(_delivered.c.key, _delivered.c.mark, _delivered.c.day).where(
                _delivered.c.destination == self._destination, _delivered.c.key.in_(some)
            )
            with self._lock, self._failing(), self._connection.begin():
                rows = self._connection.execute(query).all()
            found.update((bytes(key), (bytes(mark), day)) for key, mark, day in rows)
        return found

    def put(self, key: bytes, mark: bytes, day: int) -> None:
        """Return once the row is committed, together with those of other workers that wait.

        Raises:
            StorageError: it can't be.
        """
        self._commit(key, (mark, day))

    def drop(self, key: bytes) -> None:
        """Return once the row is gone.

        Raises:
            StorageError: the ledger can't be written.
        """
        self._commit(key, None)

    def forget_records(self) -> None:
        """Drop everything but events: a run that does not look at records will not note them.

        Raises:
            StorageError: the ledger can't be written.
        """
        gone = sa.delete(_delivered).where(
            _delivered.c.destination == self._destination,
            _delivered.c.mark.not_in(EVENT_MARKS),
        )
        with self._lock, self._failing(), self._connection.begin():
            self._connection.execute(gone)

    def close(self) -> None:
        """Let another run have it."""
        self._connection.close()
        self._connection.engine.dispose()

    def _commit(self, key: bytes, row: tuple[bytes, int] | None) -> None:
        """Whoever gets the lock commits the rows of all that wait for it."""
        with self._waiting_lock:
            batch = self._batch
            batch.rows[key] = row
        with self._lock:
            with self._waiting_lock:
                if batch is self._batch:
                    self._batch = _Batch()
            if not batch.done:
                self._write(batch)
        if batch.error:
            raise batch.error

    def _write(self, batch: _Batch) -> None:
        gone = [key for key, row in batch.rows.items() if row is None]
        new = [
            {"destination": self._destination, "key": key, "mark": row[0], "day": row[1]}
            for key, row in batch.rows.items()
            if row
        ]
        try:
            with self._failing(), self._connection.begin():
                for statement, rows in self._statements(gone, new):
                    self._connection.execute(statement, rows)
        except StorageError as error:
            batch.error = error
        batch.done = True

    def _statements(
        self, gone: list[bytes], new: list[dict[str, Any]]
    ) -> Iterator[tuple[sa.Executable, list[dict[str, Any]]]]:
        insert = _UPSERTS.get(self._url.get_backend_name())
        if insert is None:  # a database whose upsert we don't know
            gone = [*gone, *(row["key"] for row in new)]
        if gone:
            mine = _delivered.c.destination == self._destination
            yield (
                sa.delete(_delivered).where(mine, _delivered.c.key == sa.bindparam("gone")),
                [{"gone": key} for key in gone],
            )
        if new:
            yield sa.insert(_delivered) if insert is None else insert, new

    def _migrate(self) -> None:
        """Bring the tables up to date, all or none."""
        tables = sa.inspect(self._connection).get_table_names()
        at = 0
        if _version.name in tables:
            at = self._connection.execute(sa.select(_version.c.version)).scalar_one()
        if at > len(_MIGRATIONS):
            raise StorageError(
                f"Ledger {self._name} was made by a newer version (schema {at}). Upgrade "
                "target-userflow, or give it another ledger"
            )
        if at < len(_MIGRATIONS):
            for new in _MIGRATIONS[at:]:
                _metadata.create_all(self._connection, new)
            self._connection.execute(sa.delete(_version))
            self._connection.execute(sa.insert(_version).values(version=len(_MIGRATIONS)))

    def _id_of(self, destination: bytes) -> int:
        query = sa.select(_destinations.c.id).where(_destinations.c.hash == destination)
        found = self._connection.execute(query).scalar_one_or_none()
        if found is None:
            self._connection.execute(sa.insert(_destinations).values(hash=destination))
            found = self._connection.execute(query).scalar_one()
        return int(found)

    @property
    def _name(self) -> str:
        return self._url.render_as_string(hide_password=True).removeprefix("sqlite:///")

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Say in one line what the database reports."""
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            cause = str(getattr(error, "orig", None) or error).splitlines()[0]
            if "locked" in cause:
                advice = "Another run has it: wait for its end, or give this one another ledger"
            else:
                advice = "Set ledger to a place that can, or to an empty string for none"
            raise StorageError(
                f"Ledger {self._name} can't be read and written: {cause}. {advice}"
            ) from None


@dataclass(slots=True)
class _Batch:
    """Rows that go into one commit, and how it went; None is a row that goes."""

    rows: dict[bytes, tuple[bytes, int] | None] = field(default_factory=dict)
    done: bool = False
    error: StorageError | None = None


def _url(where: str) -> sa.URL:
    if "://" not in where:
        return sa.URL.create("sqlite", database=where)
    try:
        return sa.make_url(where)
    except ArgumentError:
        raise ConfigError("Setting 'ledger' is neither a file nor an SQLAlchemy URL") from None


def _engine(url: sa.URL) -> sa.Engine:
    """An engine; a SQLite file is this run's alone, and this user's.

    Raises:
        ConfigError: the URL names a database without a driver here.
    """
    if url.get_backend_name() == "sqlite":
        _make_private(Path(url.database or ""))
        engine = sa.create_engine(url, connect_args={"timeout": 0, "check_same_thread": False})
        event.listen(engine, "connect", _claim)
        event.listen(
            engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE")
        )
        return engine
    try:
        return sa.create_engine(url)
    except (NoSuchModuleError, ImportError) as error:
        raise ConfigError(
            f"Setting 'ledger' names a database without a driver here ({error}). For PostgreSQL: "
            "pip install 'target-userflow[postgres-ledger]' and postgresql+psycopg://…"
        ) from None


def _make_private(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, mode=0o600))


def _claim(connection: sqlite3.Connection, _: object) -> None:
    """Take the file for this process; a kill lets go of it."""
    connection.isolation_level = None  # SQLAlchemy begins, as the driver would leave out DDL
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")  # survives a kill; a power cut costs a resend


def _upsert(insert: Any) -> Any:
    new = insert(_delivered)
    columns = {"mark": new.excluded.mark, "day": new.excluded.day}
    return new.on_conflict_do_update(index_elements=["destination", "key"], set_=columns)


_UPSERTS = {"sqlite": _upsert(sqlite.insert), "postgresql": _upsert(postgresql.insert)}
