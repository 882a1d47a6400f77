"""The request log: every request to an API in the order of arrival, with its outcome."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING

from msgspec import Raw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_userflow.sandbox.http.messages import Answer, Call


EXCHANGES = 10_000
"""The number of the latest requests whose headers and response bodies are kept."""


@dataclass(slots=True)
class Exchange:
    """What only the page shows of a request.

    Attributes:
        headers: The headers of the request, by name in lower case.
        response: The body of the planned response; None if there is no response.
    """

    headers: Mapping[str, str]
    response: bytes | None = None


@dataclass(slots=True)
class LoggedRequest:
    """A request to an API.

    Attributes:
        seq: The number of the request in the order of arrival, from 1.
        api: The API that has the path: ``userflow``, ``user_interviews`` or ``userpilot``.
        at: The time at which all of it had arrived, in seconds since the sandbox started.
        method: ``GET``, ``POST`` and so on.
        path: The path on the request line: percent-encoded, without the query.
        query: The decoded parameters of the query.
        user_agent: The User-Agent header.
        connection: The number of the TCP connection.
        body: The JSON as it was sent; null if the request had no valid JSON.
        status: The HTTP status; null if the connection ended before the answer, or still waits.
        applied: Whether the request was a write that was carried out.
        fault: The fault that hit the request.
        rule: The rule that the request broke, if the status is 400 or 422.
        user_unknown: Whether the request named a user that did not exist before.
        group_unknown: Whether the request named a group that did not exist before.
        duration_ms: The time from the arrival to the end of the answer; null while it waits.
    """

    seq: int
    api: str
    at: float
    method: str
    path: str
    query: Mapping[str, str]
    user_agent: str | None
    connection: int
    body: Raw | None
    status: int | None = None
    applied: bool = False
    fault: str | None = None
    rule: str | None = None
    user_unknown: bool = False
    group_unknown: bool = False
    duration_ms: float | None = None

    def decide(self, answer: Answer | None, fault: str | None) -> None:
        """Record the planned answer, None for no answer, and the fault."""
        self.fault = fault
        if answer:
            self.applied, self.rule = answer.applied, answer.rule
            self.user_unknown, self.group_unknown = answer.user_unknown, answer.group_unknown


class RequestLog:
    """Keeps every request since the start or the last reset; it has no bound, on purpose.

    Attributes:
        entries: The requests in the order of arrival.
        refused: The requests answered 4xx or 5xx, or not at all, in the order in which they ended.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a clock that returns seconds and never goes back."""
        self._clock = clock
        self._start = clock()
        self._started_at = datetime.now(timezone.utc)
        self._resets = 0
        self._empty()

    def _empty(self) -> None:
        self._ended = 0
        self.entries: list[LoggedRequest] = []
        self.refused: list[LoggedRequest] = []
        self._exchanges: dict[int, Exchange] = {}

    @property
    def revision(self) -> str:
        """A text that changes when a request comes or ends, and with a reset or a restart."""
        return f"{self._start}-{self._resets}-{len(self.entries)}-{self._ended}"

    def next_seq(self) -> int:
        """Return the number of the next request."""
        return len(self.entries) + 1

    def open(self, api: str, call: Call, raw: bytes, connection: int) -> LoggedRequest:
        """Add a request that has arrived, given its body and the number of its connection."""
        entry = LoggedRequest(
            seq=call.seq,
            api=api,
            at=self._now(),
            method=call.method,
            path=call.path,
            query=call.query,
            user_agent=call.headers.get("user-agent"),
            connection=connection,
            body=None if call.document.value is None else Raw(raw),
        )
        self.entries.append(entry)
        self._exchanges[entry.seq] = Exchange(call.headers)
        self._exchanges.pop(entry.seq - EXCHANGES, None)
        return entry

    def decide(self, entry: LoggedRequest, answer: Answer | None, fault: str | None) -> None:
        """Record the planned answer, None for no answer, and the fault."""
        entry.decide(answer, fault)
        if answer:
            self._exchanges[entry.seq].response = answer.body

    def exchange(self, seq: int) -> Exchange | None:
        """Return the headers and the response of a request; None if they are not kept."""
        return self._exchanges.get(seq)

    def clock_time(self, entry: LoggedRequest) -> str:
        """Return the time at which a request arrived, as ISO 8601 in UTC."""
        moment = self._started_at + timedelta(seconds=entry.at)
        return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"

    def close(self, entry: LoggedRequest, status: int | None) -> None:
        """Record the end of a request; a status of None means that no answer was sent."""
        entry.status = status
        entry.duration_ms = round((self._now() - entry.at) * 1000, 3)
        self._ended += 1
        failed = status is None or status >= HTTPStatus.BAD_REQUEST
        if failed and self.find(entry.seq) is entry:  # a reset may have removed it
            self.refused.append(entry)

    def find(self, seq: int) -> LoggedRequest | None:
        """Return the request with a number, or None."""
        return self.entries[seq - 1] if 0 < seq <= len(self.entries) else None

    def reset(self) -> None:
        """Remove all requests; the numbers start from 1 again."""
        self._resets += 1
        self._empty()

    def _now(self) -> float:
        return self._clock() - self._start
