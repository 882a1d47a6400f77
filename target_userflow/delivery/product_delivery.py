"""Brings the records of all streams to one product: prepares them, and sends what goes together."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from target_userflow.apis.outcomes import CARRIED, MERGED, Delivered, GaveUp, Rejected, TryAgain
from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.dedup import event_leases
from target_userflow.delivery.concurrency import SLICE, Concurrency
from target_userflow.delivery.evidence import Evidence, Suspects
from target_userflow.delivery.merging import objects
from target_userflow.delivery.preparing import prepared
from target_userflow.delivery.queues import OrderedQueues
from target_userflow.delivery.threads import submit
from target_userflow.delivery.worker_pool import WorkerPool
from target_userflow.errors import Exhausted
from target_userflow.transport.client import GivenUp, Observer

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from target_userflow.accounts.pending import Batch, PendingRecord
    from target_userflow.apis.messages import Answer, Request
    from target_userflow.apis.outcomes import Outcome
    from target_userflow.apis.product import Product
    from target_userflow.clock import Clock
    from target_userflow.config.settings import Destination
    from target_userflow.delivery.queues import Work
    from target_userflow.transport.client import Client


_BEFORE_HALVING = 1 / 3
"""The share of `max_retry_seconds` for which a batch is tried that keeps failing, before it is sent
in halves: one of its records may be what the API fails on."""


@dataclass
class Half:
    """What is known of a half of a batch that kept failing."""

    sibling_failed: bool = False
    """Whether the other half was sent before, and failed as well: then it is the API's trouble."""
    failed: bool = False


