"""What passes between the rooms: a call on an API, and the answer to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from target_userflow.sandbox import documents

if TYPE_CHECKING:
    from collections.abc import Mapping

_BROKEN_RULE = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


@dataclass(frozen=True)
class Call:
    """A request as an API sees it.

    Attributes:
        seq: Its place in the order of arrival, from 1.
        method: ``GET``, ``POST`` and so on.
        path: As it stands on the request line: percent-encoded, without the query.
        query: The parameters of the query, decoded; of one that comes several times, the last.
        pairs: All of them, in their order.
        headers: Names in lower case.
        document: The body.
    """

    seq: int
    method: str
    path: str
    query: Mapping[str, str]
    pairs: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    document: documents.Document

    @property
    def request_id(self) -> str:
        """Names the call in error answers, as the real APIs do."""
        return f"req_{self.seq}"

    @property
    def segments(self) -> tuple[str, ...]:
        """The path in parts, each decoded by itself: an id may hold an encoded slash.

        Raises:
            UnicodeDecodeError: a part is no percent-encoded UTF-8.
        """
        return tuple(unquote(part, errors="strict") for part in self.path[1:].split("/"))


@dataclass(frozen=True)
class Answer:
    """What an API answers, and what tests may want to know about how it came to it.

    Attributes:
        status: The HTTP status.
        body: The bytes of the body, JSON unless the headers say otherwise.
        headers: What goes with it.
        applied: Whether it is a write that was carried out.
        rule: The rule that the call broke, in words, when the status is 400 or 422.
        user_unknown: The call named a user that did not exist yet.
        group_unknown: The call named a group that did not exist yet.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    applied: bool = False
    rule: str | None = None
    user_unknown: bool = False
    group_unknown: bool = False

    @classmethod
    def of(cls, value: object, status: int = 200, **facts: Any) -> Answer:
        """The answer that carries a value as JSON."""
        return cls(status, documents.write(value), **facts)


class Refusal(Exception):
    """The call is answered with a 4xx or 5xx; each API gives it its own shape."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Refuse a call, with the reason in words."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}

    @property
    def rule(self) -> str | None:
        """The rule that the call broke, if that is the reason."""
        return self.message if self.status in _BROKEN_RULE else None
