"""The seam between records and the wire: pure values, without I/O, clock or SDK.

Each API's module makes a `Request` of a record; `retry` makes an `Outcome` of an `Answer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent for one record."""

    method: str
    path: str
    body: bytes
    key: str
    """Requests with one key are sent one after the other, in the order read."""
    identity: tuple[str, ...]
    """The ids under which the API keeps it; none for events."""
    repeatable: bool
    """Whether sending it twice leaves the destination as sending it once does."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """The API has it."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The record will never be taken as it is; the fields stand in its dead letter."""

    reason: str
    status: int | None = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Unneeded:
    """It was not sent, as nothing would change; `fate` is a column of the report."""

    fate: str


@dataclass(frozen=True, slots=True)
class TryAgain:
    """It may work later."""

    reason: str
    after: float | None = None
    """Seconds that the API asked to wait for."""
    everyone: bool = False
    """Whether the wait holds for all workers: the API's limit, not this request's trouble."""
    lost: bool = False
    """Whether the request may have been carried out although no good answer came."""


@dataclass(frozen=True, slots=True)
class Refused:
    """No request would be taken: the run has to stop and say this."""

    line: str


Settled = Delivered | Rejected | Unneeded
Outcome = Delivered | Rejected | TryAgain | Refused
