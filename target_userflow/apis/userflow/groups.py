"""Userflow groups and memberships (Userflow API reference)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from target_userflow.apis.mapper import in_url
from target_userflow.apis.messages import Request
from target_userflow.apis.userflow import own_objects
from target_userflow.apis.userflow.mapper import (
    UserflowMapper,
    deletion_of,
    group_payload,
    membership_payload,
    memberships_of,
    safety,
)
from target_userflow.mapping.columns import RoleSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Groups(UserflowMapper):
    """`POST /groups` creates or merges."""

    kind = own_objects.GROUP
    role_spec = RoleSpec({"group_id": ("group_id", "id")}, [("group_id",)], key_is="group_id")
    deleted_by: tuple[str, ...] = ("group_id",)
    subjects: ClassVar = {"group_id": "group"}

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """Return the request of a group."""
        record = self._usual(record)
        group_id = self._id(record, "group_id")
        attributes = self.attributes(record)
        payload = group_payload(group_id, attributes)
        key, ids = f"group {group_id}", (group_id,)
        return Request("POST", "/groups", payload, key, ids, *safety(attributes))

    def deletion(self, ids: Sequence[str]) -> Request:
        """`DELETE /groups/:id`: with its memberships."""
        (group_id,) = ids
        return deletion_of(f"/groups/{in_url(group_id)}", f"group {group_id}", ids)


class Memberships(UserflowMapper):
    """A membership has no endpoint to be written to: it rides in its user's `POST /users`."""

    kind = own_objects.MEMBERSHIP
    role_spec = RoleSpec(
        {"user_id": ("user_id",), "group_id": ("group_id",)}, [("user_id",), ("group_id",)]
    )
    deleted_by = ("user_id", "group_id")
    subjects: ClassVar = {"user_id": "user"}

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """Return the request of a user with this one membership; its others stay."""
        record = self._usual(record)
        user_id, group_id = self._id(record, "user_id"), self._id(record, "group_id")
        attributes = self.attributes(record)
        payload = membership_payload(user_id, group_id, attributes)
        ids = user_id, group_id
        references = ("users", user_id), ("groups", group_id), memberships_of(user_id)
        key = f"user {user_id}"
        return Request("POST", "/users", payload, key, ids, *safety(attributes), references)

    def deletion(self, ids: Sequence[str]) -> Request:
        """`DELETE /group_memberships`: user and group stay."""
        user_id, group_id = ids
        query = f"user_id={in_url(user_id)}&group_id={in_url(group_id)}"
        return deletion_of(f"/group_memberships?{query}", f"user {user_id}", ids)
