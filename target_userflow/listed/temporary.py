"""A temporary database: in memory as long as it is small, and gone with the process."""

from __future__ import annotations

import sqlite3
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from target_userflow.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

T = TypeVar("T")
_CHUNK = 500  # keys of one query
_ROWS = 200  # rows of one statement
_CACHE = 64 * 1024  # KiB: what does not fit goes to a file


class TemporaryDatabase:
    """A database of SQLite without a name: what does not fit into 64 MB goes to a file.

    All methods of subclasses raise StorageError if there is no room for it.
    """

    tables: str
    """The statements that make its tables."""

    def __init__(self) -> None:
        """Open the database."""
        self._lock = threading.Lock()
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE}"):
            self._database.execute(f"PRAGMA {pragma}")
        self._run(self.tables, self._database.executescript)
        self._run("BEGIN", self._database.execute)  # nothing of it is ever committed

    @property
    def size(self) -> int:
        """Bytes that the database takes, in memory or on disk."""
        (pages,), (each,) = (
            self._database.execute(f"PRAGMA {name}").fetchone()
            for name in ("page_count", "page_size")
        )
        return int(pages) * int(each)

    def close(self) -> None:
        """Let everything go, once no other thread is in the midst of a statement."""
        with self._lock:  # else that thread would crash the process
            self._database.close()

    def _write(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows, many with one statement: with each one, another thread may take over."""
        for start in range(0, len(rows), _ROWS):
            chunk = rows[start : start + _ROWS]
            row = f"({','.join('?' * len(chunk[0]))})"
            values = [value for each in chunk for value in each]
            text = f"{statement} VALUES {','.join([row] * len(chunk))}"
            self._run(text, partial(self._fetched, values))

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._run(query, lambda text: self._database.execute(text, values).fetchall())

    def _of_keys(self, query: str, keys: Collection[int]) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query that ends with `IN`, for all keys."""
        ordered = sorted(keys)  # neighbours lie together
        for start in range(0, len(ordered), _CHUNK):
            chunk = ordered[start : start + _CHUNK]
            text = f"{query} ({','.join('?' * len(chunk))})"
            yield from self._run(text, partial(self._fetched, chunk))

    def _fetched(self, values: list[Any], text: str) -> list[tuple[Any, ...]]:
        return self._database.execute(text, values).fetchall()

    def _run(self, text: str, run: Callable[[str], T]) -> T:
        try:
            with self._lock:
                return run(text)
        except sqlite3.Error as error:
            raise StorageError(
                f"What Userflow has can't be kept in a temporary file: {error}. Let TMPDIR name a "
                "directory with more room: 50 bytes an object"
            ) from None
