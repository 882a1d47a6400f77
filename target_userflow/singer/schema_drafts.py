"""Converts a JSON schema of any draft to draft 2020-12, by which records are checked.

Taps write what their sources or libraries gave them: `exclusiveMaximum: true` (draft 4), a list as
`items` (up to 2019-09), `dependencies` (up to draft 7), `required: true` inside of a property
(draft 3), `nullable` (OpenAPI). What has a meaning in 2020-12 is written its way. What has none
there is left out of the check, and so is what can't be looked up in the schema itself: nothing is
ever fetched for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import jsonschema_rs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BY_NAME = frozenset(("properties", "patternProperties", "dependentSchemas"))
_LISTED = frozenset(("anyOf", "allOf", "oneOf", "prefixItems"))
_NESTED = frozenset(
    (
        "additionalProperties",
        "contains",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    )
)
_PLAIN = frozenset(
    (
        "const",
        "dependentRequired",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "maxContains",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minContains",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "pattern",
        "required",
        "type",
        "uniqueItems",
    )
)
_REFERENCES = frozenset(("$ref", "$dynamicRef", "$recursiveRef"))
_FORGOTTEN = frozenset(("disallow", "divisibleBy", "extends"))
"""Keywords of draft 3 that no later draft has."""
_CHECKED = _BY_NAME | _LISTED | _NESTED | _PLAIN | _REFERENCES
"""All that can make a record invalid: other keywords describe, and are passed over."""
_NEVER_EMPTY = frozenset(("type", "items", "enum", "anyOf", "allOf", "oneOf", "prefixItems"))


class ModernSchema:
    """A tap's schema, converted to draft 2020-12."""

    schema: Any
    """The converted schema, in which all references lead into itself."""
    unchecked: list[str]
    """What was left out, as column and keyword."""

    def __init__(self, schema: dict[str, Any]) -> None:
        """Convert a schema.

        Args:
            schema: The schema of a SCHEMA message; it is not changed.
        """
        self._source = schema
        home = schema.get("$id", schema.get("id"))
        self._home = home.rstrip("#") if isinstance(home, str) else ""
        self._targets: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self.unchecked = []
        self.schema = self._converted(schema, ())
        if self._targets:
            self.schema["$defs"] = self._targets

    def _converted(self, schema: Any, place: tuple[str, ...]) -> Any:
        """Convert a nested schema; what is no schema is left for the compiler to refuse."""
        if not isinstance(schema, dict):
            return schema
        return dict(self._keywords(_modern(schema), place))

    def _keywords(
        self, schema: dict[str, Any], place: tuple[str, ...]
    ) -> Iterator[tuple[str, Any]]:
        for keyword, value in schema.items():
            if keyword in _FORGOTTEN:
                self._leave_out(place, keyword)
            if keyword not in _CHECKED:
                continue
            if _says_nothing(keyword, value) or self._leads_out(keyword, value):
                self._leave_out(place, keyword)
            else:
                yield keyword, self._inner(keyword, value, place)

    def _inner(self, keyword: str, value: Any, place: tuple[str, ...]) -> Any:
        """Return the value of a keyword, with the schemas in it converted."""
        if keyword == "$ref":
            return self._target(value, place)
        if keyword in _NESTED:
            return self._converted(value, place)
        if keyword in _BY_NAME and isinstance(value, dict):
            return {name: self._converted(value[name], (*place, name)) for name in value}
        if keyword in _LISTED:
            return self._list(value, place)
        return _without_repetitions(keyword, value)

    def _list(self, schemas: Any, place: tuple[str, ...]) -> Any:
        """Convert a list of schemas; what is no list is left for the compiler to refuse."""
        if not isinstance(schemas, list):
            return schemas
        return [self._converted(schema, place) for schema in schemas]

    def _leave_out(self, place: tuple[str, ...], keyword: str) -> None:
        text = f"{'.'.join(place)}: {keyword}" if place else keyword
        if text not in self.unchecked:
            self.unchecked.append(text)

    def _leads_out(self, keyword: str, value: Any) -> bool:
        """Return whether it is a reference that can't be resolved in the schema itself."""
        if keyword == "$ref" and isinstance(value, str):
            try:
                self._find(value)
            except (LookupError, TypeError, ValueError):
                return True
            return False
        return keyword in _REFERENCES

    def _target(self, reference: str, place: tuple[str, ...]) -> str:
        """Convert what a reference names, and return the reference to the converted schema."""
        name = self._names.get(reference)
        if name is None:
            name = self._names[reference] = f"reference-{len(self._names)}"
            self._targets[name] = True  # it may refer to itself
            self._targets[name] = self._converted(self._find(reference), place)
        return f"#/$defs/{name}"

    def _find(self, reference: str) -> Any:
        """Resolve a reference in the tap's schema, by its JSON pointer (RFC 6901).

        Raises:
            LookupError: the reference names nothing, or leads to another document.
            TypeError: the pointer goes into what is neither an object nor a list.
            ValueError: the pointer has an index of a list that is no number.
        """
        document, _, pointer = reference.partition("#")
        if document not in {"", self._home} or (pointer and not pointer.startswith("/")):
            raise LookupError(reference)
        target: Any = self._source
        for part in unquote(pointer).split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            target = target[int(name) if isinstance(target, list) else name]
        return target


