"""From texts to ids, a million of them in well under 100 MB."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from target_userflow.ledger.ledger import digest

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST_SLOTS = 1 << 10


def hashed(text: str) -> int:
    """Return 64 bits that stand for a text.

    Among 1,000,000 texts, one run in 10^7 meets two alike.
    """
    return int.from_bytes(digest(text, size=8), "big")


class CompactMultiMap:
    """Pairs of a text and an id, each with a mark; a text may have several ids.

    A hash table in arrays: some 35 bytes a pair and the id itself, where a dict takes 200. Its
    slots hold the numbers of pairs, from 1; at least half of them are empty, which is 0.
    """

    def __init__(self) -> None:
        """Begin without a pair."""
        self._slots = array("I", bytes(4 * _FIRST_SLOTS))
        self._hashes = array("Q")
        self._marks = array("Q")
        self._starts = array("Q", [0])
        self._ids = bytearray()

    def put(self, text: str, id_: str, mark: int = 0) -> None:
        """Hold a pair, once however often it is put, with its latest mark of 64 bits."""
        key = hashed(text)
        known = next((n for n in self._numbers(key) if self._id(n) == id_), None)
        if known is not None:
            self._marks[known - 1] = mark
            return
        self._hashes.append(key)
        self._marks.append(mark)
        self._ids += id_.encode()
        self._starts.append(len(self._ids))
        if 2 * len(self._hashes) > len(self._slots):
            self._grow()
        else:
            self._place(len(self._hashes))

    def get(self, text: str) -> dict[str, int]:
        """Return the ids that a text has → the mark of each."""
        return {self._id(n): self._marks[n - 1] for n in self._numbers(hashed(text))}

    def _numbers(self, key: int) -> Iterator[int]:
        """Yield the numbers of the pairs whose text has a hash."""
        at = key % len(self._slots)
        while number := self._slots[at]:
            if self._hashes[number - 1] == key:
                yield number
            at = (at + 1) % len(self._slots)

    def _id(self, number: int) -> str:
        return self._ids[self._starts[number - 1] : self._starts[number]].decode()

    def _place(self, number: int) -> None:
        at = self._hashes[number - 1] % len(self._slots)
        while self._slots[at]:
            at = (at + 1) % len(self._slots)
        self._slots[at] = number

    def _grow(self) -> None:
        self._slots = array("I", bytes(2 * self._slots.itemsize * len(self._slots)))
        for number in range(1, len(self._hashes) + 1):
            self._place(number)
