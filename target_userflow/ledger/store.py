"""The database behind the ledger: its tables, its file, and commits that workers share."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from target_userflow.clock import Clock
from target_userflow.errors import StorageError, of_disk
from target_userflow.ledger.database import engine_of, name_of, said_of, sync_commits, url_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

AT_ONCE = 500  # keys in one look-up
_BETWEEN = 0.5  # seconds between attempts to connect
_IN_USE = 5.0  # seconds that a run waits for a SQLite file which another program has
T = TypeVar("T")
_TURN = int.from_bytes(b"userflow", "big")  # names a lock among those of the database

metadata = sa.MetaData()
"""All tables of a ledger."""
_version = sa.Table("ledger_version", metadata, sa.Column("version", sa.Integer, nullable=False))
destinations = sa.Table(
    "ledger_destinations",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("hash", sa.LargeBinary(16), nullable=False, unique=True),
)
_delivered = sa.Table(
    "ledger_delivered",
    metadata,
    sa.Column("destination", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("key", sa.LargeBinary(16), primary_key=True),
    sa.Column("mark", sa.LargeBinary(8), nullable=False),  # its size says what the row is about
    sa.Column("day", sa.Integer, nullable=False),
    sqlite_with_rowid=False,  # half the size: the key is the row's place
)
delivered_rows = sa.Table(
    "ledger_mirrored",
    metadata,
    sa.Column("destination", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("key", sa.LargeBinary(16), primary_key=True),
    sa.Column("stream", sa.LargeBinary(16), primary_key=True),
    sa.Column("ids", sa.Text, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What `DeliveredRows` keeps: by key first, as one object may come from several streams."""
names = sa.Table(
    "ledger_names",
    metadata,
    sa.Column("name", sa.LargeBinary(16), primary_key=True),
    sa.Column("destination", sa.Integer, nullable=False),
)
"""The names that destinations have, as hashes."""
streams = sa.Table(
    "ledger_streams",
    metadata,
    sa.Column("stream", sa.LargeBinary(16), primary_key=True),
    sa.Column("destination", sa.Integer, primary_key=True, autoincrement=False),
)
"""Which streams a destination has got, as hashes."""
_MIGRATIONS = ([_version, destinations, _delivered], [delivered_rows], [names, streams])
"""The tables that each schema version adds; a ledger's version is how many it has."""

Key = tuple[int, bytes]
"""A row's destination and key."""
Row = tuple[bytes, int]
"""A row's mark and day."""


