"""From a record's columns to the API's attributes: names, data types, operations and nulls.

What an attribute may be (Userflow API reference): a string, a number, a boolean, an ISO 8601
date-time, a list of strings, or null, which unsets it; or an operation, an object with exactly one
of `OPERATIONS` and maybe a `data_type`.
"""

from __future__ import annotations

import math
import re
import sys
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from target_userflow.errors import ConfigError, RejectRecord
from target_userflow.settings import OPERATIONS, StreamOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

_ILLEGAL = re.compile(r"[^A-Za-z0-9_\- ]")
_LARGEST_NUMBER = int(sys.float_info.max)  # JSON's numbers are doubles for most who read them
_LONGEST_NUMBER = 400  # digits; a double has 309, and 1E+999999999 would fill the memory as text
_AS_THEY_ARE = {str, bool}
_json_text = msgspec.json.Encoder(decimal_format="number").encode


class Attributes:
    """The columns of one stream that become attributes: compiled per SCHEMA, called per record."""

    def __init__(
        self,
        stream: str,
        properties: Mapping[str, Any],
        *,
        left_out: Collection[str] = (),
        options: StreamOptions,
        operations: bool = True,
    ) -> None:
        """Give every column its attribute name.

        Args:
            stream: The stream's name, for messages.
            properties: The columns with their JSON schemas.
            left_out: Columns that are no attributes.
            options: `nulls`, `operations` and `data_types` are used.
            operations: Whether the API takes operations.

        Raises:
            ConfigError: two columns meet in one name, or an option names no column.
        """
        self._properties = properties
        self._left_out = {*left_out, *(name for name in properties if _is_told(name))}
        self._options = options
        self._nulls = options.nulls == "clear"
        self._operations = operations
        self._names = {
            name: attribute_name(name) for name in properties if name not in self._left_out
        }
        self._plain = {
            column: name for column, name in self._names.items() if self._is_plain(column)
        }
        self._check_meetings(stream)
        self._check_options(stream)

    @property
    def renamed(self) -> dict[str, str]:
        """The columns whose names the API does not allow, and what they are called there."""
        return {column: name for column, name in self._names.items() if column != name}

    def __call__(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes of one record.

        Raises:
            RejectRecord: a value that no attribute can hold.
        """
        found: dict[str, Any] = {}
        for column, value in record.items():
            if type(value) in _AS_THEY_ARE and column in self._plain:
                _put(found, column, ((self._plain[column], value),))
            elif self._is_attribute(column, value):
                _put(found, column, self._of_column(column, value))
        if self._is_spread("attributes", record.get("attributes")):
            schema = self._properties.get("attributes", {})
            leaves = self._leaves(None, record["attributes"], schema)
            found.update(_put({}, "attributes", leaves))
        return found

    def _is_plain(self, column: str) -> bool:
        """Whether nothing becomes of its texts and booleans: such columns are most of a record."""
        told = {*self._options.operations, *self._options.data_types}
        return column not in told and not any(map(_is_date, _choices(self._properties[column])))

    def _is_attribute(self, column: str, value: Any) -> bool:
        if column in self._left_out or _is_told(column):
            return False
        return column != "attributes" or not (value is None or isinstance(value, dict))

    def _is_spread(self, column: str, value: Any) -> bool:
        return isinstance(value, dict) and column not in self._left_out

    def _of_column(self, column: str, value: Any) -> Iterator[tuple[str, Any]]:
        name = self._names.get(column) or attribute_name(column)
        operation = self._options.operations.get(column)
        data_type = self._options.data_types.get(column)
        if operation or data_type:
            return self._typed(name, value, operation or "set", data_type)
        return self._leaves(name, value, self._properties.get(column, {}))

    def _typed(
        self, name: str, value: Any, operation: str, data_type: str | None
    ) -> Iterator[tuple[str, Any]]:
        if value is None:
            if self._nulls and operation == "set":
                yield name, None
            return
        if isinstance(value, dict):
            raise RejectRecord(f"an object is no {data_type or 'operand'}")
        one = coerce(value, data_type) if data_type else value
        sent = {operation: one, **({"data_type": data_type} if data_type else {})}
        yield name, checked_operation(sent) if self._operations else literal(one)

    def _leaves(self, name: str | None, value: Any, schema: Any) -> Iterator[tuple[str, Any]]:
        """The one attribute that a value is, or those that an object is flattened to."""
        if value is None:
            if self._nulls and name is not None:
                yield name, None
        elif not isinstance(value, dict):
            yield name or "_", literal(value, schema)
        elif name is not None and self._operations and is_operation(value):
            yield name, checked_operation(value)
        else:
            inner = schema.get("properties", {}) if isinstance(schema, dict) else {}
            for key, one in value.items():
                full = attribute_name(key) if name is None else f"{name}_{attribute_name(key)}"
                yield from self._leaves(full, one, inner.get(key, {}))

    def _check_meetings(self, stream: str) -> None:
        columns: dict[str, str] = {}
        for column, name in self._names.items():
            if name in columns:
                raise ConfigError(
                    f"Stream '{stream}': columns '{columns[name]}' and '{column}' meet in "
                    f"attribute '{name}'. Rename or drop one of them with stream_maps"
                )
            columns[name] = column

    def _check_options(self, stream: str) -> None:
        if self._options.operations and not self._operations:
            raise ConfigError(
                f"Stream '{stream}': its object takes no operations. Remove "
                f"streams.{stream}.operations"
            )
        for option in ("operations", "data_types"):
            for column in getattr(self._options, option):
                if column not in self._names:
                    raise ConfigError(
                        f"Stream '{stream}': streams.{stream}.{option} names '{column}', which is "
                        f"no attribute column. There are: {', '.join(self._names) or 'none'}"
                    )


def _put(found: dict[str, Any], column: str, leaves: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    for name, value in leaves:
        if name in found:
            raise RejectRecord(f"values of column '{column}' and others meet in attribute names")
        found[name] = value
    return found


def _is_told(column: str) -> bool:
    """Whether a tap adds it to a row, such as `_sdc_deleted_at` or `_sdc_lsn`."""
    return column.startswith("_sdc_")


def attribute_name(column: str) -> str:
    """The name that the API allows: a-z A-Z 0-9 _ - space, with `_` for every other character."""
    return _ILLEGAL.sub("_", column) or "_"


def literal(value: Any, schema: Any = None) -> Any:
    """One JSON value that is no object, as the API takes it.

    Raises:
        RejectRecord: it is no finite number, or no date-time where the schema promises one.
    """
    if isinstance(value, str):
        return _dated(value, schema) if schema else value
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


def is_repeatable(attributes: Mapping[str, Any]) -> bool:
    """Whether setting them twice is like setting them once: all operations are, but sums."""
    return not any(
        isinstance(value, dict) and ("add" in value or "subtract" in value)
        for value in attributes.values()
    )


def is_literal(attributes: Mapping[str, Any]) -> bool:
    """Whether they are plain values, without any operation."""
    return not any(isinstance(value, dict) for value in attributes.values())


def is_operation(value: Mapping[str, Any]) -> bool:
    """Whether an object says how to change an attribute, rather than being nested data."""
    named = value.keys() - {"data_type"}
    return len(named) == 1 and named <= set(OPERATIONS)


def checked_operation(value: Mapping[str, Any]) -> dict[str, Any]:
    """An operation as the API takes it.

    Raises:
        RejectRecord: its operand does not suit it.
    """
    (name,) = value.keys() - {"data_type"}
    operand = value[name]
    if isinstance(operand, dict):
        raise RejectRecord(f"operation '{name}' has an object as its operand")
    sent = {**value, name: literal(operand)}
    if not _OPERANDS.get(name, _is_anything)(sent[name]):
        raise RejectRecord(f"operation '{name}' does not take a {type(operand).__name__}")
    if "data_type" in sent:
        _check_data_type(name, sent[name], sent["data_type"])
    return sent


def _check_data_type(operation: str, operand: Any, data_type: Any) -> None:
    if data_type not in _DATA_TYPES.get(operation, tuple(_COERCIONS)):
        raise RejectRecord(f"operation '{operation}' does not go with its data_type")
    if operand is not None:
        coerce(operand, data_type)


def coerce(value: Any, data_type: str) -> Any:
    """A value as the data type that `data_types` asks for.

    Raises:
        RejectRecord: it can't be read as one.
    """
    try:
        return literal(_COERCIONS[data_type](literal(value)))
    except (ValueError, ArithmeticError, TypeError):
        raise RejectRecord(f"a value can't be read as {data_type}") from None


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
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
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


def _dated(text: str, schema: Any) -> str:
    choices = _choices(schema)
    if not any(map(_is_date, choices)):
        return text
    try:
        return parsed_time(text)
    except RejectRecord:
        if any("string" in one.get("type", ()) and "format" not in one for one in choices):
            return text  # the schema allows any other string as well
        raise


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
    return [_text(value) for value in values if value is not None]


def _text(value: Any) -> str:
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


def _number(value: Any) -> Any:
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return value
    number: Decimal = literal(Decimal(value))
    return int(number) if number == number.to_integral_value() else number


def _boolean(value: Any) -> bool:
    found = _BOOLEANS.get(str(value).strip().lower())
    if found is None:
        raise ValueError(value)
    return found


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [_text(value)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, (str, list))


def _is_anything(value: Any) -> bool:  # noqa: ARG001 - a check that any operand passes
    return True


_COERCIONS: dict[str, Callable[[Any], Any]] = {
    "string": _text,
    "number": _number,
    "boolean": _boolean,
    "datetime": lambda value: parsed_time(str(value)),
    "list": _listed,
}
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_DATA_TYPES = {
    "add": ("number",),
    "subtract": ("number",),
    "append": ("list",),
    "prepend": ("list",),
    "remove": ("list",),
}
_OPERANDS: dict[str, Callable[[Any], bool]] = {
    "add": _is_number,
    "subtract": _is_number,
    "append": _is_text,
    "prepend": _is_text,
    "remove": _is_text,
}
