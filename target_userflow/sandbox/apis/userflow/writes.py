"""The endpoints of Userflow that write: users, groups, memberships and events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.sandbox.apis.rules import require, valid_body
from target_userflow.sandbox.apis.userflow import rules
from target_userflow.sandbox.apis.userflow.expanding import expander
from target_userflow.sandbox.apis.userflow.objects import membership_id
from target_userflow.sandbox.apis.userflow.store import memberships_in
from target_userflow.sandbox.http.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_userflow.sandbox.apis.userflow.store import Store
    from target_userflow.sandbox.http.messages import Call


def save_user(store: Store, call: Call) -> Answer:
    """Answer ``POST /users``."""
    body, as_object = valid_body(call, rules.user), expander(store, call, "user")
    groups = (membership["group"]["id"] for membership in memberships_in(body))
    unknown = _lacks_group(store, groups)
    user = store.save_user(body)
    return Answer.of(as_object(user), applied=True, group_unknown=unknown)


def save_group(store: Store, call: Call) -> Answer:
    """Answer ``POST /groups``."""
    as_object = expander(store, call, "group")
    group = store.save_group(valid_body(call, rules.group))
    return Answer.of(as_object(group), applied=True)


def track(store: Store, call: Call) -> Answer:
    """Answer ``POST /events``. An unknown user or group is not created."""
    body = valid_body(call, rules.event)
    event = store.track(body, call.seq)
    identity = {"id": f"ev_{call.seq}", "object": "event", "created_at": store.now()}
    return Answer.of(
        {**identity, **{key: value for key, value in event.items() if key != "seq"}},
        applied=True,
        user_unknown="user_id" in body and body["user_id"] not in store.users,
        group_unknown="group_id" in body and _lacks_group(store, [body["group_id"]]),
    )


def delete_user(store: Store, call: Call) -> Answer:
    """Answer ``DELETE /users/:id``."""
    store.delete_user(call.segments[1])
    return _deleted(call.segments[1], "user")


def delete_group(store: Store, call: Call) -> Answer:
    """Answer ``DELETE /groups/:id``."""
    store.delete_group(call.segments[1])
    return _deleted(call.segments[1], "group")


def delete_membership(store: Store, call: Call) -> Answer:
    """Answer ``DELETE /group_memberships``."""
    query = call.query
    for parameter in ("user_id", "group_id"):
        require(query.get(parameter, "").strip(), f"{parameter} must be a non-empty string")
    store.delete_membership(query["user_id"], query["group_id"])
    return _deleted(membership_id(query["user_id"], query["group_id"]), "group_membership")


def _lacks_group(store: Store, ids: Iterable[str]) -> bool:
    """Return whether any of the groups does not exist."""
    return any(id_ not in store.groups for id_ in ids)


def _deleted(id_: str, kind: str) -> Answer:
    return Answer.of({"id": id_, "object": kind, "deleted": True}, applied=True)
