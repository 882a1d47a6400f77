"""Userflow users that are known by their email: a CRM seldom knows the product's own ids."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msgspec import structs

from target_userflow.apis.userflow.users import Users

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.apis.messages import Payload, Request


class UsersByEmail(Users):
    """Makes requests that name a user by email, until `with_id` puts the id in its place.

    The email itself is not sent: it is there already, and maybe in another spelling. What else
    could be an id, such as the key property, is the CRM's and an attribute like any other.
    """

    role_spec = replace(
        Users.role_spec.without("user_id"),
        columns={"email": ("email",), **Users.role_spec.without("user_id").columns},
        one_of=[("email",)],
        key_is=None,
    )
    deleted_by = ()  # a contact that is gone is no reason to delete a user with its history

    def _id(self, record: Mapping[str, Any], role: str) -> str:  # noqa: ARG002 - it asks for the user's only
        email = self._role(record, "email")
        return email.strip() if isinstance(email, str) else ""


def with_id(request: Request, user_id: str) -> Request:
    """The same request for the user that the email was found to belong to."""

    def renamed(payload: Payload) -> Payload:
        return {**payload, "id": user_id}

    def named(ids: tuple[str, ...]) -> tuple[str, ...]:
        return ("memberships", user_id, *ids[2:]) if ids[0] == "memberships" else ids

    return structs.replace(
        request,
        payload=renamed(request.payload or {}),
        ordering_key=f"user {user_id}",
        object_id=(user_id,),
        references=(*map(named, request.references),),
        writes=tuple(
            (named(ids), renamed(payload) if ids[0] == "memberships" else payload)
            for ids, payload in request.writes
        ),
        ends=(*map(named, request.ends),),
    )
