"""Operations on attributes, and values as the data type that someone asked for.

An operation (Userflow API reference) is an object with exactly one of `OPERATIONS` and maybe a
`data_type`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_userflow.config.settings import OPERATIONS
from target_userflow.errors import RejectRecord
from target_userflow.mapping.json_text import unpacked
from target_userflow.mapping.times import read_time
from target_userflow.mapping.values import as_text, exact_number, literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def is_idempotent(attributes: Mapping[str, Any]) -> bool:
    """Return whether setting attributes twice is like setting them once: only sums are not."""
    return is_literal(attributes) or not any(
        isinstance(value, dict) and ("add" in value or "subtract" in value)
        for value in attributes.values()
    )


def is_literal(attributes: Mapping[str, Any]) -> bool:
    """Return whether attributes are plain values, without any operation."""
    return dict not in map(type, attributes.values())


def is_operation(value: Mapping[str, Any]) -> bool:
    """Return whether an object says how to change an attribute, rather than being nested data."""
    named = value.keys() - {"data_type"}
    return len(named) == 1 and named <= set(OPERATIONS)


def names_operations(keys: Iterable[str]) -> bool:
    """Return whether all of the keys, one or more, are those of operations."""
    named = set(keys) - {"data_type"}
    return bool(named) and named <= set(OPERATIONS)


def checked_operation(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an operation as the API takes it.

    Raises:
        RejectRecord: its operand does not suit it.
    """
    (name,) = value.keys() - {"data_type"}
    operand = value[name]
    if isinstance(operand, dict):
        raise RejectRecord(f"operation '{name}' has an object as its operand")
    if _is_nested(operand):
        raise RejectRecord(f"operation '{name}' has a list of more than texts as its operand")
    sent = {**value, name: literal(operand)}
    if not _OPERANDS.get(name, _is_anything)(sent[name]):
        raise RejectRecord(f"operation '{name}' does not take a {type(operand).__name__}")
    if "data_type" in sent:
        sent[name] = _of_data_type(name, sent[name], sent["data_type"])
    return sent


def _of_data_type(operation: str, operand: Any, data_type: Any) -> Any:
    """Return the operand of an operation with a data type: as it is, but a time is read."""
    if data_type not in _DATA_TYPES.get(operation, tuple(_COERCIONS)):
        raise RejectRecord(f"operation '{operation}' does not go with its data_type")
    result = None if operand is None else coerce(operand, data_type)
    return result if data_type == "datetime" else operand


def _is_nested(operand: Any) -> bool:
    return isinstance(operand, list) and any(isinstance(item, (dict, list)) for item in operand)


def coerce(value: Any, data_type: str) -> Any:
    """Return a value as the data type that `data_types` asks for; None for a null.

    A blank text is a null where a date-time or list is asked for.

    Raises:
        RejectRecord: it can't be read as one.
    """
    given = unpacked(value) if data_type == "list" else value
    if isinstance(given, dict) or (data_type == "list" and _is_nested(given)):
        raise RejectRecord(f"an object, or a list with one, can't be read as {data_type}")
    try:
        return literal(_COERCIONS[data_type](literal(given)))
    except (ValueError, ArithmeticError, TypeError):
        raise RejectRecord(f"a value can't be read as {data_type}") from None


def _number(value: Any) -> Any:
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return value
    number = exact_number(value)
    return int(number) if number == number.to_integral_value() else number


def _boolean(value: Any) -> bool:
    boolean = _BOOLEANS.get(value.strip().lower() if isinstance(value, str) else value)
    if boolean is None:
        raise ValueError(value)
    return boolean


def _listed(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        return None
    return value if isinstance(value, list) else [as_text(value)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, (str, list))


def _is_anything(value: Any) -> bool:  # noqa: ARG001 - a check that any operand passes
    return True


_COERCIONS: dict[str, Callable[[Any], Any]] = {
    "string": as_text,
    "number": _number,
    "boolean": _boolean,
    "datetime": read_time,
    "list": _listed,
}
_BOOLEANS: dict[Any, bool] = {
    **dict.fromkeys((1, "1", "true", "t", "yes", "y", "on"), True),
    **dict.fromkeys((0, "0", "false", "f", "no", "n", "off"), False),
}
"""Numbers are looked up by their value: `1.0` and `True` are 1."""
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
