"""The tables of a ledger, and the migrations that make them."""

from __future__ import annotations

import sqlalchemy as sa

from target_userflow.errors import StorageError

CHUNK = 500
"""Rows or keys of one statement, at most."""

metadata = sa.MetaData()
"""All tables of a ledger."""
_version = sa.Table("ledger_version", metadata, sa.Column("version", sa.Integer, nullable=False))
destinations = sa.Table(
    "ledger_destinations",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("hash", sa.LargeBinary(16), nullable=False, unique=True),
)
delivered = sa.Table(
    "ledger_delivered",
    metadata,
    sa.Column("destination", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("key", sa.LargeBinary(16), primary_key=True),
    sa.Column("mark", sa.LargeBinary(8), nullable=False),  # its size says what the row is about
    sa.Column("day", sa.Integer, nullable=False),
    sqlite_with_rowid=False,  # half the size: the key is the row's place
)
"""The marks of delivered events and records."""
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
"""What `DeliveredRows` keeps: by key first, as several streams may deliver one object."""
names = sa.Table(
    "ledger_names",
    metadata,
    sa.Column("name", sa.LargeBinary(16), primary_key=True),
    sa.Column("destination", sa.Integer, nullable=False),
)
"""The names of destinations, as hashes."""
streams = sa.Table(
    "ledger_streams",
    metadata,
    sa.Column("stream", sa.LargeBinary(16), primary_key=True),
    sa.Column("destination", sa.Integer, primary_key=True, autoincrement=False),
)
"""The streams that each destination has received, as hashes."""
column_samples = sa.Table(
    "ledger_column_samples",
    metadata,
    sa.Column("destination", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("stream", sa.LargeBinary(16), primary_key=True),
    sa.Column("key", sa.LargeBinary(16), primary_key=True),
    sa.Column("mark", sa.LargeBinary(8), nullable=False),
    sa.Column("columns", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""What `ColumnSamples` keeps: some records of each stream, with a hash of each of their columns."""
changing_columns = sa.Table(
    "ledger_changing_columns",
    metadata,
    sa.Column("destination", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("stream", sa.LargeBinary(16), primary_key=True),
    sa.Column("columns", sa.LargeBinary, nullable=False),
    sa.Column("compared", sa.Integer, nullable=False),
    sa.Column("otherwise_same", sa.Integer, nullable=False),
)
"""The columns of a stream that differed in every record compared by the last run, as hashes."""
of_columns = (_version, destinations, names, changing_columns)
"""The tables that tell which columns of a stream differed in every record."""
_MIGRATIONS = (
    [_version, destinations, delivered],
    [delivered_rows],
    [names, streams],
    [column_samples, changing_columns],
)
"""The tables that each schema version adds; a ledger's version is how many it has."""


def schema_version(connection: sa.Connection) -> int:
    """Return how many migrations the database has; 0 for one without a ledger's tables."""
    if _version.name not in sa.inspect(connection).get_table_names():
        return 0
    return int(connection.execute(sa.select(_version.c.version)).scalar_one())


def migrate(connection: sa.Connection, version: int, ledger: str) -> None:
    """Add the tables that are missing.

    Args:
        connection: A connection in a transaction, which makes all tables or none.
        version: The schema version of the database.
        ledger: The ledger's name in messages.

    Raises:
        StorageError: a newer version of the target made the ledger.
    """
    if version > len(_MIGRATIONS):
        raise StorageError(
            f"Ledger {ledger} was made by a newer version (schema {version}). Upgrade "
            "target-userflow, or give it another ledger"
        )
    if version < len(_MIGRATIONS):
        for tables in _MIGRATIONS[version:]:
            metadata.create_all(connection, tables)
        connection.execute(sa.delete(_version))
        connection.execute(sa.insert(_version).values(version=len(_MIGRATIONS)))
