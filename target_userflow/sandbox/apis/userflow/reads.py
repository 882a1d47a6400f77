"""The endpoints of Userflow that read: lists, users, groups and definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from target_userflow.sandbox.apis.rules import require
from target_userflow.sandbox.apis.userflow.expanding import expander
from target_userflow.sandbox.apis.userflow.listing import list_page, refuse_condition
from target_userflow.sandbox.http.messages import Answer, Call, Refusal

if TYPE_CHECKING:
    from target_userflow.sandbox.apis.userflow.paged_dict import PagedDict
    from target_userflow.sandbox.apis.userflow.store import Store

T = TypeVar("T")

SCOPES = ("user", "group", "group_membership", "event")

_USER_ORDERS = (
    "created_at",
    "attributes.signed_up_at",
    "attributes.last_seen_at",
    "attributes.name",
)
_GROUP_ORDERS = ("created_at", "attributes.name")


def list_users(store: Store, call: Call) -> Answer:
    """Answer ``GET /users``, filtered by ``email``, ``group_id`` and ``segment_id``."""
    refuse_condition(call)
    query, users = call.query, store.users
    if "email" in query:
        users = users.only(lambda user: user.has_email(query["email"]))
    if "group_id" in query:
        users = users.only(lambda user: query["group_id"] in user.memberships)
    if "segment_id" in query:
        users = users.only(lambda _: False)
    return list_page(users, call, expander(store, call, "user"), _USER_ORDERS)


def list_groups(store: Store, call: Call) -> Answer:
    """Answer ``GET /groups``, filtered by ``user_id`` and ``segment_id``."""
    refuse_condition(call)
    groups = store.groups
    if "user_id" in call.query:
        user = store.users.get(call.query["user_id"])
        groups = groups.only(lambda group: user is not None and group.id in user.memberships)
    if "segment_id" in call.query:
        groups = groups.only(lambda _: False)
    return list_page(groups, call, expander(store, call, "group"), _GROUP_ORDERS)


def list_attribute_definitions(store: Store, call: Call) -> Answer:
    """Answer ``GET /attribute_definitions``, filtered by ``scope``."""
    query, definitions = call.query, store.attribute_definitions
    if "scope" not in query:
        return list_page(definitions, call, dict)
    require(query["scope"] in SCOPES, f"scope must be one of {', '.join(SCOPES)}")
    in_scope = definitions.only(lambda definition: definition["scope"] == query["scope"])
    return list_page(in_scope, call, dict)


def list_event_definitions(store: Store, call: Call) -> Answer:
    """Answer ``GET /event_definitions``."""
    return list_page(store.event_definitions, call, dict)


def get_user(store: Store, call: Call) -> Answer:
    """Answer ``GET /users/:id``."""
    return Answer.of(expander(store, call, "user")(_existing(store.users, call)))


def get_group(store: Store, call: Call) -> Answer:
    """Answer ``GET /groups/:id``."""
    return Answer.of(expander(store, call, "group")(_existing(store.groups, call)))


def _existing(items: PagedDict[T], call: Call) -> T:
    item = items.get(call.segments[1])
    if item is None:
        raise Refusal(404, f"there is nothing at {call.path}")
    return item
