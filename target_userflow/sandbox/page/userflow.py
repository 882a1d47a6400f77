"""Users, groups and events of Userflow, as the page tells of them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.page.lists import List, first
from target_userflow.sandbox.page.parts import (
    FACTS,
    Column,
    Detail,
    Row,
    Section,
    attributes,
    fact,
    summed_up,
    text_of,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_userflow.sandbox.userflow.store import Group, Store, User

_FEW = 50
"""How many members or events a detail tells of."""

_USERS = (
    Column("ID", "link"),
    Column("Name"),
    Column("Email"),
    Column("Groups", "number", minor=True),
    Column("Attributes", "number", minor=True),
    Column("Updated", "time", minor=True),
)
_GROUPS = (
    Column("ID", "link"),
    Column("Name"),
    Column("Attributes", "rest", minor=True),
    Column("Updated", "time", minor=True),
)
_EVENTS = (
    Column("Time", "time"),
    Column("Event", "link"),
    Column("User"),
    Column("Group", minor=True),
    Column("Attributes", "rest", minor=True),
)
_OWN_EVENTS = (Column("Time", "time"), Column("Event", "link"), Column("Attributes"))
_MEMBERSHIPS = (Column("Group", "link"), Column("Name"), Column("Attributes"))
_MEMBERS = (Column("User", "link"), Column("Name"), Column("Attributes"))


def lists(store: Store) -> dict[str, List]:
    """The lists by name."""

    async def user(id_: str) -> Detail | None:
        found = store.users.get(id_)
        return _user_detail(store, found) if found else None

    async def group(id_: str) -> Detail | None:
        found = store.groups.get(id_)
        return await _group_detail(store, found) if found else None

    async def event(id_: str) -> Detail | None:
        found = store.events.get(int(id_)) if id_.isdecimal() else None
        return _event_detail(store, found) if found else None

    return {
        "users": List(
            label="Users",
            sought="id, name or email",
            api="Userflow",
            columns=_USERS,
            count=len(store.users),
            things=store.users,
            row=_user_row,
            words=_words,
            detail=user,
        ),
        "groups": List(
            label="Groups",
            sought="id or name",
            api="Userflow",
            columns=_GROUPS,
            count=len(store.groups),
            things=store.groups,
            row=_group_row,
            words=_words,
            detail=group,
        ),
        "events": List(
            label="Events",
            sought="event, user or group",
            api="Userflow",
            columns=_EVENTS,
            count=len(store.events),
            things=reversed(store.events.values()),
            row=_event_row,
            words=lambda event: words(event["name"], event["user_id"], event["group_id"]),
            detail=event,
        ),
    }


def _words(thing: User | Group) -> str:
    return words(thing.id, thing.attributes.get("name"), thing.attributes.get("email"))


def _user_row(user: User) -> Row:
    name, email = text_of(user.attributes, "name"), text_of(user.attributes, "email")
    counts = [str(len(user.memberships)), str(len(user.attributes))]
    return Row(user.id, [user.id, name, email, *counts, user.updated_at], "users", user.id)


def _group_row(group: Group) -> Row:
    others = {name: value for name, value in group.attributes.items() if name != "name"}
    cells = [group.id, text_of(group.attributes, "name"), summed_up(others), group.updated_at]
    return Row(group.id, [*cells], "groups", group.id)


def _event_row(event: dict[str, Any]) -> Row:
    id_, owners = str(event["seq"]), [event["user_id"], event["group_id"]]
    cells = [event["time"], event["name"], *owners, summed_up(event["attributes"])]
    return Row(id_, [one or "" for one in cells], "events", id_)


def _own_event_row(event: dict[str, Any]) -> Row:
    id_ = str(event["seq"])
    cells = [event["time"], event["name"], summed_up(event["attributes"])]
    return Row(id_, [*cells], "events", id_)


def _user_detail(store: Store, user: User) -> Detail:
    sections = [
        attributes(user.attributes, _defined(store, "user")),
        _memberships(store, user),
        _own_events(store, ("user", user.id)),
        _times(user),
    ]
    return Detail("User", user.id, sections, named=user.id)


async def _group_detail(store: Store, group: Group) -> Detail:
    members = await first(store.users, lambda user: group.id in user.memberships, _FEW + 1)
    sections = [
        attributes(group.attributes, _defined(store, "group")),
        _members(group, members),
        _own_events(store, ("group", group.id)),
        _times(group),
    ]
    return Detail("Group", group.id, sections, named=group.id)


def _event_detail(store: Store, event: dict[str, Any]) -> Detail:
    id_ = str(event["seq"])
    owners = [
        fact(label, event[key], of, event[key])
        for label, key, of in (("User", "user_id", "users"), ("Group", "group_id", "groups"))
        if event[key]
    ]
    facts = [fact("Time", event["time"]), *owners, fact("Request", f"#{id_}", "requests", id_)]
    sections = [
        Section("Facts", FACTS, facts),
        attributes(event["attributes"], _defined(store, "event")),
    ]
    return Detail("Event", event["name"], sections)


def _defined(store: Store, scope: str) -> Callable[[str], str | None]:
    def data_type(name: str) -> str | None:
        definition = store.attribute_definitions.get(f"{scope}:{name}")
        return str(definition["data_type"]) if definition else None

    return data_type


def _memberships(store: Store, user: User) -> Section:
    rows = [
        Row(id_, [id_, _name(store.groups.get(id_)), summed_up(attributes)], "groups", id_)
        for id_, attributes in user.memberships.items()
    ]
    return Section("Memberships", _MEMBERSHIPS, rows, "In no group.")


def _members(group: Group, users: Iterable[User]) -> Section:
    rows = [_member_row(group, user) for user in users]
    return Section(_first_of("Members", rows), _MEMBERS, rows[:_FEW], "No user is in it.")


def _member_row(group: Group, user: User) -> Row:
    cells = [user.id, _name(user), summed_up(user.memberships[group.id])]
    return Row(user.id, [*cells], "users", user.id)


def _own_events(store: Store, owner: tuple[str, str]) -> Section:
    events = store.history(owner)
    rows = [_own_event_row(event) for event in islice(reversed(events), _FEW + 1)]
    return Section(_first_of("Events", rows), _OWN_EVENTS, rows[:_FEW], "None so far.")


def _first_of(title: str, rows: list[Row]) -> str:
    return f"{title}, the first {_FEW}" if len(rows) > _FEW else title


def _name(thing: User | Group | None) -> str:
    return text_of(thing.attributes, "name") if thing else ""


def _times(thing: User | Group) -> Section:
    rows = [fact("Created", thing.created_at), fact("Updated", thing.updated_at)]
    return Section("Times", FACTS, rows)
