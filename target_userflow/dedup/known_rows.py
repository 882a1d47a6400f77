"""The ledger's rows of the records that wait, shared by all streams of a run.

A row is looked up when the first record begins to wait that it matters for, and forgotten with the
last of them. What is delivered is noted here at once and written to the ledger now and then.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from target_userflow.dedup.pending_marks import PendingMarks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from target_userflow.dedup.write_intents import WriteIntents
    from target_userflow.ledger.ledger import Ledger
    from target_userflow.ledger.store import Row


class KnownRows:
    """What is known of keys of one ledger, as far as records wait that it matters for."""

    def __init__(self, ledger: Ledger, intents: WriteIntents) -> None:
        """Look up in a ledger, and write to it.

        Args:
            ledger: The ledger.
            intents: What the ledger says of objects while they are written.
        """
        self.ledger = ledger
        self._intents = intents
        self._rows: dict[bytes, Row] = {}
        self._noted: dict[bytes, Row] = {}
        self._waiting: Counter[bytes] = Counter()
        self.pending = PendingMarks()
        """What the records that wait are about to write."""
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        """Held while rows are written that must not overtake each other."""

    def prefetch(self, keys: Collection[bytes]) -> set[bytes]:
        """Look keys up, one for each record that it matters for.

        Returns:
            Those that were not known already.
        """
        with self._lock:
            new = {key for key in keys if key not in self._waiting}
            self._waiting.update(keys)
            noted = {key: self._noted[key] for key in new if key in self._noted}
        rows = self.ledger.known(new - noted.keys())
        with self._lock:
            self._rows.update(rows)
            self._rows.update(noted)
        return new

    def release(self, keys: Iterable[bytes]) -> list[bytes]:
        """Count records out that these keys matter for, each key as often as it does.

        Returns:
            Those that matter for no other record, and are forgotten.
        """
        gone = []
        with self._lock:
            for key in keys:
                left = self._waiting.pop(key, 0) - 1
                if left > 0:
                    self._waiting[key] = left
                else:
                    self._rows.pop(key, None)
                    gone.append(key)
            self.pending.forget(gone)
        return gone

    def get(self, key: bytes) -> Row:
        """Return the row of a key; an empty mark and day 0 where there is none."""
        return self._rows.get(key, _NONE)

    def is_known(self, key: bytes) -> bool:
        """Return whether the ledger may hold a version of a key, now or by another run."""
        return bool(self.get(key)[0]) or self._intents.is_shared

    def put(self, key: bytes, row: Row) -> None:
        """Keep a row that is in the ledger."""
        with self._lock:
            self._rows[key] = row

    def read_again(self, key: bytes) -> None:
        """Read the row of a key that another run may have written."""
        row = self.ledger.known([key]).get(key)
        if row:
            self.put(key, row)
        else:
            self.pop(key)

    def drop(self, keys: Collection[bytes]) -> None:
        """Have the ledger forget versions; returns once that is committed."""
        with self._writing:
            with self._lock:
                for key in keys:
                    self._rows.pop(key, None)
                    self._noted.pop(key, None)
            self._intents.declare(keys)

    def pop(self, key: bytes) -> None:
        """Drop a row that is not in the ledger any more."""
        with self._lock:
            self._rows.pop(key, None)

    def note(self, key: bytes, row: Row) -> None:
        """Note a row that the ledger is to have."""
        with self._lock:
            self._noted[key] = row
            if key in self._waiting:
                self._rows[key] = row

    def sync(self) -> None:
        """Return once the ledger has all that was noted."""
        with self._writing:
            with self._lock:
                noted, self._noted = self._noted, {}
            self._intents.settle(noted, self._waiting)


_NONE = b"", 0
