"""Userflow users: `POST /users` creates or merges (Userflow API reference)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from target_userflow.apis.mapper import in_url
from target_userflow.apis.messages import Request
from target_userflow.apis.userflow import own_objects
from target_userflow.apis.userflow.group_lists import GroupListMapper
from target_userflow.apis.userflow.mapper import (
    deletion_of,
    group_payload,
    membership_payload,
    memberships_of,
    safety,
)
from target_userflow.mapping.columns import RoleSpec
from target_userflow.mapping.operations import is_idempotent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_userflow.apis.messages import Payload


class Users(GroupListMapper):
    """`POST /users` creates or merges; the id is in the body."""

    kind = own_objects.USER
    role_spec = RoleSpec(
        columns={
            "user_id": ("user_id", "id"),
            "groups": ("groups",),
            "memberships": ("memberships",),
            "group_id": ("group_id",),
            "group_attributes": ("group_attributes",),
            "prune_memberships": ("prune_memberships",),
        },
        one_of=[("user_id",)],
        key_is="user_id",
    )
    deleted_by: tuple[str, ...] = ("user_id",)
    subjects: ClassVar = {"user_id": "user"}

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """Return the request of a user, its groups and its memberships."""
        record = self._usual(record)
        user_id = self._id(record, "user_id")
        attributes = self.attributes(record)
        lists = self._lists(record) if self._has_lists else {}
        idempotent, mergeable = safety(attributes)
        return Request(
            "POST",
            "/users",
            {"id": user_id, "attributes": attributes, **lists},
            f"user {user_id}",
            (user_id,),
            idempotent and not any(map(_has_sum, lists.values())),
            mergeable=mergeable and not lists,
            references=(*_references(user_id, lists),) if lists else (),
            writes=(*_writes(user_id, lists),) if lists else (),
            ends=(memberships_of(user_id),) if "prune_memberships" in lists else (),
        )

    def deletion(self, ids: Sequence[str]) -> Request:
        """`DELETE /users/:id`: with all its history, for good."""
        (user_id,) = ids
        return deletion_of(f"/users/{in_url(user_id)}", f"user {user_id}", ids)


def _references(user_id: str, lists: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the groups that a user is listed with, and its memberships of them."""
    listed = [*lists.get("groups", ()), *(item["group"] for item in lists.get("memberships", ()))]
    for group in listed:
        yield "groups", group["id"]
        yield "memberships", user_id, group["id"]


def _writes(user_id: str, lists: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Payload]]:
    """Yield the groups and memberships whose attributes stand in the lists of a user."""
    memberships = lists.get("memberships", ())
    for group in [*lists.get("groups", ()), *(item["group"] for item in memberships)]:
        if "attributes" in group:
            yield ("groups", group["id"]), group_payload(group["id"], group["attributes"])
    for item in memberships:
        if "attributes" in item:
            payload = membership_payload(user_id, item["group"]["id"], item["attributes"])
            yield ("memberships", user_id, item["group"]["id"]), payload


def _has_sum(listed: Any) -> bool:
    """Return whether `add` or `subtract` stands in the attributes of a group or membership."""
    if not isinstance(listed, list):
        return False
    inner = [item for record in listed for item in (record, record.get("group", {}))]
    return not all(is_idempotent(item.get("attributes", {})) for item in inner)
