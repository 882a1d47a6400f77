"""What the APIs that the sandbox stands in for have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from target_userflow.sandbox.calls import Answer, Call, Refusal
from target_userflow.sandbox.limits import WINDOW
from target_userflow.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Endpoint = Callable[[Any, Call], Answer]
Endpoints = Mapping[tuple[str, ...], Mapping[str, Endpoint]]
"""What answers a call, by the parts of its path and by its method."""

ID = "{id}"
"""Stands for any id as a part of a path."""

JSON = "application/json"
ANY_JSON = (JSON, "application/*", "*/*")
"""What an Accept header may say if it takes JSON."""

_WITH_BODY = ("POST", "PATCH")


class Limit(NamedTuple):
    """How many requests are let in.

    Attributes:
        bucket: Requests with the same one are counted together.
        most: In so many seconds; None for no limit.
        seconds: How long a request counts.
    """

    bucket: str
    most: int | None
    seconds: float = WINDOW


class Api(ABC):
    """An API that the sandbox stands in for: answers to calls, and a state that they change.

    Attributes:
        name: What the journal calls it.
        prefix: What its paths begin with.
        endpoints: What it offers.
        settings: How it behaves.
    """

    name: ClassVar[str]
    prefix: ClassVar[str]
    endpoints: ClassVar[Endpoints]

    def __init__(self) -> None:
        """Begin with nothing written."""
        self.settings = Settings()
        self.reset()

    def configure(self, settings: Settings) -> None:
        """Behave differently from now on."""
        self.settings = settings

    def answer(self, call: Call) -> Answer:
        """Answer an authorized call and write what it writes; raise a `Refusal` if it can't."""
        endpoint = _endpoint(self.endpoints, call)
        self.check_headers(call)
        return endpoint(self, call)

    @abstractmethod
    def reset(self) -> None:
        """Forget everything that was written."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything that was written, for inspection."""

    @abstractmethod
    def authorize(self, call: Call) -> None:
        """Raise a `Refusal` if the call doesn't carry the key the way this API wants it."""

    @abstractmethod
    def limit(self, call: Call) -> Limit:
        """The limit that a call counts against."""

    @abstractmethod
    def check_headers(self, call: Call) -> None:
        """Raise a `Refusal` if the call lacks a header that this API wants."""

    @abstractmethod
    def refuse(self, refusal: Refusal, call: Call) -> Answer:
        """The refusal in the shape of this API's errors."""


def check_media_types(call: Call, sent: Sequence[str], accepted: Sequence[str]) -> None:
    """Refuse a call whose Accept header has no accepted type, or whose body is of no type sent."""
    if not _accepts(call.headers.get("accept", "*/*"), accepted):
        raise Refusal(406, f"the Accept header must allow {accepted[0]}")
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    has_body = call.method in _WITH_BODY or call.document.value is not None
    if has_body and media_type not in sent:
        raise Refusal(415, f"the Content-Type header must be {' or '.join(sent)}")


def _endpoint(endpoints: Endpoints, call: Call) -> Endpoint:
    parts = _parts(call)
    methods = next((found for path, found in endpoints.items() if _fits(path, parts)), None)
    if not methods:
        raise Refusal(404, f"there is nothing at {call.path}")
    if call.method not in methods:
        allowed = ", ".join(methods)
        raise Refusal(405, f"{call.path} knows {allowed} only", {"Allow": allowed})
    return methods[call.method]


def _parts(call: Call) -> tuple[str, ...]:
    try:
        return call.segments
    except UnicodeDecodeError:
        raise Refusal(400, "the path must be percent-encoded UTF-8") from None


def _fits(path: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    pairs: Iterable[tuple[str, str]] = zip(path, parts, strict=False)
    same = (bool(part.strip()) if known is ID else part == known for known, part in pairs)
    return len(path) == len(parts) and all(same)


@lru_cache
def _accepts(accept: str, types: Sequence[str]) -> bool:
    """Whether an Accept header has one of the types; with ``q=0`` it is excluded (RFC 9110)."""
    for media_range in accept.lower().split(","):
        name, *parameters = [part.strip() for part in media_range.split(";")]
        refused = any(parameter.rstrip(".0") == "q=" for parameter in parameters)
        if name in types and not refused:
            return True
    return False
