"""Userflow requests for one user or group as one, where that is sure to leave the same behind.

`POST /users` and `/groups` merge attributes: a later value wins, a null unsets, what is not named
stays, and a user takes its memberships along (Userflow API reference). So plain values fold, each
as the text that it was encoded to; an operation, a list of groups or a deletion does not. Nor does
a value of another type than the one before: nobody says what the API makes of the two.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_userflow.config.settings import Destination

_DATE_TIME = re.compile(rb'"\d{4}-\d\d-\d\dT')
_KINDS = {b'"': "string", b"[": "list", b"t": "boolean", b"f": "boolean"}


class _Membership(msgspec.Struct):
    attributes: dict[str, msgspec.Raw]
    group: msgspec.Raw


class _Body(msgspec.Struct, omit_defaults=True):
    """What a user, a group, or a user with one membership is sent as."""

    id: msgspec.Raw
    attributes: dict[str, msgspec.Raw] | None = None
    memberships: list[_Membership] = []

    @property
    def values(self) -> dict[str, msgspec.Raw]:
        """The attributes that it is sent for, to be changed in place."""
        if self.memberships:
            return self.memberships[0].attributes
        if self.attributes is None:
            self.attributes = {}
        return self.attributes


_body = msgspec.json.Decoder(_Body).decode


def joined(destination: Destination, bodies: Sequence[bytes]) -> bytes:  # noqa: ARG001 - as `Api.join`
    """The body of a user with its memberships, made of those of each."""
    if len(bodies) == 1:
        return bodies[0]
    whole, *riders = map(_body, bodies)
    whole.memberships = [one for body in (whole, *riders) for one in body.memberships]
    return msgspec.json.encode(whole)


def folded(bodies: Sequence[bytes]) -> bytes:
    """The body that does to one object what these do one after the other."""
    whole, *later = map(_body, bodies)
    for one in later:
        whole.values.update(one.values)
    return msgspec.json.encode(whole)


def kinds(body: bytes) -> dict[str, str]:
    """The data type of each value in a body, but for nulls, which have none."""
    found = {name: _kind(bytes(value)) for name, value in _body(body).values.items()}
    return {name: kind for name, kind in found.items() if kind}


def agree(some: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether what stands in both is of the same type there."""
    return all(others.get(name, kind) == kind for name, kind in some.items())


def _kind(text: bytes) -> str | None:
    if text == b"null":
        return None
    return "datetime" if _DATE_TIME.match(text) else _KINDS.get(text[:1], "number")
