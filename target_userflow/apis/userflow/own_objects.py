"""Userflow's own objects, as its API and taps of it give them, in the form that other records have.

They say of themselves what they are, in `object`, and when they were made, in `created_at`: facts
of the environment that they come from, and no attributes. What they are related to is null unless
it was asked for, and a membership then names its group by `group_id` (Userflow API reference).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_userflow.mapping.columns import Stream

    Record = Mapping[str, Any]

USER, GROUP, MEMBERSHIP = "user", "group", "group_membership"

_OF_ALL = {"id", "object", "attributes", "created_at"}
_RELATIONS = {
    USER: {"groups", "memberships"},
    GROUP: {"users", "memberships"},
    MEMBERSHIP: {"user_id", "group_id"},
}
_NO_COLUMNS = {
    USER: {"object", "created_at", "groups", "memberships"},
    GROUP: {"object", "created_at", "users", "memberships"},
    MEMBERSHIP: {"object", "created_at", "id", "user", "group"},
}


def reader(kind: str, stream: Stream) -> Callable[[Record], Record]:
    """Return what makes a usual record of Userflow's own object, and leaves others alone.

    Args:
        kind: What the own objects say that they are: `USER`, `GROUP` or `MEMBERSHIP`.
        stream: Whose columns tell whether there can be any.
    """
    if not describes(kind, stream.properties):
        return lambda record: record
    return lambda record: _plain(kind, record) if record.get("object") == kind else record


def describes(kind: str, properties: Mapping[str, Any]) -> bool:
    """Return whether a schema is that of own objects, and not of a table with a column `object`.

    All of them have an id, `object`, `attributes` and `created_at`. Then `object` may only hold
    their kind, or, where the schema does not say that, their relations are there too.
    """
    if not properties.keys() >= _OF_ALL:
        return False
    schema = properties["object"] if isinstance(properties["object"], dict) else {}
    if "const" in schema or "enum" in schema:
        return kind in (schema.get("const"), *(schema.get("enum") or ()))
    return properties.keys() >= _RELATIONS[kind]


def facts(kind: str, properties: Mapping[str, Any]) -> list[str]:
    """Return the columns of own objects that are no attributes; none of other tables."""
    return sorted(_NO_COLUMNS[kind] & properties.keys()) if describes(kind, properties) else []


def membership(value: Any) -> Any:
    """Return an item of a user's `memberships` as `POST /users` takes it; others as they are."""
    if not isinstance(value, dict) or "group_id" not in value:
        return value
    if value.get("object") != MEMBERSHIP and not value.keys() <= {"group_id", "attributes"}:
        return value
    group = value.get("group") or {"id": value["group_id"]}
    return {"attributes": value.get("attributes"), "group": group}


def group(value: Any) -> Any:
    """Return an item of a user's `groups`, or a membership's group, as `POST /users` takes it."""
    if not isinstance(value, dict) or value.get("object") != GROUP:
        return value
    return {"id": value.get("id"), "attributes": value.get("attributes")}


def _plain(kind: str, record: Record) -> Record:
    columns = {name: value for name, value in record.items() if name not in _NO_COLUMNS[kind]}
    return {**columns, **_lists(record)} if kind == USER else columns


def _lists(record: Record) -> Record:
    """Return a user's memberships with their groups; else its groups; else nothing."""
    memberships, groups = record.get("memberships"), record.get("groups")
    if memberships is None:
        return {} if groups is None else {"groups": groups}
    if not isinstance(groups, list) or not isinstance(memberships, list):
        return {"memberships": memberships}
    known = {item.get("id"): item for item in groups if isinstance(item, dict)}
    return {"memberships": [_with_group(item, known) for item in memberships]}


def _with_group(value: Any, known: Mapping[Any, Any]) -> Any:
    if not isinstance(value, dict) or value.get("group"):
        return value
    return {**value, "group": known.get(value.get("group_id"))}