class ProductDelivery:
    """Delivers records while others are read; what becomes of each is told to its observer."""

    def __init__(
        self,
        api: Product,
        destination: Destination,
        client: Client,
        clock: Clock,
        concurrency: int,
    ) -> None:
        """Deliver to one product; threads are started when they are needed.

        Args:
            api: What is sent how.
            destination: Where to.
            client: Sends requests there.
            clock: Tells when the product's delivery is to end.
            concurrency: Requests in flight, at most.
        """
        self._api = api
        self._batched = api.batch > 1
        self._destination = destination
        self._clock = clock
        self.client = client
        self._evidence = Evidence()
        self.suspects = Suspects(self._evidence)
        """What was given up on, and is not settled yet."""
        turns = {name: kind.turn for name, kind in OBJECT_TYPES.items() if kind.product is api}
        queues = OrderedQueues(turns, api.batch, api.deletions, api.kinds)
        self._workers = WorkerPool(api.name, queues, self._settle, Concurrency(concurrency), clock)
        self._preparer = ThreadPoolExecutor(1, f"{api.name} prepares")
        self._readers = ThreadPoolExecutor(concurrency, f"{api.name} reads")
        self._preparing = 0
        self._prepared = threading.Event()
        """Set when records were prepared: workers may have them now."""
        self._lock = threading.Lock()

    @property
    def unsettled(self) -> int:
        """Records on their way; once the delivery is to end, those that a worker still has."""
        if self._clock.stopped:
            return self._workers.busy
        return self._preparing + self._workers.unsettled

    @property
    def failure(self) -> BaseException | None:
        """Why the delivery is to end, if it is."""
        return self._clock.why

    def deliver(self, records: Sequence[PendingRecord]) -> None:
        """Have records delivered.

        Args:
            records: Records of all streams, in the order read.

        Raises:
            Exhausted: no thread can be started.
        """
        with self._lock:
            self._preparing += len(records)
        submit(self._preparer, self._prepare, records)

    def wait(self) -> None:
        """Return when a worker has settled something, or after a moment."""
        if self._preparing and not self._workers.unsettled:
            self._prepared.wait(SLICE)
            self._prepared.clear()
        self._workers.wait()

    @property
    def is_busy(self) -> bool:
        """Whether a worker has records."""
        return self._workers.busy > 0

    def abandon(self) -> None:
        """Have the records unsettled that wait for another attempt: there will be none."""
        self._workers.abandon()

    def fetch(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers to what is only read, many at once, in the order of the requests.

        That something is not there (404), or that a question is none (400, 422), is an answer.

        Raises:
            StopRun: one of them has no answer, and so the run has to end.
        """
        asked: list[Future[Answer]] = []
        try:
            asked += (submit(self._readers, self._ask, request) for request in requests)
        except Exhausted as error:
            self._clock.stop(error)
        wait(asked)
        self._clock.check()
        return [answer.result() for answer in asked]

    def begin(self, request: Request) -> Future[Answer]:
        """Ask what is only read, and return at once.

        Raises:
            Exhausted: no thread can be started.
        """
        return submit(self._readers, self._ask, request)

    def close(self) -> None:
        """Let the threads go, without waiting for one that hangs, and the connections."""
        self._preparer.shutdown(wait=False)
        self._readers.shutdown(wait=False)
        self._workers.close()
        self.client.close()

    def _prepare(self, records: Sequence[PendingRecord]) -> None:
        """Queue the records that need a request."""
        try:
            if not self._clock.stopped:
                self._workers.add(prepared(records))
        except BaseException as error:  # noqa: BLE001 - the thread's boundary: the run ends with it
            self._clock.stop(error)
        finally:
            with self._lock:
                self._preparing -= len(records)
            self._prepared.set()

    def _ask(self, request: Request) -> Answer:
        """The answer to one read; the first that has none ends the delivery."""
        try:
            return self.client.read(request)
        except BaseException as error:
            self._clock.stop(error)
            raise

    def _settle(self, work: Work) -> Generator[float, None, None]:
        """Settle some work, once no other run is sending any of it."""
        records = [*work.records]
        while True:
            while any(record.observer.is_elsewhere(record) for record in records):
                yield event_leases.AGAIN
            try:
                yield from self._send(records)
            except event_leases.SentElsewhere:
                continue
            return

    def _send(self, records: Batch, half: Half | None = None) -> Generator[float, None, None]:
        """Settle what goes into one request; yields the seconds to wait for another attempt.

        Args:
            records: The records.
            half: Set if they are a half of a batch that kept failing, or of such a half.
        """
        own = [record.request for record in records]
        needed = [chain for chain in objects(records) if self._is_needed(chain)]
        if not needed:
            return
        try:
            outcome = yield from self._deliver(needed, half)
        except BaseException:
            _settle_all(needed, None)
            raise
        if isinstance(outcome, Delivered):
            self._close(needed)
        elif _is_worth_a_split(outcome) and len(_flat(needed)) > 1:
            for record, request in zip(records, own, strict=True):
                record.request = request
            if outcome is _HALVES:
                yield from self._halve(_flat(needed))
            else:
                yield from self._split(_flat(needed), half)
        else:
            _settle_all(needed, None if isinstance(outcome, GaveUp) else outcome)

    def _is_needed(self, chain: Batch) -> bool:
        """Whether an object has to be written; settles its records otherwise."""
        *before, last = chain
        last.request = self._merged(chain)
        if last.observer.is_needed(last):
            return True
        for record in before:
            if record.observer.is_needed(record):
                record.observer.settled(record, MERGED)
        return False

    def _merged(self, chain: Batch) -> Request:
        """The request that does all that the records of one object do."""
        last = chain[-1].request
        if len(chain) == 1 or self._api.fold is None:
            return last
        payloads = [record.request.payload or {} for record in chain]
        return replace(last, payload=self._api.fold(payloads))

    def _close(self, needed: list[Batch]) -> None:
        """Settle what was delivered; the last of each object stands for those before."""
        for place, (*before, last) in enumerate(needed):
            for record in before:
                record.observer.settled(record, MERGED)
            is_carried = place and not self._batched and not last.request.deletes
            last.observer.settled(last, CARRIED if is_carried else Delivered())

    def _split(self, records: Batch, half: Half | None) -> Generator[float, None, None]:
        """Send what was rejected in halves, until each culprit is alone."""
        for some in _halves(records):
            yield from self._send_if_going_on(some, half)

    def _halve(self, records: Batch) -> Generator[float, None, None]:
        """Send what keeps failing in halves: a half that fails alone has the culprit."""
        first, second = _halves(records)
        half = Half()
        yield from self._send_if_going_on(first, half)
        yield from self._send_if_going_on(second, Half(sibling_failed=half.failed))

    def _send_if_going_on(self, records: Batch, half: Half | None) -> Generator[float, None, None]:
        if self._clock.stopped:
            _settle_all([records], None)
        else:
            yield from self._send(records, half)

    def _deliver(
        self, needed: list[Batch], half: Half | None
    ) -> Generator[float, None, Delivered | Rejected | None]:
        """Try until there is an outcome, or the delivery is to end."""
        request = self._request([chain[-1].observer.reduced(chain[-1]) for chain in needed])
        records = _flat(needed)
        may_halve = self._batched and len(needed) > 1 and half is None
        patience = _BEFORE_HALVING if may_halve else 1 - _BEFORE_HALVING if half else 1.0
        result = yield from self.client.write(request, _Attempts(records), patience)
        if isinstance(result, GivenUp):
            if may_halve and _is_of_record(result):
                return _HALVES
            return self._given_up(result, request, records, half)
        if result is None:
            return None
        if isinstance(result.outcome, Delivered):
            self._evidence.add(request, result.began)
        return result.outcome  # type: ignore[return-value] # a write has no answer

    def _request(self, requests: list[Request]) -> Request:
        """One request that does what several do."""
        if len(requests) == 1 and not self._batched:
            return requests[0]
        payloads = [request.payload or {} for request in requests]
        return replace(requests[0], payload=self._api.join(self._destination, payloads))

    def _given_up(
        self, result: GivenUp, request: Request, records: Batch, half: Half | None
    ) -> GaveUp:
        """Hold the records that can't be delivered, if the API works for others.

        Raises:
            ApiDown: it is not this record's trouble alone.
        """
        works = self._evidence.works_again_and_again(request, since=result.failed)
        if not _is_of_record(result) or not (works or (half and not half.sibling_failed)):
            raise self.client.down(result.why)
        if half:
            half.failed = True
        outcome = GaveUp(f"gave up: {result.last.reason}")
        self.suspects.add(request, self._clock.monotonic(), records, outcome)
        return outcome


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


_HALVES = Rejected("it keeps failing")  # no outcome of a record: its batch is sent in halves


def _is_of_record(result: GivenUp) -> bool:
    """Whether other records may have no such trouble."""
    return result.last.may_be_of_record and not result.is_told_to_wait


def _halves(records: Batch) -> tuple[Batch, Batch]:
    middle = len(records) // 2
    return records[:middle], records[middle:]


def _is_worth_a_split(outcome: Rejected | None) -> bool:
    return isinstance(outcome, Rejected) and not isinstance(outcome, GaveUp)


def _settle_all(needed: list[Batch], outcome: Rejected | None) -> None:
    for record in _flat(needed):
        record.observer.settled(record, outcome)


def _flat(needed: list[Batch]) -> list[PendingRecord]:
    return [record for chain in needed for record in chain]
