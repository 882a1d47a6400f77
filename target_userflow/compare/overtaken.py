"""Whether another client has changed an object, of which a part was sent, after it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.apis.messages import json_object
from target_userflow.listed.equality import differing

if TYPE_CHECKING:
    from collections.abc import Container

    from target_userflow.apis.messages import Request


def is_overtaken(whole: Request, sent: Request, body: bytes, times: Container[str]) -> bool:
    """Return whether an answer shows that what was left out of a request should have been sent.

    Args:
        whole: The request for a user or group.
        sent: The request for a part of it.
        body: The answer to `sent`. Users and groups stand in it with all of their attributes, but
            without their memberships (Userflow API reference).
        times: The names of the attributes that are defined as date-times.
    """
    there = json_object(body).get("attributes")
    if not isinstance(there, dict):
        return False
    written = (sent.payload or {}).get("attributes", {})
    attributes = (whole.payload or {}).get("attributes", {})
    left_out = {name: attributes[name] for name in attributes.keys() - written.keys()}
    return any(True for _ in differing(left_out, there, times))
