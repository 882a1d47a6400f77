"""The rules for the bodies that Userflow accepts (Userflow API reference)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.apis.rules import (
    is_number,
    is_plain,
    is_strings,
    join_path,
    known_keys,
    list_of,
    non_empty_string,
)
from target_userflow.sandbox.apis.times import to_utc

if TYPE_CHECKING:
    from collections.abc import Collection

    from target_userflow.sandbox.apis.rules import Broken

DATA_TYPES = ("string", "number", "boolean", "datetime", "list")
OPERATIONS = ("set", "set_once", "add", "subtract", "append", "prepend", "remove")
RESULT_TYPES = {
    "add": "number",
    "subtract": "number",
    "append": "list",
    "prepend": "list",
    "remove": "list",
}
"""The data type of an attribute after an operation; set and set_once allow any type."""

_NAME = re.compile(r"[A-Za-z0-9_\- ]+")


def user(body: dict[str, Any]) -> Broken:
    """Yield the rules of ``POST /users`` that a body breaks."""
    lists = body.keys() & _ITEMS.keys()
    yield from known_keys(body, "", {"id", "attributes", "prune_memberships", *_ITEMS})
    yield from non_empty_string(body.get("id"), "id")
    yield from _attributes(body.get("attributes", {}), "attributes")
    if len(lists) > 1:
        yield "only one of groups and memberships can be given"
    for name in lists:
        yield from list_of(body[name], name, _ITEMS[name])
    if "prune_memberships" in body:
        yield from _prune(body["prune_memberships"], lists)


def group(body: dict[str, Any]) -> Broken:
    """Yield the rules of ``POST /groups`` that a body breaks."""
    yield from _group(body, "")


def event(body: dict[str, Any]) -> Broken:
    """Yield the rules of ``POST /events`` that a body breaks."""
    yield from known_keys(body, "", {"name", "user_id", "group_id", "attributes", "time"})
    yield from _name(body.get("name"), "name")
    if not body.keys() & {"user_id", "group_id"}:
        yield "at least one of user_id and group_id must be given"
    for owner in ("user_id", "group_id"):
        if owner in body:
            yield from non_empty_string(body[owner], owner)
    yield from _event_attributes(body.get("attributes", {}))
    if "time" in body:
        yield from _time(body["time"], "time")


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


def _group(value: Any, where: str) -> Broken:
    yield from known_keys(value, where, {"id", "attributes"})
    yield from non_empty_string(value.get("id"), join_path(where, "id"))
    yield from _attributes(value.get("attributes", {}), join_path(where, "attributes"))


def _membership(value: Any, where: str) -> Broken:
    yield from known_keys(value, where, {"group", "attributes"})
    yield from _group(value.get("group"), join_path(where, "group"))
    yield from _attributes(value.get("attributes", {}), join_path(where, "attributes"))


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
        if isinstance(literal, dict) and "set" in literal:
            yield from _operation(literal, f"attributes.{name}")
        else:
            yield from _literal(literal, f"attributes.{name}")


def _literal(value: Any, where: str) -> Broken:
    if not is_plain(value) and not is_strings(value):
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
    if not is_number(value):
        yield f"{where} must be a finite number"


def _list_operand(value: Any, where: str) -> Broken:
    if not isinstance(value, str) and not is_strings(value):
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
    """Check a date-time only: the reference does not say what ``set`` does with other types."""
    if data_type == "datetime" and operand is not None:
        yield from _time(operand, where)
