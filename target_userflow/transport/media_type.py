"""What the body of a request is called, where sources contradict each other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_userflow.apis.messages import Request


class MediaType:
    """The first of an API's media types that it does not refuse; all workers share it."""

    def __init__(self, types: Sequence[str]) -> None:
        """Begin with the likeliest, which comes first."""
        self._types = list(types)
        self._lock = threading.Lock()

    def of(self, request: Request) -> Request:
        """The request with the media type that no answer has refused so far."""
        current = self._types[0]
        return request if request.media_type == current else replace(request, media_type=current)

    def refuse(self, request: Request) -> bool:
        """Note that a request was answered 415.

        Returns:
            Whether another media type is left to try it with.
        """
        with self._lock:
            if len(self._types) > 1 and request.payload and request.media_type == self._types[0]:
                del self._types[0]
            return bool(request.payload) and request.media_type != self._types[0]
