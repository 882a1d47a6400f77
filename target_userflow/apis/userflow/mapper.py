"""What the mappings of Userflow's users, groups and memberships share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from target_userflow.apis.mapper import Mapper
from target_userflow.apis.messages import Request
from target_userflow.apis.userflow import own_objects
from target_userflow.mapping.operations import is_idempotent, is_literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_userflow.apis.messages import Payload
    from target_userflow.mapping.columns import Stream


class UserflowMapper(Mapper):
    """Makes requests of Userflow's own objects, too."""

    kind: ClassVar[str]
    """What its own objects say that they are."""

    def __init__(self, stream: Stream) -> None:
        """Find the columns; see `Mapper`."""
        super().__init__(stream)
        self._usual = own_objects.reader(self.kind, stream)
        self.facts = own_objects.facts(self.kind, stream.properties)


def safety(attributes: Mapping[str, Any]) -> tuple[bool, bool]:
    """Return whether a request that sets only these is idempotent, and mergeable."""
    return (True, True) if is_literal(attributes) else (is_idempotent(attributes), False)


def group_payload(group_id: str, attributes: Mapping[str, Any]) -> Payload:
    """Return the payload that changes the attributes of a group."""
    return {"id": group_id, "attributes": attributes}


def membership_payload(user_id: str, group_id: str, attributes: Mapping[str, Any]) -> Payload:
    """Return the payload that changes the attributes of a membership, or makes it."""
    membership = {"attributes": attributes, "group": {"id": group_id}}
    return {"id": user_id, "memberships": [membership]}


def memberships_of(user_id: str) -> tuple[str, ...]:
    """Return the reference to all memberships of a user, for `references` and `ends`."""
    return "memberships", user_id


def deletion_of(path: str, key: str, ids: Sequence[str]) -> Request:
    """Return a deletion, which is idempotent (Userflow API reference)."""
    return Request("DELETE", path, None, key, tuple(ids), idempotent=True)
