"""JSON, read more strictly than the standard library does, and written to the digit."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def write(value: object) -> bytes:
    """The JSON text of a value; integers and decimals keep every digit."""
    return _encoder.encode(value)


class Document(NamedTuple):
    """A request's body as it was read.

    Attributes:
        value: What the JSON says; None if it is broken.
        rule: The rule that the body breaks, in words; None if it is a JSON object.
    """

    value: Any
    rule: str | None


def read(raw: bytes) -> Document:
    """Read a body that has to be one JSON object, with whole numbers as int, others as Decimal.

    Refused are invalid UTF-8, NaN and infinities, a key that stands twice in one object, and
    text that is no Unicode (lone surrogates).
    """
    try:
        value = _decoder.decode(raw.decode())
        _check_text(raw, value)
    except UnicodeError:
        return Document(None, "the body must be valid UTF-8, and its text valid Unicode")
    except _RefusedError as refused:
        return Document(None, str(refused))
    except (ValueError, RecursionError):
        return Document(None, "the body must be valid JSON")
    return Document(value, None if isinstance(value, dict) else "the body must be a JSON object")


class _RefusedError(Exception):
    """The JSON is well-formed enough to say what is wrong with it."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _RefusedError(f"the key {twice!r} stands twice in one object")
    return members


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _RefusedError("a number is out of range") from None


def _constant(name: str) -> None:
    raise _RefusedError(f"{name} is no JSON number")


def _check_text(raw: bytes, value: object) -> None:
    """Raise UnicodeEncodeError for lone surrogates: only an escape can bring one in."""
    if b"\\u" in raw:
        json.dumps(value, ensure_ascii=False, default=str).encode()


_decoder = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=_decimal, parse_constant=_constant
)
