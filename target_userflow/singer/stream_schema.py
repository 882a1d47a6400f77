"""Completes the schema of a SCHEMA message, so that the SDK can map and flatten its stream.

A schema may leave its columns out (taps of MongoDB and BigQuery do: columns come with the records),
a column's schema may be `true`, and its `type` may be missing. The SDK fails on each of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.errors import InvalidSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

_ANY_COLUMN: dict[str, Any] = {"": {}}
"""`patternProperties` that say what a schema without properties means: columns of any name."""
_SIMPLE = ["null", "boolean", "integer", "number", "string"]


def with_columns(stream: str, schema: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Return the schema with an object for each column, including the key properties.

    Args:
        stream: The name of the stream in messages.
        schema: The schema of the SCHEMA message.
        keys: Its key properties.

    Raises:
        InvalidSchema: its properties are no object, or one of them is no schema.
    """
    given = schema.get("properties")
    columns = {**{key: {} for key in keys}, **_columns(stream, {} if given is None else given)}
    others = {} if given else {"patternProperties": _ANY_COLUMN}
    return {**_without_flags(schema), **others, "properties": columns}


def _without_flags(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema without draft 3's `required: true`, as stream maps expect a list."""
    is_flag = isinstance(schema.get("required"), bool)
    return {name: value for name, value in schema.items() if name != "required" or not is_flag}


def _columns(stream: str, properties: Any) -> dict[str, Any]:
    """Return column → schema, as an object."""
    invalid = f"Stream '{stream}' has an invalid schema"
    if not isinstance(properties, dict):
        raise InvalidSchema(f"{invalid}: its properties are no object")
    for column, schema in properties.items():
        if not isinstance(schema, (dict, bool)):
            raise InvalidSchema(f"{invalid}: '{column}' is no schema")
    return {column: _object(schema) for column, schema in properties.items()}


def has_open_columns(schema: dict[str, Any]) -> bool:
    """Return whether columns come with the records, as the SCHEMA names none.

    Args:
        schema: What `with_columns` returned.
    """
    return schema.get("patternProperties") == _ANY_COLUMN


def for_flattening(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with a type for each column, and without rules for flattened columns.

    The SDK looks for `type` first, and takes a record's objects apart, so that no record has the
    column any more that they stood in.
    """
    columns = {name: _typed(column) for name, column in schema["properties"].items()}
    required = [name for name in schema.get("required", ()) if not _is_object(columns.get(name))]
    return {**schema, "properties": columns, "required": required}


def _object(schema: Any) -> dict[str, Any]:
    """Return the schema as an object: `true` and `false` have equivalents."""
    if isinstance(schema, dict):
        return schema
    return {} if schema else {"not": {}}


def _typed(schema: Any) -> dict[str, Any]:
    """Return the schema of a column with the types that its values have once flattened."""
    column = {key: value for key, value in _object(schema).items() if value is not None}
    if not column.get("type"):
        column = {**(column if _is_simple(column) else {}), "type": _SIMPLE}
    inner = column.get("properties")
    if isinstance(inner, dict):
        column["properties"] = {name: _typed(part) for name, part in inner.items()}
    return column


def _is_simple(schema: dict[str, Any]) -> bool:
    """Return whether its alternatives hold for the text that flattening makes of objects."""
    keywords = ("anyOf", "oneOf", "allOf")
    alternatives = [part for keyword in keywords for part in schema.get(keyword, ()) or ()]
    return not any(map(_is_nested, (schema, *alternatives)))


def _is_nested(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    nested_types = {"object", "array"}.intersection(_listed(schema.get("type")))
    return bool(nested_types or {"$ref", "properties", "items"} & schema.keys())


def _is_object(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    return "object" in _listed(schema["type"]) and "properties" in schema


def _listed(types: Any) -> list[Any]:
    return types if isinstance(types, list) else [types]
