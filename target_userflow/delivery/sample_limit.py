"""A sample run: the first records of each stream are delivered, and nothing else (`limit`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.apis.userflow.subjects import subjects

if TYPE_CHECKING:
    from target_userflow.apis.messages import Request
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.config.settings import Settings

_NAMED = 3  # objects of a stream whose place is said


class SampleLimit:
    """Lets the first records of one stream pass, and remembers where to look at some of them."""

    def __init__(self, stream: str, object_type: ObjectType, limit: int | None, url: str) -> None:
        """Let records pass.

        Args:
            stream: The stream's name, for messages.
            object_type: What it is routed to.
            limit: How many records pass; None for all.
            url: The base URL of the product.
        """
        self._stream = stream
        self._object_type = object_type
        self._limit = limit
        self._url = url
        self._passed = 0
        self._left = 0
        self._places: dict[str, None] = {}

    def lets_pass(self) -> bool:
        """Count a record. Returns whether it is one of the first."""
        passes = self._limit is None or self._passed < self._limit
        self._passed += passes
        self._left += not passes
        return passes

    def note(self, request: Request) -> None:
        """Remember where what a request writes can be seen."""
        if self._limit is None:
            return
        for name, id_ in subjects(self._object_type.name, request):
            listing = OBJECT_TYPES[name].listing
            if listing and listing.by_id and len(self._places) < _NAMED:
                self._places[f"GET {self._url}{listing.by_id(id_)}"] = None

    def line(self) -> str:
        """Return a line that says what was taken of the stream, and where to look at it."""
        product = self._object_type.product.name
        where = f"{product} itself, or {', '.join(self._places)}" if self._places else product
        return (
            f"Stream '{self._stream}': its first {self._passed:,} records were taken, and "
            f"{self._left:,} left, as limit is {self._limit}. Look at them in {where}"
        )


class SampleLimits:
    """The limits of all streams of a run; each outlives the sinks that a new SCHEMA makes."""

    def __init__(self, settings: Settings) -> None:
        """Begin without a stream."""
        self._settings = settings
        self._limits: dict[tuple[str, str], SampleLimit] = {}

    def of(self, object_type: ObjectType, source: str, stream: str) -> SampleLimit:
        """Return what lets the first records of a stream pass.

        Args:
            object_type: What the stream is routed to.
            source: What the tap calls it.
            stream: Its name after the stream maps.
        """
        url = self._settings.destinations[object_type.product.prefix].url
        limit = SampleLimit(stream, object_type, self._settings.limit, url)
        return self._limits.setdefault((source, stream), limit)

    def lines(self) -> list[str]:
        """Return what a sample run took of each stream; nothing of another run."""
        limits = self._limits.values() if self._settings.limit else ()
        return [limit.line() for limit in limits]
