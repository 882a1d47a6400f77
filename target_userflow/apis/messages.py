"""What is sent and what comes back: pure values, without I/O, clock or SDK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
Payload: TypeAlias = "Mapping[str, Any]"
"""What the body of a request says, as JSON values: `Decimal` keeps every digit of a number."""


Reference = tuple[str, ...]
"""Object type and ids of an object."""


class Request(msgspec.Struct, frozen=True):
    """What is sent for one record: a struct, as making one costs a tenth of a dataclass."""

    method: str
    path: str
    payload: Payload | None
    """What its body says, which the transport encodes; None without a body.

    It is shared: what says something else is another payload.
    """
    ordering_key: str
    """Requests with one ordering key are sent one after the other, in the order read."""
    object_id: tuple[str, ...]
    """The ids under which the API keeps it; none for events."""
    idempotent: bool
    """Whether sending it twice leaves the destination as sending it once does."""
    mergeable: bool = False
    """Whether it sets plain values only, so that `Product.fold` can make one of several."""
    references: tuple[Reference, ...] = ()
    """What it refers to; the deletion of one of these undoes a part of what it did."""
    media_type: str = JSON
    """The `Content-Type` of its body, if it has one."""
    writes: tuple[tuple[tuple[str, ...], Payload], ...] = ()
    """Object and ids of what it changes beside its own, each with the payload that alone does so.
    """
    ends: tuple[tuple[str, ...], ...] = ()
    """What it takes away without naming it, as `references` names that."""

    @property
    def stands_alone(self) -> bool:
        """Whether it is about its own object and nothing else, which it does not take away."""
        return not (self.writes or self.references or self.ends or self.method == "DELETE")

    @property
    def deletes(self) -> bool:
        """Whether it takes away what it names."""
        return self.method == "DELETE"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def has_json_object(answer: Answer) -> bool:
    """Return whether the body is a whole JSON object: a proxy's page or half an answer is not."""
    return answer.body.strip().startswith(b"{") and bool(json_object(answer.body))


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body; empty if there is none."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def reading(path: str) -> Request:
    """Return the request that reads a path."""
    return Request("GET", path, None, ordering_key="", object_id=(), idempotent=True)
