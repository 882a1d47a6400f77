"""Streams of a tap that have one name: their records are about the same objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.delivery.pending import PendingRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

Parts = list[list[PendingRecord]]
"""The records of each stream, in the order read."""


def phases(windows: Sequence[Sequence[PendingRecord]]) -> tuple[list[Parts], Parts]:
    """Divide windows of several streams so that each object's records keep the order read.

    Args:
        windows: The records of each stream.

    Returns:
        Phases, each to be settled before the next: within one no key is in two streams, so that it
        does not matter which stream goes first. And apart, the deletions that nothing follows.
    """
    stream_of = {record: stream for stream, window in enumerate(windows) for record in window}
    before, last = deletions_last(sorted(stream_of, key=lambda record: record.source.number))
    found: list[Parts] = []
    latest: dict[str, tuple[int, int]] = {}
    for record in before:
        key, stream = (
            record.request.ordering_key.casefold(),
            stream_of[record],
        )  # emails match in any case
        phase, other = latest.get(key, (0, stream))
        phase += stream != other
        latest[key] = phase, stream
        if phase == len(found):
            found.append([[] for _ in windows])
        found[phase][stream].append(record)
    deletions: Parts = [[] for _ in windows]
    for record in last:
        deletions[stream_of[record]].append(record)
    return found, deletions


def deletions_last(
    records: Sequence[PendingRecord],
) -> tuple[list[PendingRecord], list[PendingRecord]]:
    """The records of a window, and apart those that end with deleting an object.

    Requests to Userflow create what they refer to: a membership that waits would bring a deleted
    user back. So what stays deleted is deleted after all else, and a deletion that the object's
    next version follows keeps its place.
    """
    again: set[tuple[str, ...]] = set()
    before: list[PendingRecord] = []
    last: list[PendingRecord] = []
    for record in reversed(records):
        if record.request.deletes and record.request.object_id not in again:
            last.append(record)
        else:
            again.add(record.request.object_id)
            before.append(record)
    return before[::-1], last[::-1]
