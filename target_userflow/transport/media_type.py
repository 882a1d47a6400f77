"""The media type of request bodies, where sources contradict each other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_userflow.apis.messages import Request


class MediaType:
    """Finds the first media type that an API accepts; all workers share it."""

    def __init__(self, types: Sequence[str]) -> None:
        """Try the media types in their order.

        Args:
            types: The media types, the likeliest first; at least one.
        """
        self._types = list(types)
        self._lock = threading.Lock()

    def of(self, request: Request) -> Request:
        """Return the request with the media type that no answer has refused so far."""
        current = self._types[0]
        return request if request.media_type == current else replace(request, media_type=current)

    def refuse(self, request: Request) -> bool:
        """Note that a request was answered 415.

        Returns:
            Whether it can be sent again with another media type.
        """
        with self._lock:
            if len(self._types) > 1 and request.payload and request.media_type == self._types[0]:
                del self._types[0]
            return bool(request.payload) and request.media_type != self._types[0]
