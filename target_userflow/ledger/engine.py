"""SQLAlchemy engines for the ledger: a SQLite file is private, and one run's alone."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from target_userflow.config.ledger_url import is_sqlite
from target_userflow.private_files import open_private

if TYPE_CHECKING:
    import sqlite3

_SIDE_FILES = ("-wal", "-shm", "-journal")
"""What SQLite appends to the name of its file: these files are as private as the file is."""
_CONNECT_SECONDS = 10
_SILENCE = {
    "connect_timeout": _CONNECT_SECONDS,
    "tcp_user_timeout": 30_000,  # milliseconds
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
}
"""After how many seconds a host that does not answer counts as gone: 30 at most, as libpq's own
defaults are those of the system, a quarter of an hour and more."""
_IDLE = "10s"
"""How long a run may be in the midst of a transaction and say nothing, as one that was suspended:
the server then ends it, as others may wait for what it has locked."""
_BOUND_IDLENESS = (
    f"select set_config('idle_in_transaction_session_timeout', '{_IDLE}', false) "
    "where current_setting('idle_in_transaction_session_timeout') = '0'"
)
_LIBPQ = {"postgresql+psycopg", "postgresql+psycopg2", "postgresql"}
"""Drivers that would wait for ever for a host that does not answer."""


def engine_of(url: sa.URL) -> sa.Engine:
    """Return an engine for the database.

    Raises:
        OSError: the SQLite file can't be made, or is a symbolic link.
    """
    return _sqlite_engine(url) if is_sqlite(url) else _server_engine(url)


def small_file_engine(url: sa.URL) -> sa.Engine:
    """Return an engine for a SQLite file that several runs have open, each for an instant.

    Raises:
        OSError: the file can't be made, or is a symbolic link.
    """
    _make_private(Path(url.database or ""))
    options = {"timeout": _CONNECT_SECONDS, "check_same_thread": False}
    engine = sa.create_engine(url, connect_args=options)
    event.listen(engine, "connect", _forgo_syncs)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def sync_commits(connection: sa.Connection, *, wanted: bool) -> None:
    """Make the next commits to a SQLite file survive a power cut, or only a kill of this process.

    A commit that survives takes along those before it. (PostgreSQL does so for all, unless its
    owner has changed that.)

    Args:
        connection: A connection to the file, in no transaction.
        wanted: Whether the commits have to survive a power cut.
    """
    raw: Any = connection.connection.driver_connection
    raw.execute(f"PRAGMA synchronous={'FULL' if wanted else 'NORMAL'}")


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    _make_private(Path(url.database or ""))
    engine = sa.create_engine(url, connect_args={"timeout": 0, "check_same_thread": False})
    event.listen(engine, "connect", _lock_file)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _server_engine(url: sa.URL) -> sa.Engine:
    known = _SILENCE if url.drivername in _LIBPQ else {}
    options = {name: value for name, value in known.items() if name not in url.query}
    engine = sa.create_engine(url, connect_args=options)
    if url.get_backend_name() == "postgresql":
        event.listen(engine, "connect", _bound_idleness)
    return engine


def _bound_idleness(connection: Any, _: object) -> None:
    """Have the server end a transaction that goes on for no reason, unless it is told when."""
    cursor = connection.cursor()
    cursor.execute(_BOUND_IDLENESS)
    cursor.close()
    connection.commit()


def _make_private(path: Path) -> None:
    for side_file in (Path(f"{path}{suffix}") for suffix in _SIDE_FILES):
        if side_file.is_symlink():
            raise OSError(
                errno.ELOOP, f"{side_file} is a symbolic link, and none is written through"
            )
    os.close(open_private(path, os.O_RDWR))


def _forgo_syncs(connection: sqlite3.Connection, _: object) -> None:
    """Let nothing in the file have to survive a power cut."""
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=OFF")


def _lock_file(connection: sqlite3.Connection, _: object) -> None:
    """Lock the file for this process; a kill releases it."""
    connection.isolation_level = None  # SQLAlchemy begins, as the driver would leave out DDL
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("PRAGMA journal_mode=WAL")
