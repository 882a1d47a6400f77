"""The order in which records that were read together are prepared and queued."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from target_userflow.accounts.pending import DeliveryObserver, PendingRecord


def prepared(records: Sequence[PendingRecord]) -> list[PendingRecord]:
    """Return the records that need a request: first what others refer to, deletions last.

    Requests to Userflow create what they refer to: a membership that waits would bring a deleted
    user back. So what stays deleted is deleted after all else, first what refers to others. A
    deletion that the object's next version follows keeps its place.
    """
    others, deletions = deletions_last(records)
    return [*_by_turn(others, reverse=False), *_by_turn(deletions, reverse=True)]


def deletions_last(
    records: Sequence[PendingRecord],
) -> tuple[list[PendingRecord], list[PendingRecord]]:
    """Return the records, and apart those that end with deleting an object."""
    if not any(record.request.deletes for record in records):
        return [*records], []
    again: set[tuple[str, ...]] = set()
    others: list[PendingRecord] = []
    last: list[PendingRecord] = []
    for record in reversed(records):
        if record.request.deletes and record.reference not in again:
            last.append(record)
        else:
            again.add(record.reference)
            others.append(record)
    return others[::-1], last[::-1]


def _by_turn(records: Iterable[PendingRecord], *, reverse: bool) -> Iterator[PendingRecord]:
    in_turn = sorted(records, key=lambda record: record.turn, reverse=reverse)
    for _, same in groupby(in_turn, key=lambda record: record.turn):
        yield from _prepared_together([*same])


def _prepared_together(records: list[PendingRecord]) -> list[PendingRecord]:
    """Have each stream's records prepared; all that are left are in the order read."""
    streams: dict[DeliveryObserver, list[PendingRecord]] = {}
    for record in records:
        streams.setdefault(record.observer, []).append(record)
    left = [record for observer, of in streams.items() for record in observer.prepare(of)]
    return left if len(streams) == 1 else sorted(left, key=lambda record: record.source.number)
