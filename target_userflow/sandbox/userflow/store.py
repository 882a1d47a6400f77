"""What Userflow keeps of the valid requests that it gets."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from target_userflow.sandbox.times import to_utc
from target_userflow.sandbox.userflow.attributes import data_type, merge
from target_userflow.sandbox.userflow.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Group:
    """A group."""

    id: str
    created_at: str
    updated_at: str
    attributes: dict[str, Any] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """The group object of the API: users and memberships are null unless expanded."""
        facts = {"id": self.id, "object": "group", "attributes": self.attributes}
        return {**facts, "created_at": self.created_at, "users": None, "memberships": None}

    def kept(self) -> dict[str, Any]:
        """Everything there is about the group."""
        times = {"created_at": self.created_at, "updated_at": self.updated_at}
        return {"attributes": self.attributes, **times}


@dataclass
class User:
    """A user; memberships are attributes by group id, and so is when they began."""

    id: str
    created_at: str
    updated_at: str
    attributes: dict[str, Any] = field(default_factory=dict)
    memberships: dict[str, dict[str, Any]] = field(default_factory=dict)
    joined_at: dict[str, str] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """The user object of the API: groups and memberships are null unless expanded."""
        facts = {"id": self.id, "object": "user", "attributes": self.attributes}
        return {**facts, "created_at": self.created_at, "groups": None, "memberships": None}

    def kept(self) -> dict[str, Any]:
        """Everything there is about the user."""
        times = {"created_at": self.created_at, "updated_at": self.updated_at}
        return {"attributes": self.attributes, "memberships": self.memberships, **times}

    def has_email(self, email: str) -> bool:
        """Whether the attribute ``email`` equals this one."""
        return bool(self.attributes.get("email") == email)


Kept = TypeVar("Kept", User, Group)


def memberships(body: dict[str, Any]) -> list[dict[str, Any]]:
    """What a user's body says of memberships: ``groups`` are memberships without attributes."""
    return [*({"group": group} for group in body.get("groups", [])), *body.get("memberships", [])]


def membership_id(user_id: str, group_id: str) -> str:
    """An id that is the same for the same user and group."""
    return f"{len(user_id)}:{user_id}:{group_id}"


def _now() -> str:
    moment = datetime.now(timezone.utc).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='milliseconds')}Z"


