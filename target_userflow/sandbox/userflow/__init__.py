"""The Userflow API: who may call it, what it offers, and how it says no.

The facts are from the Userflow API reference. What it leaves open is decided here:

- Without the version header the real API takes its latest version; here the header is required,
  since the reference strongly recommends to send it.
- The codes of errors, and which of several errors is told, are guesses.
- A ``starting_after`` that names nothing is refused. ``url`` is a path, and ``next_page_url`` one
  with a query. What else can be asked for: see ``reading``.
- An event may name a user or a group that does not exist: it is kept, and creates neither.
- What an attribute's type means for values of another type: see ``attributes``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from target_userflow.sandbox.api import ANY_JSON, ID, JSON, Api, Limit, check_media_types
from target_userflow.sandbox.calls import Answer, Call, Refusal
from target_userflow.sandbox.checks import require, valid
from target_userflow.sandbox.userflow import reading, rules
from target_userflow.sandbox.userflow.store import Group, Store, User, membership_id, memberships

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_userflow.sandbox.api import Endpoints
    from target_userflow.sandbox.userflow.shelf import Shelf

T = TypeVar("T")

VERSION = "2020-01-03"
SCOPES = ("user", "group", "group_membership", "event")

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
_ORDERS = {
    "user": (
        "created_at",
        "attributes.signed_up_at",
        "attributes.last_seen_at",
        "attributes.name",
    ),
    "group": ("created_at", "attributes.name"),
}


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
        """``GET /users``, of an email, a group or a segment if asked for."""
        reading.refuse_condition(call)
        query, users = call.query, self.store.users
        if "email" in query:
            users = users.only(lambda user: user.has_email(query["email"]))
        if "group_id" in query:
            users = users.only(lambda user: query["group_id"] in user.memberships)
        if "segment_id" in query:
            users = users.only(lambda _: False)
        return reading.page(users, call, self._shower(call, "user"), _ORDERS["user"])

    def list_groups(self, call: Call) -> Answer:
        """``GET /groups``, of a user or a segment if asked for."""
        reading.refuse_condition(call)
        groups = self.store.groups
        if "user_id" in call.query:
            user = self.store.users.get(call.query["user_id"])
            groups = groups.only(lambda group: user is not None and group.id in user.memberships)
        if "segment_id" in call.query:
            groups = groups.only(lambda _: False)
        return reading.page(groups, call, self._shower(call, "group"), _ORDERS["group"])

    def list_attribute_definitions(self, call: Call) -> Answer:
        """``GET /attribute_definitions``, of a scope if asked for."""
        query, definitions = call.query, self.store.attribute_definitions
        if "scope" in query:
            require(query["scope"] in SCOPES, f"scope must be one of {', '.join(SCOPES)}")
            definitions = definitions.only(lambda known: known["scope"] == query["scope"])
        return reading.page(definitions, call, dict)

    def list_event_definitions(self, call: Call) -> Answer:
        """``GET /event_definitions``."""
        return reading.page(self.store.event_definitions, call, dict)

    def get_user(self, call: Call) -> Answer:
        """``GET /users/:id``."""
        return Answer.of(self._shower(call, "user")(_existing(self.store.users, call)))

    def get_group(self, call: Call) -> Answer:
        """``GET /groups/:id``."""
        return Answer.of(self._shower(call, "group")(_existing(self.store.groups, call)))

    def save_user(self, call: Call) -> Answer:
        """``POST /users``."""
        body, show = valid(call, rules.user), self._shower(call, "user")
        unknown = self._lacks_group(joined["group"]["id"] for joined in memberships(body))
        user = self.store.save_user(body)
        return Answer.of(show(user), applied=True, group_unknown=unknown)

    def save_group(self, call: Call) -> Answer:
        """``POST /groups``."""
        show = self._shower(call, "group")
        group = self.store.save_group(valid(call, rules.group))
        return Answer.of(show(group), applied=True)

    def track(self, call: Call) -> Answer:
        """``POST /events``."""
        body = valid(call, rules.event)
        event = self.store.track(body, call.seq)
        return Answer.of(
            {
                "id": f"ev_{call.seq}",
                "object": "event",
                "created_at": self.store.now(),
                **{name: value for name, value in event.items() if name != "seq"},
            },
            applied=True,
            user_unknown="user_id" in body and body["user_id"] not in self.store.users,
            group_unknown="group_id" in body and self._lacks_group([body["group_id"]]),
        )

    def delete_user(self, call: Call) -> Answer:
        """``DELETE /users/:id``."""
        self.store.delete_user(call.segments[1])
        return _deleted(call.segments[1], "user")

    def delete_group(self, call: Call) -> Answer:
        """``DELETE /groups/:id``."""
        self.store.delete_group(call.segments[1])
        return _deleted(call.segments[1], "group")

    def delete_membership(self, call: Call) -> Answer:
        """``DELETE /group_memberships``."""
        query = call.query
        for name in ("user_id", "group_id"):
            require(query.get(name, "").strip(), f"{name} must be a non-empty string")
        self.store.delete_membership(query["user_id"], query["group_id"])
        return _deleted(membership_id(query["user_id"], query["group_id"]), "group_membership")

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

    def _shower(self, call: Call, kind: str) -> Callable[[User | Group], dict[str, Any]]:
        """What tells of users or groups, expanded as a call asks for it."""
        tree = reading.expanded(call, kind)
        return lambda thing: self.store.shown(thing, tree)

    def _lacks_group(self, ids: Iterable[str]) -> bool:
        return any(id_ not in self.store.groups for id_ in ids)


def _existing(shelf: Shelf[T], call: Call) -> T:
    found = shelf.get(call.segments[1])
    if found is None:
        raise Refusal(404, f"there is nothing at {call.path}")
    return found


def _deleted(id_: str, kind: str) -> Answer:
    return Answer.of({"id": id_, "object": kind, "deleted": True}, applied=True)
