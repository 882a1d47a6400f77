"""Values as the API takes them, and as JSON: with every digit, and times in UTC.

What an attribute may hold (Userflow API reference): a string, a number, a boolean, an ISO 8601
date-time or a list of strings.
"""

from __future__ import annotations

import math
import sys
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from target_userflow.errors import RejectRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LARGEST_NUMBER = int(sys.float_info.max)  # JSON's numbers are doubles for most who read them
_LONGEST_NUMBER = 400  # digits; a double has 309, and 1E+999999999 would fill the memory as text
_json_text = msgspec.json.Encoder(decimal_format="number").encode


def literal(value: Any, schema: Any = None) -> Any:
    """One JSON value that is no object, as the API takes it.

    Raises:
        RejectRecord: it is no finite number, or no date-time where the schema promises one.
    """
    if isinstance(value, str):
        read = _text_read(schema) if schema else None
        return read(value) if read else value
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float, Decimal)):
        return _finite_number(value)
    if isinstance(value, list):
        return _strings(value)
    if isinstance(value, (date, time)):
        return iso8601(value)
    raise RejectRecord(f"a value of type {type(value).__name__} is no JSON")


def _finite_number(value: Any) -> Any:
    if isinstance(value, int):
        if -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER:
            return value
    elif math.isfinite(float(value)):
        return value
    raise RejectRecord("a number is NaN or infinite, or too large for a double")


def iso8601(value: date | time) -> str:
    """A date or time as ISO 8601 in UTC; naive means UTC, and a date is its midnight.

    Raises:
        RejectRecord: a date-time that leaves the calendar on its way to UTC.
    """
    if isinstance(value, time):
        return value.isoformat()
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    elif value.tzinfo is None:
        value = value.replace(tzinfo=timezone.utc)
    try:
        return _json_text(value.astimezone(timezone.utc))[1:-1].decode()
    except OverflowError:
        raise RejectRecord("a date-time lies outside the years 1 to 9999") from None


def parsed_time(text: str) -> str:
    """The text of a date or date-time, as ISO 8601 in UTC.

    Raises:
        RejectRecord: it is neither.
    """
    try:
        return iso8601(datetime.fromisoformat(text.strip()))
    except ValueError:
        raise RejectRecord("a date-time is not ISO 8601") from None


def plain_number(value: float | Decimal) -> str:
    """A number as decimal text, without an exponent.

    Raises:
        RejectRecord: it has more than 400 digits.
    """
    exact = Decimal(str(value))
    if not exact.is_finite() or abs(exact.adjusted()) > _LONGEST_NUMBER:
        raise RejectRecord("a number is too long, NaN or infinite")
    return format(exact, "f")


Reads = dict[type, "Callable[[Any], Any] | None"]
"""By the type of a column's values, what `literal` makes of them; None leaves them as they are."""


def reads(schema: Any, *, nulls: bool) -> Reads:
    """What becomes of a column's simple values, by its schema; of nulls only if they are sent."""
    numbers = dict.fromkeys((int, float, Decimal), _finite_number)
    return {str: _text_read(schema), bool: None, **numbers, **({type(None): None} if nulls else {})}


def _text_read(schema: Any) -> Callable[[str], str] | None:
    """What becomes of a text: a date-time of one kind, or what it is."""
    choices = _choices(schema)
    if not any(map(_is_date, choices)):
        return None
    if any("string" in one.get("type", ()) and "format" not in one for one in choices):
        return _time_or_text
    return parsed_time


def _time_or_text(text: str) -> str:
    """For a schema that allows any other string as well."""
    try:
        return parsed_time(text)
    except RejectRecord:
        return text


def _is_date(choice: Mapping[str, Any]) -> bool:
    return choice.get("format") in {"date-time", "date"}


def _choices(schema: Any) -> list[dict[str, Any]]:
    """A property's schema and its alternatives; `true` and `false` are schemas, and say nothing."""
    if not isinstance(schema, dict):
        return []
    alternatives = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return [schema, *(one for one in alternatives if isinstance(one, dict))]


def _strings(values: list[Any]) -> list[str] | str:
    """A list of strings; a list with objects or lists in it is JSON text."""
    if any(isinstance(value, (dict, list)) for value in values):
        return encoded(_finite(values)).decode()
    return [as_text(value) for value in values if value is not None]


def as_text(value: Any) -> str:
    """A value as a string: numbers as decimal digits, booleans as JSON has them.

    Raises:
        RejectRecord: it is no finite number, or none of 400 digits.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    one = literal(value)
    return one if isinstance(one, str) else plain_number(one)


def _finite(value: Any) -> Any:
    """The same value, once all numbers in it are known to be finite."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list) else literal(value)


def encoded(value: Any) -> bytes:
    """The JSON text of a value, with every digit of its numbers.

    Raises:
        RejectRecord: a string holds half of a surrogate pair, or it is nested too deeply.
    """
    try:
        return _json_text(value)
    except UnicodeEncodeError:
        raise RejectRecord("a string holds half of a surrogate pair") from None
    except RecursionError:
        raise RejectRecord("it is nested too deeply") from None
