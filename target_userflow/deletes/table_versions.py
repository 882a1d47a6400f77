"""Which version of a table a stream's records stand in, and what a new version leaves behind.

A tap that reads whole tables gives each reading a number, stands it beside every RECORD, and says
with ACTIVATE_VERSION that nothing else is in the table: after the records, as the Singer
specification has it, or ahead of them, as the taps of the Meltano SDK do.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from target_userflow.apis.outcomes import MERGED, Delivered, NotSent
from target_userflow.errors import TooManyDeletions
from target_userflow.ledger.ledger import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.ledger.delivered_rows import DeliveredRows, Ids


class TableVersions:
    """The versions of one stream; it outlives the sinks that a changing SCHEMA makes of it."""

    def __init__(
        self,
        open_rows: Callable[[], DeliveredRows],
        stream: str,
        object_type: ObjectType,
        max_delete_ratio: float,
    ) -> None:
        """Begin without a version; the ledger is opened when the first one comes.

        Args:
            open_rows: Returns the rows that earlier runs delivered; raises as `Table.see`.
            stream: The stream's name, for messages.
            object_type: What its records become.
            max_delete_ratio: The share of them that a version may leave behind.
        """
        self._open_rows = open_rows
        self._stream = stream
        self.object_type = object_type
        self._ratio = max_delete_ratio
        self._latest: int | None = None
        self._unnamed: set[int] = set()
        self._entered: defaultdict[int, dict[bytes, Ids]] = defaultdict(dict)
        self._rejected: defaultdict[int, set[bytes]] = defaultdict(set)
        self._new: set[bytes] = set()
        self._lock = threading.Lock()
        self.announced: int | None = None
        """A version that was activated ahead of its records."""
        self.line = 0
        """As in `Table`."""

    @cached_property
    def _rows(self) -> DeliveredRows:
        return self._open_rows()

    @property
    def is_watched(self) -> bool:
        """Whether a version came."""
        return bool(self.line)

    def see(self, version: int, line: int, ids: Ids | None, *, rejected: bool) -> None:
        """Note that a record is in the table; see `Table.see`."""
        self._rows  # noqa: B018 - a ledger that can't be opened stops the run here
        self.line = line
        self._latest = version
        if ids is None:
            self._unnamed.add(version)
            return
        with self._lock:
            if rejected:
                self._rejected[version].add(self._key(ids))
            else:
                self._entered[version][self._key(ids)] = ids

    def note_read(self) -> None:
        """Write the records down before they are sent: no crash makes them unknown."""
        with self._lock:
            entered, self._entered = self._entered, defaultdict(dict)
            rejected, self._rejected = self._rejected, defaultdict(set)
        for version in sorted({*entered, *rejected}):
            new = self._rows.note(entered[version], version, rejected[version])
            with self._lock:
                self._new |= new

    def note_settled(self, records: Iterable[PendingRecord]) -> None:
        """Strike out what was deleted, and what turned out not to be delivered."""
        if not self.is_watched:
            return
        there: dict[bytes, bool] = {}
        settled: set[bytes] = set()
        for record in records:
            leaves, key = _leaves(record), self._key(record.request.object_id)
            settled.add(key)
            if leaves is not None:
                there[key] = leaves
        self._rows.drop({key for key in there if not there[key]}, of_all_streams=True)
        with self._lock:
            undelivered = (self._new & settled) - there.keys()
            self._new -= settled
        self._rows.drop(undelivered)

    def is_ahead(self, version: int) -> bool:
        """Return whether a version is activated before any record of it came."""
        return self._latest != version and not self._rows.has(version)

    def left_behind(self, version: int) -> int:
        """Return how many objects a version leaves behind.

        Raises:
            TooManyDeletions: more than may be deleted.
        """
        known, left = self._rows.counts(version)
        if left > round(self._ratio * known, 6):
            raise TooManyDeletions(
                f"Stream '{self._stream}': ACTIVATE_VERSION would delete {left} of {known} "
                f"{self.object_type.name} that the ledger knows, and max_delete_ratio is "
                f"{self._ratio:g}. Nothing was deleted. If their rows are gone on purpose, run "
                "once with a higher max_delete_ratio; if the source was empty or another one, "
                "mend that first"
            )
        return left

    def doubt(self, version: int) -> str | None:
        """Return why it can't be told what a version leaves behind; None if it can."""
        if version not in self._unnamed:
            return None
        return "some of its records were rejected before it was known whose they are"

    def obsolete(self, version: int) -> Iterator[dict[bytes, Ids]]:
        """Yield what is to be deleted: not what another stream has delivered as well."""
        self._rows.release(version)
        return self._rows.left(version)

    def deleted(self, keys: Iterable[bytes]) -> None:
        """Strike out what was deleted."""
        self._rows.drop({*keys}, of_all_streams=True)

    def _key(self, ids: Ids) -> bytes:
        return digest(self.object_type.name, *ids)


def _leaves(record: PendingRecord) -> bool | None:
    """Return whether its object is there after a record; None if that is as it was before."""
    if record.outcome is None:
        return True if record.sent else None  # it may have been carried out
    if isinstance(record.outcome, Delivered):
        return not record.request.deletes
    return True if record.outcome in _AS_DELIVERED else None


_AS_DELIVERED = (MERGED, NotSent("unchanged"))
