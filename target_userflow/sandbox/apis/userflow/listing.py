"""The list object of the API: pages, ``order_by`` and filters (Userflow API reference).

What the reference leaves open is decided here:

- An unknown field of ``order_by`` is refused; parameters with other names are ignored, as a
  published tap shows.
- Objects whose ordering field is null come last, and a page that begins after such an object is
  answered 500, which that tap's source says of the real API.
- The sandbox knows no segments, so a ``segment_id`` matches nothing. The operators of
  ``condition`` could not be confirmed, so every condition is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from target_userflow.sandbox.apis.rules import query_values, require, whole_number
from target_userflow.sandbox.apis.userflow.paged_dict import PagedDict
from target_userflow.sandbox.http.messages import Answer, Call, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

T = TypeVar("T")

MAX_LIMIT = 100


def refuse_condition(call: Call) -> None:
    """Refuse a call that filters by ``condition``.

    Raises:
        Refusal: the call has a condition.
    """
    require("condition" not in call.query, "condition: the sandbox knows none of its operators")


def list_page(
    items: PagedDict[T],
    call: Call,
    as_object: Callable[[T], dict[str, Any]],
    fields: Collection[str] = ("created_at",),
) -> Answer:
    """Return the list object of the API: a page, and the URL of the next page.

    Args:
        items: The items to list, in the order of their creation.
        call: The call, whose query chooses the page.
        as_object: Makes the API object of an item.
        fields: The fields that ``order_by`` may name; the first is the default.

    Raises:
        Refusal: a parameter is invalid.
    """
    limit = whole_number(call, "limit", default=10, highest=MAX_LIMIT)
    ordered, value_of = _ordered(items, query_values(call, "order_by"), fields)
    after = _starting_after(call, items, value_of)
    chosen, has_more = ordered.page(after, limit)
    data = [as_object(item) for item in chosen]
    return Answer.of(
        {"object": "list", "data": data, "has_more": has_more, **_urls(call, limit, data)}
    )


def _starting_after(call: Call, items: PagedDict[T], value_of: Callable[[T], Any]) -> str | None:
    after = call.query.get("starting_after")
    last = None if after is None else items.get(after)
    require(after is None or last, "starting_after must be the id of something listed")
    if last and value_of(last) is None:
        raise Refusal(500, "starting_after is not in the order")
    return after


def _urls(call: Call, limit: int, data: list[dict[str, Any]]) -> dict[str, str]:
    """Return the URLs of this page and of the next: a path, and a path with a query."""
    others = [pair for pair in call.pairs if pair[0] not in {"limit", "starting_after"}]
    following = [("starting_after", data[-1]["id"])] if data else []
    query = urlencode([("limit", limit), *others, *following])
    return {"url": call.path, "next_page_url": f"{call.path}?{query}"}


def _ordered(
    items: PagedDict[T], order: list[str], fields: Collection[str]
) -> tuple[PagedDict[T], Callable[[T], Any]]:
    """Return the items in order, and a function that returns an item's first ordering value."""
    for field in order:
        require(field.removeprefix("-") in fields, f"order_by must be one of {', '.join(fields)}")
    if order in ([], ["created_at"]):  # the order of the dict
        return items, lambda _: ""
    pairs = items.items()
    for field in reversed(order):  # sorting is stable
        pairs = _sorted(pairs, field.removeprefix("-"), descending=field.startswith("-"))
    ordered: PagedDict[T] = PagedDict()
    for id_, item in pairs:
        ordered.add(id_, item)
    return ordered, lambda item: _value(item, order[0].removeprefix("-"))


def _sorted(pairs: list[tuple[str, T]], field: str, *, descending: bool) -> list[tuple[str, T]]:
    known = [pair for pair in pairs if _value(pair[1], field) is not None]
    unknown = [pair for pair in pairs if _value(pair[1], field) is None]
    known.sort(key=lambda pair: str(_value(pair[1], field)), reverse=descending)
    return [*known, *unknown]


def _value(item: object, field: str) -> Any:
    """Return the value of a field, such as ``attributes.name``, of a definition, user or group."""
    fields = item if isinstance(item, dict) else vars(item)
    parent, _, name = field.rpartition(".")
    return (fields[parent] if parent else fields).get(name)
