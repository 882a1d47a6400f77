"""Where a ledger is, and how its database is opened."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from target_userflow.errors import ConfigError
from target_userflow.private_files import open_private

if TYPE_CHECKING:
    import sqlite3


def problem(where: str) -> str | None:
    """What is wrong with the setting `ledger`, as far as it shows without opening it."""
    try:
        url_of(where).get_dialect().import_dbapi()
    except ConfigError as error:
        return str(error)
    except (NoSuchModuleError, ImportError) as error:
        return (
            f"Setting 'ledger' names a database without a driver here ({error}). For PostgreSQL: "
            "pip install 'target-userflow[postgres-ledger]' and postgresql+psycopg://…"
        )
    return None


def url_of(where: str) -> sa.URL:
    """What `ledger` names: a SQLite file, unless it is a URL.

    Raises:
        ConfigError: it is neither.
    """
    if "://" not in where:
        return sa.URL.create("sqlite", database=where)
    try:
        return sa.make_url(where)
    except ArgumentError:
        raise ConfigError("Setting 'ledger' is neither a file nor an SQLAlchemy URL") from None


def name_of(url: sa.URL) -> str:
    """What a message calls a ledger: the absolute path of a file, or a URL."""
    if url.get_backend_name() == "sqlite" and url.database:
        return str(Path(url.database).absolute())
    return url.render_as_string(hide_password=True).removeprefix("sqlite:///")


def engine_of(url: sa.URL) -> sa.Engine:
    """An engine; a SQLite file is this run's alone, and this user's."""
    if url.get_backend_name() == "sqlite":
        _make_private(Path(url.database or ""))
        engine = sa.create_engine(url, connect_args={"timeout": 0, "check_same_thread": False})
        event.listen(engine, "connect", _claim)
        event.listen(
            engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE")
        )
        return engine
    return sa.create_engine(url)


def _make_private(path: Path) -> None:
    for beside in (Path(f"{path}{end}") for end in _BESIDE):
        if beside.is_symlink():
            raise OSError(errno.ELOOP, f"{beside} is a symbolic link, and none is written through")
    os.close(open_private(path, os.O_RDWR))


def _claim(connection: sqlite3.Connection, _: object) -> None:
    """Take the file for this process; a kill lets go of it."""
    connection.isolation_level = None  # SQLAlchemy begins, as the driver would leave out DDL
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")  # survives a kill; a power cut costs a resend


_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite puts beside its file: as private as the file is."""
