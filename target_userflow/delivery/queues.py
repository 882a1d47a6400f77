"""Pending records by ordering key: what may be sent next, and what waits for what.

A plain data structure without threads; `workers` guards it with one lock.

- Records of one ordering key are sent one after the other, in the order read. Where several object
  types share a key (a user, its memberships, its events), those that others refer to go first.
- Of all keys, those go first whose next record others refer to: groups before users.
- A record waits for the objects that it refers to, if these still wait to be written, and for those
  of the records after it that one request can stand for: they go together.
- A deletion waits for every record that was added before it: one of them may refer to what it
  deletes, and the API creates what a request refers to.
"""

from __future__ import annotations

from collections import Counter, deque
from itertools import islice, takewhile
from typing import TYPE_CHECKING, NamedTuple

from target_userflow.delivery.merging import Chain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.messages import Reference
    from target_userflow.delivery.merging import Kinds


_LOOKED_AT = 100  # records of a key, for what they wait for: a key with very many is no slower


class KeyQueue:
    """The records of one ordering key that wait, and whether a worker has those before them."""

    __slots__ = ("busy", "deletions", "key", "listed", "waiting")

    def __init__(self, key: str) -> None:
        """Begin with no record of `key`."""
        self.key = key
        self.waiting: deque[PendingRecord] = deque()
        self.deletions = 0
        """How many of those that wait are deletions."""
        self.busy = False
        """Whether a worker has records of this key."""
        self.listed: int | None = None
        """The turn under which it is listed as ready."""

    def add(self, record: PendingRecord) -> None:
        """Put a record behind those that it must follow; none overtakes a deletion."""
        place = len(self.waiting)
        if not record.request.deletes and not self.deletions:
            while place and self.waiting[place - 1].turn > record.turn:
                place -= 1
        self.waiting.insert(place, record)
        self.deletions += record.request.deletes

    def pop(self) -> PendingRecord:
        """Take the next record off."""
        record = self.waiting.popleft()
        self.deletions -= record.request.deletes
        return record


class Work(NamedTuple):
    """What one worker settles: the next records of one ordering key, or of a batch of keys."""

    queues: list[KeyQueue]
    chains: list[list[PendingRecord]]
    """Per key the records that one request can stand for, in the order read."""

    @property
    def records(self) -> Iterator[PendingRecord]:
        """All of them."""
        return (record for chain in self.chains for record in chain)


