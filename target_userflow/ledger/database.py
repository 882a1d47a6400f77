"""The connection to the ledger's database: transactions, retries, and errors in one line."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from target_userflow.clock import Clock
from target_userflow.config.ledger_url import is_sqlite, name_of, redacted, url_of
from target_userflow.errors import StorageError, of_disk
from target_userflow.ledger.engine import engine_of, sync_commits
from target_userflow.ledger.tables import migrate, schema_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
_logger = logging.getLogger("target-userflow")
_RETRY_SECONDS = 0.5  # between attempts to connect
_CLOSE_SECONDS = 5.0  # for the statement of another thread, before the connection is closed
_ADVISORY_LOCK = int.from_bytes(b"userflow", "big")
_DEADLOCK = "40P01"  # PostgreSQL's SQLSTATE deadlock_detected
_WITHOUT = "With another ledger, or with none, events that the tap sends again are delivered again"
_REMEDIES = (
    ("locked", "Another run has it: wait for its end, or give this one another ledger"),
    ("malformed", f"The file is damaged: bring back a copy of it. {_WITHOUT}"),
    ("not a database", f"The file is no ledger: bring back a copy of it. {_WITHOUT}"),
    ("disk is full", "Make room on its disk, and run again: nothing is lost"),
    ("No space left", "Make room on its disk, and run again: nothing is lost"),
    ("", f"Mend its place, or bring back a copy of it. {_WITHOUT}"),
)
"""What a cause contains, and what to do about it: the first that fits."""


class Database:
    """One connection, which all destinations and all workers of a run share."""

    def __init__(
        self,
        setting: str,
        *,
        clock: Clock | None = None,
        max_retry_seconds: float = 0,
        wait: float = 0,
        shown: sa.URL | None = None,
    ) -> None:
        """Open the database, and make or migrate its tables where needed.

        Args:
            setting: The path of a SQLite file, or an SQLAlchemy URL.
            clock: Another time than the machine's.
            max_retry_seconds: How long to try to connect again to a server that went away.
            wait: Seconds to wait for a SQLite file that another run has.
            shown: The URL that messages are about, if it is another one.

        Raises:
            ConfigError: `setting` names no database that can be used.
            StorageError: the database can't be opened, or another run has it.
        """
        self._url = url_of(setting)
        self._shown = shown or self._url
        self._clock = clock or Clock()
        self._max_retry_seconds = max_retry_seconds
        self._wait = wait
        self._lock = threading.Lock()
        self._syncs: bool | None = None
        self.is_new = False
        """Whether the database had no tables before."""
        with failing(self._shown):
            self._connection = self._connected()

    @property
    def name(self) -> str:
        """Its name in messages: an absolute path, or a driver, host and database."""
        return name_of(self._shown)

    @property
    def is_shared(self) -> bool:
        """Whether other runs may write to it at the same time; a SQLite file is one run's own."""
        return not self._is_file

    @contextmanager
    def transaction(self, *, in_turn: bool = False) -> Iterator[sa.Connection]:
        """Give the connection for one transaction; keep it short, as all workers wait.

        Args:
            in_turn: Whether no other machine may be in such a transaction at the same time.

        Raises:
            StorageError: the database can't be read and written.
        """
        with self._lock, failing(self._shown):
            if not self._is_file:
                self._retried(partial(self._connection.execute, sa.select(1)))
            self._sync(wanted=True)
            with self._connection.begin():
                if in_turn:
                    self._take_turn()
                yield self._connection

    def close(self) -> None:
        """Release the database for another run; a statement of another thread is waited for.

        A connection that is closed in the midst of one can crash the process. A statement that
        hangs is left: with the process, its connection ends as well.
        """
        if self._lock.acquire(timeout=_CLOSE_SECONDS):
            try:
                self._connection.close()
                self._connection.engine.dispose()
            finally:
                self._lock.release()

    @property
    def _is_file(self) -> bool:
        return is_sqlite(self._url)

    def _retried(self, work: Callable[[], T]) -> T:
        """Do the work in a transaction; repeat it if the server went away or ended a deadlock.

        Two runs may wait for rows of each other, until the server fails one of them. Whatever is
        done here may be done twice: the answer to a commit can be what got lost.
        """

        def once() -> T:
            with self._connection.begin():
                return work()

        def may_pass(error: SQLAlchemyError) -> bool:
            went_away = not self._is_file and self._connection.invalidated
            return went_away or _is_deadlock(error)

        return retried(once, may_pass, self._clock, self._max_retry_seconds)

    def _connected(self) -> sa.Connection:
        """Connect, and wait for a SQLite file that another run has.

        Raises:
            BaseException: what the run was stopped with meanwhile.
        """
        engine, deadline = engine_of(self._url), self._clock.monotonic() + self._wait
        is_warned = False
        while True:
            try:
                return self._with_tables(engine.connect())
            except SQLAlchemyError as error:
                is_in_use = self._is_file and "locked" in str(error)
                if self._is_over(deadline) or not is_in_use:
                    raise
            if not is_warned:
                is_warned = True
                _logger.info(
                    "Ledger %s: another run has it; waiting for its end, up to %.0f s "
                    "(ledger_wait)",
                    self.name,
                    self._wait,
                )
            self._clock.sleep(_RETRY_SECONDS)
            self._clock.check()

    def _with_tables(self, connection: sa.Connection) -> sa.Connection:
        """Migrate the tables; close the connection if that fails."""
        self._connection = connection
        try:
            with connection.begin():
                self._take_turn()
                version = schema_version(connection)
                self.is_new = version == 0
                migrate(connection, version, self.name)
        except BaseException:
            self.close()
            raise
        return connection

    def _is_over(self, deadline: float) -> bool:
        return self._clock.monotonic() >= deadline or self._clock.stopped

    def _take_turn(self) -> None:
        """Let no other machine make what this transaction is about to make."""
        if self._url.get_backend_name() == "postgresql":  # a SQLite file is this run's alone
            self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))

    def _sync(self, *, wanted: bool) -> None:
        """Make the next transaction survive a power cut, or not wait for that."""
        if self._is_file and wanted != self._syncs:
            sync_commits(self._connection, wanted=wanted)
            self._syncs = wanted


