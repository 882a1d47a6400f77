"""The records of one ordering key that wait, and the lists of those whose turn may have come."""

from __future__ import annotations

from collections import deque
from itertools import islice, takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.accounts.pending import PendingRecord

_LOOKED_AT = 100  # records of a key, for what they wait for: a key with very many is no slower


class KeyQueue:
    """The records of one ordering key that wait, and whether a worker has those before them."""

    __slots__ = ("busy", "deletions", "key", "listed", "waiting")

    def __init__(self, key: str) -> None:
        """Begin with no record of `key`."""
        self.key = key
        self.waiting: list[PendingRecord] = []
        """A list: most keys have one record, for which a deque takes ten times the memory."""
        self.deletions = 0
        """How many of those that wait are deletions."""
        self.busy = False
        """Whether a worker has records of this key."""
        self.listed: int | None = None
        """The rank under which it is listed as ready."""

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
        record = self.waiting.pop(0)
        self.deletions -= record.request.deletes
        return record

    def together(self) -> Iterator[PendingRecord]:
        """Yield the first records, as far as one request may stand for them."""
        first, *others = islice(self.waiting, _LOOKED_AT)
        yield first
        if first.request.mergeable:
            yield from takewhile(lambda record: record.request.mergeable, others)


class ReadyQueues:
    """The queues whose next record may be ready to be sent, by its rank.

    The rank is the place in the order of sending: what others refer to first, deletions last, and
    of these first what refers to others.
    """

    def __init__(self, turns: int) -> None:
        """Begin with no queue; `turns` is how many object types there are."""
        self._listed: list[deque[KeyQueue]] = [deque() for _ in range(2 * turns)]

    @property
    def ranks(self) -> range:
        """All ranks, in the order of sending."""
        return range(len(self._listed))

    def any(self) -> bool:
        """Return whether a queue is listed."""
        return any(self._listed)

    def add(self, queue: KeyQueue) -> None:
        """List a queue under the rank of its next record, unless a worker has it."""
        if not queue.busy and queue.waiting:
            queue.listed = self._rank(queue.waiting[0])
            self._listed[queue.listed].append(queue)

    def pop(self, rank: int) -> KeyQueue | None:
        """Take off the first queue of a rank; None if there is none."""
        listed = self._listed[rank]
        while listed:
            queue = listed.popleft()
            if queue.listed == rank and not queue.busy and queue.waiting:
                queue.listed = None
                return queue
            # else it was listed again, under another rank, and taken
        return None

    def _rank(self, record: PendingRecord) -> int:
        is_last = record.request.deletes
        return len(self._listed) - 1 - record.turn if is_last else record.turn
