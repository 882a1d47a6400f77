"""Lists of what is kept: a page of each, and what a search finds in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from target_userflow.sandbox.page.parts import Column, Row  # noqa: TC001 (msgspec reads them)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from target_userflow.sandbox.page.parts import Detail

T = TypeVar("T")

_STRIDE = 2000
"""Things that are looked at before the requests that wait have their turn."""


@dataclass(frozen=True)
class List:
    """What is kept of one kind, at this moment.

    Attributes:
        label: Its name on the page.
        sought: What a search looks at, in words.
        api: The API that keeps it; None if it is the sandbox itself.
        columns: What its rows tell.
        count: How many things there are.
        things: All of them, in the order of the page.
        row: What is told of one.
        words: Where a search looks.
        detail: All there is to say of the one with an id; None if there is none.
    """

    label: str
    sought: str
    api: str | None
    columns: tuple[Column, ...]
    count: int
    things: Iterable[Any]
    row: Callable[[Any], Row]
    words: Callable[[Any], str]
    detail: Callable[[str], Awaitable[Detail | None]]


class Page(Struct, frozen=True):
    """Some rows of a list.

    Attributes:
        columns: What they tell.
        rows: The rows.
        offset: How many come before them.
        limit: How many there can be.
        total: How many there are in all; None if that was not counted, and more follow.
    """

    columns: tuple[Column, ...]
    rows: list[Row]
    offset: int
    limit: int
    total: int | None


async def page(of: List, search: str, offset: int, limit: int) -> Page:
    """So many rows of a list after the first ``offset`` of those that a search finds."""
    if not search.strip():
        things = list(islice(of.things, offset, offset + limit))
        return Page(of.columns, [of.row(thing) for thing in things], offset, limit, of.count)
    needle = search.strip().casefold()
    found = await first(
        of.things,
        lambda thing: needle in of.words(thing).casefold(),
        offset + limit + 1,
    )
    total = None if len(found) > offset + limit else len(found)
    rows = [of.row(thing) for thing in found[offset : offset + limit]]
    return Page(of.columns, rows, offset, limit, total)


async def first(things: Iterable[T], wanted: Callable[[T], bool], limit: int) -> list[T]:
    """The first few that are wanted; others are served meanwhile, however many there are."""
    everything, found = list(things), []
    for start in range(0, len(everything), _STRIDE):
        found += [thing for thing in everything[start : start + _STRIDE] if wanted(thing)]
        if len(found) >= limit:
            break
        await asyncio.sleep(0)
    return found[:limit]
