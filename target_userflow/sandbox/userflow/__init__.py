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

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from target_userflow.sandbox.calls import Answer, Call, Refusal
from target_userflow.sandbox.userflow import rules
from target_userflow.sandbox.userflow.store import Group, Store, User, memberships

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_userflow.sandbox.userflow.shelf import Shelf

    Endpoint = Callable[["Userflow", Call], Answer]

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


class Userflow:
    """Stands in for ``https://api.userflow.com``; see `calls.Api`."""

    def __init__(self) -> None:
        """Begin with an empty environment."""
        self._store = Store()

    def reset(self) -> None:
        """Forget everything that was written."""
        self._store = Store()

    def state(self) -> dict[str, Any]:
        """Users and groups by id, events in the order of arrival."""
        return self._store.state()

    def authorize(self, call: Call, key: str) -> None:
        """Let in who sends ``Authorization: Bearer`` with the key."""
        if call.headers.get("authorization") != f"Bearer {key}":
            raise Refusal(401, "the Authorization header must be Bearer with a valid API key")

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

    def answer(self, call: Call) -> Answer:
        """Answer a call on one of the endpoints."""
        endpoint = _endpoint(call)
        _check_headers(call)
        return endpoint(self, call)

    def list_users(self, call: Call) -> Answer:
        """``GET /users``, of an email if asked for."""
        query, users = _list_query(call, "email"), self._store.users
        if "email" in query:
            users = users.only(lambda user: user.has_email(query["email"]))
        return _page(users, call, User.shown)

    def list_groups(self, call: Call) -> Answer:
        """``GET /groups``."""
        _list_query(call)
        return _page(self._store.groups, call, Group.shown)

    def list_attribute_definitions(self, call: Call) -> Answer:
        """``GET /attribute_definitions``, of a scope if asked for."""
        query, definitions = _list_query(call, "scope"), self._store.attribute_definitions
        if "scope" in query:
            _require(query["scope"] in SCOPES, f"scope must be one of {', '.join(SCOPES)}")
            definitions = definitions.only(lambda known: known["scope"] == query["scope"])
        return _page(definitions, call, dict)

    def list_event_definitions(self, call: Call) -> Answer:
        """``GET /event_definitions``."""
        _list_query(call)
        return _page(self._store.event_definitions, call, dict)

    def get_user(self, call: Call) -> Answer:
        """``GET /users/:id``."""
        return Answer.of(_existing(self._store.users, call).shown())

    def get_group(self, call: Call) -> Answer:
        """``GET /groups/:id``."""
        return Answer.of(_existing(self._store.groups, call).shown())

    def save_user(self, call: Call) -> Answer:
        """``POST /users``."""
        body = _valid(call, rules.user)
        unknown = self._lacks_group(joined["group"]["id"] for joined in memberships(body))
        user = self._store.save_user(body)
        return Answer.of(user.shown(), applied=True, group_unknown=unknown)

    def save_group(self, call: Call) -> Answer:
        """``POST /groups``."""
        group = self._store.save_group(_valid(call, rules.group))
        return Answer.of(group.shown(), applied=True)

    def track(self, call: Call) -> Answer:
        """``POST /events``."""
        body = _valid(call, rules.event)
        event = self._store.track(body, call.seq)
        return Answer.of(
            {"object": "event", **event},
            applied=True,
            user_unknown="user_id" in body and body["user_id"] not in self._store.users,
            group_unknown="group_id" in body and self._lacks_group([body["group_id"]]),
        )

    def delete_user(self, call: Call) -> Answer:
        """``DELETE /users/:id``."""
        self._store.delete_user(call.segments[1])
        return Answer.of(_DELETED, applied=True)

    def delete_group(self, call: Call) -> Answer:
        """``DELETE /groups/:id``."""
        self._store.delete_group(call.segments[1])
        return Answer.of(_DELETED, applied=True)

    def delete_membership(self, call: Call) -> Answer:
        """``DELETE /group_memberships``."""
        query = _query(call, {"user_id", "group_id"})
        for name in ("user_id", "group_id"):
            _require(query.get(name, "").strip(), f"{name} must be a non-empty string")
        self._store.delete_membership(query["user_id"], query["group_id"])
        return Answer.of(_DELETED, applied=True)

    def _lacks_group(self, ids: Iterable[str]) -> bool:
        return any(id_ not in self._store.groups for id_ in ids)


