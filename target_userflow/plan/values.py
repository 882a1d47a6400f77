"""What the values of an attribute say: its type, an example, and the type that they may be."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_userflow.escaping import escaped
from target_userflow.lookup.attribute_types import type_of
from target_userflow.mapping.secret_names import snake_case

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LONGEST = 6  # characters of an example
_ENOUGH = 2  # values, before they say what a text may be
_WITH_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*(?:Z|[+-]\d\d:?\d\d)", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d+)?", re.ASCII)
_NO_NUMBERS = re.compile(
    r"(?:^|_)(?:id|ids|uuid|phone|mobile|fax|zip|zipcode|postcode|code|number|no|key|ref|sku|vat"
    r"|version|year|account|hash)$"
)
"""Names of what is written in digits and counts nothing."""
_BOOLEANS = {"true", "false", "t", "f", "yes", "no", "y", "n"}
_FLAG = re.compile(r"^(?:is|has)_")
_AT = re.compile(r"(?:^|_)(?:at|ts|tstamp|timestamp|date)$|^created$")
_DATE = re.compile(r"(?:^|_)(?:date|day)$")
_DAY = re.compile(r"(?:19|20)\d\d[01]\d[0-3]\d", re.ASCII)
_EPOCHS = ((10**8, 10**10), (10**11, 10**13), (10**14, 10**16))
"""What seconds, milliseconds and microseconds since 1970 lie between."""


def kind(value: Any) -> str:
    """Return the data type of a value in Userflow: datetime for a text with date, time and zone."""
    if isinstance(value, str) and _WITH_ZONE.fullmatch(value):
        return "datetime"
    return type_of(value) or ""


def example(value: Any) -> str:
    """Return the beginning of a value, and never all of it."""
    if isinstance(value, bool):
        return ""
    is_plain = isinstance(value, (str, int, float, Decimal))
    text = str(value) if is_plain else json.dumps(value, default=str, ensure_ascii=False)
    return f"{escaped(text[: min(_LONGEST, len(text) // 2)])}…"


def likely_type(name: str, values: Sequence[Any]) -> str | None:
    """Return the data type that values may be meant to have, if they have another."""
    if len(values) < _ENOUGH:
        return None
    plain = snake_case(name)
    if all(isinstance(value, str) for value in values):
        return _type_of_texts(plain, values)
    if all(type(value) in {int, Decimal} for value in values):
        return _type_of_numbers(plain, values)
    return None


def _type_of_texts(name: str, values: Sequence[str]) -> str | None:
    if _DATE.search(name) and _all(values, _DAY.fullmatch):
        return "datetime"
    if not _NO_NUMBERS.search(name) and _all(values, _NUMBER.fullmatch):
        return "number"
    if _all(values, lambda text: text.strip().lower() in _BOOLEANS):
        return "boolean"
    return "datetime" if _all(values, _TIME.fullmatch) else None


def _type_of_numbers(name: str, values: Sequence[Any]) -> str | None:
    if _FLAG.search(name) and _all(values, lambda number: number in {0, 1}):
        return "boolean"
    is_epoch = _AT.search(name) and _all(values, _may_be_epoch)
    return "datetime" if is_epoch else None


def _may_be_epoch(number: Any) -> bool:
    return any(low <= number < high for low, high in _EPOCHS)


def _all(values: Sequence[Any], fits: Callable[[Any], object]) -> bool:
    return all(map(fits, values))
