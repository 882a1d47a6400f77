"""A call to an API, the answer to it, and the refusal that becomes an error answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from target_userflow.sandbox.http import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_BROKEN_RULE = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


@dataclass(frozen=True)
class Call:
    """A request to an API.

    Attributes:
        seq: The number of the request in the order of arrival, from 1.
        method: ``GET``, ``POST`` and so on.
        path: The path on the request line: percent-encoded, without the query.
        query: The decoded parameters of the query; the last value of a parameter that is repeated.
        pairs: All decoded parameters of the query, in order.
        headers: The headers, by name in lower case.
        document: The body.
    """

    seq: int
    method: str
    path: str
    query: Mapping[str, str]
    pairs: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    document: strict_json.Document

    @property
    def request_id(self) -> str:
        """The id of the request in error answers, which the real APIs have, too."""
        return f"req_{self.seq}"

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path, each decoded by itself: an id may hold an encoded slash.

        Raises:
            UnicodeDecodeError: a part is no percent-encoded UTF-8.
        """
        return tuple(unquote(part, errors="strict") for part in self.path[1:].split("/"))


@dataclass(frozen=True)
class Answer:
    """The answer to a request, with facts about it for the request log.

    Attributes:
        status: The HTTP status.
        body: The bytes of the body, JSON unless the headers say otherwise.
        headers: The headers beside the default ones.
        applied: Whether the call is a write that was carried out.
        rule: The rule that the call broke, in words, when the status is 400 or 422.
        user_unknown: Whether the call named a user that did not exist before.
        group_unknown: Whether the call named a group that did not exist before.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    applied: bool = False
    rule: str | None = None
    user_unknown: bool = False
    group_unknown: bool = False

    @classmethod
    def of(cls, value: object, status: int = 200, **attributes: Any) -> Answer:
        """Return an answer whose body is a value as JSON."""
        return cls(status, strict_json.write(value), **attributes)

    @classmethod
    def sandbox_error(cls, status: int, message: str) -> Answer:
        """Return an error of the sandbox itself, which belongs to no API."""
        return cls.of({"error": {"code": "sandbox", "message": message}}, status)


class Refusal(Exception):
    """A call is answered 4xx or 5xx; each API gives the answer its own format."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Take the HTTP status, the reason in words, and the headers of the answer."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}

    @property
    def rule(self) -> str | None:
        """The rule that the call broke; None for other reasons."""
        return self.message if self.status in _BROKEN_RULE else None
