"""The Userflow API: who may call it, what it offers, and how it says no.

The facts are from the Userflow API reference. What it leaves open is decided here:

- Without the version header the real API takes its latest version; here the header is required,
  since the reference strongly recommends to send it.
- The codes of errors, and which of several errors is told, are guesses.
- Lists know only the parameters that are listed here, and refuse others, and a ``starting_after``
  that names nothing. ``next_page_url`` is a path with a query.
- An event may name a user or a group that does not exist: it is kept, and creates neither.
- What an attribute's type means for values of another type: see ``attributes``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import urlencode

from target_userflow.sandbox.api import ANY_JSON, ID, JSON, Api, Limit, check_media_types
from target_userflow.sandbox.calls import Answer, Call, Refusal
from target_userflow.sandbox.checks import parameters, require, valid, whole
from target_userflow.sandbox.userflow import rules
from target_userflow.sandbox.userflow.store import Group, Store, User, memberships

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_userflow.sandbox.api import Endpoints
    from target_userflow.sandbox.userflow.shelf import Shelf

T = TypeVar("T")

VERSION = "2020-01-03"
SCOPES = ("user", "group", "group_membership", "event")
MAX_LIMIT = 100

_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    415: "unsupported_media_type",
    429: "rate_limited",
    500: "internal_error",
    503: "service_unavailable",
}
_DELETED = {"deleted": True}


class Userflow(Api):
    """Stands in for ``https://api.userflow.com``.

    Attributes:
        store: What was written.
    """

    name = "userflow"
    prefix = "/"

    def reset(self) -> None:
        """Forget everything that was written."""
        self.store = Store()

    def state(self) -> dict[str, Any]:
        """Users and groups by id, events in the order of arrival."""
        return self.store.state()

    def authorize(self, call: Call) -> None:
        """Let in who sends ``Authorization: Bearer`` with the key."""
        if call.headers.get("authorization") != f"Bearer {self.settings.api_key}":
            raise Refusal(401, "the Authorization header must be Bearer with a valid API key")

    def limit(self, call: Call) -> Limit:  # noqa: ARG002 (all calls count together)
        """One limit for all calls."""
        return Limit(f"{self.name} {self.settings.api_key}", self.settings.rate_limit)

    def check_headers(self, call: Call) -> None:
        """JSON, and the version."""
        check_media_types(call, (JSON,), ANY_JSON)
        version = call.headers.get("userflow-version")
        require(version == VERSION, f"the Userflow-Version header must be {VERSION}")

    def refuse(self, refusal: Refusal, call: Call) -> Answer:
        """The documented shape of an error."""
        error = {
            "code": _CODES[refusal.status],
            "message": refusal.message,
            "doc_url": "https://userflow.com/docs/api#errors",
            "request_id": call.request_id,
        }
        return Answer.of(
            {"error": error}, refusal.status, headers=refusal.headers, rule=refusal.rule
        )

    def list_users(self, call: Call) -> Answer:
        """``GET /users``, of an email if asked for."""
        query, users = _list_query(call, "email"), self.store.users
        if "email" in query:
            users = users.only(lambda user: user.has_email(query["email"]))
        return _page(users, call, User.shown)

    def list_groups(self, call: Call) -> Answer:
        """``GET /groups``."""
        _list_query(call)
        return _page(self.store.groups, call, Group.shown)

    def list_attribute_definitions(self, call: Call) -> Answer:
        """``GET /attribute_definitions``, of a scope if asked for."""
        query, definitions = _list_query(call, "scope"), self.store.attribute_definitions
        if "scope" in query:
            require(query["scope"] in SCOPES, f"scope must be one of {', '.join(SCOPES)}")
            definitions = definitions.only(lambda known: known["scope"] == query["scope"])
        return _page(definitions, call, dict)

    def list_event_definitions(self, call: Call) -> Answer:
        """``GET /event_definitions``."""
        _list_query(call)
        return _page(self.store.event_definitions, call, dict)

    def get_user(self, call: Call) -> Answer:
        """``GET /users/:id``."""
        return Answer.of(_existing(self.store.users, call).shown())

    def get_group(self, call: Call) -> Answer:
        """``GET /groups/:id``."""
        return Answer.of(_existing(self.store.groups, call).shown())

    def save_user(self, call: Call) -> Answer:
        """``POST /users``."""
        body = valid(call, rules.user)
        unknown = self._lacks_group(joined["group"]["id"] for joined in memberships(body))
        user = self.store.save_user(body)
        return Answer.of(user.shown(), applied=True, group_unknown=unknown)

    def save_group(self, call: Call) -> Answer:
        """``POST /groups``."""
        group = self.store.save_group(valid(call, rules.group))
        return Answer.of(group.shown(), applied=True)

    def track(self, call: Call) -> Answer:
        """``POST /events``."""
        body = valid(call, rules.event)
        event = self.store.track(body, call.seq)
        return Answer.of(
            {"object": "event", **event},
            applied=True,
            user_unknown="user_id" in body and body["user_id"] not in self.store.users,
            group_unknown="group_id" in body and self._lacks_group([body["group_id"]]),
        )

    def delete_user(self, call: Call) -> Answer:
        """``DELETE /users/:id``."""
        self.store.delete_user(call.segments[1])
        return Answer.of(_DELETED, applied=True)

    def delete_group(self, call: Call) -> Answer:
        """``DELETE /groups/:id``."""
        self.store.delete_group(call.segments[1])
        return Answer.of(_DELETED, applied=True)

    def delete_membership(self, call: Call) -> Answer:
        """``DELETE /group_memberships``."""
        query = parameters(call, {"user_id", "group_id"})
        for name in ("user_id", "group_id"):
            require(query.get(name, "").strip(), f"{name} must be a non-empty string")
        self.store.delete_membership(query["user_id"], query["group_id"])
        return Answer.of(_DELETED, applied=True)

    endpoints: ClassVar[Endpoints] = {
        ("users",): {"GET": list_users, "POST": save_user},
        ("users", ID): {"GET": get_user, "DELETE": delete_user},
        ("groups",): {"GET": list_groups, "POST": save_group},
        ("groups", ID): {"GET": get_group, "DELETE": delete_group},
        ("events",): {"POST": track},
        ("group_memberships",): {"DELETE": delete_membership},
        ("attribute_definitions",): {"GET": list_attribute_definitions},
        ("event_definitions",): {"GET": list_event_definitions},
    }

    def _lacks_group(self, ids: Iterable[str]) -> bool:
        return any(id_ not in self.store.groups for id_ in ids)


def _list_query(call: Call, *filters: str) -> dict[str, str]:
    return parameters(call, {"limit", "starting_after", *filters})


def _existing(shelf: Shelf[T], call: Call) -> T:
    found = shelf.get(call.segments[1])
    if found is None:
        raise Refusal(404, f"there is nothing at {call.path}")
    return found


def _page(shelf: Shelf[T], call: Call, show: Callable[[T], dict[str, Any]]) -> Answer:
    """The list object of the API: one page, and where the next one is."""
    limit = whole(call, "limit", default=10, highest=MAX_LIMIT)
    after = call.query.get("starting_after")
    require(after is None or after in shelf, "starting_after must be the id of something listed")
    things, has_more = shelf.page(after, limit)
    data = [show(thing) for thing in things]
    following = {**call.query, "starting_after": data[-1]["id"]} if has_more else None
    url = following and f"{call.path}?{urlencode(following)}"
    return Answer.of({"object": "list", "data": data, "has_more": has_more, "next_page_url": url})