def _modern(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of a schema as draft 2020-12 writes them."""
    schema = dict(schema)
    for bound in ("maximum", "minimum"):
        _exclude(schema, bound)
    items = schema.get("items")
    if isinstance(items, list) and items:
        schema["prefixItems"] = items
        schema["items"] = schema.get("additionalItems", True)
    _split_dependencies(schema)
    types = schema.get("type")
    if schema.get("nullable") is True and isinstance(types, (str, list)):
        schema["type"] = [*([types] if isinstance(types, str) else types), "null"]
    return schema


def _exclude(schema: dict[str, Any], bound: str) -> None:
    """Convert the boolean of draft 4, which excludes the bound itself, in place."""
    exclusive = f"exclusive{bound.capitalize()}"
    is_excluded = schema.get(exclusive)
    if isinstance(is_excluded, bool):
        del schema[exclusive]
        if is_excluded and bound in schema:
            schema[exclusive] = schema.pop(bound)


def _split_dependencies(schema: dict[str, Any]) -> None:
    """Convert `dependencies`, whose values are lists of names or schemas, in place.

    In draft 3 a value may be a single name. A value that is none of these is left for the compiler
    to refuse.
    """
    dependencies = schema.pop("dependencies", None)
    if not isinstance(dependencies, dict):
        return
    named = {
        name: [value] if isinstance(value, str) else value
        for name, value in dependencies.items()
        if not isinstance(value, (dict, bool))
    }
    schemas = {name: value for name, value in dependencies.items() if name not in named}
    for keyword, converted in (("dependentRequired", named), ("dependentSchemas", schemas)):
        if converted:
            schema[keyword] = {**converted, **schema.get(keyword, {})}


def _says_nothing(keyword: str, value: Any) -> bool:
    """Return whether no draft that can be compiled gives this value a meaning."""
    if value is None:
        return keyword != "const"
    if keyword == "required":
        return isinstance(value, bool)
    if keyword == "type":
        return value in ("any", []) or (isinstance(value, list) and "any" in value)
    patterns = _patterns(keyword, value)
    return any(map(_is_foreign, patterns)) or (keyword in _NEVER_EMPTY and value == [])


def _patterns(keyword: str, value: Any) -> Iterable[Any]:
    """Return the regular expressions in the value of a keyword."""
    if keyword == "pattern":
        return [value]
    return value if keyword == "patternProperties" and isinstance(value, dict) else []


def _is_foreign(pattern: Any) -> bool:
    """Return whether it is a regular expression of Python's that can't be compiled in a schema."""
    try:
        re.compile(pattern)
    except (re.error, TypeError):
        return False
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (jsonschema_rs.ValidationError, ValueError):
        return True
    return False


def _without_repetitions(keyword: str, value: Any) -> Any:
    """Return the names in `type` and `required` once each; other values as they are."""
    if keyword not in {"type", "required"} or not isinstance(value, list):
        return value
    is_names = all(isinstance(name, str) for name in value)
    return [*dict.fromkeys(value)] if is_names else value
