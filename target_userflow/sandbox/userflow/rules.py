"""The documented rules for bodies, each broken one told in words (Userflow API reference).

A rule set is a generator of the rules that a body breaks. Only the first one is asked for, so
what follows may rely on what came before.
"""

from __future__ import annotations

import re
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.times import to_utc

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    Broken = Iterator[str]
    RuleSet = Callable[[dict[str, Any]], Broken]

DATA_TYPES = ("string", "number", "boolean", "datetime", "list")
OPERATIONS = ("set", "set_once", "add", "subtract", "append", "prepend", "remove")
RESULT_TYPES = {
    "add": "number",
    "subtract": "number",
    "append": "list",
    "prepend": "list",
    "remove": "list",
}
"""The data type of an attribute after an operation; set and set_once can make any."""

_NAME = re.compile(r"[A-Za-z0-9_\- ]+")
_MAX = Decimal(sys.float_info.max)


def first_broken(rules: RuleSet, body: dict[str, Any]) -> str | None:
    """The first rule of a set that a body breaks, None if it is valid."""
    return next(rules(body), None)


def user(body: dict[str, Any]) -> Broken:
    """The rules of ``POST /users``."""
    lists = body.keys() & _ITEMS.keys()
    yield from _keys(body, "", {"id", "attributes", "prune_memberships", *_ITEMS})
    yield from _id(body.get("id"), "id")
    yield from _attributes(body.get("attributes", {}), "attributes")
    if len(lists) > 1:
        yield "only one of groups and memberships can be given"
    for name in lists:
        yield from _list(body[name], name, _ITEMS[name])
    if "prune_memberships" in body:
        yield from _prune(body["prune_memberships"], lists)


def group(body: dict[str, Any]) -> Broken:
    """The rules of ``POST /groups``."""
    yield from _group(body, "")


def event(body: dict[str, Any]) -> Broken:
    """The rules of ``POST /events``."""
    yield from _keys(body, "", {"name", "user_id", "group_id", "attributes", "time"})
    yield from _name(body.get("name"), "name")
    if not body.keys() & {"user_id", "group_id"}:
        yield "at least one of user_id and group_id must be given"
    for owner in ("user_id", "group_id"):
        if owner in body:
            yield from _id(body[owner], owner)
    yield from _event_attributes(body.get("attributes", {}))
    if "time" in body:
        yield from _time(body["time"], "time")


def _keys(value: Any, where: str, known: Collection[str]) -> Broken:
    if not isinstance(value, dict):
        yield f"{where} must be an object"
    for key in value:
        if key not in known:
            yield f"{_inside(where, key)} is no known key"


def _id(value: Any, where: str) -> Broken:
    if not isinstance(value, str) or not value.strip():
        yield f"{where} must be a non-empty string"


def _name(value: Any, where: str) -> Broken:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        yield f"{where} must be a name of a-z, A-Z, 0-9, _, - and space only"


def _time(value: Any, where: str) -> Broken:
    if not isinstance(value, str) or not to_utc(value):
        yield f"{where} must be an ISO 8601 date and time"


def _prune(value: Any, lists: Collection[str]) -> Broken:
    if not isinstance(value, bool):
        yield "prune_memberships must be a boolean"
    if not lists:
        yield "prune_memberships can only be given with groups or memberships"


def _list(value: Any, where: str, item_rules: Callable[[Any, str], Broken]) -> Broken:
    if not isinstance(value, list):
        yield f"{where} must be a list"
    for index, item in enumerate(value):
        yield from item_rules(item, f"{where}[{index}]")


def _group(value: Any, where: str) -> Broken:
    yield from _keys(value, where, {"id", "attributes"})
    yield from _id(value.get("id"), _inside(where, "id"))
    yield from _attributes(value.get("attributes", {}), _inside(where, "attributes"))


def _membership(value: Any, where: str) -> Broken:
    yield from _keys(value, where, {"group", "attributes"})
    yield from _group(value.get("group"), _inside(where, "group"))
    yield from _attributes(value.get("attributes", {}), _inside(where, "attributes"))


_ITEMS = {"groups": _group, "memberships": _membership}


def _attributes(value: Any, where: str) -> Broken:
    if not isinstance(value, dict):
        yield f"{where} must be an object"
    for name, change in value.items():
        yield from _name(name, f"{where}: {name!r}")
        if isinstance(change, dict):
            yield from _operation(change, f"{where}.{name}")
        elif change is not None:
            yield from _literal(change, f"{where}.{name}")


def _event_attributes(value: Any) -> Broken:
    if not isinstance(value, dict):
        yield "attributes must be an object"
    for name, literal in value.items():
        yield from _name(name, f"attributes: {name!r}")
        yield from _literal(literal, f"attributes.{name}")


def _literal(value: Any, where: str) -> Broken:
    if not (isinstance(value, (str, bool)) or _is_number(value) or _is_strings(value)):
        yield f"{where} must be a string, a finite number, a boolean or a list of strings"


def _operation(change: dict[str, Any], where: str) -> Broken:
    name, *others = [key for key in change if key != "data_type"] or [""]
    if others or name not in OPERATIONS:
        yield f"{where} must be one of {', '.join(OPERATIONS)}, with at most a data_type besides"
    yield from _OPERANDS[name](change[name], f"{where}.{name}")
    if "data_type" in change:
        yield from _data_type(change["data_type"], name, where)
        yield from _typed(change[name], change["data_type"], f"{where}.{name}")


def _set_operand(value: Any, where: str) -> Broken:
    if value is not None:
        yield from _literal(value, where)


def _number_operand(value: Any, where: str) -> Broken:
    if not _is_number(value):
        yield f"{where} must be a finite number"


def _list_operand(value: Any, where: str) -> Broken:
    if not isinstance(value, str) and not _is_strings(value):
        yield f"{where} must be a string or a list of strings"


_OPERANDS = {
    "set": _set_operand,
    "set_once": _set_operand,
    "add": _number_operand,
    "subtract": _number_operand,
    "append": _list_operand,
    "prepend": _list_operand,
    "remove": _list_operand,
}


def _data_type(value: Any, operation: str, where: str) -> Broken:
    if value not in DATA_TYPES:
        yield f"{where}.data_type must be one of {', '.join(DATA_TYPES)}"
    if value != RESULT_TYPES.get(operation, value):
        yield f"{where}.data_type must be {RESULT_TYPES[operation]}, as {operation} makes that"


def _typed(operand: Any, data_type: str, where: str) -> Broken:
    """What a set makes of a value of another type is undocumented; no date-time is a mistake."""
    if data_type == "datetime" and operand is not None:
        yield from _time(operand, where)


def _is_number(value: Any) -> bool:
    """Whether it is a number in the range of a double; true and false are none."""
    number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    return number and -_MAX <= value <= _MAX


def _is_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _inside(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
