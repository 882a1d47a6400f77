"""The marks that records are about to leave in the ledger, and whether they differ."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class PendingMarks:
    """The marks under each key that records which wait are about to write."""

    def __init__(self) -> None:
        """Begin with no mark."""
        self._marks: defaultdict[bytes, set[bytes]] = defaultdict(set)
        self._lock = threading.Lock()

    def add(self, key: bytes, mark: bytes) -> None:
        """Note what a record is about to write under a key."""
        with self._lock:
            self._marks[key].add(mark)

    def forget(self, keys: Iterable[bytes]) -> None:
        """Forget the marks of keys: no record waits that they matter for."""
        with self._lock:
            if self._marks:
                for key in keys:
                    self._marks.pop(key, None)

    def has(self, key: bytes) -> bool:
        """Return whether a record is about to write something under a key."""
        return bool(self._marks.get(key))

    def are_contested(self, key: bytes) -> bool:
        """Return whether the marks of a key differ, so that none is sure to be the last."""
        return len(self._marks.get(key, ())) > 1
