"""What was asked, in the order of arrival, and how it ended."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from msgspec import Raw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_userflow.sandbox.calls import Answer, Call


@dataclass(slots=True)
class Entry:
    """One request.

    Attributes:
        seq: Its place in the order of arrival, from 1.
        api: Whose path it was: ``userflow``, ``user_interviews`` or ``userpilot``.
        at: When it had arrived whole, in seconds since the sandbox started.
        method: ``GET``, ``POST`` and so on.
        path: As it stood on the request line: percent-encoded, without the query.
        query: The parameters of the query, decoded.
        user_agent: Who asked.
        connection: The number of the TCP connection that it came on.
        body: The JSON as it was sent; null if there was none that could be read.
        status: What was answered; null if the connection ended before, or still waits.
        applied: Whether it was a write that was carried out.
        fault: What went wrong on purpose.
        rule: The rule that the request broke, if it was answered 400 or 422.
        user_unknown: It named a user that did not exist yet.
        group_unknown: It named a group that did not exist yet.
        duration_ms: From its arrival to the end of the answer; null while it waits.
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
        """Note what is going to happen; no answer if the connection ends before the write."""
        self.fault = fault
        if answer:
            self.applied, self.rule = answer.applied, answer.rule
            self.user_unknown, self.group_unknown = answer.user_unknown, answer.group_unknown


class Journal:
    """Every request since the start or the last reset: it grows without bound, on purpose."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin now, by a clock that tells seconds and never goes back."""
        self._clock = clock
        self._start = clock()
        self._lives = 0
        self._begin()

    def _begin(self) -> None:
        self._lives += 1
        self._ended = 0
        self._entries: list[Entry] = []
        self._refused: list[Entry] = []

    @property
    def entries(self) -> list[Entry]:
        """The requests in the order of arrival."""
        return self._entries

    @property
    def refused(self) -> list[Entry]:
        """Those that were answered 4xx or 5xx, or not at all, in the order of their ends."""
        return self._refused

    @property
    def revision(self) -> str:
        """Another text whenever a request came or ended, and after a reset or a restart."""
        return f"{self._start}-{self._lives}-{len(self._entries)}-{self._ended}"

    def next_seq(self) -> int:
        """The number that the next request gets."""
        return len(self._entries) + 1

    def open(self, api: str, call: Call, raw: bytes, connection: int) -> Entry:
        """Write a request down as it arrives."""
        entry = Entry(
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
        self._entries.append(entry)
        return entry

    def close(self, entry: Entry, status: int | None) -> None:
        """Note how a request ended."""
        entry.status = status
        entry.duration_ms = round((self._now() - entry.at) * 1000, 3)
        self._ended += 1
        failed = status is None or status >= HTTPStatus.BAD_REQUEST
        if failed and self.find(entry.seq) is entry:  # else there was a reset meanwhile
            self._refused.append(entry)

    def find(self, seq: int) -> Entry | None:
        """The request with a number, if any."""
        return self._entries[seq - 1] if 0 < seq <= len(self._entries) else None

    def reset(self) -> None:
        """Forget every request; the numbers begin at 1 again."""
        self._begin()

    def _now(self) -> float:
        return self._clock() - self._start
