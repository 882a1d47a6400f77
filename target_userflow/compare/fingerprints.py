"""What was listed, in 24 bytes an object however many attributes it has.

Each attribute that has a value is a number of 61 bits, a hash of its name and value. Of an object
two sums are kept, those of the numbers and of their squares. They say whether all attributes are
the same; and where one alone differs, they say which: the first sum tells the number that it must
have had, the second whether it did. Where more differ, nobody knows which. That two objects which
differ have the same sums happens once in 10^36; the hash is Python's own, with a new key per run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target_userflow.compare.temporary import TemporaryDatabase

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_PRIME = 2**61 - 1
_BATCH = 1_000  # rows that are written together


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


class Fingerprints(TemporaryDatabase):
    """The fingerprints of objects, and marks of those that were written since.

    Keys are integers of 64 bits. One thread puts and gets; any may mark.
    """

    tables = (
        "CREATE TABLE listed (key INTEGER PRIMARY KEY, first INTEGER, second INTEGER);"
        "CREATE TABLE marked (key INTEGER PRIMARY KEY);"
    )

    def __init__(self) -> None:
        """Open the database."""
        super().__init__()
        self._unwritten: list[tuple[int, int, int]] = []

    def put(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Keep the sums of objects, each with its key."""
        self._unwritten.extend(rows)
        if len(self._unwritten) >= _BATCH:
            self._flush()

    def get(self, keys: Collection[int]) -> dict[int, Sums]:
        """Return the sums of those of the keys that have some."""
        self._flush()
        query = "SELECT key, first, second FROM listed WHERE key IN"
        return {key: Sums(*sums) for key, *sums in self._of_keys(query, keys)}

    def mark(self, keys: Collection[int]) -> None:
        """Mark keys."""
        self._write("INSERT OR IGNORE INTO marked VALUES (?)", [(key,) for key in keys])

    def marked(self, keys: Collection[int]) -> set[int]:
        """Return those of the keys that are marked."""
        return {key for (key,) in self._of_keys("SELECT key FROM marked WHERE key IN", keys)}

    def _flush(self) -> None:
        rows, self._unwritten = self._unwritten, []
        if rows:
            self._write("INSERT OR REPLACE INTO listed VALUES (?, ?, ?)", rows)
