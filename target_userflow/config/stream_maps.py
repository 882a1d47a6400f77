"""What is wrong with `stream_maps` before any line is read, and which columns it names.

The SDK says it at the SCHEMA, without the column, or with the first record; a misspelt `__filter__`
never.
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
_OF_RECORDS = {"_", "record"}
_NO_COLUMNS = {
    *_OF_RECORDS,
    *simpleeval.DEFAULT_FUNCTIONS,
    *("md5", "sha256", "datetime", "bool", "json", "fake", "config"),
    *("__stream_name__", "__original_stream_name__"),
}
"""Names that an expression may use beside the record's columns (the SDK's documentation)."""


def problems(maps: Any) -> Iterator[str]:
    """One line for each thing that is wrong."""
    for stream, one in maps.items() if isinstance(maps, dict) else ():
        where = f"Setting 'stream_maps.{stream}'"
        if stream.startswith("__"):
            if stream != ELSE:
                yield f"{where}: there is no such key. Did you mean '{ELSE}'?"
            elif one not in _NULLS:
                yield f"{where} can be nothing but null"
        elif isinstance(one, dict):
            for key, value in one.items():
                problem = _problem(key, value)
                if problem:
                    yield f"Setting 'stream_maps.{stream}.{key}'{problem}"
        elif one not in _NULLS:
            yield f"{where} must be an object, or null to leave the stream out"


def columns(definition: Any) -> dict[str, str]:
    """The columns of the tap that the map of one stream names, each with the key that does so."""
    found: dict[str, str] = {}
    for key, value in definition.items() if isinstance(definition, dict) else ():
        if key == FILTER or not _is_special(key):
            for column in [key] if value in _NULLS else _named(key, value):
                if not _is_special(column):
                    found.setdefault(column, key)
    return found


def _problem(key: str, value: Any) -> str | None:
    if key == _KEYS:
        is_list = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return None if is_list or value is None else " must be a list of names, or null"
    if key == ELSE:
        return None if value in _NULLS else " can be nothing but null"
    if _is_special(key) and key not in _KNOWN:
        return f": there is no such key. {nearest(key, _KNOWN)}"
    if not isinstance(value, str):
        return None if value is None else " must be an expression, as text, or null"
    return None if value in _NULLS or key in _NAMES else _of_expression(value)


def _of_expression(text: str) -> str | None:
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError) as error:
        return f": '{text}' is no expression: {getattr(error, 'msg', error)}"
    is_one = len(body) == 1 and isinstance(body[0], ast.Expr)
    return None if is_one else f": '{text}' is not one expression"


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
    """The column that a part of an expression names: `email`, `_['email']`, `_.get('email')`."""
    of, text = None, None
    if isinstance(node, ast.Name) and node.id not in _NO_COLUMNS:
        return node.id
    if isinstance(node, ast.Subscript):
        of, text = node.value, node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        of, text = node.func.value, node.args[0] if node.func.attr == "get" else None
    is_record = isinstance(of, ast.Name) and of.id in _OF_RECORDS
    is_text = isinstance(text, ast.Constant) and isinstance(text.value, str)
    return text.value if is_record and is_text else None  # type: ignore[union-attr] # a constant


def _is_special(key: str) -> bool:
    return key.startswith("__") and key.endswith("__")


def sources(maps: Mapping[str, Any]) -> dict[str, str]:
    """The names and globs in `stream_maps`, each with the tap's name for the stream."""
    return {
        name: one.get("__source__", name) if isinstance(one, dict) else name
        for name, one in maps.items()
        if name != ELSE
    }
