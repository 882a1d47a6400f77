"""Sends what is needed of some work, until each of its records is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from target_userflow.apis.outcomes import CARRIED, MERGED, Delivered, GaveUp, NotSent, Rejected
from target_userflow.dedup import event_leases
from target_userflow.delivery.merging import all_of, by_object
from target_userflow.delivery.writer import KeepsFailing, Part

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from target_userflow.accounts.pending import Batch, PendingRecord
    from target_userflow.clock import Clock
    from target_userflow.delivery.evidence import Suspects
    from target_userflow.delivery.merging import RequestMerger
    from target_userflow.delivery.writer import Writing, Written
    from target_userflow.ordering.queues import Work


class Writes(Protocol):
    """Sends one request for the records of several objects."""

    def write(self, objects: Sequence[Batch], part: Part) -> Writing:
        """Send it; see `Writer.write`."""


class Sender:
    """Sends records; those that fail together are sent in halves, until each culprit is alone."""

    def __init__(
        self, writer: Writes, merger: RequestMerger, suspects: Suspects, clock: Clock
    ) -> None:
        """Send records of one product.

        Args:
            writer: Sends one request.
            merger: Makes one request of several.
            suspects: Holds the records that were given up on.
            clock: Tells when the product's delivery is to end.
        """
        self._writer = writer
        self._merger = merger
        self._suspects = suspects
        self._clock = clock

    def send(self, work: Work) -> Generator[float, None, None]:
        """Send some work and settle it, once no other run is sending any of it.

        Yields:
            The seconds after which it wants to go on.
        """
        records = [*work.records]
        while True:
            while any(record.observer.is_elsewhere(record) for record in records):
                yield event_leases.AGAIN
            try:
                yield from self._send(records, Part.WHOLE)
            except event_leases.SentElsewhere:
                continue
            return

    def _send(self, records: Batch, part: Part) -> Generator[float, None, bool]:
        """Send what is needed of a request's records. Returns whether some were given up on."""
        requests = [record.request for record in records]
        objects = [of_one for of_one in by_object(records) if self._is_needed(of_one)]
        if not objects:
            return False
        try:
            result = yield from self._writer.write(objects, part)
        except BaseException:
            _settle_all(all_of(objects), None)
            raise
        if isinstance(result, Delivered):
            self._settle_delivered(objects)
            return False
        needed = all_of(objects)
        if not _can_be_split(result, needed):
            return self._settle_undelivered(needed, result)
        for record, request in zip(records, requests, strict=True):
            record.request = request
        return (yield from self._send_halves(needed, part, result))

    def _is_needed(self, records: Batch) -> bool:
        """Return whether an object has to be written; settle its records otherwise.

        A record that its stream's mode leaves out is taken off: the others are sent without it.
        """
        while records:
            last = records[-1]
            last.request = self._merger.of_object(records)
            if last.observer.is_needed(last):
                return True
            records.pop()
            if not _is_skipped(last):
                break
        for record in records:
            if record.observer.is_needed(record):
                record.observer.settled(record, MERGED)
        return False

    def _settle_delivered(self, objects: Sequence[Batch]) -> None:
        """Settle what was delivered; the last of each object stands for those before."""
        for place, (*before, last) in enumerate(objects):
            for record in before:
                record.observer.settled(record, MERGED)
            is_carried = place and not self._merger.is_batched and not last.request.deletes
            last.observer.settled(last, CARRIED if is_carried else Delivered())

    def _settle_undelivered(self, records: Batch, result: Written | None) -> bool:
        """Settle what was not delivered. Returns whether it was given up on."""
        if isinstance(result, GaveUp):
            _settle_all(records, None)
            self._suspects.add(records[-1].request, self._clock.monotonic(), records, result)
            return True
        _settle_all(records, result if isinstance(result, Rejected) else None)
        return False

    def _send_halves(
        self, records: Batch, part: Part, result: Written | None
    ) -> Generator[float, None, bool]:
        """Send what failed in halves. Returns whether some of it was given up on.

        A half of what keeps failing has the culprit, if it fails alone.
        """
        middle = len(records) // 2
        keeps_failing = isinstance(result, KeepsFailing)
        part = Part.HALF if keeps_failing else part
        has_given_up = yield from self._send_if_going_on(records[:middle], part)
        if keeps_failing and has_given_up:
            part = Part.OTHER_HALF
        return (yield from self._send_if_going_on(records[middle:], part)) or has_given_up

    def _send_if_going_on(self, records: Batch, part: Part) -> Generator[float, None, bool]:
        if self._clock.stopped:
            _settle_all(records, None)
            return False
        return (yield from self._send(records, part))


def _can_be_split(result: Written | None, records: Batch) -> bool:
    """Return whether some of the records may be delivered without the others."""
    is_rejected = isinstance(result, Rejected) and not isinstance(result, GaveUp)
    return len(records) > 1 and (is_rejected or isinstance(result, KeepsFailing))


def _is_skipped(record: PendingRecord) -> bool:
    return isinstance(record.outcome, NotSent) and record.outcome.outcome == "skipped"


def _settle_all(records: Batch, outcome: Rejected | None) -> None:
    for record in records:
        record.observer.settled(record, outcome)
