"""Checks the setting `stream_maps` before any line is read, and lists the columns that it names.

The SDK reports a fault at the SCHEMA, without the column, or with the first record; a misspelt
`__filter__` never.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import simpleeval  # type: ignore[import-untyped] # what the SDK evaluates maps with

from target_userflow.config.names import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ELSE, FILTER = "__else__", "__filter__"
_NAMES = "__alias__", "__source__"
_KEYS = "__key_properties__"
_KNOWN = [ELSE, FILTER, *_NAMES, _KEYS]
_NULLS = (None, "__NULL__")
_RECORD_NAMES = {"_", "record"}
_NO_COLUMNS = {
    *_RECORD_NAMES,
    *simpleeval.DEFAULT_FUNCTIONS,
    *("md5", "sha256", "datetime", "bool", "json", "fake", "config"),
    *("__stream_name__", "__original_stream_name__"),
}
"""Names that an expression may use beside the record's columns (the SDK's documentation)."""


def problems(maps: Any) -> Iterator[str]:
    """Yield the problems of the setting, a line each.

    Args:
        maps: The setting `stream_maps`; what is no object is left to the schema.
    """
    for stream, definition in maps.items() if isinstance(maps, dict) else ():
        setting = f"Setting 'stream_maps.{stream}'"
        if stream.startswith("__"):
            yield from _special_problems(stream, definition, setting)
        elif isinstance(definition, dict):
            yield from _map_problems(stream, definition)
        elif definition not in _NULLS:
            yield f"{setting} must be an object, or null to leave the stream out"


def columns(definition: Any) -> dict[str, str]:
    """Return the columns that a map names → the key that names the column.

    Args:
        definition: The map of a stream; what is no object names no column.
    """
    named: dict[str, str] = {}
    for key, value in definition.items() if isinstance(definition, dict) else ():
        if key == FILTER or not _is_special(key):
            for column in [key] if value in _NULLS else _named(key, value):
                if not _is_special(column):
                    named.setdefault(column, key)
    return named


def _special_problems(key: str, value: Any, setting: str) -> Iterator[str]:
    if key != ELSE:
        yield f"{setting}: there is no such key. Did you mean '{ELSE}'?"
    elif value not in _NULLS:
        yield f"{setting} can be nothing but null"


def _map_problems(stream: str, definition: Mapping[str, Any]) -> Iterator[str]:
    for key, value in definition.items():
        problem = _problem(key, value)
        if problem:
            yield f"Setting 'stream_maps.{stream}.{key}'{problem}"


def _problem(key: str, value: Any) -> str | None:
    if key == _KEYS:
        return _keys_problem(value)
    if key == ELSE:
        return None if value in _NULLS else " can be nothing but null"
    if _is_special(key) and key not in _KNOWN:
        return f": there is no such key. {nearest(key, _KNOWN)}"
    return _value_problem(key, value)


def _value_problem(key: str, value: Any) -> str | None:
    if not isinstance(value, str):
        return None if value is None else " must be an expression, as text, or null"
    is_expression = value not in _NULLS and key not in _NAMES
    return _expression_problem(value) if is_expression else None


def _keys_problem(value: Any) -> str | None:
    is_list = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return None if is_list or value is None else " must be a list of names, or null"


def _expression_problem(text: str) -> str | None:
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError) as error:
        return f": '{text}' is no expression: {getattr(error, 'msg', error)}"
    is_expression = len(body) == 1 and isinstance(body[0], ast.Expr)
    return None if is_expression else f": '{text}' is not one expression"


def _named(key: str, text: str) -> Iterator[str]:
    nodes = [*ast.walk(ast.parse(text))]
    names = [node for node in nodes if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}  # of a comprehension
    for node in nodes:
        column = _column(node)
        if column == "self":
            yield key
        elif column and column not in own:
            yield column


def _column(node: ast.AST) -> str | None:
    """Return the column that a node names: `email`, `_['email']`, `_.get('email')`."""
    if isinstance(node, ast.Name):
        return None if node.id in _NO_COLUMNS else node.id
    operands = _look_up(node)
    if operands is None:
        return None
    subject, key = operands
    is_record = isinstance(subject, ast.Name) and subject.id in _RECORD_NAMES
    if is_record and isinstance(key, ast.Constant) and isinstance(key.value, str):
        return key.value
    return None


def _look_up(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """Return what a node looks a key up in, and the key."""
    if isinstance(node, ast.Subscript):
        return node.value, node.slice
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        return (node.func.value, node.args[0]) if node.func.attr == "get" else None
    return None


def _is_special(key: str) -> bool:
    return key.startswith("__") and key.endswith("__")


def sources(maps: Mapping[str, Any]) -> dict[str, str]:
    """Return name or glob in `stream_maps` → the tap's name for the stream.

    Args:
        maps: The setting `stream_maps`.
    """
    return {
        name: definition.get("__source__", name) if isinstance(definition, dict) else name
        for name, definition in maps.items()
        if name != ELSE
    }
