"""Settles a window: many requests in flight, those of one key one after the other.

The workers are threads that stay, each with a session of its own (`http`). What they share is the
pace (`limiter`) and the clock, which also tells them when the run is to end.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from msgspec.structs import replace

from target_userflow.apis.messages import Answer
from target_userflow.apis.outcomes import Delivered, GaveUp, Refused, Rejected, TryAgain
from target_userflow.delivery.concurrency import SLICE, Concurrency
from target_userflow.delivery.evidence import Evidence, Suspects
from target_userflow.delivery.grouping import Lane, batches, deletions, lanes, taken
from target_userflow.delivery.merging import objects
from target_userflow.delivery.threads import submit
from target_userflow.errors import ApiDown, ApiRefused, Exhausted
from target_userflow.transport import retry
from target_userflow.transport.http import Http
from target_userflow.transport.media_type import MediaType
from target_userflow.transport.rate_limiter import Limits
from target_userflow.transport.request_stats import Timed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_userflow.apis.messages import Request
    from target_userflow.apis.outcomes import Outcome
    from target_userflow.apis.product import Product
    from target_userflow.clock import Clock
    from target_userflow.config.settings import Destination, Pace
    from target_userflow.delivery.pending import Batch, PendingRecord
    from target_userflow.transport.request_stats import RequestStats

_UNSUPPORTED = 415  # the HTTP status of a media type that is not taken


class Delivery:
    """Brings windows of records to one API."""

    def __init__(
        self, api: Product, destination: Destination, pace: Pace, clock: Clock, stats: RequestStats
    ) -> None:
        """Start no thread and open no connection yet.

        Args:
            api: What is sent how.
            destination: Where to, and who we are there.
            pace: How hard it may be asked.
            clock: Time, and the signal to stop.
            stats: Told of every request.
        """
        self._api = api
        self._batched = api.batch > 1
        self._destination = destination
        self._pace = pace
        self._clock = clock
        self.limits = Limits(pace.requests_per_minute, api.limits, clock)
        headers = {**api.headers(destination), "User-Agent": pace.user_agent}
        http = Http(destination.url, headers, timeout=pace.request_timeout)
        self._http = Timed(http, stats, clock)
        self._workers = ThreadPoolExecutor(pace.concurrency, thread_name_prefix=api.name)
        self._starting = threading.Lock()
        self._concurrency = Concurrency(pace.concurrency)
        self._media_type = MediaType(api.media_types)
        self._evidence = Evidence()
        self.suspects = Suspects(self._evidence)
        """What was given up on, and is not settled yet."""

    def settle(self, records: Sequence[PendingRecord]) -> None:
        """Return when every record has its outcome.

        Raises:
            StopRun: the run has to end; records without an outcome are unsettled.
        """
        self._share(deque(self._lanes(records)))

    def _lanes(self, records: Sequence[PendingRecord]) -> Iterable[Lane]:
        if self._batched:
            return batches(records, self._api.batch)
        if self._api.deletions > 1 and all(record.request.deletes for record in records):
            return deletions(records, self._api.deletions)
        return lanes(records)

    def _share(self, lanes: deque[Lane]) -> None:
        """Have as many workers take from the lanes as is worth their while."""
        working: dict[int, Future[None]] = {}
        self._concurrency.begin()
        while working or (lanes and not self._clock.stopped):
            free = [rank for rank in range(self._concurrency.workers) if rank not in working]
            for rank in free[: len(lanes)]:
                self._start(working, lanes, rank)
            wait(working.values(), SLICE)
            working = {rank: one for rank, one in working.items() if not one.done()}
            self._concurrency.look()
        self._clock.check()

    def _start(self, working: dict[int, Future[None]], lanes: deque[Lane], rank: int) -> None:
        """Have one more worker, or stop the run."""
        with self._starting:
            try:
                working[rank] = submit(self._workers, self._work, lanes, rank)
            except Exhausted as error:
                self._clock.stop(error)

    def fetch(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers to what is only read, many at once, in the order of the requests.

        That something is not there (404), or that a question is none (400, 422), is an answer.

        Raises:
            StopRun: one of them has no answer, and so the run has to end.
        """
        asked: list[Future[Answer]] = []
        try:
            asked += (submit(self._workers, self._ask, request) for request in requests)
        except Exhausted as error:
            self._clock.stop(error)
        wait(asked)
        self._clock.check()
        return [one.result() for one in asked]

    def close(self) -> None:
        """Let the workers go, without waiting for one that hangs, and their connections."""
        self._workers.shutdown(wait=False)
        self._http.close()

    def _work(self, lanes: deque[Lane], rank: int) -> None:
        """Take one lane after the other until none is left or the run is stopped.

        So does the last one to come, where there are more workers than is worth their while.
        """
        with self._starting:  # `submit` says why
            pass
        try:
            while rank < self._concurrency.workers and (lane := taken(lanes)):
                for records in lane:
                    if self._clock.stopped:
                        return
                    self._settle(records)
        except BaseException as error:  # noqa: BLE001 - the worker boundary: `settle` raises it
            self._clock.stop(error)

    def _settle(self, records: Batch) -> None:
        """Settle what goes into one request."""
        own = [record.request for record in records]
        needed = [chain for chain in objects(records) if self._is_needed(chain)]
        if not needed:
            return
        try:
            outcome = self._deliver(needed)
        except BaseException:
            _unsettle(needed)
            raise
        if outcome is None:
            _unsettle(needed)
        elif isinstance(outcome, Delivered):
            self._close(needed, outcome)
        elif not isinstance(outcome, GaveUp) and len(_flat(needed)) > 1:
            for record, request in zip(records, own, strict=True):
                record.request = request
            self._split(_flat(needed))
        else:
            _reject(needed, outcome)

    def _is_needed(self, chain: Batch) -> bool:
        """Whether an object has to be written; settles its records otherwise."""
        *before, last = chain
        last.request = self._folded(chain)
        if last.observer.is_needed(last):
            return True
        for record in before:
            if record.observer.is_needed(record):
                record.observer.superseded(record)
        return False

    def _folded(self, chain: Batch) -> Request:
        """What does all that the records of one object do."""
        last = chain[-1].request
        if len(chain) == 1 or self._api.fold is None:
            return last
        payloads = [record.request.payload or {} for record in chain]
        return replace(last, payload=self._api.fold(payloads))

    def _close(self, needed: list[Batch], outcome: Delivered) -> None:
        """Settle what was delivered; the last of each object stands for those before."""
        for place, (*before, last) in enumerate(needed):
            for record in before:
                record.observer.superseded(record)
            last.outcome = outcome
            if place and not self._batched and not last.request.deletes:
                last.observer.carried(last)
            else:
                last.observer.settled(last)

    def _split(self, records: Batch) -> None:
        """Send what was rejected in halves, until each culprit is alone."""
        middle = len(records) // 2
        for half in (records[:middle], records[middle:]):
            if self._clock.stopped:
                _unsettle([half])
            else:
                self._settle(half)

    def _deliver(self, needed: list[Batch]) -> Delivered | Rejected | None:
        """Try until there is an outcome, or the run is stopped."""
        request = self._request([chain[-1].request for chain in needed])
        records = _flat(needed)
        started = failed = None
        for seconds in retry.waits():
            sent = self.limits.wait(request.path)
            if self._clock.stopped:
                return None
            for record in records:
                record.observer.sending(record)
            started = started or sent
            records[0].observer.asking()
            outcome = self._attempt(request)
            for record in records:
                record.sent = True
                record.lost |= isinstance(outcome, TryAgain) and outcome.lost
            if not isinstance(outcome, TryAgain):
                self.limits.accepted(sent)
                return self._noted(self._checked(outcome), request, sent)
            failed = failed or self._clock.monotonic()
            why = self._pause(outcome, outcome.after or seconds, started, sent)
            if why:
                return self._given_up(outcome, why, request, failed, records)
        return None

    def _request(self, requests: list[Request]) -> Request:
        if len(requests) == 1 and not self._batched:
            return requests[0]
        payloads = [request.payload or {} for request in requests]
        return replace(requests[0], payload=self._api.join(self._destination, payloads))

    def _ask(self, request: Request) -> Answer:
        """The answer to one read; the first that has none stops the run."""
        try:
            return self._answer(request)
        except BaseException as error:
            self._clock.stop(error)
            raise

    def _answer(self, request: Request) -> Answer:
        """Try until there is an answer that no repetition would change."""
        started, waits = self._clock.monotonic(), retry.waits()
        while True:
            sent = self.limits.wait(request.path)
            self._clock.check()
            answer = self._http.send(request)
            if isinstance(answer, Answer) and retry.is_missing(answer):
                self.limits.accepted(sent)
                return answer
            outcome = self._meaning(answer)
            if isinstance(outcome, TryAgain):
                seconds = outcome.after or next(waits)
                if why := self._pause(outcome, seconds, started, sent):
                    raise self._down(why)
            else:
                self.limits.accepted(sent)
                self._checked(outcome)
                if isinstance(answer, Answer):
                    return answer

    def _attempt(self, request: Request) -> Outcome:
        request = self._media_type.of(request)
        answer = self._http.send(request)
        if isinstance(answer, Answer):
            if answer.status == _UNSUPPORTED and self._media_type.refuse(request):
                return TryAgain(f"HTTP {answer.status}")
            if request.deletes and retry.is_missing(answer):
                return Delivered()  # it is gone, as it should be
        return self._meaning(answer)

    def _meaning(self, answer: Answer | Outcome) -> Outcome:
        if isinstance(answer, Answer):
            return retry.outcome(answer, self._api, now=self._clock.now())
        return answer

    def _checked(self, outcome: Delivered | Rejected | Refused) -> Delivered | Rejected:
        if isinstance(outcome, Refused):
            raise ApiRefused(f"{self._api.name} {outcome.line}")
        return outcome

    def _noted(
        self, outcome: Delivered | Rejected, request: Request, sent: float
    ) -> Delivered | Rejected:
        if isinstance(outcome, Delivered):
            self._evidence.add(request, sent)
        return outcome

    def _pause(self, why: TryAgain, seconds: float, started: float, sent: float) -> str | None:
        """Wait before the next attempt.

        Returns:
            Why there is to be none, if so.
        """
        tried, most = self._clock.monotonic() - started, self._pace.max_retry_seconds
        if tried + seconds > most:
            if why.everyone and seconds > most:
                return f"asks to come back in {seconds:.0f} s ({why.reason})"
            return f"still fails after {tried:.0f} s ({why.said})"
        if why.limited:
            self.limits.refused(sent, why.after or None)
        elif why.everyone:
            self.limits.pause(seconds)
        else:
            self._clock.sleep(seconds)
        return None

    def _given_up(
        self, last: TryAgain, why: str, request: Request, failed: float, records: Batch
    ) -> GaveUp:
        """Hold the records that can't be delivered, if the API works for others.

        Args:
            last: The outcome of the last attempt.
            why: Why there is no other.
            request: What was attempted.
            failed: When the first attempt had failed, in seconds of the clock.
            records: The records.

        Raises:
            ApiDown: it is not this record's trouble alone.
        """
        too_long = (last.after or 0) > self._pace.max_retry_seconds
        is_its_own = last.may_be_of_record and not too_long
        if not (is_its_own and self._evidence.works_again_and_again(request, since=failed)):
            raise self._down(why)
        self.suspects.add(request, self._clock.monotonic(), records)
        return GaveUp(f"gave up: {last.reason}")

    def _down(self, why: str) -> ApiDown:
        return ApiDown(
            f"{self._api.name} {why}, and max_retry_seconds is {self._pace.max_retry_seconds:.0f}. "
            "What is undelivered comes again on the next run"
        )


def _reject(needed: list[Batch], outcome: Rejected) -> None:
    for record in _flat(needed):
        record.outcome = outcome
        record.observer.settled(record)


def _unsettle(needed: list[Batch]) -> None:
    for record in _flat(needed):
        record.observer.unsettled(record)


def _flat(needed: list[Batch]) -> list[PendingRecord]:
    return [record for chain in needed for record in chain]