class Store:
    """One environment: users, groups, events, and the definitions that grow with their use.

    Attributes:
        users: The users.
        groups: The groups.
        attribute_definitions: The definition objects of the API, of all scopes.
        event_definitions: The definition objects of the API.
        events: The events by the place of their requests in the order of arrival.
    """

    def __init__(self, now: Callable[[], str] = _now) -> None:
        """Begin empty, with a clock that tells the time as ISO 8601 in UTC."""
        self.users: Shelf[User] = Shelf()
        self.groups: Shelf[Group] = Shelf()
        self.attribute_definitions: Shelf[dict[str, Any]] = Shelf()
        self.event_definitions: Shelf[dict[str, Any]] = Shelf()
        self.now = now
        self.events: dict[int, dict[str, Any]] = {}
        self._events_of: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self._members: defaultdict[str, dict[str, None]] = defaultdict(dict)

    def state(self) -> dict[str, Any]:
        """Users and groups by id, events in the order of arrival."""
        return {
            "users": {user.id: user.kept() for user in self.users},
            "groups": {group.id: group.kept() for group in self.groups},
            "events": list(self.events.values()),
        }

    def history(self, owner: tuple[str, str]) -> list[dict[str, Any]]:
        """The events of ``("user", id)``, or those that ``("group", id)`` owns alone, in order."""
        return [self.events[seq] for seq in self._events_of.get(owner, ())]

    def save_user(self, body: dict[str, Any]) -> User:
        """Create or update a user, and what the body says of groups and memberships."""
        user = self._touched(self.users, User, body["id"])
        self._merge("user", user.attributes, body)
        named = {self._join(user, membership) for membership in memberships(body)}
        if body.get("prune_memberships"):
            for group_id in user.memberships.keys() - named:
                self._part(user, group_id)
        return user

    def save_group(self, body: dict[str, Any]) -> Group:
        """Create or update a group."""
        group = self._touched(self.groups, Group, body["id"])
        self._merge("group", group.attributes, body)
        return group

    def track(self, body: dict[str, Any], seq: int) -> dict[str, Any]:
        """Keep an event; ``seq`` is the place of its request in the order of arrival."""
        attributes: dict[str, Any] = {}
        self._merge("event", attributes, body)
        self._define_event(body["name"])
        self._events_of[_owner(body)].append(seq)
        self.events[seq] = {
            "seq": seq,
            "name": body["name"],
            "user_id": body.get("user_id"),
            "group_id": body.get("group_id"),
            "attributes": attributes,
            "time": to_utc(body["time"]) if "time" in body else self.now(),
        }
        return self.events[seq]

    def delete_user(self, user_id: str) -> None:
        """Delete a user with memberships and events, if there."""
        if user := self.users.pop(user_id):
            for group_id in user.memberships:
                self._members[group_id].pop(user_id)
        self._delete_events(("user", user_id))

    def delete_group(self, group_id: str) -> None:
        """Delete a group, its memberships, and the events that it owns alone, if there."""
        self.groups.pop(group_id)
        self._delete_events(("group", group_id))
        for user_id in [*self._members.pop(group_id, ())]:
            self._part(self.users[user_id], group_id)

    def delete_membership(self, user_id: str, group_id: str) -> None:
        """Take a user out of a group, if there."""
        if (user := self.users.get(user_id)) and group_id in user.memberships:
            self._part(user, group_id)

    def members(self, group_id: str) -> list[User]:
        """The users of a group, in the order in which they joined it."""
        return [self.users[user_id] for user_id in self._members.get(group_id, ())]

    def shown(self, thing: User | Group, tree: dict[str, Any]) -> dict[str, Any]:
        """A user or group as the API tells of it, expanded as asked for (see ``reading``)."""
        shown = thing.shown()
        pairs = (
            [(thing, self.groups[id_]) for id_ in thing.memberships]
            if isinstance(thing, User)
            else [(user, thing) for user in self.members(thing.id)]
        )
        for relation, inner in tree.items():
            if relation == "memberships":
                shown[relation] = [self._membership(user, group, inner) for user, group in pairs]
            else:
                others = (group if relation == "groups" else user for user, group in pairs)
                shown[relation] = [self.shown(other, inner) for other in others]
        return shown

    def _membership(self, user: User, group: Group, tree: dict[str, Any]) -> dict[str, Any]:
        """The membership object of the API."""
        return {
            "id": membership_id(user.id, group.id),
            "object": "group_membership",
            "attributes": user.memberships[group.id],
            "created_at": user.joined_at[group.id],
            "group": self.shown(group, tree["group"]) if "group" in tree else None,
            "group_id": group.id,
            "user": self.shown(user, tree["user"]) if "user" in tree else None,
            "user_id": user.id,
        }

    def _part(self, user: User, group_id: str) -> None:
        """End a membership that is there."""
        del user.memberships[group_id], user.joined_at[group_id]
        self._members[group_id].pop(user.id, None)

    def _join(self, user: User, membership: dict[str, Any]) -> str:
        """Bring a user into a group that is created if need be; the group's id."""
        group = self.save_group(membership["group"])
        if group.id not in user.memberships:
            user.memberships[group.id] = {}
            user.joined_at[group.id] = self.now()
            self._members[group.id][user.id] = None
        self._merge("group_membership", user.memberships[group.id], membership)
        return group.id

    def _touched(self, shelf: Shelf[Kept], kind: type[Kept], id_: str) -> Kept:
        now = self.now()
        thing = shelf.get(id_) or shelf.add(id_, kind(id_, now, now))
        thing.updated_at = now
        return thing

    def _merge(self, scope: str, attributes: dict[str, Any], body: dict[str, Any]) -> None:
        changes = body.get("attributes", {})
        merge(attributes, changes)
        for name, change in changes.items():
            self._define_attribute(scope, name, change)

    def _define_attribute(self, scope: str, name: str, change: Any) -> None:
        id_ = f"{scope}:{name}"
        if id_ not in self.attribute_definitions and (type_ := data_type(change)):
            facts = {"scope": scope, "data_type": type_}
            self.attribute_definitions.add(id_, self._definition("attribute", id_, name, **facts))

    def _define_event(self, name: str) -> None:
        if name not in self.event_definitions:
            self.event_definitions.add(name, self._definition("event", name, name))

    def _definition(self, kind: str, id_: str, name: str, **facts: str) -> dict[str, Any]:
        shown = {"id": id_, "object": f"{kind}_definition", "created_at": self.now()}
        return {**shown, "name": name, "display_name": name, "description": "", **facts}

    def _delete_events(self, owner: tuple[str, str]) -> None:
        for seq in self._events_of.pop(owner, []):
            del self.events[seq]


def _owner(event: dict[str, Any]) -> tuple[str, str]:
    """Whose history an event is part of: the user's, else the group's."""
    return ("user", event["user_id"]) if "user_id" in event else ("group", event["group_id"])
