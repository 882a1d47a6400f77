"""Which records of one ordering key one request can stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.apis.userflow.merging import agree

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.accounts.pending import Batch, PendingRecord
    from target_userflow.apis.messages import Payload

    Kinds = Callable[[Payload], dict[str, str]]

_MOST = 100  # of one chain: what is refused is sent again in halves


class Chain:
    """Records of one ordering key that one request can stand for; the later adds to the earlier.

    They are of one user with its memberships, of one group, or of one participant.
    """

    def __init__(self, first: PendingRecord, kinds: Kinds | None) -> None:
        """Begin with a record.

        Args:
            first: The record, which is sent in any case.
            kinds: The data types of a payload's values, where they have to stay the same.
        """
        self.records: Batch = [first]
        self._kinds_of = kinds
        self._kinds: dict[tuple[str, ...], dict[str, str]] = {}

    def add(self, record: PendingRecord) -> bool:
        """Add a record, if its request can join. Returns whether it was added."""
        if not (self._is_open and record.request.mergeable and self._agrees(record)):
            return False
        self.records.append(record)
        return True

    @property
    def _is_open(self) -> bool:
        is_bounded = self._kinds_of is not None
        is_full = is_bounded and len(self.records) >= _MOST
        return self.records[0].request.mergeable and not is_full

    def _agrees(self, record: PendingRecord) -> bool:
        """Return whether all values are of the types that the object's values had before."""
        if self._kinds_of is None:
            return True
        if not self._kinds:
            self._note(self.records[0], self._kinds_of(self.records[0].request.payload or {}))
        new = self._kinds_of(record.request.payload or {})
        if not agree(self._kinds.get(record.request.object_id, {}), new):
            return False
        self._note(record, new)
        return True

    def _note(self, record: PendingRecord, new: dict[str, str]) -> None:
        self._kinds.setdefault(record.request.object_id, {}).update(new)
