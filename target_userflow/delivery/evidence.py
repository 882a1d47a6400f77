"""What tells one record's trouble from an outage: whether the API goes on working for others."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_userflow.accounts.pending import Batch
    from target_userflow.apis.messages import Request
    from target_userflow.apis.outcomes import GaveUp

_AGAIN = 2
"""Requests that were carried out, before an endpoint counts as one that works for others."""


class Evidence:
    """When the latest requests to each endpoint began that were carried out."""

    def __init__(self) -> None:
        """Begin without a request."""
        self._began: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    def add(self, request: Request, began: float) -> None:
        """Note that a request was carried out, and when it began, in seconds of the clock."""
        with self._lock:
            latest = self._began.setdefault(_endpoint(request), [-math.inf] * _AGAIN)
            latest[:] = sorted((*latest, began))[1:]

    def works_again_and_again(self, request: Request, since: float) -> bool:
        """Return whether several requests to its endpoint began later and were carried out.

        Args:
            request: A request that fails.
            since: Seconds of the clock, after which the others have to begin.
        """
        return self._latest(request)[0] > since

    def works(self, request: Request, since: float) -> bool:
        """Return whether at least one request to its endpoint began later and was carried out.

        Args:
            request: As for `works_again_and_again`.
            since: Likewise.
        """
        return self._latest(request)[-1] > since

    def _latest(self, request: Request) -> list[float]:
        return self._began.get(_endpoint(request)) or [-math.inf]


class Suspects:
    """Records that were given up on: their own fault, if the API works for others after that.

    Until this is clear they are unsettled, and so no STATE may go past them: an outage that begins
    while a record fails would make a dead letter of what the next run delivers.
    """

    def __init__(self, evidence: Evidence) -> None:
        """Begin without a record; `evidence` tells which requests were carried out."""
        self._evidence = evidence
        self._held: list[tuple[Request, float, Batch, GaveUp]] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Requests that were given up on, and are not settled."""
        return len(self._held)

    def add(self, request: Request, at: float, records: Batch, outcome: GaveUp) -> None:
        """Hold records that were given up on.

        Args:
            request: Their request.
            at: When it was given up on, in seconds of the clock.
            records: The records.
            outcome: Their outcome, if it is their own fault.
        """
        with self._lock:
            self._held.append((request, at, records, outcome))

    def convict(self, *, last: bool) -> None:
        """Settle the records whose own fault it is.

        Args:
            last: Whether nothing is sent after this, so that no more evidence can come.

        Raises:
            StorageError: the dead letters can't be written.
        """
        with self._lock:
            held, self._held = self._held, []
        for request, at, records, outcome in held:
            if last or self._evidence.works(request, since=at):
                for record in records:
                    record.observer.settled(record, outcome)
            else:
                self.add(request, at, records, outcome)


def _endpoint(request: Request) -> str:
    """Return what tells apart what may fail alone: without a body, an id is a part of the path."""
    return request.method if request.payload is None else request.path
