"""How a product is asked what exists in it, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_userflow.apis.messages import Answer


class ExistingObject(NamedTuple):
    """An object that a product has."""

    id: str
    """The id that requests name it by, as in `Request.object_id`."""
    email: str | None = None
    """The email of a user, as it is spelled there."""


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

    found: Sequence[T]
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
    by_email: Callable[[str], str] | None = None
    """The path of the page of those with an email; whether its case counts is not documented."""
