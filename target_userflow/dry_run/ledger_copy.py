"""The ledger of a run that must not write to it: a copy, which is gone with the run."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from target_userflow.errors import StorageError
from target_userflow.ledger.database import url_of
from target_userflow.ledger.store import AT_ONCE, Store, metadata

_TRIES = 10


class LedgerCopy(Store):
    """Begins with what the ledger holds, and is written to in its place.

    The ledger is only read. A file of SQLite is copied without being opened, as SQLite would at
    least lock it, and tidy up behind a run that was killed.
    """

    def __init__(self, where: str) -> None:
        """Copy the ledger, if there is one, and open the copy.

        Args:
            where: The ledger, as for `Store`.

        Raises:
            ConfigError: `where` names no database that can be used.
            StorageError: it can't be read, or another run is writing to it.
        """
        self._original = url_of(where)
        self._existing = TemporaryDirectory(prefix="target-userflow-")
        copy = Path(self._existing.name) / "ledger.db"
        with self._failing():
            if self._original.get_backend_name() == "sqlite":
                self._copy_file(Path(self._original.database or ":memory:"), copy)
            else:
                _copy_rows(self._original, copy)
        super().__init__(str(copy))

    def close(self) -> None:
        """Remove the copy."""
        super().close()
        self._existing.cleanup()

    @property
    def _shown(self) -> sa.URL:
        return self._original

    def _copy_file(self, ledger: Path, copy: Path) -> None:
        """Copy a file and what waits beside it to be written into it: both as they are at once."""
        pairs = {Path(f"{ledger}{end}"): Path(f"{copy}{end}") for end in ("", "-wal")}
        for _ in range(_TRIES):
            before = [_stamp(one) for one in pairs]
            for source, target in pairs.items():
                target.unlink(missing_ok=True)
                with suppress(FileNotFoundError):
                    shutil.copyfile(source, target)
            if before == [_stamp(one) for one in pairs]:
                return
        raise StorageError(
            f"Ledger {self.name} can't be read: another run is writing to it. Wait for its end"
        )


def _stamp(path: Path) -> tuple[int, int] | None:
    """What a write to a file changes; None if there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


def _copy_rows(ledger: sa.URL, copy: Path) -> None:
    """Copy the tables of another database, in one transaction that reads only."""
    only_reads = {"postgresql_readonly": True, "stream_results": True}
    source = sa.create_engine(ledger, execution_options=only_reads)
    target = sa.create_engine(sa.URL.create("sqlite", database=str(copy)))
    with source.connect() as rows_of, target.begin() as into:
        there = sa.inspect(rows_of).get_table_names()
        for table in metadata.sorted_tables:
            if table.name in there:
                table.create(into)
                rows = rows_of.execute(sa.select(table)).mappings()
                for some in rows.partitions(AT_ONCE):
                    into.execute(sa.insert(table), [dict(row) for row in some])
    source.dispose()
    target.dispose()