class OrderedQueues:
    """The records of one product that are read and not settled."""

    def __init__(
        self,
        turns: Mapping[str, int],
        batch_size: int = 1,
        deletions_size: int = 1,
        kinds: Kinds | None = None,
    ) -> None:
        """Begin empty.

        Args:
            turns: The product's object types, each with its place in the order of sending.
            batch_size: Ordering keys that one request may take.
            deletions_size: Ordering keys that one deletion may take, of one path.
            kinds: The data types of a payload's values, where these have to agree in one request.
        """
        self._turns = turns
        self._batch_size = batch_size
        self._deletions_size = deletions_size
        self._kinds = kinds
        self._queues: dict[str, KeyQueue] = {}
        self._ready: list[deque[KeyQueue]] = [deque() for _ in range(2 * len(turns))]
        self._writers = _Holders()
        self._events = _Holders()
        self._waiting: dict[Reference, list[KeyQueue]] = {}
        self._held: list[KeyQueue] = []
        self._epochs = _Epochs()
        self._size = 0

    def __len__(self) -> int:
        """Records that are not settled, those that a worker has included."""
        return self._size

    @property
    def may_have_work(self) -> bool:
        """Whether a look for work may be worth it."""
        return any(self._ready)

    def add(self, record: PendingRecord) -> None:
        """Add a record; records of one product are added in the order read."""
        queue = self._queue_of(record)
        self._enter(record, queue)
        queue.add(record)
        self._size += 1
        if queue.waiting[0] is record:
            self._list(queue)

    def take(self) -> Work | None:
        """What to send next; None if nothing may be sent now."""
        for turn in range(len(self._ready)):
            first = self._next(turn)
            if first:
                queues = [first, *self._others_like(first, turn)]
                for queue in queues:
                    queue.busy = True
                return Work(queues, [self._chain(queue) for queue in queues])
        return None

    def _others_like(self, first: KeyQueue, turn: int) -> list[KeyQueue]:
        """More queues of a turn whose next records one request can take together."""
        request = first.waiting[0].request
        size = self._deletions_size if request.deletes else self._batch_size
        others: list[KeyQueue] = []
        while len(others) < size - 1 and (queue := self._next(turn)):
            other = queue.waiting[0].request
            if (other.method, other.path) != (request.method, request.path):
                self._list(queue)
                break
            others.append(queue)
        return others

    def finish(self, work: Work) -> None:
        """Let what waits for these records be taken: they are settled, or will not be."""
        for record in work.records:
            self._leave(record)
        for queue in work.queues:
            queue.busy = False
            if queue.waiting:
                self._list(queue)
            elif self._queues.get(queue.key) is queue:
                del self._queues[queue.key]
        held, self._held = self._held, []
        for queue in held:
            self._list(queue)

    def _queue_of(self, record: PendingRecord) -> KeyQueue:
        """The queue that a record belongs to.

        An event that comes twice has to follow its first, even if it names another user by now.
        """
        if _is_keyed_event(record) and (first := self._events.queue(record.ledger_key)):
            return first
        key = record.request.ordering_key
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = KeyQueue(key)
        return queue

    def _enter(self, record: PendingRecord, queue: KeyQueue) -> None:
        if record.request.deletes:
            record.epoch = self._epochs.seal()
            return
        record.epoch = self._epochs.enter()
        if _is_keyed_event(record):
            self._events.add(record.ledger_key, queue)
        elif record.request.object_id:
            self._writers.add(record.reference, queue)

    def _leave(self, record: PendingRecord) -> None:
        self._size -= 1
        if record.request.deletes:
            return
        self._epochs.leave(record.epoch)
        if _is_keyed_event(record):
            self._events.remove(record.ledger_key)
        elif record.request.object_id:
            self._writers.remove(record.reference)
            for queue in self._waiting.pop(record.reference, ()):
                self._list(queue)

    def _list(self, queue: KeyQueue) -> None:
        """List a queue under the rank of its next record, unless a worker has it."""
        if not queue.busy and queue.waiting:
            queue.listed = self._rank(queue.waiting[0])
            self._ready[queue.listed].append(queue)

    def _rank(self, record: PendingRecord) -> int:
        """The place in the order of sending: deletions last, first those that refer to others."""
        is_last = record.request.deletes
        return len(self._ready) - 1 - record.turn if is_last else record.turn

    def _next(self, turn: int) -> KeyQueue | None:
        """The next queue of a rank whose first record may be sent."""
        ready = self._ready[turn]
        while ready:
            queue = ready.popleft()
            if queue.listed != turn or queue.busy or not queue.waiting:
                continue  # it was listed again, under another turn, and taken
            queue.listed = None
            if not self._has_to_wait(queue):
                return queue
        return None

    def _has_to_wait(self, queue: KeyQueue) -> bool:
        """Whether the first record of a queue may not be sent yet; notes what it waits for."""
        record = queue.waiting[0]
        if record.request.deletes:
            if self._epochs.is_over(record.epoch):
                return False
            self._held.append(queue)
            return True
        for record in self._together(queue):
            reference = self._missing(record, queue)
            if reference is not None:
                self._waiting.setdefault(reference, []).append(queue)
                return True
        return False

    @staticmethod
    def _together(queue: KeyQueue) -> Iterator[PendingRecord]:
        """The first records of a queue that one request may stand for."""
        first, *others = islice(queue.waiting, _LOOKED_AT)
        yield first
        if first.request.mergeable:
            yield from takewhile(lambda record: record.request.mergeable, others)

    def _missing(self, record: PendingRecord, queue: KeyQueue) -> Reference | None:
        """An object that a record refers to and that still waits to be written.

        Objects of the same queue come before it anyway. One that a deletion may have to go before
        is not waited for: the deletion waits for this record.
        """
        for reference in record.request.references:
            if self._turns.get(reference[0], record.turn) < record.turn:
                other = self._writers.queue(reference)
                if other is not None and other is not queue and not other.deletions:
                    return reference
        return None

    def _chain(self, queue: KeyQueue) -> list[PendingRecord]:
        """Take the next record off, with those after it that its request can stand for."""
        chain = Chain(queue.pop(), self._kinds)
        while queue.waiting:
            record = queue.waiting[0]
            if self._missing(record, queue) or not chain.add(record):
                break
            queue.pop()
        return chain.records


class _Holders:
    """Which queue holds the unsettled records of something, and how many there are."""

    def __init__(self) -> None:
        self._queues: dict[object, KeyQueue] = {}
        self._counts: Counter[object] = Counter()

    def queue(self, what: object) -> KeyQueue | None:
        return self._queues.get(what)

    def add(self, what: object, queue: KeyQueue) -> None:
        self._queues[what] = queue
        self._counts[what] += 1

    def remove(self, what: object) -> None:
        self._counts[what] -= 1
        if not self._counts[what]:
            del self._counts[what], self._queues[what]


class _Epochs:
    """Which records were added before a deletion: each deletion ends an epoch."""

    def __init__(self) -> None:
        self._now = 0
        self._sealed = False
        self._open: Counter[int] = Counter()

    def enter(self) -> int:
        """Count a record in; its epoch."""
        if self._sealed:
            self._sealed = False
            self._now += 1
        self._open[self._now] += 1
        return self._now

    def seal(self) -> int:
        """The epoch that a deletion ends."""
        self._sealed = True
        return self._now

    def leave(self, epoch: int) -> None:
        """Count a record out."""
        self._open[epoch] -= 1
        if not self._open[epoch]:
            del self._open[epoch]

    def is_over(self, epoch: int) -> bool:
        """Whether all records of an epoch and of those before it are counted out."""
        return next(iter(self._open), epoch + 1) > epoch


def _is_keyed_event(record: PendingRecord) -> bool:
    return bool(record.ledger_key) and not record.request.object_id
