"""Users, groups and memberships: what the sandbox keeps of them, and the objects of the API.

``groups``, ``users`` and ``memberships`` are null in an object unless a call expands them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Group:
    """A group.

    Attributes:
        id: The group's id.
        created_at: ISO 8601 in UTC.
        updated_at: ISO 8601 in UTC, of the last write.
        attributes: The values by attribute name.
    """

    id: str
    created_at: str
    updated_at: str
    attributes: dict[str, Any] = field(default_factory=dict)

    def as_object(self) -> dict[str, Any]:
        """Return the group object of the API, with nothing expanded."""
        identity = {"id": self.id, "object": "group", "attributes": self.attributes}
        return {**identity, "created_at": self.created_at, "users": None, "memberships": None}

    def state(self) -> dict[str, Any]:
        """Return what the sandbox keeps of the group, for the admin API."""
        times = {"created_at": self.created_at, "updated_at": self.updated_at}
        return {"attributes": self.attributes, **times}


@dataclass
class User:
    """A user.

    Attributes:
        id: The user's id.
        created_at: ISO 8601 in UTC.
        updated_at: ISO 8601 in UTC, of the last write.
        attributes: The values by attribute name.
        memberships: The attributes of each membership, by group id.
        joined_at: The time at which each membership began, by group id.
    """

    id: str
    created_at: str
    updated_at: str
    attributes: dict[str, Any] = field(default_factory=dict)
    memberships: dict[str, dict[str, Any]] = field(default_factory=dict)
    joined_at: dict[str, str] = field(default_factory=dict)

    def as_object(self) -> dict[str, Any]:
        """Return the user object of the API, with nothing expanded."""
        identity = {"id": self.id, "object": "user", "attributes": self.attributes}
        return {**identity, "created_at": self.created_at, "groups": None, "memberships": None}

    def state(self) -> dict[str, Any]:
        """Return what the sandbox keeps of the user, for the admin API."""
        times = {"created_at": self.created_at, "updated_at": self.updated_at}
        return {"attributes": self.attributes, "memberships": self.memberships, **times}

    def has_email(self, email: str) -> bool:
        """Return whether the attribute ``email`` equals the email exactly."""
        return bool(self.attributes.get("email") == email)


def membership_id(user_id: str, group_id: str) -> str:
    """Return the id of the membership of a user in a group."""
    return f"{len(user_id)}:{user_id}:{group_id}"
