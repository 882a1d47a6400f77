"""Settles a window: many requests in flight, those of one key one after the other.

The workers are threads that stay, each with a session of its own (`http`). What they share is the
pace (`limiter`) and the clock, which also tells them when the run is to end.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from target_userflow import retry
from target_userflow.apis import Answer, Refused, Rejected, TryAgain
from target_userflow.errors import ApiDown, ApiRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_userflow.apis import Delivered, Outcome, Request, Settled
    from target_userflow.clock import Clock
    from target_userflow.http import Http
    from target_userflow.limiter import Limiter
    from target_userflow.settings import Pace


@dataclass(slots=True)
class Entry:
    """A record on its way."""

    request: Request
    line: bytes
    """The record as the tap wrote it, should it become a dead letter."""
    key: bytes = b""
    """Its place in the ledger; empty where it has none."""
    sent: bool = False
    """Whether there was an attempt."""
    lost: bool = False
    """Whether an attempt may have been carried out although no good answer came."""
    in_doubt: bool = False
    """Whether it was sent again although it may thereby be doubled."""
    outcome: Settled | None = None
    """What became of it; None as long as it is unsettled."""


class Keeper(Protocol):
    """Keeps the books of a window; the workers tell it what happens as it happens."""

    def is_needed(self, entry: Entry) -> bool:
        """Whether the entry has to be sent; settles it otherwise."""

    def sending(self, entry: Entry) -> None:
        """An attempt starts; `sent` and `lost` tell of those before."""

    def settled(self, entry: Entry) -> None:
        """The outcome is known."""

    def unsettled(self, entry: Entry) -> None:
        """The run ends before there is an outcome."""


class Delivery:
    """Brings windows of requests to one API."""

    def __init__(self, name: str, http: Http, limiter: Limiter, clock: Clock, pace: Pace) -> None:
        """Start no thread yet.

        Args:
            name: The API's name, for messages.
            http: The connections.
            limiter: The pace of all workers together.
            clock: Time, and the signal to stop.
            pace: `concurrency` and `max_retry_seconds` are used.
        """
        self._name = name
        self._http = http
        self._limiter = limiter
        self._clock = clock
        self._pace = pace
        self._workers = ThreadPoolExecutor(pace.concurrency, thread_name_prefix=name)
        self._last_success = float("-inf")

    def settle(self, entries: Iterable[Entry], keeper: Keeper) -> None:
        """Return when every entry has its outcome.

        Raises:
            StopRun: the run has to end; entries without an outcome are unsettled.
        """
        lanes = deque(_lanes(entries))
        workers = min(len(lanes), self._pace.concurrency)
        wait([self._workers.submit(self._work, lanes, keeper) for _ in range(workers)])
        self._clock.check()

    def close(self) -> None:
        """Let the workers go, without waiting for one that hangs, and their connections."""
        self._workers.shutdown(wait=False)
        self._http.close()

    def _work(self, lanes: deque[list[Entry]], keeper: Keeper) -> None:
        """Take one lane after the other until none is left or the run is stopped."""
        try:
            for entry in _taken(lanes):
                if self._clock.stopped:
                    return
                if keeper.is_needed(entry):
                    self._settle(entry, keeper)
        except BaseException as error:  # noqa: BLE001 - the worker boundary: `settle` raises it
            self._clock.stop(error)

    def _settle(self, entry: Entry, keeper: Keeper) -> None:
        try:
            self._deliver(entry, keeper)
        finally:
            if not entry.outcome:
                keeper.unsettled(entry)

    def _deliver(self, entry: Entry, keeper: Keeper) -> None:
        """Try until there is an outcome, or the run is stopped."""
        started = None
        for seconds in retry.waits():
            self._limiter.wait()
            if self._clock.stopped:
                return
            keeper.sending(entry)
            entry.sent = True
            started = started or self._clock.monotonic()
            outcome = self._attempt(entry.request)
            if isinstance(outcome, TryAgain):
                entry.lost |= outcome.lost
                wait = outcome.after or seconds
                entry.outcome = self._pause_or_give_up(outcome, wait, started)
            else:
                entry.outcome = self._checked(outcome)
            if entry.outcome:
                keeper.settled(entry)
                return

    def _attempt(self, request: Request) -> Outcome:
        answer = self._http.send(request)
        if isinstance(answer, Answer):
            return retry.outcome(answer, now=self._clock.now())
        return answer

    def _checked(self, outcome: Delivered | Rejected | Refused) -> Delivered | Rejected:
        if isinstance(outcome, Refused):
            raise ApiRefused(f"{self._name} {outcome.line}")
        self._last_success = self._clock.monotonic()
        return outcome

    def _pause_or_give_up(self, why: TryAgain, seconds: float, started: float) -> Rejected | None:
        """Wait before the next attempt, or settle that there will be none.

        Raises:
            ApiDown: it is not this record's trouble alone.
        """
        tried = self._clock.monotonic() - started
        if tried + seconds <= self._pace.max_retry_seconds:
            if why.everyone:
                self._limiter.pause(seconds)
            else:
                self._clock.sleep(seconds)
            return None
        said = f"still fails after {tried:.0f} s ({why.reason})"
        if why.everyone and seconds > self._pace.max_retry_seconds:
            said = f"asks to come back in {seconds:.0f} s ({why.reason})"
        elif self._last_success > started:
            return Rejected(f"gave up: {why.reason}")
        raise ApiDown(
            f"{self._name} {said}, and max_retry_seconds is {self._pace.max_retry_seconds:.0f}. "
            "What is undelivered comes again on the next run"
        )


def _lanes(entries: Iterable[Entry]) -> Iterable[list[Entry]]:
    """The entries that must follow each other, each lane in the order read.

    Of one event that comes twice, the second has to know what became of the first, even if it names
    another user.
    """
    lanes: dict[str, list[Entry]] = {}
    by_key: dict[bytes, str] = {}
    for entry in entries:
        lane = by_key.setdefault(entry.key, entry.request.key) if entry.key else entry.request.key
        lanes.setdefault(lane, []).append(entry)
    return lanes.values()


def _taken(lanes: deque[list[Entry]]) -> Iterator[Entry]:
    """The entries of whole lanes, taken off so that no other worker gets them."""
    while lanes:
        try:
            lane = lanes.popleft()
        except IndexError:  # another worker took the last one
            return
        yield from lane
