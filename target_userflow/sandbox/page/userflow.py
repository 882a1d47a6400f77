"""The lists of Userflow on the page: users, groups and events."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.page.lists import List, first_matches
from target_userflow.sandbox.page.view_models import (
    FACTS,
    Column,
    Detail,
    Row,
    Section,
    attribute_section,
    fact,
    join_values,
    search_text,
    summary,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_userflow.sandbox.apis.userflow.objects import Group, User
    from target_userflow.sandbox.apis.userflow.store import Store

_FEW = 50
"""The most members or events in a detail."""

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


def userflow_lists(store: Store) -> dict[str, List]:
    """Return the lists by name."""
    return {"users": _users(store), "groups": _groups(store), "events": _events(store)}


def _users(store: Store) -> List:
    async def detail(id_: str) -> Detail | None:
        user = store.users.get(id_)
        return _user_detail(store, user) if user else None

    return List(
        label="Users",
        searched="id, name or email",
        api="Userflow",
        columns=_USERS,
        count=len(store.users),
        items=store.users,
        row=_user_row,
        words=_words,
        detail=detail,
    )


def _groups(store: Store) -> List:
    async def detail(id_: str) -> Detail | None:
        group = store.groups.get(id_)
        return await _group_detail(store, group) if group else None

    return List(
        label="Groups",
        searched="id or name",
        api="Userflow",
        columns=_GROUPS,
        count=len(store.groups),
        items=store.groups,
        row=_group_row,
        words=_words,
        detail=detail,
    )


def _events(store: Store) -> List:
    async def detail(id_: str) -> Detail | None:
        event = store.events.get(int(id_)) if id_.isdecimal() else None
        return _event_detail(store, event) if event else None

    return List(
        label="Events",
        searched="event, user or group",
        api="Userflow",
        columns=_EVENTS,
        count=len(store.events),
        items=reversed(store.events),
        row=_event_row,
        words=lambda event: search_text(event["name"], event["user_id"], event["group_id"]),
        detail=detail,
    )


def _words(item: User | Group) -> str:
    return search_text(item.id, item.attributes.get("name"), item.attributes.get("email"))


def _user_row(user: User) -> Row:
    name, email = join_values(user.attributes, "name"), join_values(user.attributes, "email")
    counts = [str(len(user.memberships)), str(len(user.attributes))]
    return Row(user.id, [user.id, name, email, *counts, user.updated_at], "users", user.id)


def _group_row(group: Group) -> Row:
    others = {name: value for name, value in group.attributes.items() if name != "name"}
    cells = [group.id, join_values(group.attributes, "name"), summary(others), group.updated_at]
    return Row(group.id, [*cells], "groups", group.id)


def _event_row(event: dict[str, Any]) -> Row:
    id_, owners = str(event["seq"]), [event["user_id"], event["group_id"]]
    cells = [event["time"], event["name"], *owners, summary(event["attributes"])]
    return Row(id_, [cell or "" for cell in cells], "events", id_)


def _own_event_row(event: dict[str, Any]) -> Row:
    id_ = str(event["seq"])
    cells = [event["time"], event["name"], summary(event["attributes"])]
    return Row(id_, [*cells], "events", id_)


def _user_detail(store: Store, user: User) -> Detail:
    sections = [
        attribute_section(user.attributes, _defined_type(store, "user")),
        _memberships(store, user),
        _own_events(store, ("user", user.id)),
        _times(user),
    ]
    return Detail("User", user.id, sections, named=user.id)


async def _group_detail(store: Store, group: Group) -> Detail:
    members = await first_matches(store.users, lambda user: group.id in user.memberships, _FEW + 1)
    sections = [
        attribute_section(group.attributes, _defined_type(store, "group")),
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
        attribute_section(event["attributes"], _defined_type(store, "event")),
    ]
    return Detail("Event", event["name"], sections)


def _defined_type(store: Store, scope: str) -> Callable[[str], str | None]:
    def data_type(name: str) -> str | None:
        definition = store.attribute_definitions.get(f"{scope}:{name}")
        return str(definition["data_type"]) if definition else None

    return data_type


def _memberships(store: Store, user: User) -> Section:
    rows = [
        Row(id_, [id_, _name(store.groups.get(id_)), summary(attributes)], "groups", id_)
        for id_, attributes in user.memberships.items()
    ]
    return Section("Memberships", _MEMBERSHIPS, rows, "In no group.")


def _members(group: Group, users: Iterable[User]) -> Section:
    rows = [_member_row(group, user) for user in users]
    return Section(_first_of("Members", rows), _MEMBERS, rows[:_FEW], "No user is in it.")


def _member_row(group: Group, user: User) -> Row:
    cells = [user.id, _name(user), summary(user.memberships[group.id])]
    return Row(user.id, [*cells], "users", user.id)


def _own_events(store: Store, owner: tuple[str, str]) -> Section:
    events = store.events.of(owner)
    rows = [_own_event_row(event) for event in islice(reversed(events), _FEW + 1)]
    return Section(_first_of("Events", rows), _OWN_EVENTS, rows[:_FEW], "None so far.")


def _first_of(title: str, rows: list[Row]) -> str:
    return f"{title}, the first {_FEW}" if len(rows) > _FEW else title


def _name(item: User | Group | None) -> str:
    return join_values(item.attributes, "name") if item else ""


def _times(item: User | Group) -> Section:
    rows = [fact("Created", item.created_at), fact("Updated", item.updated_at)]
    return Section("Times", FACTS, rows)
