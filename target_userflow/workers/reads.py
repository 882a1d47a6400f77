"""Reads from an API, many requests at once."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING

from target_userflow.errors import Exhausted
from target_userflow.workers.threads import submit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_userflow.apis.messages import Answer, Request
    from target_userflow.clock import Clock
    from target_userflow.transport.client import Client


class ConcurrentReads:
    """Asks what is only read, by the limits and with the patience of everything that is sent.

    That something is not there (404), or that a question is none (400, 422), is an answer. The
    first request without one ends the product's delivery.
    """

    def __init__(self, name: str, client: Client, clock: Clock, concurrency: int) -> None:
        """Ask one API; threads are started when they are needed.

        Args:
            name: The product's name, for the names of the threads.
            client: Sends the requests.
            clock: Tells when the product's delivery is to end.
            concurrency: Requests in flight, at most.
        """
        self._client = client
        self._clock = clock
        self._pool = ThreadPoolExecutor(concurrency, f"{name} reads")

    def fetch(self, requests: Sequence[Request]) -> list[Answer]:
        """Return the answers, in the order of the requests.

        Raises:
            StopRun: one of them has no answer, and so the run has to end.
        """
        asked: list[Future[Answer]] = []
        try:
            asked += (self.begin(request) for request in requests)
        except Exhausted as error:
            self._clock.stop(error)
        wait(asked)
        self._clock.check()
        return [answer.result() for answer in asked]

    def begin(self, request: Request) -> Future[Answer]:
        """Ask, and return at once.

        Raises:
            Exhausted: no thread can be started.
        """
        return submit(self._pool, self._ask, request)

    def begin_once(self, request: Request) -> Future[Answer]:
        """Ask in one attempt, and return at once: that there is no answer ends nothing.

        Raises:
            Exhausted: no thread can be started.
        """
        return submit(self._pool, partial(self._client.read, again=False), request)

    def close(self) -> None:
        """Let the threads go, without waiting for one that hangs."""
        self._pool.shutdown(wait=False)

    def _ask(self, request: Request) -> Answer:
        try:
            return self._client.read(request)
        except BaseException as error:
            self._clock.stop(error)
            raise


class OneAttempt:
    """Asks in one attempt what a run can do without; its errors are those of `Client.read`."""

    def __init__(self, reads: ConcurrentReads) -> None:
        """Ask by the limits of other reads."""
        self._reads = reads

    def fetch(self, requests: Sequence[Request]) -> list[Answer]:
        """Return the answers, in the order of the requests."""
        asked = [self.begin(request) for request in requests]
        return [answer.result() for answer in asked]

    def begin(self, request: Request) -> Future[Answer]:
        """Ask, and return at once."""
        return self._reads.begin_once(request)
