"""What was listed, in 32 bytes an object however many attributes it has.

Each attribute that has a value is a number of 61 bits, a hash of its name and value. Of an object
three sums are kept, those of the numbers, of their squares and of their cubes. They say whether all
attributes are the same; and where one or two differ, they say which: the sums tell what the numbers
of these must have been together, and one of the sums is left to say whether they were. Where more
differ, nobody knows which. That two objects which differ have the same sums happens once in 10^54;
the hash is Python's own, with a new key per run.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from target_userflow.listed.temporary import TemporaryDatabase

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_PRIME = 2**61 - 1
_BATCH = 1_000  # rows that are written together
_ABSENT = ("", "")
"""Stand for two attributes that are sent as absent: the sums do not tell these apart."""


class Sums(NamedTuple):
    """The fingerprint of an object."""

    first: int
    second: int
    third: int


def sums_of(tokens: Iterable[tuple[str, str]]) -> Sums:
    """Return the sums of names and tokens of values; what is absent must not be among them."""
    first = second = third = 0
    for pair in tokens:
        number = hash(pair)
        square = number * number
        first += number
        second += square
        third += number * square
    return Sums(first % _PRIME, second % _PRIME, third % _PRIME)


def changed(there: Sums, sent: Mapping[str, str], names: Collection[str]) -> set[str] | None:
    """Return which of an object's attributes would change, if these are one or two.

    Args:
        there: What was listed.
        sent: Name → token of the value that is sent; absent values are not among them.
        names: The attributes that may change.

    Returns:
        Their names, and those of all that is sent as absent: a value that was there may have been
        one of theirs. None if more would change.
    """
    new = sums_of(sent.items())
    if new == there:
        return set()
    left = Sums(*(before - after for before, after in zip(there, new, strict=True)))
    numbers = {name: hash((name, sent[name])) for name in names if name in sent}
    absent = {name for name in names if name not in sent}
    candidates = [*numbers.items(), *((name, 0) for name, _ in zip(_ABSENT, absent, strict=False))]
    differing = _single(left, candidates) or _pair(left, candidates)
    return None if differing is None else (differing | absent) - {*_ABSENT}


def _single(left: Sums, candidates: Iterable[tuple[str, int]]) -> set[str] | None:
    """Return the only attribute that changes.

    Args:
        left: What the sums lack if all that is sent was there.
        candidates: The attributes that are sent, each with its number.
    """
    for name, number in candidates:
        before = number + left.first
        square = number * number + left.second
        cube = number**3 + left.third
        if (before * before - square) % _PRIME == (before * square - cube) % _PRIME == 0:
            return {name}
    return None


def _pair(left: Sums, candidates: Iterable[tuple[str, int]]) -> set[str] | None:
    """Return the two attributes that alone change; for the arguments see `_single`.

    Of two numbers, twice the sum of the cubes is 3·s·q - s³, with their sum s and that of their
    squares q (Newton's identities).
    """
    for (name, number), (other_name, other) in combinations(candidates, 2):
        first = number + other + left.first
        second = number * number + other * other + left.second
        third = number**3 + other**3 + left.third
        if (3 * first * second - first**3 - 2 * third) % _PRIME == 0:
            return {name, other_name}
    return None


class Fingerprints(TemporaryDatabase):
    """The fingerprints of objects, and marks of those that were written since.

    Keys are integers of 64 bits. One thread puts and gets; of marks, one at a time.
    """

    tables = (
        "CREATE TABLE listed"
        " (key INTEGER PRIMARY KEY, first INTEGER, second INTEGER, third INTEGER);"
        "CREATE TABLE marked (key INTEGER PRIMARY KEY);"
    )

    def __init__(self) -> None:
        """Open the database."""
        super().__init__()
        self._unwritten: list[tuple[int, int, int, int]] = []
        self._unmarked: list[tuple[int]] = []

    def put(self, rows: Iterable[tuple[int, int, int, int]]) -> None:
        """Keep the sums of objects, each with its key."""
        self._unwritten.extend(rows)
        if len(self._unwritten) >= _BATCH:
            self._write_listed()

    def get(self, keys: Collection[int]) -> dict[int, Sums]:
        """Return the sums of those of the keys that have some."""
        self._write_listed()
        query = "SELECT key, first, second, third FROM listed WHERE key IN"
        return {key: Sums(*sums) for key, *sums in self._of_keys(query, keys)}

    def mark(self, keys: Iterable[int]) -> None:
        """Mark keys."""
        self._unmarked.extend((key,) for key in keys)
        if len(self._unmarked) >= _BATCH:
            self._write_marks()

    def marked(self, keys: Collection[int]) -> set[int]:
        """Return those of the keys that are marked."""
        self._write_marks()
        return {key for (key,) in self._of_keys("SELECT key FROM marked WHERE key IN", keys)}

    def _write_listed(self) -> None:
        rows, self._unwritten = self._unwritten, []
        self._write("INSERT OR REPLACE INTO listed", rows)

    def _write_marks(self) -> None:
        rows, self._unmarked = self._unmarked, []
        self._write("INSERT OR IGNORE INTO marked", rows)
