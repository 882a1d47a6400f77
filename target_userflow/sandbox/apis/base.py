"""What the APIs of the sandbox share: routing, media types and the interface of an API."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from target_userflow.sandbox.faults.rate_limits import WINDOW
from target_userflow.sandbox.http.messages import Answer, Call, Refusal
from target_userflow.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Endpoint = Callable[[Any, Call], Answer]
"""Answers a call, given the API."""
Endpoints = Mapping[tuple[str, ...], Mapping[str, Endpoint]]
"""The endpoints of an API by the parts of their path and by method."""

ID = "{id}"
"""Stands for any id as a part of a path."""

JSON = "application/json"
ANY_JSON = (JSON, "application/*", "*/*")
"""The media ranges of an Accept header that allow JSON."""

_WITH_BODY = ("POST", "PATCH")


class Limit(NamedTuple):
    """A limit on the number of requests.

    Attributes:
        bucket: Requests with the same bucket are counted together.
        most: The most requests in a window; None for no limit.
        seconds: The length of the window, in seconds.
    """

    bucket: str
    most: int | None
    seconds: float = WINDOW


class ApiStore(Protocol):
    """What an API keeps of the requests that it accepted."""

    def state(self) -> dict[str, Any]:
        """Return everything that the store keeps, for the admin API."""
        ...


S = TypeVar("S", bound=ApiStore)


class Api(ABC, Generic[S]):
    """An API that the sandbox stands in for: it answers calls and keeps what they write.

    Attributes:
        name: The name of the API in the request log.
        prefix: The beginning of all its paths.
        endpoints: Its endpoints.
        new_store: Makes an empty store.
        store: What the API keeps.
        settings: The settings of the sandbox.
    """

    name: ClassVar[str]
    prefix: ClassVar[str]
    endpoints: ClassVar[Endpoints]
    new_store: Callable[[], S]

    def __init__(self) -> None:
        """Start with an empty store and the default settings."""
        self.settings = Settings()
        self.reset()

    def configure(self, settings: Settings) -> None:
        """Replace the settings."""
        self.settings = settings

    def reset(self) -> None:
        """Empty the store."""
        self.store = type(self).new_store()

    def answer(self, call: Call) -> Answer:
        """Answer an authorized call, and keep what it writes.

        Raises:
            Refusal: the API does not accept the call.
        """
        endpoint = _endpoint(self.endpoints, call)
        self.check_headers(call)
        return endpoint(self, call)

    @abstractmethod
    def authorize(self, call: Call) -> None:
        """Check the API key.

        Raises:
            Refusal: the call does not carry the key in the way that this API expects.
        """

    @abstractmethod
    def limit(self, call: Call) -> Limit:
        """Return the limit that a call counts against."""

    @abstractmethod
    def check_headers(self, call: Call) -> None:
        """Check the headers that this API requires.

        Raises:
            Refusal: a header is missing or has another value.
        """

    @abstractmethod
    def refuse(self, refusal: Refusal, call: Call) -> Answer:
        """Return a refusal in the format of this API's errors."""


def on_store(endpoint: Callable[[Any, Call], Answer]) -> Endpoint:
    """Return an endpoint that calls a function with the API's store."""
    return lambda api, call: endpoint(api.store, call)


def check_media_types(call: Call, sent: Sequence[str], accepted: Sequence[str]) -> None:
    """Check the Accept and Content-Type headers of a call.

    Args:
        call: The call.
        sent: The media types that the body may have.
        accepted: The media ranges of which the Accept header must have at least one.

    Raises:
        Refusal: a header has none of its media types.
    """
    if not _accepts(call.headers.get("accept", "*/*"), accepted):
        raise Refusal(406, f"the Accept header must allow {accepted[0]}")
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    has_body = call.method in _WITH_BODY or call.document.value is not None
    if has_body and media_type not in sent:
        raise Refusal(415, f"the Content-Type header must be {' or '.join(sent)}")


def _endpoint(endpoints: Endpoints, call: Call) -> Endpoint:
    parts = _parts(call)
    methods = next((methods for path, methods in endpoints.items() if _fits(path, parts)), None)
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
    equal = (bool(part.strip()) if pattern is ID else part == pattern for pattern, part in pairs)
    return len(path) == len(parts) and all(equal)


@lru_cache
def _accepts(accept: str, types: Sequence[str]) -> bool:
    """Return whether an Accept header allows a type; ``q=0`` excludes a type (RFC 9110)."""
    for media_range in accept.lower().split(","):
        type_, *parameters = [part.strip() for part in media_range.split(";")]
        excluded = any(parameter.rstrip(".0") == "q=" for parameter in parameters)
        if type_ in types and not excluded:
            return True
    return False
