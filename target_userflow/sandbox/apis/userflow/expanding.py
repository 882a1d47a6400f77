"""The objects of the API with the relations that a call expands (Userflow API reference).

Decided here: a path that the reference does not list, or one of more than 4 levels, is refused, and
a ``POST`` takes ``expand`` in its query, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.apis.rules import query_values, require
from target_userflow.sandbox.apis.userflow.objects import Group, User, membership_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.sandbox.apis.userflow.store import Store
    from target_userflow.sandbox.http.messages import Call

Tree = dict[str, Any]
"""The relations to expand, each with the relations to expand in it."""

_MAX_LEVELS = 4
_RELATIONS = {
    "user": {"groups": "group", "memberships": "group_membership"},
    "group": {"users": "user", "memberships": "group_membership"},
    "group_membership": {"user": "user", "group": "group"},
}
"""The relations of each type of object, each with the type that it leads to."""


def expander(store: Store, call: Call, kind: str) -> Callable[[User | Group], dict[str, Any]]:
    """Return a function that makes the API object of a user or group, expanded as a call asks.

    Raises:
        Refusal: the call expands a relation that the type does not have.
    """
    tree = _tree(call, kind)
    return lambda item: expanded(store, item, tree)


def expanded(store: Store, item: User | Group, tree: Tree) -> dict[str, Any]:
    """Return the API object of a user or group, with its relations expanded."""
    expanded_object = item.as_object()
    pairs = store.memberships_of(item)
    for relation, inner in tree.items():
        expanded_object[relation] = [_related(store, relation, pair, inner) for pair in pairs]
    return expanded_object


def _related(store: Store, relation: str, pair: tuple[User, Group], tree: Tree) -> dict[str, Any]:
    user, group = pair
    match relation:
        case "groups":
            return expanded(store, group, tree)
        case "users":
            return expanded(store, user, tree)
        case _:
            return _membership(store, user, group, tree)


def _membership(store: Store, user: User, group: Group, tree: Tree) -> dict[str, Any]:
    """Return the membership object of the API."""
    return {
        "id": membership_id(user.id, group.id),
        "object": "group_membership",
        "attributes": user.memberships[group.id],
        "created_at": user.joined_at[group.id],
        "group": expanded(store, group, tree["group"]) if "group" in tree else None,
        "group_id": group.id,
        "user": expanded(store, user, tree["user"]) if "user" in tree else None,
        "user_id": user.id,
    }


def _tree(call: Call, kind: str) -> Tree:
    """Return the relations that a call expands in objects of a type."""
    tree: Tree = {}
    for path in query_values(call, "expand"):
        levels = path.split(".")
        require(len(levels) <= _MAX_LEVELS, f"expand goes {_MAX_LEVELS} levels deep at most")
        branch, parent = tree, kind
        for relation in levels:
            require(relation in _RELATIONS[parent], f"expand: {parent} has no {relation!r}")
            branch, parent = branch.setdefault(relation, {}), _RELATIONS[parent][relation]
    return tree
