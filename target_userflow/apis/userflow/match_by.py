"""Userflow users and groups known by an attribute: a CRM seldom knows the product's ids."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec import structs

from target_userflow.apis.mapper import Mapper
from target_userflow.apis.userflow.groups import Groups
from target_userflow.apis.userflow.users import Users
from target_userflow.mapping.values import plain_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.apis.messages import Payload, Request
    from target_userflow.mapping.columns import Stream

EMAIL = "email"
"""The attribute whose values are looked for in other spellings, too."""


class MatchedBy(Mapper):
    """Makes requests that name an object by an attribute, until `with_id` puts the id in its place.

    The attribute itself is not sent: it is there already, and maybe in another spelling. What else
    could be an id, such as the key property, is the CRM's and an attribute like any other.
    """

    deleted_by: tuple[
        str, ...
    ] = ()  # a contact that is gone is no reason to delete a user with its history

    def __init__(self, stream: Stream) -> None:
        """Find the column of the attribute that `match_by` names; see `Mapper`."""
        attribute = str(stream.options.match_by)
        others = self.role_spec.without(*self.role_spec.one_of[0])
        columns = {attribute: (attribute,), **others.columns}
        self.role_spec = replace(others, columns=columns, one_of=[(attribute,)], key_is=None)
        self._attribute = attribute
        super().__init__(stream)

    def ordering_key(self, record: Mapping[str, Any]) -> str:
        """Return the ordering key while the id is not known: what the object is matched by."""
        (subject,) = self.subjects.values()
        return f"{subject} {self._id(record, self._attribute)}"

    def _id(self, record: Mapping[str, Any], role: str) -> str:  # noqa: ARG002 - it asks for the object's own only
        return matched_text(self._role(record, self._attribute))


class MatchedUsers(MatchedBy, Users):
    """Users that are known by an attribute."""


class MatchedGroups(MatchedBy, Groups):
    """Groups that are known by an attribute."""


def matched_text(value: Any) -> str:
    """Return the text by which a value is matched: a number is its digits; empty if it has none."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return ""
    text = plain_number(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def folded(email: str) -> str:
    """Return an email as it is compared in any case: lower, and no further (`ß` is not `ss`)."""
    return email.strip().lower()


def with_id(request: Request, id_: str) -> Request:
    """Return the same request for the user or group that the attribute was found to belong to."""

    def renamed(payload: Payload) -> Payload:
        return {**payload, "id": id_}

    def named(ids: tuple[str, ...]) -> tuple[str, ...]:
        return ("memberships", id_, *ids[2:]) if ids[0] == "memberships" else ids

    return structs.replace(
        request,
        payload=renamed(request.payload or {}),
        ordering_key=f"{request.ordering_key.partition(' ')[0]} {id_}",
        object_id=(id_,),
        references=(*map(named, request.references),),
        writes=tuple(
            (named(ids), renamed(payload) if ids[0] == "memberships" else payload)
            for ids, payload in request.writes
        ),
        ends=(*map(named, request.ends),),
    )
