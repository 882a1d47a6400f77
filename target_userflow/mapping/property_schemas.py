"""What a column's JSON schema says of its values: references followed, alternatives listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

DATES = frozenset(("date-time", "date"))
"""The formats of times that have a date."""
DECIMAL = "singer.decimal"
"""The format of a number that a tap sends as text, so that no digit is lost (pipelinewise taps)."""


def resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with what `$ref` and `allOf` say put in their place, for each column.

    Args:
        schema: What a stream has, after the stream maps: these may leave the definitions out.
        root: The SCHEMA that references lead into. One that leads elsewhere, nowhere or back to
            itself says nothing.
    """
    result: dict[str, Any] = _Resolver(root).resolved(schema)
    return result


def formats(schema: Any) -> set[str]:
    """Return the formats of the values that a column may hold."""
    named = (subschema.get("format") for subschema in _choices(schema))
    return {name for name in named if isinstance(name, str)}


def allows_any(schema: Any, *types: str) -> bool:
    """Return whether a column may hold one of these types without a format."""
    return any(
        "format" not in subschema and not _types(subschema).isdisjoint(types)
        for subschema in _choices(schema)
    )


def allowed_types(schema: Any) -> set[str]:
    """Return the types that a column may hold; empty where the schema does not say."""
    return {name for subschema in _choices(schema) for name in _types(subschema)}


def may_be_text(schema: Any) -> bool:
    """Return whether a column may hold a text that is no time; without a type it may."""
    types = allowed_types(schema)
    return (not types or "string" in types) and formats(schema).isdisjoint(DATES)


def inner_properties(schema: Any) -> dict[str, Any]:
    """Return key → schema, for the keys that the schema names of objects in a column."""
    named = (subschema.get("properties") for subschema in _choices(schema))
    return {
        key: subschema
        for inner in named
        if isinstance(inner, dict)
        for key, subschema in inner.items()
    }


def items_schema(schema: Any) -> Any:
    """Return the schema of the items of a list in a column; an empty one without it."""
    return next((subschema["items"] for subschema in _choices(schema) if "items" in subschema), {})


def is_object_only(schema: Any) -> bool:
    """Return whether a column can hold objects and nulls, and nothing else."""
    return allowed_types(schema) - {"null"} == {"object"}


def _types(schema: Mapping[str, Any]) -> set[str]:
    named = schema.get("type", ())
    listed = [named] if isinstance(named, str) else named
    return {name for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()


def _choices(schema: Any) -> list[dict[str, Any]]:
    """Return a schema and its alternatives; none for `true` and `false`, which say nothing."""
    if not isinstance(schema, dict):
        return []
    if "anyOf" not in schema and "oneOf" not in schema:  # most of them
        return [schema]
    inner = (subschema for choice in _alternatives(schema) for subschema in _choices(choice))
    return [schema, *inner]


def _alternatives(schema: Mapping[str, Any]) -> list[Any]:
    listed = schema.get("anyOf"), schema.get("oneOf")
    return [subschema for choices in listed if isinstance(choices, list) for subschema in choices]


class _Resolver:
    """Resolves one SCHEMA: each reference once, however often it is made."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._followed: dict[str, dict[str, Any]] = {}

    def resolved(self, schema: Any) -> Any:
        if not isinstance(schema, dict):
            return schema
        whole = {
            key: subschema for key, subschema in schema.items() if key not in {"$ref", "allOf"}
        }
        self._resolve_inner(whole)
        for part in self._parts(schema):
            whole = _merged(part, whole)
        return whole

    def _resolve_inner(self, whole: dict[str, Any]) -> None:
        """Replace the alternatives, properties and items of a schema by what they come to."""
        for key in ("anyOf", "oneOf"):
            if isinstance(whole.get(key), list):
                whole[key] = [self.resolved(subschema) for subschema in whole[key]]
        if isinstance(whole.get("properties"), dict):
            inner = whole["properties"].items()
            whole["properties"] = {name: self.resolved(subschema) for name, subschema in inner}
        if "items" in whole:
            whole["items"] = self.resolved(whole["items"])

    def _parts(self, schema: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the schemas that a schema refers to, and those of its `allOf`."""
        together = schema.get("allOf")
        listed = (
            [self.resolved(subschema) for subschema in together]
            if isinstance(together, list)
            else []
        )
        if isinstance(schema.get("$ref"), str):
            listed.append(self._follow(schema["$ref"]))
        return [subschema for subschema in listed if isinstance(subschema, dict)]

    def _follow(self, reference: str) -> dict[str, Any]:
        if reference not in self._followed:
            self._followed[reference] = {}  # all that one says which leads back to itself
            target = self.resolved(self._at(reference))
            self._followed[reference] = target if isinstance(target, dict) else {}
        return self._followed[reference]

    def _at(self, reference: str) -> Any:
        """Return what a JSON pointer into the SCHEMA points at; None for nothing."""
        result: Any = self._root
        for name in reference.removeprefix("#").split("/")[1:]:
            key = name.replace("~1", "/").replace("~0", "~")
            result = result.get(key) if isinstance(result, dict) else None
        return result if reference.startswith("#/") else None


def _merged(part: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return two schemas as one: the second wins, but their properties add up."""
    both = {**part, **whole}
    inner = [subschema.get("properties") for subschema in (part, whole)]
    if all(isinstance(subschema, dict) for subschema in inner):
        both["properties"] = {key: subschema for names in inner for key, subschema in names.items()}  # type: ignore[union-attr] # both are
    return both
