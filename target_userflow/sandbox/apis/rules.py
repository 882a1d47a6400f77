"""The rules for bodies and queries that the APIs share.

A rule set is a generator of the rules that a body breaks, each in words. Callers read the first
broken rule only, so a rule set may rely on every rule that it has passed.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.http.messages import Call, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    Broken = Iterator[str]
    RuleSet = Callable[[dict[str, Any]], Broken]

_MAX = Decimal(sys.float_info.max)


def require(holds: object, rule: str) -> None:
    """Check a rule.

    Args:
        holds: Whether the call keeps the rule.
        rule: The rule in words, for the answer.

    Raises:
        Refusal: the call breaks the rule.
    """
    if not holds:
        raise Refusal(400, rule)


def first_broken(rules: RuleSet, body: dict[str, Any]) -> str | None:
    """Return the first rule of a set that a body breaks, or None if the body is valid."""
    return next(rules(body), None)


def json_body(call: Call) -> dict[str, Any]:
    """Return a copy of a call's body.

    Raises:
        Refusal: the body is no JSON object.
    """
    body, broken = call.document
    if broken:
        raise Refusal(400, broken)
    return dict(body)


def valid_body(call: Call, rules: RuleSet) -> dict[str, Any]:
    """Return a copy of a call's body.

    Raises:
        Refusal: the body breaks a rule.
    """
    body = json_body(call)
    broken = first_broken(rules, body)
    if broken:
        raise Refusal(400, broken)
    return body


def refuse_unknown_parameters(call: Call, known: Collection[str]) -> None:
    """Check the names of the query's parameters.

    Raises:
        Refusal: a parameter is not known.
    """
    for parameter in call.query:
        require(parameter in known, f"{parameter} is no known parameter")


def whole_number(call: Call, parameter: str, *, default: int, highest: int) -> int:
    """Return a parameter of the query as a whole number from 1 to the highest.

    Raises:
        Refusal: the parameter is no such number.
    """
    text = call.query.get(parameter, str(default))
    number = int(text) if text.isdecimal() and len(text) <= len(str(highest)) else 0
    require(1 <= number <= highest, f"{parameter} must be a whole number from 1 to {highest}")
    return number


def query_values(call: Call, parameter: str) -> list[str]:
    """Return the values of a parameter, which the query may repeat, also as ``parameter[]``."""
    return [value for key, value in call.pairs if key in {parameter, f"{parameter}[]"}]


def known_keys(value: Any, where: str, known: Collection[str]) -> Broken:
    """Check that a value is an object with known keys only."""
    if not isinstance(value, dict):
        yield f"{where} must be an object"
    for key in value:
        if key not in known:
            yield f"{join_path(where, key)} is no known key"


def non_empty_string(value: Any, where: str) -> Broken:
    """Check that a value is a string that is not blank."""
    if not isinstance(value, str) or not value.strip():
        yield f"{where} must be a non-empty string"


def list_of(value: Any, where: str, item_rules: Callable[[Any, str], Broken]) -> Broken:
    """Check that a value is a list, and check each item by its rules."""
    if not isinstance(value, list):
        yield f"{where} must be a list"
    for index, item in enumerate(value):
        yield from item_rules(item, f"{where}[{index}]")


def is_number(value: Any) -> bool:
    """Return whether a value is a number in the range of a double; booleans are not."""
    number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    return number and -_MAX <= value <= _MAX


def is_plain(value: Any) -> bool:
    """Return whether a value is a string, a finite number or a boolean."""
    return isinstance(value, (str, bool)) or is_number(value)


def is_strings(value: Any) -> bool:
    """Return whether a value is a list of strings."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def join_path(where: str, key: str) -> str:
    """Return the path of a key inside the object at a path, such as ``group.id``."""
    return f"{where}.{key}" if where else key
