"""Data types and operations of attributes (Userflow API reference).

``remove`` makes an empty list of an attribute that is not set.

The reference does not say what an operation does to a value of another type. Here it starts from 0,
or from an empty list. The value has the type in which it was sent; the attribute's definition keeps
the type that it had first.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.apis.times import to_utc
from target_userflow.sandbox.apis.userflow.rules import RESULT_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TYPES = {bool: "boolean", int: "number", Decimal: "number", list: "list"}

# Enough for the sum of any two numbers that JSON writers produce to be exact.
_exact = Context(prec=1000)


def merge(attributes: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Apply changes to attributes in place; a null removes an attribute."""
    for name, change in changes.items():
        after = _after(attributes.get(name), change)
        if after is None:
            attributes.pop(name, None)
        else:
            attributes[name] = after


def data_type(change: Any) -> str | None:
    """Return the data type of the value in a change, or None for a null."""
    match change:
        case {"data_type": str(type_)}:
            return type_
        case {"set": value} | {"set_once": value}:
            return data_type(value)
        case dict():
            return RESULT_TYPES[next(iter(change))]
        case str():
            return "datetime" if to_utc(change, zone_required=True) else "string"
        case _:
            return _TYPES.get(type(change))


def _after(before: Any, change: Any) -> Any:
    """Return the value of an attribute after a change."""
    if not isinstance(change, dict):
        return _stored(change, data_type(change))
    operation = next(key for key in change if key != "data_type")
    return _OPERATIONS[operation](before, _stored(change[operation], data_type(change)))


def _stored(value: Any, type_: str | None) -> Any:
    """Return a date-time in UTC, and any other value unchanged."""
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
    old = _items(before)
    new = [item for item in dict.fromkeys(_items(items)) if item not in old]
    return [*new, *old]


def _remove(before: Any, items: Any) -> list[str]:
    if not isinstance(before, list):
        return []
    return [item for item in before if item not in _items(items)]


def _items(value: Any) -> list[str]:
    """Return a list as it is, a string as a list of that string, and any other value as []."""
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
