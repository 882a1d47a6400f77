"""What of a window one worker sends, in which order."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from target_userflow.delivery.merging import chains, objects
from target_userflow.delivery.pending import Batch

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterable

    from target_userflow.delivery.pending import PendingRecord

Lane = list[Batch]
"""What one worker sends, one after the other."""


def lanes(records: Iterable[PendingRecord]) -> Iterable[Lane]:
    """The records that must follow each other, each lane in the order read.

    Of one event that comes twice, the second has to know what became of the first, even if it names
    another user.
    """
    lanes: dict[str, Lane] = {}
    by_key: dict[bytes, str] = {}
    for batch in chains(records):
        key, lane = batch[0].ledger_key, batch[0].request.ordering_key
        lane = by_key.setdefault(key, lane) if key else lane
        lanes.setdefault(lane, []).append(batch)
    return lanes.values()


def batches(records: Iterable[PendingRecord], size: int) -> list[Lane]:
    """Full batches of `size` objects, each a lane.

    An object is in one of them with all its records, so that no two workers send the same object.
    """
    whole = objects(records)
    starts = range(0, len(whole), size)
    return [[[*chain.from_iterable(whole[start : start + size])]] for start in starts]


def deletions(records: Iterable[PendingRecord], size: int) -> list[Lane]:
    """Full batches of what only deletes, one endpoint after the other; see `batches`."""
    by_path: dict[str, list[PendingRecord]] = {}
    for record in records:
        by_path.setdefault(record.request.path, []).append(record)
    return [lane for of_path in by_path.values() for lane in batches(of_path, size)]


def taken(lanes: deque[Lane]) -> Lane:
    """A lane, taken off so that no other worker gets it; empty if none is left."""
    try:
        return lanes.popleft()
    except IndexError:
        return []
