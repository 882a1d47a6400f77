"""Events that are delivered once, however often they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.apis.outcomes import NotSent
from target_userflow.dedup.dedup import LedgerDedup
from target_userflow.dedup.event_leases import EventLeases, SentElsewhere
from target_userflow.dedup.former_events import FormerEvents
from target_userflow.ledger.ledger import DELIVERED, IN_FLIGHT, SAMPLED, event_mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.messages import Request
    from target_userflow.dedup.event_keys import EventKeys
    from target_userflow.dedup.known_rows import KnownRows

DUPLICATE = NotSent("duplicate")
"""The event was delivered before."""
DIFFERS = NotSent("duplicate", "its body differs")
"""An event was delivered before under its key, with another body."""


class EventDedup(LedgerDedup):
    """Events of a stream with key properties: each is delivered once, however often it comes.

    A ledger of version 1.0.0 has other keys, which are read as well; what is found there is written
    under the key of today.
    """

    def __init__(
        self,
        rows: KnownRows,
        today: int,
        keys: EventKeys,
        leases: EventLeases | None = None,
        *,
        is_sample: bool = False,
    ) -> None:
        """Tell events apart by the tap's name of their stream and by its key properties.

        Args:
            rows: The ledger's rows.
            today: The ordinal of the day.
            keys: The keys.
            leases: Which run sends an event; None if no other run has the ledger.
            is_sample: Whether the run delivers the first records of each stream alone.
        """
        super().__init__(rows, today)
        self._keys = keys
        self._leases = leases or EventLeases(rows.ledger)
        self._is_sample = is_sample
        has_former = not keys.namespace and rows.ledger.has_events_of_1_0()
        self._former = FormerEvents(keys, rows) if has_former else None
        self._doubtful: set[bytes] = set()

    def key(self, record: Mapping[str, Any], request: Request, source: str) -> bytes:  # noqa: ARG002 - the API knows no id
        """Return a hash of the key properties.

        Raises:
            RejectRecord: one of them is null.
        """
        key = self._keys.of(record, source)
        if self._former:
            self._former.note(key, record)
        return key

    def prefetch(self, records: Sequence[PendingRecord]) -> Iterable[Sequence[PendingRecord]]:
        """Look up the keys, and which of them were left in flight by an earlier run."""
        new = self._rows.prefetch([record.ledger_key for record in records])
        if self._former:
            self._former.adopt(records)
        in_flight = {key for key in new if _was(IN_FLIGHT, self._rows.get(key)[0])}
        if in_flight:
            self._leases.look()
        held = self._leases.is_held
        self._doubtful.update(key for key in in_flight if not held(self._rows.get(key)[0]))
        return [records]

    def is_elsewhere(self, record: PendingRecord) -> bool:
        """Return whether another run is sending an event, by what the ledger says now."""
        key = record.ledger_key
        mark, _ = self._rows.get(key)
        if not _was(IN_FLIGHT, mark) or mark == self._leases.mark or key in self._doubtful:
            return False
        self._rows.read_again(key)
        mark, _ = self._rows.get(key)
        if not _was(IN_FLIGHT, mark):
            return False
        self._leases.look(mark)
        is_held = self._leases.is_held(mark)
        if not is_held:
            self._doubtful.add(key)
        return is_held

    def release(self, records: Iterable[PendingRecord]) -> None:
        """Forget the events, unless they come again among those that wait."""
        gone = self._rows.release(record.ledger_key for record in records)
        self._doubtful.difference_update(gone)

    def outcome(self, record: PendingRecord) -> NotSent | None:
        """Return that an event is a duplicate, if it was delivered before.

        Version 1.0.0 did not note with which body. What a sample run delivered otherwise is sent:
        it is there to be looked at and mended.
        """
        mark, _ = self._rows.get(record.ledger_key)
        if mark == event_mark(SAMPLED, record.request.payload):
            return DUPLICATE
        if not _was(DELIVERED, mark):
            return None
        same = mark in {DELIVERED, event_mark(DELIVERED, record.request.payload)}
        return DUPLICATE if same else DIFFERS

    def is_doubtful(self, record: PendingRecord) -> bool:
        """Return whether an earlier run left the event in flight."""
        return record.ledger_key in self._doubtful

    def sending(self, record: PendingRecord) -> None:
        """Note that it is in flight, should this be the last that is heard of it.

        It leaves once that is on the disk: after a power cut too, what may have arrived is known.

        Raises:
            SentElsewhere: another run sends it, or has sent it.
        """
        key = record.ledger_key
        try:
            self._leases.take(key, self._rows.get(key)[0], self._today)
        except SentElsewhere:
            self._doubtful.discard(key)
            self._rows.read_again(key)
            raise
        self._rows.put(key, (self._leases.mark, self._today))

    def sending_again(self, record: PendingRecord) -> None:
        """Look whether it is still this run's: while it waited, its lease may have ended.

        Raises:
            SentElsewhere: another run has it by now.
        """
        if self._leases.are_shared:
            self.sending(record)

    def delivered(self, record: PendingRecord) -> None:
        """Note that it is never to be sent again; the disk has it with the next that leaves."""
        status = SAMPLED if self._is_sample else DELIVERED
        mark = event_mark(status, record.request.payload)
        self._rows.ledger.put(record.ledger_key, mark, self._today, synced=False)
        self._rows.put(record.ledger_key, (mark, self._today))

    def not_delivered(self, record: PendingRecord) -> None:
        """Take the note back, unless an earlier run left it or another run has the event now."""
        key = record.ledger_key
        if not self.is_doubtful(record) and self._rows.get(key)[0] == self._leases.mark:
            self._rows.ledger.drop(key, self._leases.mark)
            self._rows.pop(key)


def _was(what: bytes, mark: bytes) -> bool:
    return mark[:1] == what
