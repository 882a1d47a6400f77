"""Values as the API takes them, and as JSON: with every digit, and times in UTC.

What an attribute may hold (Userflow API reference): a string, a number, a boolean, an ISO 8601
date-time or a list of strings.
"""

from __future__ import annotations

import math
import sys
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from target_userflow.errors import RejectRecord
from target_userflow.mapping.property_schemas import DATES, DECIMAL, allows_any, formats
from target_userflow.mapping.times import iso8601, read_text, read_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LARGEST_NUMBER = int(sys.float_info.max)  # JSON's numbers are doubles for most who read them
_LONGEST_NUMBER = 400  # digits; a double has 309, and 1E+999999999 would fill the memory as text
_json_text = msgspec.json.Encoder(decimal_format="number").encode


def literal(value: Any, schema: Any = None) -> Any:
    """Return a value that is no object as the API takes it; None for no date-time.

    Raises:
        RejectRecord: it is no finite number, or no date-time where the schema promises one.
    """
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (str, int, float, Decimal)):
        return _read_by(schema, value)
    if isinstance(value, list):
        return _strings(value)
    if isinstance(value, (date, time)):
        return iso8601(value)
    raise RejectRecord(f"a value of type {type(value).__name__} is no JSON")


def _read_by(schema: Any, value: Any) -> Any:
    """Return a text or number as what the schema of its column says that it is."""
    if isinstance(value, str):
        read = _text_read(schema) if schema else None
    else:
        read = _number_read(schema) if schema else _finite_number
    return read(value) if read else value


def _finite_number(value: Any) -> Any:
    if isinstance(value, int):
        if -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER:
            return value
    elif math.isfinite(float(value)):
        return value
    raise RejectRecord("a number is NaN or infinite, or too large for a double")


def plain_number(value: float | Decimal) -> str:
    """Return a number as decimal text, without an exponent.

    Raises:
        RejectRecord: it has more than 400 digits.
    """
    exact = Decimal(str(value))
    if not exact.is_finite() or abs(exact.adjusted()) > _LONGEST_NUMBER:
        raise RejectRecord("a number is too long, NaN or infinite")
    return format(exact, "f")


Reads = dict[type, "Callable[[Any], Any] | None"]
"""By the type of a column's values, what `literal` makes of them; None leaves them as they are."""


def reads(schema: Any) -> Reads:
    """Return how the plain values of a column are read, by their type."""
    numbers = dict.fromkeys((int, float, Decimal), _number_read(schema))
    return {str: _text_read(schema), bool: None, **numbers}


def _text_read(schema: Any) -> Callable[[str], Any] | None:
    """Return how a text is read: as a time or number if the schema says so; None as it is."""
    read = next((_READS[name] for name in formats(schema) if name in _READS), None)
    return _or_text(read) if read and allows_any(schema, "string") else read


def _number_read(schema: Any) -> Callable[[Any], Any]:
    """Return how a number is read: as a time since 1970 where only date-times are promised."""
    is_time = not formats(schema).isdisjoint(DATES)
    return read_time if is_time and not allows_any(schema, "number", "integer") else _finite_number


def _or_text(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """For a schema that allows any other string as well."""

    def read_or_keep(text: str) -> Any:
        try:
            return read(text)
        except RejectRecord:
            return text

    return read_or_keep


def exact_number(text: str) -> Any:
    """Return the number that a text says, with every digit of it.

    Raises:
        RejectRecord: it says none, or none that is finite.
    """
    try:
        return _finite_number(Decimal(text))
    except ArithmeticError:
        raise RejectRecord("a text can't be read as a number") from None


_READS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(DATES, read_text),
    DECIMAL: exact_number,
}
"""By the format of a text, what it says."""


def _strings(values: list[Any]) -> list[str] | str:
    """Return a list of strings; a list that holds objects or lists as JSON text."""
    if any(isinstance(value, (dict, list)) for value in values):
        return encoded(_finite(values)).decode()
    return [as_text(value) for value in values if value is not None]


def as_text(value: Any) -> str:
    """Return a value as a string: numbers as decimal digits, booleans as JSON has them.

    Raises:
        RejectRecord: it is no finite number, or none of 400 digits.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    plain = literal(value)
    return plain if isinstance(plain, str) else plain_number(plain)


def _finite(value: Any) -> Any:
    """Return the same value, once all numbers in it are known to be finite."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else literal(value)


def encoded(value: Any) -> bytes:
    """Return the JSON text of a value, with every digit of its numbers.

    Raises:
        RejectRecord: a string holds half of a surrogate pair, or it is nested too deeply.
    """
    try:
        return _json_text(value)
    except UnicodeEncodeError:
        raise RejectRecord("a string holds half of a surrogate pair") from None
    except RecursionError:
        raise RejectRecord("it is nested too deeply") from None


def located(error: RejectRecord, record: Mapping[str, Any]) -> RejectRecord:
    """Return a rejection that names the column that can't be encoded, if it names none yet."""
    if error.path:
        return error
    column = next((name for name, value in record.items() if not _is_encodable(value)), None)
    return error if column is None else error.inside(column)


def _is_encodable(value: Any) -> bool:
    try:
        encoded(value)
    except RejectRecord:
        return False
    return True
