"""The ledger of a dry run: a copy, which is removed when the run ends."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import sqlalchemy as sa

from target_userflow.config.ledger_url import is_sqlite, name_of, url_of
from target_userflow.errors import StorageError
from target_userflow.ledger.database import failing
from target_userflow.ledger.store import Store
from target_userflow.ledger.tables import CHUNK, metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

_ATTEMPTS = 10
_HEADER_SIZE = 32  # bytes of a write-ahead log's header


class LedgerCopy(Store):
    """A store that begins with the rows of the ledger, and is written to in its place.

    The ledger is only read. A file of SQLite is copied without being opened, as SQLite would at
    least lock it, and tidy up behind a run that was killed.
    """

    def __init__(self, setting: str, tables: Sequence[sa.Table] = metadata.sorted_tables) -> None:
        """Copy the ledger, if there is one, and open the copy.

        Args:
            setting: The setting `ledger`, as for `Store`.
            tables: The tables that are needed; a file is copied as it is.

        Raises:
            ConfigError: the setting names no database that can be used.
            StorageError: the ledger can't be read, or another run is writing to it.
        """
        ledger = url_of(setting)
        self._directory = TemporaryDirectory(prefix="target-userflow-")
        copy = Path(self._directory.name) / "ledger.db"
        with failing(ledger):
            if is_sqlite(ledger):
                _copy_file(ledger, copy)
            else:
                _copy_rows(ledger, copy, tables)
        super().__init__(str(copy), shown=ledger)

    def close(self) -> None:
        """Close the copy, and remove it."""
        super().close()
        self._directory.cleanup()


def _copy_file(ledger: sa.URL, copy: Path) -> None:
    """Copy a SQLite file and its write-ahead log, both as they are at one moment.

    A run may write meanwhile: it appends to the log, of which SQLite reads what is whole. When it
    brings the log into the file or begins it again, the copy is made again.
    """
    path = ledger.database or ":memory:"
    pairs = {Path(f"{path}{suffix}"): Path(f"{copy}{suffix}") for suffix in ("", "-wal")}
    for _ in range(_ATTEMPTS):
        before = _stamp(*pairs)
        for source, target in pairs.items():
            target.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                shutil.copyfile(source, target)
        if before == _stamp(*pairs):
            return
    raise StorageError(
        f"Ledger {name_of(ledger)} can't be read: another run is writing to it. Wait for its end"
    )


def _stamp(path: Path, log: Path) -> tuple[int, int, bytes] | None:
    """Return what changes unless the log is only appended to; None if there is no file.

    That is the time and size of the file, and the log's header, which is another one each time that
    the log begins again (https://www.sqlite.org/fileformat.html, "The Write-Ahead Log").
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, _header(log)


def _header(log: Path) -> bytes:
    try:
        with log.open("rb") as file:
            return file.read(_HEADER_SIZE)
    except FileNotFoundError:
        return b""


def _copy_rows(ledger: sa.URL, copy: Path, tables: Sequence[sa.Table]) -> None:
    """Copy the tables of a server's database, in one transaction that only reads."""
    read_only = {"postgresql_readonly": True, "stream_results": True}
    source = sa.create_engine(ledger, execution_options=read_only)
    target = sa.create_engine(sa.URL.create("sqlite", database=str(copy)))
    with source.connect() as reading, target.begin() as writing:
        existing = sa.inspect(reading).get_table_names()
        for table in metadata.sorted_tables:
            if table.name in existing:
                _copy_table(table, reading, writing, has_rows=table in tables)
    source.dispose()
    target.dispose()


def _copy_table(
    table: sa.Table, reading: sa.Connection, writing: sa.Connection, *, has_rows: bool
) -> None:
    table.create(writing)
    if not has_rows:
        return
    rows = reading.execute(sa.select(table)).mappings()
    for chunk in rows.partitions(CHUNK):
        writing.execute(sa.insert(table), [dict(row) for row in chunk])
