"""The users, groups, memberships and events that Userflow keeps."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from target_userflow.sandbox.apis.times import to_utc
from target_userflow.sandbox.apis.userflow.definitions import AttributeDefinitions, EventDefinitions
from target_userflow.sandbox.apis.userflow.events import EventHistory
from target_userflow.sandbox.apis.userflow.objects import Group, User
from target_userflow.sandbox.apis.userflow.paged_dict import PagedDict

if TYPE_CHECKING:
    from collections.abc import Callable

UserOrGroup = TypeVar("UserOrGroup", User, Group)


def memberships_in(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the memberships in a user's body; ``groups`` are memberships without attributes."""
    return [*({"group": group} for group in body.get("groups", [])), *body.get("memberships", [])]


def _now() -> str:
    moment = datetime.now(timezone.utc).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='milliseconds')}Z"


class Store:
    """An environment of Userflow: users, groups, events and definitions.

    Attributes:
        users: The users.
        groups: The groups.
        events: The events.
        attribute_definitions: The attribute definitions of all scopes.
        event_definitions: The event definitions.
        now: Returns the time as ISO 8601 in UTC.
    """

    def __init__(self, now: Callable[[], str] = _now) -> None:
        """Take a clock that returns the time as ISO 8601 in UTC."""
        self.now = now
        self.users: PagedDict[User] = PagedDict()
        self.groups: PagedDict[Group] = PagedDict()
        self.events = EventHistory()
        self.attribute_definitions = AttributeDefinitions(now)
        self.event_definitions = EventDefinitions(now)
        self._members: defaultdict[str, dict[str, None]] = defaultdict(dict)

    def state(self) -> dict[str, Any]:
        """Return the users and groups by id, and the events in the order of arrival."""
        return {
            "users": {user.id: user.state() for user in self.users},
            "groups": {group.id: group.state() for group in self.groups},
            "events": list(self.events),
        }

    def save_user(self, body: dict[str, Any]) -> User:
        """Create or update a user and the groups and memberships in the body."""
        user = self._create_or_touch(self.users, User, body["id"])
        self.attribute_definitions.merge("user", user.attributes, body)
        joined = {self._join(user, membership) for membership in memberships_in(body)}
        if body.get("prune_memberships"):
            for group_id in user.memberships.keys() - joined:
                self._leave(user, group_id)
        return user

    def save_group(self, body: dict[str, Any]) -> Group:
        """Create or update a group."""
        group = self._create_or_touch(self.groups, Group, body["id"])
        self.attribute_definitions.merge("group", group.attributes, body)
        return group

    def track(self, body: dict[str, Any], seq: int) -> dict[str, Any]:
        """Keep an event under the ``seq`` of its request. Returns the event."""
        event = {
            "seq": seq,
            "name": body["name"],
            "user_id": body.get("user_id"),
            "group_id": body.get("group_id"),
            "attributes": {},
            "time": to_utc(body["time"]) if "time" in body else self.now(),
        }
        self.attribute_definitions.merge("event", event["attributes"], body)
        self.event_definitions.define(body["name"])
        return self.events.add(event)

    def delete_user(self, user_id: str) -> None:
        """Delete a user with its memberships and events, if the user exists."""
        if user := self.users.pop(user_id):
            for group_id in user.memberships:
                self._members[group_id].pop(user_id)
        self.events.delete(("user", user_id))

    def delete_group(self, group_id: str) -> None:
        """Delete a group, its memberships and the events without a user, if the group exists."""
        self.groups.pop(group_id)
        self.events.delete(("group", group_id))
        for user_id in [*self._members.pop(group_id, ())]:
            self._leave(self.users[user_id], group_id)

    def delete_membership(self, user_id: str, group_id: str) -> None:
        """Delete a user's membership in a group, if it exists."""
        if (user := self.users.get(user_id)) and group_id in user.memberships:
            self._leave(user, group_id)

    def memberships_of(self, item: User | Group) -> list[tuple[User, Group]]:
        """Return the memberships of a user or a group as pairs, in the order of joining."""
        if isinstance(item, User):
            return [(item, self.groups[group_id]) for group_id in item.memberships]
        return [(self.users[user_id], item) for user_id in self._members.get(item.id, ())]

    def _leave(self, user: User, group_id: str) -> None:
        """End a membership that exists."""
        del user.memberships[group_id], user.joined_at[group_id]
        self._members[group_id].pop(user.id, None)

    def _join(self, user: User, membership: dict[str, Any]) -> str:
        """Create or update a membership and its group. Returns the group's id."""
        group = self.save_group(membership["group"])
        if group.id not in user.memberships:
            user.memberships[group.id] = {}
            user.joined_at[group.id] = self.now()
            self._members[group.id][user.id] = None
        self.attribute_definitions.merge("group_membership", user.memberships[group.id], membership)
        return group.id

    def _create_or_touch(
        self, items: PagedDict[UserOrGroup], kind: type[UserOrGroup], id_: str
    ) -> UserOrGroup:
        """Return the user or group with an id, created if need be and updated now."""
        now = self.now()
        item = items.get(id_) or items.add(id_, kind(id_, now, now))
        item.updated_at = now
        return item
