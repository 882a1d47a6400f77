"""What a ``GET`` may ask for besides (Userflow API reference): ``expand``, ``order_by``, filters.

What the reference leaves open is decided here:

- An unknown path of ``expand``, or one of more than 4 levels, and an unknown field of ``order_by``
  are refused; parameters with other names are ignored, as a published tap shows.
- Where the field that a list is ordered by is null, things come last, and a page that begins after
  one of them is answered 500, which that tap's source says of the real API.
- ``expand`` stands in the query of a ``POST``, too.
- No segment is known, so that a ``segment_id`` finds nothing. The operators of ``condition`` could
  not be confirmed, so that every condition is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from target_userflow.sandbox.calls import Answer, Call, Refusal
from target_userflow.sandbox.checks import require, whole
from target_userflow.sandbox.userflow.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

T = TypeVar("T")
Tree = dict[str, Any]
"""What to expand: relations, and what to expand of each of them."""

MAX_LIMIT = 100
_MAX_LEVELS = 4
_RELATIONS = {
    "user": {"groups": "group", "memberships": "group_membership"},
    "group": {"users": "user", "memberships": "group_membership"},
    "group_membership": {"user": "user", "group": "group"},
}
"""What each object can be expanded by, and what that is."""


def expanded(call: Call, kind: str) -> Tree:
    """What a call asks to expand of objects of a kind."""
    tree: Tree = {}
    for path in _values(call, "expand"):
        levels = path.split(".")
        require(len(levels) <= _MAX_LEVELS, f"expand goes {_MAX_LEVELS} levels deep at most")
        branch, here = tree, kind
        for relation in levels:
            require(relation in _RELATIONS[here], f"expand: {here} has no {relation!r}")
            branch, here = branch.setdefault(relation, {}), _RELATIONS[here][relation]
    return tree


def refuse_condition(call: Call) -> None:
    """Refuse a filter whose language is not known here."""
    require("condition" not in call.query, "condition: the sandbox knows none of its operators")


def page(
    shelf: Shelf[T],
    call: Call,
    show: Callable[[T], dict[str, Any]],
    fields: Collection[str] = ("created_at",),
) -> Answer:
    """The list object of the API: one page, and where the next one is.

    Args:
        shelf: What is listed, in the order of its creation.
        call: Who asks for what.
        show: What is told of a thing.
        fields: What it can be ordered by; the first is what it is ordered by else.
    """
    limit = whole(call, "limit", default=10, highest=MAX_LIMIT)
    ordered, value_of = _ordered(shelf, _values(call, "order_by"), fields)
    after = call.query.get("starting_after")
    last = None if after is None else shelf.get(after)
    require(after is None or last, "starting_after must be the id of something listed")
    if last and value_of(last) is None:
        raise Refusal(500, "starting_after is not in the order")
    things, has_more = ordered.page(after, limit)
    data = [show(thing) for thing in things]
    kept = [pair for pair in call.pairs if pair[0] not in {"limit", "starting_after"}]
    following = [("starting_after", data[-1]["id"])] if data else []
    next_page = urlencode([("limit", limit), *kept, *following])
    urls = {"url": call.path, "next_page_url": f"{call.path}?{next_page}"}
    return Answer.of({"object": "list", "data": data, "has_more": has_more, **urls})


def _ordered(
    shelf: Shelf[T], order: list[str], fields: Collection[str]
) -> tuple[Shelf[T], Callable[[T], Any]]:
    """The things in the order asked for, and the first value that this goes by."""
    for name in order:
        require(name.removeprefix("-") in fields, f"order_by must be one of {', '.join(fields)}")
    if order in ([], ["created_at"]):  # the order of their creation
        return shelf, lambda _: ""
    things = shelf.items()
    for name in reversed(order):  # sorting is stable
        things = _sorted(things, name.removeprefix("-"), falls=name.startswith("-"))
    ordered: Shelf[T] = Shelf()
    for id_, thing in things:
        ordered.add(id_, thing)
    first = order[0].removeprefix("-")
    return ordered, lambda thing: _value(thing, first)


def _sorted(things: list[tuple[str, T]], field: str, *, falls: bool) -> list[tuple[str, T]]:
    known = [item for item in things if _value(item[1], field) is not None]
    unknown = [item for item in things if _value(item[1], field) is None]
    known.sort(key=lambda item: str(_value(item[1], field)), reverse=falls)
    return [*known, *unknown]


def _value(thing: object, field: str) -> Any:
    """What a definition, a user or a group has in a field."""
    facts = thing if isinstance(thing, dict) else vars(thing)
    group, _, name = field.rpartition(".")
    return (facts[group] if group else facts).get(name)


def _values(call: Call, name: str) -> list[str]:
    """The values of a parameter that may come once by its name, or often with ``[]``."""
    return [value for key, value in call.pairs if key in {name, f"{name}[]"}]
