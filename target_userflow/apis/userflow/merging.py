"""Userflow requests for one user or group as one, where that is sure to leave the same behind.

`POST /users` and `/groups` merge attributes: a later value wins, a null unsets, what is not named
stays, and a user takes its memberships along (Userflow API reference). So plain values fold; an
operation, a list of groups or a deletion does not. Nor does a value of another type than the one
before: nobody says what the API makes of the two.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_userflow.apis.messages import Payload
    from target_userflow.config.settings import Destination

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT", re.ASCII)
_KINDS = {
    bool: "boolean",
    int: "number",
    float: "number",
    Decimal: "number",
    str: "string",
    list: "list",
}


def joined(destination: Destination, payloads: Sequence[Payload]) -> Payload:  # noqa: ARG001 - as `Product.join`
    """Return the payload of a user with its memberships, made of those of each."""
    if len(payloads) == 1:
        return payloads[0]
    memberships = [item for payload in payloads for item in payload.get("memberships", ())]
    return {**payloads[0], "memberships": memberships}


def folded(payloads: Sequence[Payload]) -> Payload:
    """Return the payload that does to one object what these do one after the other."""
    merged = {name: value for payload in payloads for name, value in _set_by(payload).items()}
    first = payloads[0]
    if "memberships" not in first:
        return {**first, "attributes": merged}
    return {**first, "memberships": [{**first["memberships"][0], "attributes": merged}]}


def kinds(payload: Payload) -> dict[str, str]:
    """Return name → data type of each value in a payload; nulls have none."""
    return {name: _kind(value) for name, value in _set_by(payload).items() if value is not None}


def agree(known: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Return whether what stands in both is of the same type there."""
    return all(others.get(name, kind) == kind for name, kind in known.items())


def _set_by(payload: Payload) -> Mapping[str, Any]:
    """Return the attributes that a user, a group, or a user with one membership is sent for."""
    memberships = payload.get("memberships")
    attributes: Mapping[str, Any] = (memberships[0] if memberships else payload)["attributes"]
    return attributes


def _kind(value: Any) -> str:
    if isinstance(value, str) and _DATE_TIME.match(value):
        return "datetime"
    return _KINDS[type(value)]
