"""Makes the schema of a SCHEMA message one that the SDK's stream maps and flattening can handle.

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
    """The schema with an object for each column; the key properties are columns in any case.

    Raises:
        InvalidSchema: its properties are no object, or one of them is no schema.
    """
    given = schema.get("properties")
    columns = {**{key: {} for key in keys}, **_columns(stream, {} if given is None else given)}
    others = {} if given else {"patternProperties": _ANY_COLUMN}
    return {**_without_flags(schema), **others, "properties": columns}


def _without_flags(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without draft 3's `required: true`, where stream maps expect a list of names."""
    flagged = isinstance(schema.get("required"), bool)
    return {name: value for name, value in schema.items() if name != "required" or not flagged}


def _columns(stream: str, properties: Any) -> dict[str, Any]:
    """The schema of each column as an object, in which `true` says nothing."""
    invalid = f"Stream '{stream}' has an invalid schema"
    if not isinstance(properties, dict):
        raise InvalidSchema(f"{invalid}: its properties are no object")
    for column, schema in properties.items():
        if not isinstance(schema, (dict, bool)):
            raise InvalidSchema(f"{invalid}: '{column}' is no schema")
    return {column: _object(schema) for column, schema in properties.items()}


def has_open_columns(schema: dict[str, Any]) -> bool:
    """Whether columns come with the records, as the SCHEMA names none."""
    return schema.get("patternProperties") == _ANY_COLUMN


def for_flattening(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with a type for each column, and without rules for those that are flattened away.

    The SDK looks for `type` first, and takes a record's objects apart, so that no record has the
    column any more that they stood in.
    """
    columns = {name: _typed(one) for name, one in schema["properties"].items()}
    required = [name for name in schema.get("required", ()) if not _is_object(columns.get(name))]
    return {**schema, "properties": columns, "required": required}


def _object(schema: Any) -> dict[str, Any]:
    """`true` and `false` as the schemas that mean the same."""
    if isinstance(schema, dict):
        return schema
    return {} if schema else {"not": {}}


def _typed(schema: Any) -> dict[str, Any]:
    """The schema of a column, with the types that its values have once they are flattened."""
    column = {key: value for key, value in _object(schema).items() if value is not None}
    if not column.get("type"):
        column = {**(column if _is_simple(column) else {}), "type": _SIMPLE}
    inner = column.get("properties")
    if isinstance(inner, dict):
        column["properties"] = {name: _typed(one) for name, one in inner.items()}
    return column


def _is_simple(schema: dict[str, Any]) -> bool:
    """Whether its alternatives hold for the text that flattening makes of objects and lists."""
    alternatives = [
        one for name in ("anyOf", "oneOf", "allOf") for one in schema.get(name, ()) or ()
    ]
    return not any(map(_is_nested, (schema, *alternatives)))


def _is_nested(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    is_named = {"object", "array"}.intersection(_listed(schema.get("type")))
    return bool(is_named or {"$ref", "properties", "items"} & schema.keys())


def _is_object(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    return "object" in _listed(schema["type"]) and "properties" in schema


def _listed(types: Any) -> list[Any]:
    return types if isinstance(types, list) else [types]
