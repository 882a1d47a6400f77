"""Watches which columns of a stream differ from run to run, in a few of its records.

The records are those with the lowest ledger keys. These are hashes, so that they are a sample of
the whole table, and the same ones in each run.
"""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, Any

from target_userflow.dedup.column_changes import ENOUGH, ColumnChanges
from target_userflow.dedup.column_samples import MOST, Changing, Sampled, name_hash
from target_userflow.ledger.ledger import fingerprint
from target_userflow.mapping.values import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.messages import Request
    from target_userflow.dedup.column_changes import AlwaysChanged
    from target_userflow.dedup.column_samples import ColumnSamples

    ColumnsOf = Callable[[Request], Mapping[str, Any]]
    """Returns column → what a request says for it."""

_ABOVE_ALL = b"\xff" * 17
"""Higher than each ledger key."""


class ColumnWatch:
    """Compares the sampled records of one stream with what was last delivered of them."""

    def __init__(self, samples: ColumnSamples, columns_of: ColumnsOf) -> None:
        """Read the samples.

        Args:
            samples: Those of the stream, in the ledger.
            columns_of: Tells the columns of a request apart.

        Raises:
            StorageError: the ledger can't be read.
        """
        self.columns_of = columns_of
        self._samples = samples
        self._rows = samples.rows()
        self._written: set[bytes] = set()
        self._seen: set[bytes] = set()
        self._changes = ColumnChanges()
        self._lock = threading.Lock()
        self.highest = self._highest()
        """Only records with a ledger key up to this one are looked at."""

    def compare(self, record: PendingRecord, mark: bytes) -> None:
        """Compare a record, the first time that it comes.

        Args:
            record: The record.
            mark: The mark of what was last delivered of it; empty for nothing.
        """
        request, key = record.request, record.ledger_key
        if not mark or request.deletes or not request.idempotent:
            return
        with self._lock:
            if key in self._seen:
                return
            self._seen.add(key)
            before, now = self._rows.get(key), self._sampled(request)
            if before and before.mark == mark:
                self._note(request, before, now)
            elif now.mark == mark:  # it is not in the sample yet
                self._keep(key, now)

    def keep(self, record: PendingRecord) -> None:
        """Keep the columns of a record that was delivered."""
        with self._lock:
            self._seen.add(record.ledger_key)
            self._keep(record.ledger_key, self._sampled(record.request))

    def always(self) -> AlwaysChanged | None:
        """Return the columns that differed in every record compared, if that is worth a word."""
        return self._changes.always()

    def write(self) -> None:
        """Write to the ledger what the next run compares with, and what this one says.

        Raises:
            StorageError: the ledger can't be written.
        """
        rows = {key: self._rows[key] for key in self._written & self._rows.keys()}
        changing = self._changing() if self._changes.compared >= ENOUGH else None
        if rows or changing:
            self._samples.write(rows, self._highest(), changing)

    def _changing(self) -> Changing:
        always = self.always()
        columns = always.columns if always else ()
        names = b"".join(map(name_hash, columns))
        return Changing(names, self._changes.compared, always.otherwise_same if always else 0)

    def _note(self, request: Request, before: Sampled, now: Sampled) -> None:
        old, new = before.values(), now.values()
        differing = {name for name in new.keys() & old.keys() if new[name] != old[name]}
        columns = [name for name in self.columns_of(request) if name_hash(name) in differing]
        self._changes.note(columns, has_others=new.keys() != old.keys())

    def _keep(self, key: bytes, row: Sampled) -> None:
        self._rows[key] = row
        self._written.add(key)
        if len(self._rows) > MOST:
            del self._rows[max(self._rows)]
        self.highest = self._highest()

    def _highest(self) -> bytes:
        return max(self._rows) if len(self._rows) >= MOST else _ABOVE_ALL

    def _sampled(self, request: Request) -> Sampled:
        columns = self.columns_of(request).items()
        hashes = b"".join(name_hash(name) + _value_hash(value) for name, value in columns)
        return Sampled(fingerprint(request.payload), hashes)


def _value_hash(value: Any) -> bytes:
    return hashlib.blake2b(encoded(value), digest_size=4).digest()
