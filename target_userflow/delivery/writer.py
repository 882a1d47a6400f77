"""Writes what goes into one request, and tells one record's trouble from an outage."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from target_userflow.apis.outcomes import Delivered, GaveUp, Rejected, TryAgain
from target_userflow.delivery.merging import all_of
from target_userflow.transport.client import GivenUp, Observer

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from target_userflow.accounts.pending import Batch, PendingRecord
    from target_userflow.apis.messages import Answer, Request
    from target_userflow.apis.outcomes import Outcome
    from target_userflow.delivery.evidence import Evidence
    from target_userflow.delivery.merging import RequestMerger
    from target_userflow.transport.client import Client

    Writing = Generator[float, None, "Written | None"]
    """Yields the seconds to wait before the next attempt. Returns what the request came to; None
    if the delivery is to end before that is known."""

_BEFORE_HALVING = 1 / 3
"""The share of `max_retry_seconds` for which a batch is tried that keeps failing, before it is sent
in halves: one of its records may be what the API fails on."""


class Part(Enum):
    """What of a batch is sent."""

    WHOLE = "all of it"
    HALF = "a half, as the whole kept failing"
    OTHER_HALF = "the other half, as the first one kept failing too: it is the API's trouble"


class KeepsFailing:
    """A batch failed for so long that one of its records may be what the API fails on."""


Written = Delivered | Rejected | KeepsFailing


class Writer:
    """Writes to one API until the request has an outcome that no repetition would change."""

    def __init__(self, client: Client, merger: RequestMerger, evidence: Evidence) -> None:
        """Write to an API.

        Args:
            client: Sends the requests.
            merger: Makes one request of several.
            evidence: Is told which requests were carried out.
        """
        self._client = client
        self._merger = merger
        self._evidence = evidence

    def write(self, objects: Sequence[Batch], part: Part) -> Writing:
        """Send one request for the records of several objects.

        Args:
            objects: The records of each object.
            part: What of a batch they are.

        Raises:
            ApiDown: the API does not work, for these records or any others.
            ApiRefused: no request would be taken.
        """
        request = self._merger.of_batch(objects)
        result = yield from self._write(request, objects, part)
        rest = _rest(objects[-1][-1], request, result)
        return result if rest is None else (yield from self._write(rest, objects, part))

    def _write(self, request: Request, objects: Sequence[Batch], part: Part) -> Writing:
        may_halve = part is Part.WHOLE and self._merger.is_batched and len(objects) > 1
        attempts, patience = _Attempts(all_of(objects)), _patience(part, may_halve=may_halve)
        result = yield from self._client.write(request, attempts, patience)
        if isinstance(result, GivenUp):
            return self._failed(request, result, part, may_halve=may_halve)
        if result is None:
            return None
        if isinstance(result.outcome, Delivered):
            self._evidence.add(request, result.began)
        return result.outcome  # type: ignore[return-value] # a write has no answer

    def _failed(
        self, request: Request, result: GivenUp, part: Part, *, may_halve: bool
    ) -> GaveUp | KeepsFailing:
        """Return that the records can't be delivered, if the API works for others.

        Raises:
            ApiDown: it is not these records' trouble alone.
        """
        may_convict = result.last.may_be_of_record and not result.is_told_to_wait
        if may_convict and may_halve:
            return KeepsFailing()
        works = self._evidence.works_again_and_again(request, since=result.failed)
        if not may_convict or not (works or part is Part.HALF):
            raise self._client.down(result.why)
        return GaveUp(f"gave up: {result.last.reason}")


def _rest(record: PendingRecord, sent: Request, result: Written | None) -> Request | None:
    """Return the request for what of a record has to follow a part of it; None if nothing has."""
    is_part = sent.path == record.request.path and sent.payload is not record.request.payload
    if not is_part or not isinstance(result, Delivered):
        return None
    return record.observer.rest(record, sent, result.body)


class _Attempts(Observer):
    """Tells the observers of records of each attempt to send them."""

    def __init__(self, records: Batch) -> None:
        self._records = records

    def before_send(self) -> None:
        for record in self._records:
            record.observer.before_send(record)
        self._records[0].observer.request_sent()

    def after_send(self, outcome: Outcome | Answer) -> None:
        for record in self._records:
            record.sent = True
            record.lost |= isinstance(outcome, TryAgain) and outcome.lost


def _patience(part: Part, *, may_halve: bool) -> float:
    """Return the share of `max_retry_seconds` for which a request is tried."""
    if part is not Part.WHOLE:
        return 1 - _BEFORE_HALVING
    return _BEFORE_HALVING if may_halve else 1.0