def retried(
    work: Callable[[], T], may_pass: Callable[[SQLAlchemyError], bool], clock: Clock, seconds: float
) -> T:
    """Do some work, and do it again as long as it fails by what may pass.

    Args:
        work: What is done; what is done twice must do no harm.
        may_pass: Whether an error may be gone the next time.
        clock: Time, and whether the run is to end.
        seconds: How long to try.
    """
    deadline = clock.monotonic() + seconds
    while True:
        try:
            return work()
        except SQLAlchemyError as error:
            if clock.monotonic() >= deadline or clock.stopped or not may_pass(error):
                raise
        clock.sleep(_RETRY_SECONDS)


@contextmanager
def failing(url: sa.URL) -> Iterator[None]:
    """Raise in one line what the database or the disk reports.

    Args:
        url: The database that the line names.

    Raises:
        StorageError: the database or the disk failed in the block.
    """
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise _storage_error(error, url) from None


def _is_deadlock(error: SQLAlchemyError) -> bool:
    return getattr(getattr(error, "orig", None), "sqlstate", None) == _DEADLOCK


def _storage_error(error: SQLAlchemyError | OSError, url: sa.URL) -> StorageError:
    disk = of_disk(error) if isinstance(error, OSError) else None
    cause = disk or redacted(getattr(error, "orig", None) or error, url)
    remedy = next(remedy for part, remedy in _REMEDIES if part in cause)
    return StorageError(f"Ledger {name_of(url)} can't be read and written: {cause}. {remedy}")
