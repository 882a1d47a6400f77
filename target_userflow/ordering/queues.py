"""Pending records by ordering key: what may be sent next, and what waits for what.

A plain data structure without threads; `WorkerPool` guards it with one lock.

- Records of one ordering key are sent one after the other, in the order read. Where several object
  types share a key (a user, its memberships, its events), those that others refer to go first.
- Of all keys, those go first whose next record others refer to: groups before users.
- A record waits for the objects that it refers to, if these still wait to be written, and for those
  of the records after it that one request can stand for: they go together.
- A deletion waits for every record that was added before it: one of them may refer to what it
  deletes, and the API creates what a request refers to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target_userflow.ordering.chain import Chain
from target_userflow.ordering.dependencies import Dependencies
from target_userflow.ordering.key_queue import KeyQueue, ReadyQueues

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_userflow.accounts.pending import Batch, PendingRecord
    from target_userflow.ordering.chain import Kinds


class Work(NamedTuple):
    """What one worker settles: the next records of one ordering key, or of a batch of keys."""

    queues: list[KeyQueue]
    chains: list[Batch]
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
        self._batch_size = batch_size
        self._deletions_size = deletions_size
        self._kinds = kinds
        self._queues: dict[str, KeyQueue] = {}
        self._ready = ReadyQueues(len(turns))
        self._dependencies = Dependencies(turns)
        self._size = 0
        self.creating = 0
        """Those of the records that may create what others are matched with."""

    def __len__(self) -> int:
        """Records that are not settled, those that a worker has included."""
        return self._size

    @property
    def may_have_work(self) -> bool:
        """Whether a look for work may be worth it."""
        return self._ready.any()

    def add(self, record: PendingRecord) -> None:
        """Add a record; records of one product are added in the order read."""
        queue = self._queue_of(record)
        self._dependencies.enter(record, queue)
        queue.add(record)
        self._size += 1
        self.creating += not record.is_matched
        if queue.waiting[0] is record:
            self._ready.add(queue)

    def take(self) -> Work | None:
        """Return what to send next; None if nothing may be sent now."""
        for rank in self._ready.ranks:
            first = self._next(rank)
            if first:
                queues = [first, *self._others_like(first, rank)]
                for queue in queues:
                    queue.busy = True
                return Work(queues, [self._chain(queue) for queue in queues])
        return None

    def finish(self, work: Work) -> None:
        """Let what waits for these records be taken: they are settled, or will not be."""
        for record in work.records:
            self._size -= 1
            self.creating -= not record.is_matched
            for waiting in self._dependencies.leave(record):
                self._ready.add(waiting)
        for queue in work.queues:
            queue.busy = False
            if queue.waiting:
                self._ready.add(queue)
            elif self._queues.get(queue.key) is queue:
                del self._queues[queue.key]
        for held in self._dependencies.held():
            self._ready.add(held)

    def _queue_of(self, record: PendingRecord) -> KeyQueue:
        """Return the queue that a record belongs to.

        An event that comes twice has to follow its first, even if it names another user by now.
        """
        first = self._dependencies.queue_of_event(record)
        if first:
            return first
        key = record.request.ordering_key
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = KeyQueue(key)
        return queue

    def _next(self, rank: int) -> KeyQueue | None:
        """Return the next queue of a rank whose first record may be sent."""
        while queue := self._ready.pop(rank):
            if not self._dependencies.has_to_wait(queue):
                return queue
        return None

    def _others_like(self, first: KeyQueue, rank: int) -> list[KeyQueue]:
        """Return more queues of a rank whose next records one request can take together."""
        request = first.waiting[0].request
        size = self._deletions_size if request.deletes else self._batch_size
        others: list[KeyQueue] = []
        while len(others) < size - 1 and (queue := self._next(rank)):
            other = queue.waiting[0].request
            if (other.method, other.path) != (request.method, request.path):
                self._ready.add(queue)
                break
            others.append(queue)
        return others

    def _chain(self, queue: KeyQueue) -> Batch:
        """Take the next record off, with those after it that its request can stand for."""
        chain = Chain(queue.pop(), self._kinds)
        while queue.waiting:
            record = queue.waiting[0]
            if self._dependencies.missing(record, queue) or not chain.add(record):
                break
            queue.pop()
        return chain.records
