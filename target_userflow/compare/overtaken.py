"""Whether another client has changed an object, of which a part was sent, after it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from target_userflow.apis.messages import json_object
from target_userflow.listed.equality import differing

if TYPE_CHECKING:
    from collections.abc import Container

    from target_userflow.apis.messages import Request


def rest(whole: Request, sent: Request, body: bytes, times: Container[str]) -> Request | None:
    """Return the request for what was left out of another, and is not there by the answer to it.

    Args:
        whole: The request for a user or group.
        sent: The request for a part of it.
        body: The answer to `sent`. Users and groups stand in it with all of their attributes, but
            without their memberships (Userflow API reference).
        times: The names of the attributes that are defined as date-times.

    Returns:
        The request; None if nothing is missing, or the answer does not say.
    """
    there = json_object(body).get("attributes")
    payload = whole.payload or {}
    if not isinstance(there, dict):
        return None
    written = (sent.payload or {}).get("attributes", {})
    attributes = payload.get("attributes", {})
    left_out = {name: attributes[name] for name in attributes.keys() - written.keys()}
    missing = {name: left_out[name] for name in differing(left_out, there, times)}
    return replace(whole, payload={"id": payload["id"], "attributes": missing}) if missing else None
