"""Sends requests to one API until each has an outcome that no repetition would change."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target_userflow.apis.messages import Answer
from target_userflow.apis.outcomes import Delivered, Refused, Rejected, TryAgain
from target_userflow.errors import ApiDown, ApiRefused
from target_userflow.pace import jitter
from target_userflow.pace.rate_limiter import Limits
from target_userflow.transport import retry
from target_userflow.transport.http import Http
from target_userflow.transport.media_type import MediaType
from target_userflow.transport.outage import OutageLog
from target_userflow.transport.request_stats import Timed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from target_userflow.apis.messages import Request
    from target_userflow.apis.outcomes import Outcome
    from target_userflow.apis.product import Product
    from target_userflow.clock import Clock
    from target_userflow.config.settings import Destination, Pace
    from target_userflow.pace.shares import Share
    from target_userflow.transport.request_stats import RequestStats

_UNSUPPORTED = 415  # the HTTP status of a media type that is not taken
_UNAVAILABLE = "HTTP 503"


class GivenUp(NamedTuple):
    """A request that failed for as long as it may be tried."""

    last: TryAgain
    """What became of the last attempt."""
    why: str
    """Why there is no other."""
    failed: float
    """When the first attempt had failed, in seconds of the clock."""
    is_told_to_wait: bool
    """Whether the API asks to wait for longer than it may be tried."""


class Sent(NamedTuple):
    """A request that has its outcome."""

    outcome: Delivered | Rejected | Answer
    began: float
    """When the last attempt began, in seconds of the clock."""


class Observer:
    """Is told of each attempt."""

    def before_send(self) -> None:
        """An attempt starts."""

    def after_send(self, outcome: Outcome | Answer) -> None:
        """An attempt has ended."""


class Client:
    """The way to one API: its connections, its pace, and the patience with it."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        api: Product,
        destination: Destination,
        pace: Pace,
        clock: Clock,
        stats: RequestStats,
        share: Share | None = None,
    ) -> None:
        """Make what the requests to an API share; connections are opened when they are needed.

        Args:
            api: What is sent how.
            destination: Where to, and who we are there.
            pace: How hard it may be asked.
            clock: Time, and the signal to stop.
            stats: Is told of every request.
            share: The part of the limits that this run may use; None for all of them.
        """
        self._api = api
        self._pace = pace
        self._clock = clock
        self.limits = Limits(pace.requests_per_minute, api.limits, clock, share)
        headers = {**api.headers(destination), "User-Agent": pace.user_agent}
        http = Http(destination.url, headers, timeout=pace.request_timeout)
        self._http = Timed(http, stats, clock)
        self._media_type = MediaType(api.media_types)
        self.outage = OutageLog(api.name, destination.url, pace.max_retry_seconds, clock)

    def write(
        self, request: Request, observer: Observer, patience: float = 1.0
    ) -> Generator[float, None, Sent | GivenUp | None]:
        """Send a request that writes.

        Args:
            request: The request.
            observer: Is told of each attempt.
            patience: The share of `max_retry_seconds` for which it is tried, where its failures
                may be the fault of a record.

        Yields:
            The seconds to wait before the next attempt.

        Returns:
            Its outcome; None if the run is to end before there is one.

        Raises:
            ApiRefused: no request would be taken.
        """
        return self._try(request, self._judged, observer, patience)

    def read(self, request: Request, *, again: bool = True) -> Answer:
        """The answer to a request that only reads.

        That something is not there (404), or that a question is none (400, 422), is an answer.

        Args:
            request: The request.
            again: Whether it is tried again after a failure.

        Raises:
            ApiDown: there is none.
            ApiRefused: no request would be taken.
        """
        tries = self._try(request, self._read, Observer())
        while True:
            try:
                seconds = next(tries)
            except StopIteration as end:
                return self._answered(end.value)
            if not again:
                raise self.down("did not answer at once")
            self._clock.sleep(seconds)

    def down(self, why: str) -> ApiDown:
        """The error for an API that does not work."""
        return ApiDown(
            f"{self._api.name} {why}, and max_retry_seconds is {self._pace.max_retry_seconds:.0f}. "
            "What is undelivered comes again on the next run"
        )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _answered(self, result: Sent | GivenUp | None) -> Answer:
        if isinstance(result, GivenUp):
            raise self.down(result.why)
        if result is None:
            self._clock.check()
        assert isinstance(result, Sent)  # noqa: S101 - a stopped clock has raised
        assert isinstance(result.outcome, Answer)  # noqa: S101 - as `_read` gives it
        return result.outcome

    def _try(
        self,
        request: Request,
        judge: Callable[[Request], Outcome | Answer],
        observer: Observer,
        patience: float = 1.0,
    ) -> Generator[float, None, Sent | GivenUp | None]:
        started = failed = None
        waits = jitter.waits()
        while True:
            began = self.limits.wait(request.path)
            if self._clock.stopped:
                return None
            started = began if started is None else started
            outcome = self._attempt(request, judge, observer)
            if not isinstance(outcome, TryAgain):
                self.limits.accepted(began)
                return Sent(outcome, began)
            failed = self._clock.monotonic() if failed is None else failed
            seconds = next(waits)
            wait = outcome.after or seconds
            why = self._impatience(outcome, wait, started, patience)
            if why:
                return GivenUp(outcome, why, failed, outcome.asks_for(self._pace.max_retry_seconds))
            yield self._slowed(outcome, wait, began)

    def _attempt(
        self, request: Request, judge: Callable[[Request], Outcome | Answer], observer: Observer
    ) -> Delivered | Rejected | TryAgain | Answer:
        """Return the outcome of one attempt.

        Raises:
            ApiRefused: no request would be taken.
        """
        observer.before_send()
        outcome = judge(request)
        observer.after_send(outcome)
        self.outage.note(outcome)
        if isinstance(outcome, Refused):
            raise ApiRefused(f"{self._api.name} {outcome.line}")
        return outcome

    def _judged(self, request: Request) -> Outcome | Answer:
        request = self._media_type.of(request)
        answer = self._http.send(request)
        if not isinstance(answer, Answer):
            return answer
        if answer.status == _UNSUPPORTED and self._media_type.refuse(request):
            return TryAgain(f"HTTP {answer.status}")
        if request.deletes and retry.is_missing(answer):
            return Delivered()  # it is gone, as it should be
        return retry.outcome(answer, self._api, now=self._clock.now())

    def _read(self, request: Request) -> Outcome | Answer:
        answer = self._http.send(request)
        if not isinstance(answer, Answer) or retry.is_missing(answer):
            return answer
        outcome = retry.outcome(answer, self._api, now=self._clock.now())
        return outcome if isinstance(outcome, (TryAgain, Refused)) else answer

    def _impatience(
        self, last: TryAgain, wait: float, started: float, patience: float
    ) -> str | None:
        """Why a request is not tried again after a wait, in seconds; None if it is."""
        tried, most = self._clock.monotonic() - started, self._pace.max_retry_seconds
        most *= patience if last.may_be_of_record else 1
        if tried + wait <= most:
            return None
        if last.everyone and wait > most:
            return f"asks to come back in {wait:.0f} s ({last.reason})"
        return f"still fails after {tried:.0f} s ({last.explanation})"

    def _slowed(self, last: TryAgain, wait: float, began: float) -> float:
        """Slow all requests down, if that is what the answer asks for.

        Returns:
            The seconds that this request waits by itself.
        """
        if last.limited:
            may_be_chance = self.limits.refused(began, last.after or None)
            return wait if may_be_chance else 0.0
        if last.everyone:
            self.limits.pause(wait)
            return 0.0
        if last.reason == _UNAVAILABLE:
            self.limits.unavailable(began, wait)
        return wait
