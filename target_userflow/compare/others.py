"""What the records of a run may change of each other's objects, and what they have changed.

What was read of an object says nothing of it any more once another record may change it or what it
depends on. Each object is a key of 64 bits.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_userflow.compare.effects import Effects
    from target_userflow.listed.fingerprints import Fingerprints


class OtherRecords:
    """The effects of the records that wait, and marks of what was written by the run."""

    def __init__(self, store: Fingerprints) -> None:
        """Begin without records.

        Args:
            store: Where the marks are kept.
        """
        self._store = store
        self._entered: deque[Effects] = deque()
        self._waiting: dict[int, int] = {}
        self._changing: dict[int, int] = {}
        self._ending: dict[int, int] = {}
        self._marked: set[int] = set()
        self._has_marks = False

    def enter(self, effects: Effects) -> None:
        """Count a record in that waits: before anything is asked, so that this needs no lock."""
        self._entered.append(effects)

    def waited_for(self, keys: Iterable[int]) -> set[int]:
        """Return those objects of which a record waits that is about them."""
        self._admit()
        return {key for key in keys if key in self._waiting}

    def changes_nothing(self, effects: Effects) -> None:
        """Note that a record that waits is the same, and so changes nothing."""
        self._admit()
        self._count(effects, -1)

    def leave(self, effects: Effects, *, changed_nothing: bool) -> Iterator[int]:
        """Count a record out, and yield the keys that no other one is about."""
        self._admit()
        if not changed_nothing:
            self._count(effects, -1)
        for key in effects.about:
            self._waiting[key] -= 1
            if self._waiting[key] <= 0:
                self._forget(key)
                yield key

    def recall(self, all_effects: Iterable[Effects]) -> None:
        """Look up which of the objects of records that wait are marked."""
        if not self._has_marks:
            return
        keys = {key for effects in all_effects for key in effects.about}
        self._marked |= self._store.marked({*keys, *map(_end_of, keys)} - self._marked)

    def mark(self, effects: Effects) -> None:
        """Mark what a request that is about to be sent changes and ends."""
        marks = [*map(_end_of, effects.ends), *effects.changes]
        self._has_marks = True
        self._store.mark(marks)
        self._marked.update(marks)

    def leave_alone(self, effects: Effects, *, own: int) -> bool:
        """Return whether nothing that a request is about was or may be changed by other records.

        Args:
            effects: The request's.
            own: How often it is counted itself.
        """
        self._admit()
        for key, _ in effects.parts:
            if key in self._marked or self._changing.get(key, 0) > own:
                return False
        if not self._ending and not self._marked:
            return True
        ends = effects.ends
        return not any(self._may_end(key, own if key in ends else 0) for key in effects.about)

    def _may_end(self, key: int, own: int) -> bool:
        return self._ending.get(key, 0) > own or _end_of(key) in self._marked

    def _admit(self) -> None:
        """Count those records in that have entered."""
        while self._entered:
            effects = self._entered.popleft()
            for key in effects.about:
                self._waiting[key] = self._waiting.get(key, 0) + 1
            self._count(effects, 1)

    def _count(self, effects: Effects, number: int) -> None:
        for key in effects.changes:
            self._changing[key] = self._changing.get(key, 0) + number
        for key in effects.ends:
            self._ending[key] = self._ending.get(key, 0) + number

    def _forget(self, key: int) -> None:
        del self._waiting[key]
        self._changing.pop(key, None)
        self._ending.pop(key, None)
        if self._marked:
            self._marked -= {key, _end_of(key)}


def _end_of(key: int) -> int:
    """Return what marks that an object was taken away."""
    return hash(("ended", key))
