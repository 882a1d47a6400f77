"""Reads JSON more strictly than the standard library, and writes numbers with every digit."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def write(value: object) -> bytes:
    """Return the JSON text of a value; integers and decimals keep every digit."""
    return _encoder.encode(value)


class Document(NamedTuple):
    """The body of a request.

    Attributes:
        value: The value of the JSON; None if the JSON is invalid.
        rule: The rule that the body breaks, in words; None if it is a JSON object.
    """

    value: Any
    rule: str | None


def read(raw: bytes) -> Document:
    """Read a body that must be a JSON object, with whole numbers as int and others as Decimal.

    Invalid UTF-8, NaN, infinities, a repeated key in an object, and text that is no Unicode (lone
    surrogates) break a rule.
    """
    try:
        value = _decoder.decode(raw.decode())
        _check_text(raw, value)
    except UnicodeError:
        return Document(None, "the body must be valid UTF-8, and its text valid Unicode")
    except _RefusedError as error:
        return Document(None, str(error))
    except (ValueError, RecursionError):
        return Document(None, "the body must be valid JSON")
    return Document(value, None if isinstance(value, dict) else "the body must be a JSON object")


class _RefusedError(Exception):
    """The JSON breaks a rule that the message names."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise _RefusedError(f"the key {repeated!r} stands twice in one object")
    return members


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _RefusedError("a number is out of range") from None


def _constant(text: str) -> None:
    raise _RefusedError(f"{text} is no JSON number")


def _check_text(raw: bytes, value: object) -> None:
    """Raise UnicodeEncodeError for a lone surrogate, which only an escape can write."""
    if b"\\u" in raw:
        json.dumps(value, ensure_ascii=False, default=str).encode()


_decoder = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=_decimal, parse_constant=_constant
)
