"""Watches which columns of a stream Userflow has otherwise in every record."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from target_userflow.dedup.column_changes import ColumnChanges

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.compare.differences import Differences
    from target_userflow.dedup.column_changes import AlwaysChanged

    ColumnOf = Callable[[tuple[str, str]], str]
    """Returns the column of an attribute, which is given by its scope and name."""


class DestinationWatch:
    """Counts the columns of one stream that differ, as long as one may differ in all records."""

    def __init__(self, differences: Differences, column_of: ColumnOf) -> None:
        """Begin without a record.

        Args:
            differences: Know what differs.
            column_of: Names the column of an attribute.
        """
        self.column_of = column_of
        self._differences = differences
        self._changes = ColumnChanges()
        self._lock = threading.Lock()

    def note_same(self) -> None:
        """Count a record that differs in nothing."""
        with self._lock:
            self._changes.note(())

    def note_sent(self, record: PendingRecord) -> None:
        """Count a record that is sent, if what differs is known."""
        if self._changes.is_decided:
            return
        differing = self._differences.attributes(record)
        if differing is None:
            return
        columns = {*map(self.column_of, differing.defined)}
        with self._lock:
            self._changes.note(columns, has_others=differing.has_others)

    def always(self) -> AlwaysChanged | None:
        """Return the columns that differed in every record compared, if that is worth a word."""
        return self._changes.always()
