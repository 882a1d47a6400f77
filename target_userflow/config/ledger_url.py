"""The setting `ledger`: the database that it names, and what messages may show of it."""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from target_userflow.errors import ConfigError

_SHORT = 3  # letters of a password that could stand anywhere


def problem(setting: str) -> str | None:
    """Return what is wrong with the setting `ledger`, as far as it shows without opening it."""
    try:
        url_of(setting).get_dialect().import_dbapi()
    except ConfigError as error:
        return str(error)
    except (NoSuchModuleError, ImportError) as error:
        return (
            f"Setting 'ledger' names a database without a driver here ({error}). For PostgreSQL: "
            "pip install 'target-userflow[postgres-ledger]' and postgresql+psycopg://…"
        )
    return None


def url_of(setting: str) -> sa.URL:
    """Return the URL of the database that `ledger` names: a path means a SQLite file.

    Raises:
        ConfigError: the setting is neither a path nor a URL.
    """
    if "://" not in setting:
        return sa.URL.create("sqlite", database=setting)
    if setting.count("@") > 1:  # half a password would pass for a host
        raise ConfigError(
            "Setting 'ledger' holds several @: in a user, password or option, write each as %40"
        )
    url = _parsed(setting)
    if is_sqlite(url) and url.query:
        raise ConfigError("Setting 'ledger': the URL of a SQLite file takes no options")
    return url


def is_sqlite(url: sa.URL) -> bool:
    """Return whether the database is a SQLite file."""
    return url.get_backend_name() == "sqlite"


def name_of(url: sa.URL) -> str:
    """Return a ledger's name in messages: its absolute path, or its driver, host and database."""
    if is_sqlite(url):
        return str(Path(url.database).absolute()) if url.database else ":memory:"
    return f"{url.drivername}://{url.host or ''}/{url.database or ''}"


def redacted(error: BaseException, url: sa.URL) -> str:
    """Return the first line of a driver's message, without the secret parts of the URL.

    Args:
        error: What the driver raised.
        url: The URL of the database: its user, password, port and options are left out.
    """
    (message, *_) = str(error).splitlines() or [type(error).__name__]
    options = [part for value in url.query.values() for part in _parts(value)]
    secrets = {str(part) for part in (url.username, url.password, url.port, *options) if part}
    for secret in sorted(secrets, key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "…", message)
    password = str(url.password or "")
    return message.replace(password, "…") if len(password) > _SHORT else message


def _parsed(setting: str) -> sa.URL:
    try:
        return sa.make_url(setting)
    except (ArgumentError, ValueError):  # the latter of a port
        raise ConfigError(
            "Setting 'ledger' is no SQLAlchemy URL: driver://user:password@host:port/database, "
            "where the port is a number, and : / ? # @ in a password are %3A %2F %3F %23 %40"
        ) from None


def _parts(option: str | tuple[str, ...]) -> list[str]:
    """Return the values of a URL's option, whole and in the parts that they may be made of."""
    values = [option] if isinstance(option, str) else [*option]
    return [*values, *(part for value in values for part in re.split(r"[\s;,&=]+", value))]
