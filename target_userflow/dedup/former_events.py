"""The events that version 1.0.0 delivered: its ledger has them under other keys."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from target_userflow.ledger.ledger import digest
from target_userflow.mapping.values import encoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.dedup.event_keys import EventKeys
    from target_userflow.dedup.known_rows import KnownRows
    from target_userflow.ledger.store import Row


class FormerEvents:
    """Writes the rows of one stream's events anew, under the keys of today."""

    def __init__(self, keys: EventKeys, rows: KnownRows) -> None:
        """Look events up as they come.

        Args:
            keys: The keys of today.
            rows: The ledger's rows.
        """
        self._keys = keys
        self._rows = rows
        self._former: defaultdict[bytes, list[bytes]] = defaultdict(list)

    def note(self, key: bytes, record: Mapping[str, Any]) -> None:
        """Note the former key of an event.

        Args:
            key: Its key of today.
            record: The record, after any stream map.
        """
        values = encoded(self._keys.values(record)).decode()
        self._former[key].append(digest("event", self._keys.stream_name, values))

    def adopt(self, records: Sequence[PendingRecord]) -> None:
        """Write what stands under former keys of events under those of today.

        Of several streams that shared such a key, one was delivered: the first that comes has it.

        Raises:
            StorageError: the ledger can't be read and written.
        """
        keys = {
            former: record.ledger_key
            for record in reversed(records)
            for former in self._former.pop(record.ledger_key, ())
            if not self._rows.get(record.ledger_key)[0]
        }
        rows: dict[bytes, Row | None] = {}
        for former, row in self._rows.ledger.known(keys).items():
            rows[former] = None
            rows[keys[former]] = row
            self._rows.put(keys[former], row)
        if rows:
            self._rows.ledger.write(rows)
