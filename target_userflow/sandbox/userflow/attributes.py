"""What a change does to an attribute (Userflow API reference): data types and operations.

To remove from what is not set makes an empty list.

Undocumented is what happens when the value there and the change are of different types. Here the
operation begins anew: from 0, or from an empty list. The value has the type that it was sent in,
the attribute's definition keeps the type that it had first.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.times import to_utc
from target_userflow.sandbox.userflow.rules import RESULT_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TYPES = {bool: "boolean", int: "number", Decimal: "number", list: "list"}

# Enough for the sum of any two numbers that JSON writers produce to be exact.
_exact = Context(prec=1000)


def merge(attributes: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Apply changes: a null unsets, what is not mentioned stays."""
    for name, change in changes.items():
        after = _after(attributes.get(name), change)
        if after is None:
            attributes.pop(name, None)
        else:
            attributes[name] = after


def data_type(change: Any) -> str | None:
    """The data type that a change speaks of; None if it tells none."""
    match change:
        case {"data_type": str(given)}:
            return given
        case {"set": value} | {"set_once": value}:
            return data_type(value)
        case dict():
            return RESULT_TYPES[next(iter(change))]
        case str():
            return "datetime" if to_utc(change, zone_required=True) else "string"
        case _:
            return _TYPES.get(type(change))


def _after(before: Any, change: Any) -> Any:
    """The value of an attribute after a change."""
    if not isinstance(change, dict):
        return _stored(change, data_type(change))
    name = next(key for key in change if key != "data_type")
    return _OPERATIONS[name](before, _stored(change[name], data_type(change)))


def _stored(value: Any, type_: str | None) -> Any:
    """Date-times are stored in UTC, all else as it is."""
    return to_utc(value) if type_ == "datetime" and value is not None else value


def _set_once(before: Any, value: Any) -> Any:
    return value if before is None else before


def _add(before: Any, number: Any) -> Any:
    if isinstance(before, bool) or not isinstance(before, (int, Decimal)):
        return number
    if isinstance(before, int) and isinstance(number, int):
        return before + number
    return _exact.add(Decimal(before), Decimal(number))


def _subtract(before: Any, number: Any) -> Any:
    return _add(before, number.copy_negate() if isinstance(number, Decimal) else -number)


def _append(before: Any, items: Any) -> list[str]:
    return list(dict.fromkeys([*_items(before), *_items(items)]))


def _prepend(before: Any, items: Any) -> list[str]:
    there = _items(before)
    new = [item for item in dict.fromkeys(_items(items)) if item not in there]
    return [*new, *there]


def _remove(before: Any, items: Any) -> list[str]:
    if not isinstance(before, list):
        return []
    return [item for item in before if item not in _items(items)]


def _items(value: Any) -> list[str]:
    """A list operand may be one string; a value that is no list counts as an empty one."""
    match value:
        case list():
            return value
        case str():
            return [value]
        case _:
            return []


_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "set": lambda _, value: value,
    "set_once": _set_once,
    "add": _add,
    "subtract": _subtract,
    "append": _append,
    "prepend": _prepend,
    "remove": _remove,
}
