"""Requests that read Userflow's users, groups and definitions, and what their answers say.

Wire facts are from the Userflow API reference: lists come in pages of at most 100, each asked for
with the id of the last thing on the one before. Users and groups come in the order `created_at`;
`expand` adds the memberships of users, and what there is of the groups of these.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlencode

import msgspec

from target_userflow.apis.listing import (
    EVENT_NAMES,
    Definition,
    ExistingMembership,
    ExistingObject,
    Listing,
    Page,
)
from target_userflow.apis.mapper import in_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from target_userflow.apis.messages import Answer, Request

MOST = 100  # things on a page
_SCOPES = {"/users": "user", "/groups": "group", "/events": "event"}


MEMBERSHIPS = "memberships"
"""The value of `expand` with which a list of users has their memberships."""
MEMBERSHIPS_AND_GROUPS = "memberships.group"
"""The value of `expand` with which each membership also has its group's attributes."""


class _Listed(msgspec.Struct):
    id: str


class _Group(msgspec.Struct):
    attributes: dict[str, Any] | None = None


class _Membership(msgspec.Struct):
    group_id: str
    attributes: dict[str, Any] | None = None
    group: _Group | None = None


class _Thing(_Listed):
    """A user or a group: of all that is said of it, what requests can change."""

    attributes: dict[str, Any] | None = None
    memberships: list[_Membership] | None = None


class _EventName(_Listed):
    name: str


class _Definition(_Listed):
    scope: str
    name: str
    data_type: str


Listed = TypeVar("Listed", bound=_Listed)
T = TypeVar("T")


class _List(msgspec.Struct, Generic[Listed]):
    data: list[Listed]
    has_more: bool


def leaves(request: Request) -> Iterator[tuple[str, ExistingObject]]:
    """Yield the user or group that a `POST` writes, and the groups that it puts the user in."""
    written = request.payload
    if written is None or request.path not in {"/users", "/groups"}:
        return
    yield request.path[1:], ExistingObject(written["id"], _set_by(written.get("attributes", {})))
    memberships = written.get("memberships", ())
    for group in [*written.get("groups", ()), *(item["group"] for item in memberships)]:
        yield "groups", ExistingObject(group["id"])


def attributes(request: Request) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Scope and attributes of all that a request writes."""
    scope, written = _SCOPES.get(request.path), request.payload
    if scope and written is not None:
        yield from _attributes(scope, written)
        for group in written.get("groups", ()):
            yield from _attributes("group", group)
        for membership in written.get("memberships", ()):
            yield from _attributes("group_membership", membership)
            yield from _attributes("group", membership["group"])


def event_name(request: Request) -> str | None:
    """Return the name of the event that a request appends; None for another request."""
    written = request.payload
    return str(written["name"]) if written is not None and request.path == "/events" else None


def definitions(scope: str) -> Listing[Definition]:
    """`GET /attribute_definitions` of a scope, or `GET /event_definitions`."""
    if scope == EVENT_NAMES:
        return Listing(
            page=lambda after: _page("/event_definitions", after),
            read=lambda answer, after: _read(answer, after, _List[_EventName], _event_definition),
        )
    return Listing(
        page=lambda after: _page("/attribute_definitions", after, scope=scope),
        read=lambda answer, after: _read(answer, after, _List[_Definition], _definition),
    )


def _attributes(scope: str, written: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if written.get("attributes"):
        yield scope, written["attributes"]


def _page(path: str, after: str | None, **filters: str) -> str:
    """Return the path of the page that follows the object with the id `after`."""
    start = {} if after is None else {"starting_after": after}
    return f"{path}?{urlencode({'limit': MOST, **filters, **start})}"


def _read(
    answer: Answer, after: str | None, kind: type[_List[Listed]], convert: Callable[[Listed], T]
) -> Page[T]:
    try:
        listed: _List[Listed] = decoded(answer.body, kind)
    except msgspec.DecodeError:
        raise ValueError("it is no list") from None
    following = listed.data[-1].id if listed.has_more and listed.data else None
    if listed.has_more and following in {None, after}:
        raise ValueError("there is more, but no way to it")
    return Page([convert(item) for item in listed.data], following)


def decoded(body: bytes, kind: Any = Any) -> Any:
    """Return what a body holds, with every digit of its numbers.

    Raises:
        msgspec.DecodeError: it is nothing of that kind.
    """
    if kind not in _decoders:
        _decoders[kind] = msgspec.json.Decoder(kind, float_hook=Decimal)
    return _decoders[kind].decode(body)


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def _listed_object(thing: _Thing) -> ExistingObject:
    memberships = thing.memberships
    listed = None if memberships is None else [*map(_listed_membership, memberships)]
    return ExistingObject(thing.id, thing.attributes or {}, listed)


def _listed_membership(listed: _Membership) -> ExistingMembership:
    group = None if listed.group is None else listed.group.attributes or {}
    return ExistingMembership(listed.group_id, listed.attributes or {}, group)


def _read_one(answer: Answer) -> ExistingObject:
    try:
        return _listed_object(decoded(answer.body, _Thing))
    except msgspec.DecodeError:
        raise ValueError("it is no object") from None


def _set_by(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that plain attributes and the operation `set` leave behind."""
    operands = {
        name: value.get("set") if isinstance(value, dict) else value
        for name, value in attributes.items()
    }
    return {name: value for name, value in operands.items() if value is not None}


def _event_definition(listed: _EventName) -> Definition:
    return Definition(EVENT_NAMES, listed.name, "")


def _definition(listed: _Definition) -> Definition:
    return Definition(listed.scope, listed.name, listed.data_type)


def _existing(path: str, expand: str = "", **more: Any) -> Listing[ExistingObject]:
    expanded = {"expand": expand} if expand else {}
    query = f"?{urlencode(expanded)}" if expand else ""
    return Listing(
        page=lambda after: _page(path, after, order_by="created_at", **expanded),
        read=lambda answer, after: _read(answer, after, _List[_Thing], _listed_object),
        by_id=lambda id_: f"{path}/{in_url(id_)}{query}",
        read_one=_read_one,
        begins_anywhere=True,
        **more,
    )


def users(expand: str = "") -> Listing[ExistingObject]:
    """Return how to ask for users.

    Args:
        expand: `MEMBERSHIPS`, `MEMBERSHIPS_AND_GROUPS`, or empty.
    """
    return _existing("/users", expand, by_email=lambda email: _page("/users", None, email=email))


USERS = users()
GROUPS = _existing("/groups")
