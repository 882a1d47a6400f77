"""How a product is asked what exists in it, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_userflow.apis.messages import Answer


class ExistingObject(NamedTuple):
    """What exists in a destination."""

    id: str
    """The id that requests name it by, as in `Request.object_id`."""
    email: str | None = None
    """The email of a user, as it is spelled there."""


class Definition(NamedTuple):
    """An attribute that a destination knows."""

    scope: str
    """What has it: `user`, `group` …"""
    name: str
    data_type: str


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of what is listed."""

    found: Sequence[T]
    after: str | None
    """What the next page is asked for with; None if this is the last."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """How to ask what there is."""

    page: Callable[[str | None], str]
    """The path of the page after another one, as large as it gets; None asks for the first."""
    read: Callable[[Answer, str | None], Page[T]]
    """What stands on the page after another one; ValueError if it is none."""
    by_id: Callable[[str], str] | None = None
    """The path to ask for one id, answered 404 if it is not there; None where there is none."""
    by_email: Callable[[str], str] | None = None
    """The path of the page of those with an email; whether its case counts is not documented."""
