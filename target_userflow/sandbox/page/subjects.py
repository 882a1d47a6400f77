"""The user, group, company or participant that a request is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import msgspec

if TYPE_CHECKING:
    from target_userflow.sandbox.http.request_log import LoggedRequest

_IN_BODY = {
    "/users": ("User", "users", "id"),
    "/groups": ("Group", "groups", "id"),
    "/events": ("User", "users", "user_id"),
    "/v1/identify": ("User", "userpilot_users", "user_id"),
    "/v1/companies/identify": ("Company", "userpilot_companies", "company_id"),
    "/v1/track": ("User", "userpilot_users", "user_id"),
}
"""The label, the list of the page and the key in the body, by path."""
_IN_PATH = {"/users/": ("User", "users"), "/groups/": ("Group", "groups")}
"""The label and the list of the page, by the beginning of a path that ends in an id."""


class Subject(NamedTuple):
    """The item that a request is about.

    Attributes:
        label: The type of the item.
        of: The list of the page that has the item.
        id: The id of the item.
    """

    label: str
    of: str
    id: str


def subject(entry: LoggedRequest) -> Subject | None:
    """Return the item that a request is about; None if there is none, or more than one."""
    for prefix, (label, of) in _IN_PATH.items():
        if entry.path.startswith(prefix):
            return Subject(label, of, unquote(entry.path.removeprefix(prefix)))
    if "user_id" in entry.query:
        return Subject("User", "users", entry.query["user_id"])
    if entry.path not in _IN_BODY or entry.body is None:
        return None
    label, of, key = _IN_BODY[entry.path]
    id_ = _value(entry, key)
    return Subject(label, of, id_) if isinstance(id_, str) else None


def _value(entry: LoggedRequest, key: str) -> Any:
    body = msgspec.json.decode(bytes(entry.body or b"null"))
    return body.get(key) if isinstance(body, dict) else None