class Store:
    """One database; all destinations of a run share it, and all their workers."""

    def __init__(
        self, where: str, *, clock: Clock | None = None, max_retry_seconds: float = 0
    ) -> None:
        """Open the database, and make or migrate its tables where needed.

        Args:
            where: The path of a SQLite file, or an SQLAlchemy URL.
            clock: Another time than the machine's.
            max_retry_seconds: How long to try to connect again to a server that went away.

        Raises:
            ConfigError: `where` names no database that can be used.
            StorageError: it can't be opened, or another run has it.
        """
        self._url = url_of(where)
        self._clock = clock or Clock()
        self._max_retry_seconds = max_retry_seconds
        self._lock = threading.Lock()
        self._batch = _Batch()
        self._waiting_lock = threading.Lock()
        self._syncs: bool | None = None
        self.is_new = False
        """Whether there were no tables yet."""
        with self._failing():
            self._connection = self._connected()

    def destination(self, hashed: bytes) -> int:
        """The number of a destination; the first time it is given one.

        Raises:
            StorageError: the database can't be read and written.
        """
        query = sa.select(destinations.c.id).where(destinations.c.hash == hashed)
        with self._using():
            self._take_turn()
            found = self._connection.execute(query).scalar_one_or_none()
            if found is None:
                self._connection.execute(sa.insert(destinations).values(hash=hashed))
                found = self._connection.execute(query).scalar_one()
        return int(found)

    def rows(self, destination: int, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """The rows that there are of some keys.

        Raises:
            StorageError: the database can't be read.
        """
        found: dict[bytes, Row] = {}
        for start in range(0, len(keys), AT_ONCE):
            some = [*keys[start : start + AT_ONCE]]
            some += some[:1] * (AT_ONCE - len(some))
            asked = dict(zip(_ASKED, some, strict=True))
            with self._lock, self._failing():
                rows = self._retried(partial(self._looked_up, {"its": destination, **asked}))
            found.update((bytes(key), (bytes(mark), day)) for key, mark, day in rows)
        return found

    def commit(self, key: Key, row: Row | None, *, synced: bool = True) -> None:
        """Return once a row is written, or gone if it is None, and committed.

        Whoever gets the lock commits the rows of all that wait for it, and syncs them at once.

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
        """The same for several rows, in one commit."""
        with self._waiting_lock:
            batch = self._batch
            batch.rows.update(rows)
            batch.synced |= synced
        with self._lock:
            with self._waiting_lock:
                if batch is self._batch:
                    self._batch = _Batch()
            if not batch.done:
                self._write(batch)
        if batch.error:
            raise batch.error

    @contextmanager
    def transaction(self, *, in_turn: bool = False) -> Iterator[sa.Connection]:
        """The connection for one transaction; keep it short, as all workers wait.

        Args:
            in_turn: Whether no other machine may be in such a transaction at the same time.

        Raises:
            StorageError: the database can't be read and written.
        """
        with self._using():
            if in_turn:
                self._take_turn()
            yield self._connection

    def has_mark(self, destination: int, marks: Collection[bytes]) -> bool:
        """Whether a destination has a row with one of these marks.

        Raises:
            StorageError: the database can't be read.
        """
        mine = _delivered.c.destination == destination
        query = sa.select(_delivered.c.day).where(mine, _delivered.c.mark.in_(marks)).limit(1)
        with self._using():
            return self._connection.execute(query).first() is not None

    def close(self) -> None:
        """Let another run have it."""
        self._connection.close()
        self._connection.engine.dispose()

    def _write(self, batch: _Batch) -> None:
        gone = [key for key, row in batch.rows.items() if row is None]
        new = [(*key, *row) for key, row in batch.rows.items() if row]
        try:
            with self._failing():
                self._sync(wanted=batch.synced)
                self._retried(partial(self._carry_out, gone, new))
        except StorageError as error:
            batch.error = error
        batch.done = True

    def _looked_up(self, asked: Mapping[str, Any]) -> Sequence[Any]:
        return self._connection.execute(_LOOK_UP, asked).all()

    def _carry_out(self, gone: list[Key], new: list[tuple[int, bytes, bytes, int]]) -> None:
        for statement, rows in self._statements(gone, new):
            self._connection.execute(statement, rows)

    def _ask(self) -> None:
        self._connection.execute(sa.select(1))

    def _retried(self, work: Callable[[], T]) -> T:
        """What a transaction comes to; it is tried again when its server was away meanwhile.

        Whatever is done here may be done twice: the answer to a commit can be what got lost.
        """
        deadline = self._clock.monotonic() + self._max_retry_seconds
        while True:
            try:
                with self._connection.begin():
                    return work()
            except SQLAlchemyError:
                went_away = not self._is_file and self._connection.invalidated
                late = self._clock.monotonic() >= deadline or self._clock.stopped
                if late or not went_away:
                    raise
            self._clock.sleep(_BETWEEN)

    def _connected(self) -> sa.Connection:
        """A connection to tables that are up to date; a file in use is waited for a little."""
        engine, deadline = engine_of(self._url), self._clock.monotonic() + _IN_USE
        while True:
            try:
                return self._furnished(engine.connect())
            except SQLAlchemyError as error:
                late = self._clock.monotonic() >= deadline or self._clock.stopped
                if late or not self._is_file or "locked" not in str(error):
                    raise
            self._clock.sleep(_BETWEEN)

    def _furnished(self, connection: sa.Connection) -> sa.Connection:
        """The same connection, once there are all tables."""
        self._connection = connection
        try:
            with connection.begin():
                self._take_turn()
                self._migrate()
        except BaseException:
            self.close()
            raise
        return connection

    @property
    def _is_file(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    def _statements(
        self, gone: list[Key], new: list[tuple[int, bytes, bytes, int]]
    ) -> Iterator[tuple[sa.Executable, list[dict[str, Any]]]]:
        upsert = _UPSERTS.get(self._url.get_backend_name())
        if upsert is None:  # a database whose upsert we don't know
            gone = [*gone, *((destination, key) for destination, key, _, _ in new)]
        if gone:
            yield _DELETE, [{"its_destination": d, "its_key": key} for d, key in gone]
        if new:
            names = _delivered.c.keys()
            rows = [dict(zip(names, values, strict=True)) for values in new]
            yield sa.insert(_delivered) if upsert is None else upsert, rows

    def _migrate(self) -> None:
        """Bring the tables up to date, all or none."""
        tables = sa.inspect(self._connection).get_table_names()
        at = 0
        if _version.name in tables:
            at = self._connection.execute(sa.select(_version.c.version)).scalar_one()
        self.is_new = at == 0
        if at > len(_MIGRATIONS):
            raise StorageError(
                f"Ledger {self.name} was made by a newer version (schema {at}). Upgrade "
                "target-userflow, or give it another ledger"
            )
        if at < len(_MIGRATIONS):
            for new in _MIGRATIONS[at:]:
                metadata.create_all(self._connection, new)
            self._connection.execute(sa.delete(_version))
            self._connection.execute(sa.insert(_version).values(version=len(_MIGRATIONS)))

    def _take_turn(self) -> None:
        """Let no other machine make what this transaction is about to make."""
        if self._url.get_backend_name() == "postgresql":  # a SQLite file is this run's alone
            self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TURN)))

    @contextmanager
    def _using(self) -> Iterator[None]:
        """A transaction of this thread alone, on a connection that is there."""
        with self._lock, self._failing():
            if not self._is_file:
                self._retried(self._ask)
            self._sync(wanted=True)
            with self._connection.begin():
                yield

    def _sync(self, *, wanted: bool) -> None:
        """Have the next transaction survive a power cut, or not wait for that."""
        if self._is_file and wanted != self._syncs:
            sync_commits(self._connection, wanted=wanted)
            self._syncs = wanted

    @property
    def name(self) -> str:
        """What messages call it: an absolute path, or a driver, host and database."""
        return name_of(self._shown)

    @property
    def _shown(self) -> sa.URL:
        """The ledger that messages are about."""
        return self._url

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Say in one line what the database reports."""
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            disk = of_disk(error) if isinstance(error, OSError) else None
            cause = disk or said_of(getattr(error, "orig", None) or error, self._shown)
            if "locked" in cause:
                advice = "Another run has it: wait for its end, or give this one another ledger"
            else:
                advice = _ADVICE
            raise StorageError(
                f"Ledger {self.name} can't be read and written: {cause}. {advice}"
            ) from None


@dataclass(slots=True)
class _Batch:
    """Rows that go into one commit, and how it went; None is a row that goes."""

    rows: dict[Key, Row | None] = field(default_factory=dict)
    synced: bool = False
    done: bool = False
    error: StorageError | None = None


def counted_rows(destination: int, most: int) -> Any:
    """A query that counts the rows of a destination, up to some number."""
    mine = _delivered.c.destination == destination
    return sa.select(sa.func.count()).select_from(
        sa.select(_delivered.c.day).where(mine).limit(most).subquery()
    )


def _upsert(insert: Any) -> Any:
    new = insert(_delivered)
    columns = {"mark": new.excluded.mark, "day": new.excluded.day}
    return new.on_conflict_do_update(index_elements=["destination", "key"], set_=columns)


_ADVICE = (
    "Mend its place, or bring back a copy of it. With another ledger, or with none, events that "
    "the tap sends again are delivered again"
)
_ASKED = [f"key_{number}" for number in range(AT_ONCE)]
_AS_THEY_COME: list[Any] = [
    sa.type_coerce(column, sa.types.NullType)  # `rows` makes bytes of them, and once is enough
    for column in (_delivered.c.key, _delivered.c.mark, _delivered.c.day)
]
_LOOK_UP = sa.select(*_AS_THEY_COME).where(  # always as many keys, so that it is compiled once
    _delivered.c.destination == sa.bindparam("its"),
    _AS_THEY_COME[0].in_([sa.bindparam(name, type_=sa.types.NullType()) for name in _ASKED]),
)
_UPSERTS = {"sqlite": _upsert(sqlite.insert), "postgresql": _upsert(postgresql.insert)}
_DELETE = sa.delete(_delivered).where(
    _delivered.c.destination == sa.bindparam("its_destination"),
    _delivered.c.key == sa.bindparam("its_key"),
)
