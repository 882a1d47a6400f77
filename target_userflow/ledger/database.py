"""Where a ledger is, and how its database is opened."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    if where.count("@") > 1:  # half a password would pass for a host
        raise ConfigError(
            "Setting 'ledger' holds several @: in a user, password or option, write each as %40"
        )
    try:
        url = sa.make_url(where)
    except (ArgumentError, ValueError):  # the latter of a port
        raise ConfigError(
            "Setting 'ledger' is no SQLAlchemy URL: driver://user:password@host:port/database, "
            "where the port is a number, and : / ? # @ in a password are %3A %2F %3F %23 %40"
        ) from None
    if url.get_backend_name() == "sqlite" and url.query:
        raise ConfigError("Setting 'ledger': the URL of a SQLite file takes no options")
    return url


def name_of(url: sa.URL) -> str:
    """What a message calls a ledger: its absolute path, or its driver, host and database."""
    if url.get_backend_name() == "sqlite":
        return str(Path(url.database).absolute()) if url.database else ":memory:"
    return f"{url.drivername}://{url.host or ''}/{url.database or ''}"


def said_of(error: BaseException, url: sa.URL) -> str:
    """The first line of what a driver says, less all else that stands in the URL."""
    (said, *_) = str(error).splitlines() or [type(error).__name__]
    texts = [value for given in url.query.values() for value in _texts(given)]
    hidden = [url.username, url.password, url.port, *texts]
    for part in sorted({str(one) for one in hidden if one}, key=len, reverse=True):
        said = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "…", said)
    password = str(url.password or "")
    return said.replace(password, "…") if len(password) > _SHORT else said


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
    hurried = url.drivername in _LIBPQ and "connect_timeout" not in url.query
    return sa.create_engine(
        url, connect_args={"connect_timeout": _CONNECT_SECONDS} if hurried else {}
    )


def _texts(given: str | tuple[str, ...]) -> list[str]:
    """An option of a URL, whole and in the parts that it may be made of."""
    values = [given] if isinstance(given, str) else [*given]
    return [*values, *(part for value in values for part in re.split(r"[\s;,&=]+", value))]


def _make_private(path: Path) -> None:
    for beside in (Path(f"{path}{end}") for end in _BESIDE):
        if beside.is_symlink():
            raise OSError(errno.ELOOP, f"{beside} is a symbolic link, and none is written through")
    os.close(open_private(path, os.O_RDWR))


def sync_commits(connection: sa.Connection, *, wanted: bool) -> None:
    """Have the next commits to a file survive a power cut, or else a kill of this process only.

    A commit that survives takes along those before it. (PostgreSQL does so for all, unless its
    owner has changed that.)
    """
    raw: Any = connection.connection.driver_connection
    raw.execute(f"PRAGMA synchronous={'FULL' if wanted else 'NORMAL'}")  # in no transaction


def _claim(connection: sqlite3.Connection, _: object) -> None:
    """Take the file for this process; a kill lets go of it."""
    connection.isolation_level = None  # SQLAlchemy begins, as the driver would leave out DDL
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("PRAGMA journal_mode=WAL")


_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite puts beside its file: as private as the file is."""
_SHORT = 3  # letters of a password that could stand anywhere
_CONNECT_SECONDS = 10
_LIBPQ = {"postgresql+psycopg", "postgresql+psycopg2", "postgresql"}
"""Drivers that would wait for ever for a host that does not answer."""
