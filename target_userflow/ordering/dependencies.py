"""What a record waits for: objects that it refers to, and what was read before a deletion."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.messages import Reference
    from target_userflow.ordering.key_queue import KeyQueue


class Dependencies:
    """Which unsettled records others depend on, and which queues wait for them."""

    def __init__(self, turns: Mapping[str, int]) -> None:
        """Begin with no record.

        Args:
            turns: The product's object types, each with its place in the order of sending.
        """
        self._turns = turns
        self._writers = _Holders()
        self._events = _Holders()
        self._epochs = _Epochs()
        self._waiting: dict[Reference, list[KeyQueue]] = {}
        self._held: list[KeyQueue] = []

    def queue_of_event(self, record: PendingRecord) -> KeyQueue | None:
        """Return the queue of an unsettled event that has the ledger key of a record."""
        return self._events.queue(record.ledger_key) if _is_keyed_event(record) else None

    def enter(self, record: PendingRecord, queue: KeyQueue) -> None:
        """Count a record in that is added to a queue."""
        if record.request.deletes:
            record.epoch = self._epochs.seal()
            return
        record.epoch = self._epochs.enter()
        if _is_keyed_event(record):
            self._events.add(record.ledger_key, queue)
        elif record.request.object_id:
            self._writers.add(record.reference, queue)

    def leave(self, record: PendingRecord) -> list[KeyQueue]:
        """Count a record out. Returns the queues that wait for the object that it writes."""
        if record.request.deletes:
            return []
        self._epochs.leave(record.epoch)
        if _is_keyed_event(record):
            self._events.remove(record.ledger_key)
        elif record.request.object_id:
            self._writers.remove(record.reference)
            return self._waiting.pop(record.reference, [])
        return []

    def held(self) -> list[KeyQueue]:
        """Let the queues go that wait with a deletion, to be looked at again."""
        held, self._held = self._held, []
        return held

    def has_to_wait(self, queue: KeyQueue) -> bool:
        """Return whether the next record of a queue may not be sent yet; note what it waits for."""
        first = queue.waiting[0]
        if first.request.deletes:
            is_held = not self._epochs.is_over(first.epoch)
            if is_held:
                self._held.append(queue)
            return is_held
        for record in queue.together():
            reference = self.missing(record, queue)
            if reference is not None:
                self._waiting.setdefault(reference, []).append(queue)
                return True
        return False

    def missing(self, record: PendingRecord, queue: KeyQueue) -> Reference | None:
        """Return an object that a record refers to and that still waits to be written.

        Objects of the same queue come before it anyway. One that a deletion may have to go before
        is not waited for: the deletion waits for this record.
        """
        for reference in record.request.references:
            if self._turns.get(reference[0], record.turn) < record.turn:
                other = self._writers.queue(reference)
                if other is not None and other is not queue and not other.deletions:
                    return reference
        return None


class _Holders:
    """Which queue holds the unsettled records of an object or event, and how many there are."""

    def __init__(self) -> None:
        self._queues: dict[object, KeyQueue] = {}
        self._counts: dict[object, int] = {}

    def queue(self, what: object) -> KeyQueue | None:
        return self._queues.get(what)

    def add(self, what: object, queue: KeyQueue) -> None:
        self._queues[what] = queue
        self._counts[what] = self._counts.get(what, 0) + 1

    def remove(self, what: object) -> None:
        left = self._counts.pop(what) - 1
        if left:
            self._counts[what] = left
        else:
            del self._queues[what]


class _Epochs:
    """Which records were added before a deletion: each deletion ends an epoch."""

    def __init__(self) -> None:
        self._now = 0
        self._sealed = False
        self._open: Counter[int] = Counter()

    def enter(self) -> int:
        """Count a record in. Returns its epoch."""
        if self._sealed:
            self._sealed = False
            self._now += 1
        self._open[self._now] += 1
        return self._now

    def seal(self) -> int:
        """End an epoch by a deletion. Returns the epoch."""
        self._sealed = True
        return self._now

    def leave(self, epoch: int) -> None:
        """Count a record out."""
        self._open[epoch] -= 1
        if not self._open[epoch]:
            del self._open[epoch]

    def is_over(self, epoch: int) -> bool:
        """Return whether all records of an epoch and of those before it are counted out."""
        return next(iter(self._open), epoch + 1) > epoch


def _is_keyed_event(record: PendingRecord) -> bool:
    return bool(record.ledger_key) and not record.request.object_id
