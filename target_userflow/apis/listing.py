"""How a product is asked what exists in it, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_userflow.apis.messages import Answer


class ExistingMembership(NamedTuple):
    """A membership of a user in a group."""

    group_id: str
    attributes: Mapping[str, Any]
    group_attributes: Mapping[str, Any] | None
    """The attributes of the group; None where these were not asked for."""


EVENT_NAMES = "event name"
"""The scope under which the names of events are defined, beside those of attributes."""


class ExistingObject(NamedTuple):
    """An object that a product has."""

    id: str
    """The id that requests name it by, as in `Request.object_id`."""
    attributes: Mapping[str, Any] = {}
    """Its attributes, as the product keeps them; `Decimal` keeps every digit of a number."""
    memberships: Sequence[ExistingMembership] | None = None
    """The memberships of a user; None where these were not asked for."""


class Definition(NamedTuple):
    """An attribute that a destination knows."""

    scope: str
    """The kind of object that has the attribute: `user`, `group` …"""
    name: str
    data_type: str


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list."""

    objects: Sequence[T]
    after: str | None
    """The cursor that asks for the next page; None if this page is the last."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Asks a product for its objects, page by page or one by one."""

    page: Callable[[str | None], str]
    """The path of the page after another one, as large as it gets; None asks for the first."""
    read: Callable[[Answer, str | None], Page[T]]
    """Reads the page of an answer, given the cursor that asked for it; raises ValueError if the
    answer holds no page."""
    by_id: Callable[[str], str] | None = None
    """The path to ask for one id, answered 404 if it is not there; None where there is none."""
    read_one: Callable[[Answer], T] | None = None
    """Reads the object in the answer to `by_id`; raises ValueError if it holds none."""
    by_email: Callable[[str], str] | None = None
    """The path of the page of those with an email; whether its case counts is not documented."""
    begins_anywhere: bool = False
    """Whether any object's id is the cursor of what comes after it."""
