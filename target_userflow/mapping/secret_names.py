"""Columns that are called like secrets: their values are not sent unless someone asks for it.

A table of an application often has them, and what is once an attribute of a user is shown to
everybody who works with the product.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

from target_userflow.mapping.property_schemas import allowed_types, may_be_text

_WORDS = (
    "password",
    "passwd",
    "token",
    "secret",
    "api_?key",
    "(?:secret|private|access)_key",
    "otp",
    "salt",
    "ssn",
    "iban",
    "card_number",
    "(?:password|passwd|token|secret)_(?:digest|hash)",
)
_IN_DIGITS = re.compile(r"(?:^|_)(?:otp|ssn|card_number)$")
"""Secrets that a column of numbers may hold as well as one of texts."""
_SECRET = re.compile(rf"(?:^|_)(?:{'|'.join(_WORDS)})$")
_FLAG = re.compile(r"(?:has|is|needs)_")
"""What a name begins with that says whether there is a secret: it may hold "t" or "no"."""
_BORDER = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])"  # fooBar
    r"|(?<=[A-Z])(?=[A-Z][a-z])"  # FOOBar
    r"|[^A-Za-z0-9]+"
)
_NAMES = 10_000  # columns that are remembered; of a log they come one by one


def is_secret(column: str, schema: Any) -> bool:
    """Return whether a column is named like a secret, such as `authToken`, and may hold one."""
    if not is_secret_name(column):
        return False
    may_be_number = not allowed_types(schema).isdisjoint(("integer", "number"))
    return may_be_text(schema) or (may_be_number and _is_in_digits(column))


def is_secret_value(name: str, value: Any) -> bool:
    """Return whether a value is withheld for the name of its column or key; a null is, too."""
    if value is None or isinstance(value, str):
        return is_secret_name(name)
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return _is_in_digits(name)
    return False


@lru_cache(_NAMES)
def is_secret_name(name: str) -> bool:
    """Return whether a name ends in a secret's word, written `in_snake` or `inCamel` case."""
    plain = snake_case(name)
    return bool(_SECRET.search(plain)) and not _FLAG.match(plain)


@lru_cache(_NAMES)
def _is_in_digits(name: str) -> bool:
    return is_secret_name(name) and bool(_IN_DIGITS.search(snake_case(name)))


def snake_case(name: str) -> str:
    """Return a name in small letters, with `_` between its words."""
    return _BORDER.sub("_", name).strip("_").lower()
