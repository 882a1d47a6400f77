"""What was listed, in 24 bytes an object however many attributes it has.

Each attribute that has a value is a number of 61 bits, a hash of its name and value. Of an object
two sums are kept, those of the numbers and of their squares. They say whether all attributes are
the same; and where one alone differs, they say which: the first sum tells the number that it must
have had, the second whether it did. Where more differ, nobody knows which. That two objects which
differ have the same sums happens once in 10^36; the hash is Python's own, with a new key per run.
"""

from __future__ import annotations

import sqlite3
import threading
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from target_userflow.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

T = TypeVar("T")
_PRIME = 2**61 - 1
_CHUNK = 500  # keys of one query
_BATCH = 1_000  # rows that are written together
_CACHE = 64 * 1024  # KiB: what does not fit goes to a file


class Sums(NamedTuple):
    """The fingerprint of an object."""

    first: int
    second: int


def sums_of(tokens: Iterable[tuple[str, str]]) -> Sums:
    """Return the sums of names and tokens of values; what is absent must not be among them."""
    first = second = 0
    for pair in tokens:
        number = hash(pair)
        first += number
        second += number * number
    return Sums(first % _PRIME, second % _PRIME)


def changed(there: Sums, sent: Mapping[str, str], names: Collection[str]) -> set[str] | None:
    """Return which of an object's attributes would change, if it is one.

    Args:
        there: What was listed.
        sent: Name → token of the value that is sent; absent values are not among them.
        names: The attributes that may be the only one that changes.

    Returns:
        Its name, together with those that are sent as absent, as the value that was there may have
        been one of theirs; None if several would change.
    """
    new = sums_of(sent.items())
    if new == there:
        return set()
    first, second = there.first - new.first, there.second - new.second
    absent = {name for name in names if name not in sent}
    for name in names:
        number = hash((name, sent[name])) if name in sent else 0
        before = number + first
        if (before * before - number * number - second) % _PRIME == 0:
            return {name, *absent} if before % _PRIME else {name}
    return None


class Fingerprints:
    """The fingerprints of objects, and marks of those that were written since.

    They are in a temporary database of SQLite: in memory as long as they fit into 64 MB, else in
    a file without a name, which goes with the process. All methods raise StorageError if there is
    no room for it. Keys are integers of 64 bits. One thread puts and gets; any may mark.
    """

    def __init__(self) -> None:
        """Open the database."""
        self._lock = threading.Lock()
        self._unwritten: list[tuple[int, int, int]] = []
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE}"):
            self._database.execute(f"PRAGMA {pragma}")
        self._run(
            "CREATE TABLE listed (key INTEGER PRIMARY KEY, first INTEGER, second INTEGER);"
            "CREATE TABLE marked (key INTEGER PRIMARY KEY);"
            "CREATE TABLE existing (key INTEGER PRIMARY KEY, kind TEXT, id TEXT);"
            "CREATE TABLE seen (key INTEGER PRIMARY KEY);",
            self._database.executescript,
        )
        self._run("BEGIN", self._database.execute)  # nothing of it is ever committed

    def put(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Keep the sums of objects, each with its key."""
        self._unwritten.extend(rows)
        if len(self._unwritten) >= _BATCH:
            self._write()

    def get(self, keys: Collection[int]) -> dict[int, Sums]:
        """Return the sums of those of the keys that have some."""
        self._write()
        query = "SELECT key, first, second FROM listed WHERE key IN"
        return {key: Sums(*sums) for key, *sums in self._select(query, keys)}

    def mark(self, keys: Collection[int]) -> None:
        """Mark keys."""
        insert = "INSERT OR IGNORE INTO marked VALUES (?)"
        rows = [(key,) for key in keys]
        self._run(insert, lambda text: self._database.executemany(text, rows))

    def marked(self, keys: Collection[int]) -> set[int]:
        """Return those of the keys that are marked."""
        return {key for (key,) in self._select("SELECT key FROM marked WHERE key IN", keys)}

    def keep_ids(self, rows: Collection[tuple[int, str, str]]) -> None:
        """Keep the kind and id of objects that exist, each with its key."""
        insert = "INSERT OR IGNORE INTO existing VALUES (?, ?, ?)"
        self._run(insert, lambda text: self._database.executemany(text, rows))

    def see(self, keys: Collection[int]) -> None:
        """Note what records are about."""
        insert = "INSERT OR IGNORE INTO seen VALUES (?)"
        rows = [(key,) for key in keys]
        self._run(insert, lambda text: self._database.executemany(text, rows))

    def unseen(self) -> dict[str, tuple[int, list[str]]]:
        """Return kind → how many objects exist that no record is about, and ids of some."""
        what = "FROM existing WHERE key NOT IN (SELECT key FROM seen)"
        counts = self._run(
            f"SELECT kind, count(*) {what} GROUP BY kind",
            lambda text: self._database.execute(text).fetchall(),
        )
        named = f"SELECT id {what} AND kind = ? LIMIT 5"
        return {
            kind: (count, [id_ for (id_,) in self._database.execute(named, [kind])])
            for kind, count in counts
        }

    def _write(self) -> None:
        rows, self._unwritten = self._unwritten, []
        if rows:
            insert = "INSERT OR REPLACE INTO listed VALUES (?, ?, ?)"
            self._run(insert, lambda text: self._database.executemany(text, rows))

    @property
    def size(self) -> int:
        """Bytes that the database takes, in memory or on disk."""
        pages, each = (
            self._database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "page_size")
        )
        return int(pages) * int(each)

    def close(self) -> None:
        """Let everything go."""
        self._database.close()

    def _select(self, query: str, keys: Collection[int]) -> Iterator[tuple[int, ...]]:
        ordered = sorted(keys)  # neighbours lie together
        for start in range(0, len(ordered), _CHUNK):
            chunk = ordered[start : start + _CHUNK]
            text = f"{query} ({','.join('?' * len(chunk))})"
            yield from self._run(text, partial(self._fetched, chunk))

    def _fetched(self, chunk: list[int], text: str) -> list[tuple[int, ...]]:
        return self._database.execute(text, chunk).fetchall()

    def _run(self, text: str, run: Callable[[str], T]) -> T:
        try:
            with self._lock:
                return run(text)
        except sqlite3.Error as error:
            raise StorageError(
                f"What Userflow has can't be kept in a temporary file: {error}. Let TMPDIR name a "
                "directory with more room: 50 bytes an object"
            ) from None
