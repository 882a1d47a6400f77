"""The first records of a stream, with the requests that are made of them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_userflow.apis.messages import Request
    from target_userflow.apis.object_type import ObjectType

RECORDS = 1_000
"""Records of a stream that are looked at."""
BYTES = 16_000_000
"""Bytes of their lines, at most."""
SCOPES = {"users": "user", "groups": "group", "memberships": "group_membership", "events": "event"}
"""Object type → the scope of its own attributes (Userflow API reference)."""

Attribute = tuple[str, str]
"""Scope and name of an attribute; the scope is empty where a product has none."""


class Sample:
    """Keeps what is made of the first records of a stream."""

    def __init__(self) -> None:
        """Begin empty."""
        self.requests: list[Request] = []
        self.columns: dict[str, None] = {}
        """The columns that the records have, in their order."""
        self._bytes = 0
        self._is_closed = False

    def close(self) -> None:
        """Forget all records, and keep no more."""
        self._is_closed = True
        self.requests, self.columns = [], {}

    @property
    def is_full(self) -> bool:
        """Whether no more records are looked at."""
        return self._is_closed or len(self.requests) >= RECORDS or self._bytes >= BYTES

    def add(self, record: Mapping[str, Any], request: Request, size: int) -> None:
        """Keep a record's request.

        Args:
            record: The record, after any stream map.
            request: What is made of it.
            size: Bytes of its line.
        """
        if not self.is_full:
            self.requests.append(request)
            self.columns.update(dict.fromkeys(record))
            self._bytes += size

    def attributes(self, object_type: ObjectType) -> dict[Attribute, list[Any]]:
        """Return attribute → the values that are sent, without nulls, in the order read."""
        collected: defaultdict[Attribute, list[Any]] = defaultdict(list)
        for request in self.requests:
            for scope, attributes in written(object_type, request):
                for name, value in attributes.items():
                    values = collected[scope, name]
                    if value is not None:
                        values.append(value)
        return dict(collected)


def written(object_type: ObjectType, request: Request) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield scope and attributes of what a request writes; of products without scopes, its fields.

    Args:
        object_type: What the request is about.
        request: The request.
    """
    if object_type.name in SCOPES:
        yield from object_type.product.attributes(request)
        return
    payload = request.payload or {}
    fields = payload.get("metadata")
    yield "", payload if fields is None else fields
