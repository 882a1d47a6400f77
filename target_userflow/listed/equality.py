"""Whether Userflow already keeps what a request would write. Pure.

Two values are the same if Userflow keeps them alike (Userflow API reference): date-times are stored
in UTC, so they are compared as instants; numbers count by their value; the order of a list counts;
a null is an attribute that is not there. A value that may or may not be the same is not the same:
sending it once more does no harm. So it is with `set_once` where the value is empty, as nobody says
whether that counts as one.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from target_userflow.mapping.operations import is_operation

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

ABSENT = ""
"""The token of a null, and of an attribute that is not there."""
PRESENT = "+"
"""The token of `set_once`: it changes nothing where there is any value."""
_PLAIN = {str, int, bool}
"""Types of values that are kept alike if they are equal and of the same type."""
_EMPTY: tuple[Any, ...] = ("", [])

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
"""Date-times without doubt: with a zone, and no digits that would be cut."""
_LONGEST = 400  # digits: doubles have fewer
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "datetime": (str,),
    "number": (int, float, Decimal),
    "boolean": (bool,),
    "list": (list,),
}


def token(value: Any, *, is_time: bool = False) -> str:
    """Return a text that two values share only if Userflow keeps them alike.

    Args:
        value: A JSON value.
        is_time: Whether its attribute is defined as a date-time.
    """
    if value is None:
        return ABSENT
    if value.__class__ is str and not is_time:
        return f"s{value}"  # by far the most frequent
    text: str = _OF_TYPE.get(type(value), _of_list)(value, is_time)
    return text


def expected(change: Any, *, is_time: bool = False) -> str | None:
    """Return the token of the value after a change.

    Args:
        change: A value, or an operation, as it stands in a request.
        is_time: Whether its attribute is defined as a date-time.

    Returns:
        `PRESENT` if any value stays as it is; None if the value before has to be known.
    """
    if not isinstance(change, dict):
        return token(change, is_time=is_time)
    if not is_operation(change):
        return None
    if "set" in change:
        return _after_set(change["set"], change.get("data_type"), is_time=is_time)
    return PRESENT if "set_once" in change else None


def _after_set(value: Any, data_type: str | None, *, is_time: bool) -> str | None:
    """Return the token of a value that is set as a data type; None if it may become another."""
    if data_type is not None and type(value) not in _TYPES[data_type]:
        return None  # nobody says what becomes of a value that has another type than it says
    if data_type == "datetime" and not is_time:
        return None  # nor of an attribute that was defined as another type
    return token(value, is_time=is_time and data_type != "string")


def is_present(value: Any) -> bool:
    """Return whether an attribute has a value without doubt, so that `set_once` does nothing."""
    return value is not None and value not in _EMPTY


def differing(
    changes: Mapping[str, Any], there: Mapping[str, Any], times: Container[str] = ()
) -> Iterator[str]:
    """Yield the names of attributes that changes may change.

    Args:
        changes: Attributes as they stand in a request.
        there: Attributes as Userflow lists them.
        times: The names of the attributes that are defined as date-times.
    """
    for name, change in changes.items():
        before = there.get(name)
        if change.__class__ is before.__class__ in _PLAIN and change == before:
            continue  # by far the most frequent
        if not _is_same(change, before, is_time=name in times):
            yield name


def _is_same(change: Any, before: Any, *, is_time: bool) -> bool:
    after, now = expected(change, is_time=is_time), token(before, is_time=is_time)
    if after != PRESENT:
        return after == now
    return is_present(before) or now == token(change["set_once"], is_time=is_time) != ABSENT


def _of_text(text: str, is_time: bool) -> str:  # noqa: FBT001 - the signature of all in `_OF_TYPE`
    return (is_time and _of_instant(text)) or f"s{text}"


def _of_instant(text: str) -> str | None:
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return f"t{msgspec.convert(text, datetime).astimezone(timezone.utc)}"
    except (msgspec.ValidationError, OverflowError):  # the 30th of February; the year 0 in UTC
        return None


def _of_boolean(value: bool, _: bool) -> str:  # noqa: FBT001 - likewise
    return "b1" if value else "b0"


def _of_whole(value: int, _: bool) -> str:  # noqa: FBT001 - likewise
    return f"n{value}"


def _of_number(value: float | Decimal, _: bool) -> str:  # noqa: FBT001 - likewise
    text = str(value)
    if ("E" in text or "e" in text) and abs(Decimal(text).adjusted()) < _LONGEST:
        text = format(Decimal(text), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "n0" if text == "-0" else f"n{text}"


def _of_list(value: Any, _: bool) -> str:  # noqa: FBT001 - likewise
    return f"j{value!r}"


_OF_TYPE: dict[type, Any] = {
    str: _of_text,
    bool: _of_boolean,
    int: _of_whole,
    float: _of_number,
    Decimal: _of_number,
}
