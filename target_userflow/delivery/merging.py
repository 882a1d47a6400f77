"""Fewer requests for the same truth: what of a window goes together in one request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_userflow.apis.userflow.merging import agree, kinds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_userflow.delivery.pending import Batch, PendingRecord

_MOST = 100  # of one chain: what is refused is sent again in halves


@dataclass(slots=True)
class _Chain:
    """Entries of one user with its memberships, or of one group: each adds to those before."""

    records: Batch
    kinds: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)
    """Per object the data types of its values; looked for when there is a second record."""

    def takes(self, record: PendingRecord) -> bool:
        """Add a record, unless its values are of other types."""
        if len(self.records) >= _MOST:
            return False
        if not self.kinds:
            self._note(self.records[0], kinds(self.records[0].request.payload or {}))
        more = kinds(record.request.payload or {})
        if not agree(self.kinds.get(record.request.object_id, {}), more):
            return False
        self._note(record, more)
        self.records.append(record)
        return True

    def _note(self, record: PendingRecord, found: dict[str, str]) -> None:
        self.kinds.setdefault(record.request.object_id, {}).update(found)


def chains(records: Iterable[PendingRecord]) -> list[Batch]:
    """The records of a window, those together that one request can stand for.

    They are in the order of their first records, and of one key in the order read.
    """
    found: list[Batch] = []
    last: dict[str, _Chain] = {}
    for record in records:
        key, mergeable = record.request.ordering_key, record.request.mergeable
        chain = last.pop(key, None) if mergeable else None
        if chain is None or not chain.takes(record):
            chain = _Chain([record])
            found.append(chain.records)
        if mergeable:
            last[key] = chain
        else:
            last.pop(key, None)
    return found


def objects(records: Iterable[PendingRecord]) -> list[Batch]:
    """The records of one request by the object that they are about, in the order read."""
    found: dict[tuple[str, ...], Batch] = {}
    for record in records:
        found.setdefault(record.request.object_id, []).append(record)
    return [*found.values()]
