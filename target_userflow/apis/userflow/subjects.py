"""The users and groups that a request to Userflow is about, and creates where they are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.apis.messages import Request

OBJECTS = ("users", "groups", "memberships", "events")
"""The object types whose requests are about users and groups."""


def subjects(object_type: str, request: Request) -> Iterator[tuple[str, str]]:
    """Yield `users` or `groups`, and the id, of each that a request names by itself.

    Args:
        object_type: The name of the request's object type.
        request: What is sent for a record.
    """
    if object_type == "events":
        payload = request.payload or {}
        for kind, role in (("users", "user_id"), ("groups", "group_id")):
            if role in payload:
                yield kind, payload[role]
    elif object_type == "memberships":
        yield from zip(("users", "groups"), request.object_id, strict=True)
    elif object_type in OBJECTS:
        yield object_type, request.object_id[0]