_ONE = "an id"
_ENDPOINTS: dict[tuple[str, ...], dict[str, Endpoint]] = {
    ("users",): {"GET": Userflow.list_users, "POST": Userflow.save_user},
    ("users", _ONE): {"GET": Userflow.get_user, "DELETE": Userflow.delete_user},
    ("groups",): {"GET": Userflow.list_groups, "POST": Userflow.save_group},
    ("groups", _ONE): {"GET": Userflow.get_group, "DELETE": Userflow.delete_group},
    ("events",): {"POST": Userflow.track},
    ("group_memberships",): {"DELETE": Userflow.delete_membership},
    ("attribute_definitions",): {"GET": Userflow.list_attribute_definitions},
    ("event_definitions",): {"GET": Userflow.list_event_definitions},
}


def _endpoint(call: Call) -> Endpoint:
    collection, *ids = _segments(call)
    methods = _ENDPOINTS.get((collection, *(_ONE for _ in ids)))
    if not methods or not all(id_.strip() for id_ in ids):
        raise Refusal(404, f"there is nothing at {call.path}")
    if call.method not in methods:
        allowed = ", ".join(methods)
        raise Refusal(405, f"{call.path} knows {allowed} only", {"Allow": allowed})
    return methods[call.method]


def _segments(call: Call) -> tuple[str, ...]:
    try:
        return call.segments
    except UnicodeDecodeError:
        raise Refusal(400, "the path must be percent-encoded UTF-8") from None


def _check_headers(call: Call) -> None:
    if not _accepts_json(call.headers.get("accept", "*/*")):
        raise Refusal(406, "the Accept header must allow application/json")
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if call.method == "POST" and media_type != "application/json":
        raise Refusal(415, "the Content-Type header must be application/json")
    _require(
        call.headers.get("userflow-version") == VERSION,
        f"the Userflow-Version header must be {VERSION}",
    )


@lru_cache
def _accepts_json(accept: str) -> bool:
    """Whether an Accept header allows JSON; a media range with ``q=0`` excludes it (RFC 9110)."""
    for media_range in accept.lower().split(","):
        name, *parameters = [part.strip() for part in media_range.split(";")]
        refused = any(parameter.rstrip(".0") == "q=" for parameter in parameters)
        if name in {"application/json", "application/*", "*/*"} and not refused:
            return True
    return False


def _valid(call: Call, rule_set: rules.RuleSet) -> dict[str, Any]:
    """The body, if it breaks no rule."""
    value, broken = call.document
    broken = broken or rules.first_broken(rule_set, value)
    if broken:
        raise Refusal(400, broken)
    body: dict[str, Any] = value
    return body


def _require(kept: object, rule: str) -> None:
    if not kept:
        raise Refusal(400, rule)


def _query(call: Call, known: set[str]) -> dict[str, str]:
    for name in call.query:
        _require(name in known, f"{name} is no known parameter")
    return dict(call.query)


def _list_query(call: Call, *filters: str) -> dict[str, str]:
    return _query(call, {"limit", "starting_after", *filters})


def _existing(shelf: Shelf[T], call: Call) -> T:
    found = shelf.get(call.segments[1])
    if found is None:
        raise Refusal(404, f"there is nothing at {call.path}")
    return found


def _page(shelf: Shelf[T], call: Call, show: Callable[[T], dict[str, Any]]) -> Answer:
    """The list object of the API: one page, and where the next one is."""
    limit, after = _limit(call.query.get("limit", "10")), call.query.get("starting_after")
    _require(after is None or after in shelf, "starting_after must be the id of something listed")
    things, has_more = shelf.page(after, limit)
    data = [show(thing) for thing in things]
    following = {**call.query, "starting_after": data[-1]["id"]} if has_more else None
    url = following and f"{call.path}?{urlencode(following)}"
    return Answer.of({"object": "list", "data": data, "has_more": has_more, "next_page_url": url})


def _limit(text: str) -> int:
    limit = int(text) if text.isdecimal() and len(text) <= len(str(MAX_LIMIT)) else 0
    _require(1 <= limit <= MAX_LIMIT, f"limit must be a whole number from 1 to {MAX_LIMIT}")
    return limit
