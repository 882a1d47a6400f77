"""A list on the page, its pages and its search."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from target_userflow.sandbox.page.view_models import Column, Row  # noqa: TC001 (msgspec reads them)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from target_userflow.sandbox.page.view_models import Detail

T = TypeVar("T")

_STRIDE = 2000
"""The items that a search reads before it lets waiting requests run."""


@dataclass(frozen=True)
class List:
    """The items of a type that the sandbox keeps at this moment.

    Attributes:
        label: The name of the list on the page.
        searched: What a search compares, in words.
        api: The API that keeps the items; None for the sandbox itself.
        columns: The columns of the list.
        count: The number of items.
        items: The items in the order of the page.
        row: Makes the row of an item.
        words: Returns the text of an item that a search compares.
        detail: Returns the detail of the item with an id, or None.
    """

    label: str
    searched: str
    api: str | None
    columns: tuple[Column, ...]
    count: int
    items: Iterable[Any]
    row: Callable[[Any], Row]
    words: Callable[[Any], str]
    detail: Callable[[str], Awaitable[Detail | None]]


class Page(Struct, frozen=True):
    """A page of a list.

    Attributes:
        columns: The columns of the list.
        rows: The rows.
        offset: The number of rows before this page.
        limit: The most rows on a page.
        total: The number of rows on all pages; None if it was not counted, and more follow.
    """

    columns: tuple[Column, ...]
    rows: list[Row]
    offset: int
    limit: int
    total: int | None


async def list_page(list_: List, search: str, offset: int, limit: int) -> Page:
    """Return a page of the items that a search matches; a blank search matches all items."""
    if not search.strip():
        items = list(islice(list_.items, offset, offset + limit))
        rows = [list_.row(item) for item in items]
        return Page(list_.columns, rows, offset, limit, list_.count)
    needle, end = search.strip().casefold(), offset + limit
    matches = await first_matches(
        list_.items, lambda item: needle in list_.words(item).casefold(), end + 1
    )
    total = None if len(matches) > end else len(matches)
    rows = [list_.row(item) for item in matches[offset:end]]
    return Page(list_.columns, rows, offset, limit, total)


async def first_matches(items: Iterable[T], matches: Callable[[T], bool], limit: int) -> list[T]:
    """Return the first items that match, at most the limit; let other requests run meanwhile."""
    snapshot, matching = list(items), []
    for start in range(0, len(snapshot), _STRIDE):
        matching += [item for item in snapshot[start : start + _STRIDE] if matches(item)]
        if len(matching) >= limit:
            break
        await asyncio.sleep(0)
    return matching[:limit]
