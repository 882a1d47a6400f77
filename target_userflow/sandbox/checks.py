"""What the rules of all APIs for bodies and queries share.

A rule set is a generator of the rules that a body breaks, each told in words. Only the first one
is asked for, so what follows may rely on what came before.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.calls import Call, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    Broken = Iterator[str]
    RuleSet = Callable[[dict[str, Any]], Broken]

_MAX = Decimal(sys.float_info.max)


def require(kept: object, rule: str) -> None:
    """Refuse a call that breaks a rule."""
    if not kept:
        raise Refusal(400, rule)


def first_broken(rules: RuleSet, body: dict[str, Any]) -> str | None:
    """The first rule of a set that a body breaks, None if it is valid."""
    return next(rules(body), None)


def sound(call: Call) -> dict[str, Any]:
    """The body, if it is a JSON object."""
    body, broken = call.document
    if broken:
        raise Refusal(400, broken)
    return dict(body)


def valid(call: Call, rules: RuleSet) -> dict[str, Any]:
    """The body, if it breaks no rule."""
    body = sound(call)
    broken = first_broken(rules, body)
    if broken:
        raise Refusal(400, broken)
    return body


def parameters(call: Call, known: Collection[str]) -> dict[str, str]:
    """The parameters of the query, if all of them are known."""
    for name in call.query:
        require(name in known, f"{name} is no known parameter")
    return dict(call.query)


def whole(call: Call, parameter: str, *, default: int, highest: int) -> int:
    """A parameter of the query that is a whole number from 1."""
    text = call.query.get(parameter, str(default))
    number = int(text) if text.isdecimal() and len(text) <= len(str(highest)) else 0
    require(1 <= number <= highest, f"{parameter} must be a whole number from 1 to {highest}")
    return number


def keys(value: Any, where: str, known: Collection[str]) -> Broken:
    """An object has known keys only."""
    if not isinstance(value, dict):
        yield f"{where} must be an object"
    for key in value:
        if key not in known:
            yield f"{inside(where, key)} is no known key"


def filled(value: Any, where: str) -> Broken:
    """An id is a string, and not blank."""
    if not isinstance(value, str) or not value.strip():
        yield f"{where} must be a non-empty string"


def items(value: Any, where: str, item_rules: Callable[[Any, str], Broken]) -> Broken:
    """A list holds items that break no rule."""
    if not isinstance(value, list):
        yield f"{where} must be a list"
    for index, item in enumerate(value):
        yield from item_rules(item, f"{where}[{index}]")


def is_number(value: Any) -> bool:
    """Whether it is a number in the range of a double; true and false are none."""
    number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    return number and -_MAX <= value <= _MAX


def is_plain(value: Any) -> bool:
    """Whether it is a string, a finite number or a boolean."""
    return isinstance(value, (str, bool)) or is_number(value)


def is_strings(value: Any) -> bool:
    """Whether it is a list of strings."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def inside(where: str, key: str) -> str:
    """Where a key is in a body."""
    return f"{where}.{key}" if where else key
