"""The seam between records and the wire: pure values, without I/O, clock or SDK.

Each API's module makes a `Request` of a record; `retry` makes an `Outcome` of an `Answer`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_userflow.apis.mapper import Mapper
    from target_userflow.config.settings import Destination

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
    """Whether it sets plain values only, so that `Api.fold` can make one of several."""
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
    def deletes(self) -> bool:
        """Whether it takes away what it names."""
        return self.method == "DELETE"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """The API has it."""

    carried: bool = False
    """Whether the request of another object took it along."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The record will never be taken as it is; the fields stand in its dead letter."""

    reason: str
    status: int | None = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class GaveUp(Rejected):
    """It kept failing while others did not: rejected, unless the API turns out to be down."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """It was not sent, as nothing would change; `outcome` is a column of the report."""

    outcome: str
    reason: str | None = None
    """Why, where the outcome alone does not say."""


CARRIED = Delivered(carried=True)
"""The request of another object took it along."""
MERGED = NotSent("merged")
"""Another record's request says all that its own would."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """It may work later."""

    reason: str
    after: float | None = None
    """Seconds that the API asked to wait for."""
    limited: bool = False
    """Whether the API's rate limit is the reason."""
    everyone: bool = False
    """Whether the wait holds for all workers: the API's limit, not this request's trouble."""
    lost: bool = False
    """Whether the request may have been carried out although no good answer came."""
    cause: str = ""
    """What the network says, where there was no answer."""
    unreached: bool = False
    """Whether no connection came about, so that nothing was sent."""

    @property
    def may_be_of_record(self) -> bool:
        """Whether another request may have had no such trouble."""
        return not self.limited and not self.unreached

    @property
    def said(self) -> str:
        """The reason, with its cause where one is known."""
        return f"{self.reason}: {self.cause}" if self.cause else self.reason


@dataclass(frozen=True, slots=True)
class Refused:
    """No request would be taken: the run has to stop and say this."""

    line: str


Settled = Delivered | Rejected | NotSent
Outcome = Delivered | Rejected | TryAgain | Refused


def has_json_object(answer: Answer) -> bool:
    """Whether the body is a whole JSON object: a proxy's page or half an answer is none."""
    return answer.body.strip().startswith(b"{") and bool(json_object(answer.body))


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; empty if there is none."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def only(destination: Destination, payloads: Sequence[Payload]) -> Payload:  # noqa: ARG001 - where a record is a request
    """The payload of a request for one record."""
    (payload,) = payloads
    return payload


class ExistingObject(NamedTuple):
    """What exists in a destination."""

    id: str
    """The id that requests name it by, as in `Request.object_id`."""
    email: str | None = None
    """The email of a user, as it is spelled there."""


class Definition(NamedTuple):
    """An attribute that a destination knows."""

    scope: str
    """What has it: `user`, `group` …"""
    name: str
    data_type: str


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of what is listed."""

    found: Sequence[T]
    after: str | None
    """What the next page is asked for with; None if this is the last."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """How to ask what there is."""

    page: Callable[[str | None], str]
    """The path of the page after another one, as large as it gets; None asks for the first."""
    read: Callable[[Answer, str | None], Page[T]]
    """What stands on the page after another one; ValueError if it is none."""
    by_id: Callable[[str], str] | None = None
    """The path to ask for one id, answered 404 if it is not there; None where there is none."""
    by_email: Callable[[str], str] | None = None
    """The path of the page of those with an email; whether its case counts is not documented."""


def nothing(request: Request) -> Iterable[Any]:  # noqa: ARG001 - for APIs that can't be asked
    """What need not be told of a request, as the API does not tell what it has."""
    return ()


def reading(path: str) -> Request:
    """The request that reads what is at a path."""
    return Request("GET", path, None, ordering_key="", object_id=(), idempotent=True)


@dataclass(frozen=True, slots=True)
class Probe:
    """A read that costs next to nothing, and is answered only if the key is right."""

    path: str
    otherwise: Callable[[Destination], str]
    """What else to set where the key is refused and yet right; empty if nothing comes to mind."""
    is_believable: Callable[[Answer], bool] = has_json_object
    """Whether an answer with a status of success comes from the API."""
    is_documented: bool = True
    """Whether the API's own reference has it; else it may be refused for not being there."""


@dataclass(frozen=True)
class Api:
    """One product: what can be sent to it, and how."""

    name: str
    """As its maker writes it."""
    prefix: str
    """What its settings start with."""
    objects: Mapping[str, type[Mapper]]
    """By name, in the order sent when several wait: first what the others refer to."""
    headers: Callable[[Destination], dict[str, str]]
    """What every request carries."""
    probe: Probe
    """What to ask to find out whether the key is right."""
    media_types: Sequence[str] = (JSON,)
    """What the body of a request may be called, the likeliest first: what is answered 415 gives way
    to the next."""
    batch: int = 1
    """Records that one request takes at most."""
    deletions: int = 1
    """Objects that one request deletes at most."""
    join: Callable[[Destination, Sequence[Payload]], Payload] = only
    """The payload of one request, made of the payloads of its objects."""
    fold: Callable[[Sequence[Payload]], Payload] | None = None
    """The payload that does to an object what several do; None where none is known to."""
    kinds: Callable[[Payload], dict[str, str]] | None = None
    """The data types of a payload's values, where records go together only if they agree."""
    carriers: Mapping[str, str] = field(default_factory=dict)
    """By object, the one whose requests can take it along."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Path to its requests per minute, where they are documented."""
    is_believable: Callable[[Answer], bool] = has_json_object
    """Whether an answer with a status of success comes from the API, and whole."""
    listings: Mapping[str, Listing[ExistingObject]] = field(default_factory=dict)
    """By object, where the API tells what exists of it."""
    leaves: Callable[[Request], Iterable[tuple[str, ExistingObject]]] = nothing
    """What exists once a request was carried out: objects, and what there is of each."""
    definitions: Callable[[str], Listing[Definition]] | None = None
    """The attributes of a scope, where the API tells which there are."""
    attributes: Callable[[Request], Iterable[tuple[str, Mapping[str, Any]]]] = nothing
    """Scope and attributes of all that a request writes."""
