"""What Userflow tells of itself: which users and groups exist, and what attributes are defined.

Wire facts are from the Userflow API reference: lists come in pages of at most 100, each asked for
with the id of the last thing on the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlencode

import msgspec

from target_userflow.apis.listing import Definition, ExistingObject, Listing, Page
from target_userflow.apis.mapper import in_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from target_userflow.apis.messages import Answer, Request

MOST = 100  # things on a page
_SCOPES = {"/users": "user", "/groups": "group", "/events": "event"}


class _Attributes(msgspec.Struct):
    email: Any = None


class _Listed(msgspec.Struct):
    id: str


class _Thing(_Listed):
    """A user or a group: of all that is said of it, what exists thereby."""

    attributes: _Attributes | None = None


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
    """The user or group that a `POST` writes, and the groups that it puts the user in."""
    written = request.payload
    if written is None or request.path not in {"/users", "/groups"}:
        return
    yield (
        request.path[1:],
        _existing_object(written["id"], written.get("attributes", {}).get("email")),
    )
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


def definitions(scope: str) -> Listing[Definition]:
    """`GET /attribute_definitions` of a scope."""
    return Listing(
        page=lambda after: _page("/attribute_definitions", after, scope=scope),
        read=lambda answer, after: _read(answer, after, _List[_Definition], _definition),
    )


def _attributes(scope: str, written: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if written.get("attributes"):
        yield scope, written["attributes"]


def _page(path: str, after: str | None, **filters: str) -> str:
    """The path of the page that follows the thing with the id `after`."""
    start = {} if after is None else {"starting_after": after}
    return f"{path}?{urlencode({'limit': MOST, **filters, **start})}"


def _read(
    answer: Answer, after: str | None, kind: type[_List[Listed]], convert: Callable[[Listed], T]
) -> Page[T]:
    try:
        listed = msgspec.json.decode(answer.body, type=kind)
    except msgspec.DecodeError:
        raise ValueError("it is no list") from None
    following = listed.data[-1].id if listed.has_more and listed.data else None
    if listed.has_more and following in {None, after}:
        raise ValueError("there is more, but no way to it")
    return Page([convert(item) for item in listed.data], following)


def _listed_object(thing: _Thing) -> ExistingObject:
    return _existing_object(thing.id, thing.attributes.email if thing.attributes else None)


def _existing_object(id_: str, email: Any) -> ExistingObject:
    if isinstance(email, dict):  # an operation that sets it
        email = email.get("set")
    return ExistingObject(id_, email if isinstance(email, str) else None)


def _definition(listed: _Definition) -> Definition:
    return Definition(listed.scope, listed.name, listed.data_type)


def _existing(path: str, **more: Any) -> Listing[ExistingObject]:
    return Listing(
        page=lambda after: _page(path, after),
        read=lambda answer, after: _read(answer, after, _List[_Thing], _listed_object),
        by_id=lambda id_: f"{path}/{in_url(id_)}",
        **more,
    )


USERS = _existing("/users", by_email=lambda email: _page("/users", None, email=email))
GROUPS = _existing("/groups")
