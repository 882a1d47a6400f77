"""Brings a JSON schema of any draft to the one that records are checked by, draft 2020-12.

Taps write what their sources or libraries gave them: `exclusiveMaximum: true` (draft 4), a list as
`items` (up to 2019-09), `required: true` inside of a property (draft 3), `nullable` (OpenAPI). What
has a meaning in 2020-12 is written its way. What has none there is left out of the check, and so is
what can't be looked up in the schema itself: nothing is ever fetched for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import jsonschema_rs

if TYPE_CHECKING:
    from collections.abc import Iterator

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
_CHECKED = _BY_NAME | _LISTED | _NESTED | _PLAIN | _REFERENCES
"""All that can make a record invalid: other keywords describe, and are passed over."""
_NEVER_EMPTY = frozenset(("type", "items", "enum", "anyOf", "allOf", "oneOf", "prefixItems"))


class Rules:
    """What of a tap's schema its records are checked by."""

    schema: Any
    """The same schema in the words of draft 2020-12; without any reference that leads out of it."""
    unchecked: list[str]
    """What was left out, as column and keyword."""

    def __init__(self, schema: dict[str, Any]) -> None:
        """Read the schema, which stays as it is."""
        self._source = schema
        home = schema.get("$id", schema.get("id"))
        self._home = home.rstrip("#") if isinstance(home, str) else ""
        self._targets: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self.unchecked = []
        self.schema = self._rewritten(schema, ())
        if self._targets:
            self.schema["$defs"] = self._targets

    def _rewritten(self, schema: Any, place: tuple[str, ...]) -> Any:
        """A schema inside of the schema; one that is none is left for the compiler to refuse."""
        if not isinstance(schema, dict):
            return schema
        return dict(self._kept(_in_new_words(schema), place))

    def _kept(self, schema: dict[str, Any], place: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for keyword, value in schema.items():
            if keyword not in _CHECKED:
                continue
            if _says_nothing(keyword, value) or self._leads_out(keyword, value):
                self._leave_out(place, keyword)
            else:
                yield keyword, self._inner(keyword, value, place)

    def _inner(self, keyword: str, value: Any, place: tuple[str, ...]) -> Any:
        """The value of a keyword, with the schemas in it rewritten."""
        if keyword in _BY_NAME and isinstance(value, dict):
            deeper = {name: (*place, name) for name in value}
            return {name: self._rewritten(one, deeper[name]) for name, one in value.items()}
        if keyword in _LISTED and isinstance(value, list):
            return [self._rewritten(one, place) for one in value]
        if keyword in _NESTED:
            return self._rewritten(value, place)
        if keyword == "$ref":
            return self._target(value, place)
        if keyword in {"type", "required"} and _is_names(value):
            return [*dict.fromkeys(value)]
        return value

    def _leave_out(self, place: tuple[str, ...], keyword: str) -> None:
        text = f"{'.'.join(place)}: {keyword}" if place else keyword
        if text not in self.unchecked:
            self.unchecked.append(text)

    def _leads_out(self, keyword: str, value: Any) -> bool:
        """Whether it is a reference that can't be followed in the schema itself."""
        if keyword == "$ref" and isinstance(value, str):
            try:
                self._find(value)
            except (LookupError, TypeError, ValueError):
                return True
            return False
        return keyword in _REFERENCES

    def _target(self, reference: str, place: tuple[str, ...]) -> str:
        """Where what a reference names stands among the rewritten ones."""
        name = self._names.get(reference)
        if name is None:
            name = self._names[reference] = f"reference-{len(self._names)}"
            self._targets[name] = True  # it may refer to itself
            self._targets[name] = self._rewritten(self._find(reference), place)
        return f"#/$defs/{name}"

    def _find(self, reference: str) -> Any:
        """What a JSON pointer (RFC 6901) names in the tap's schema.

        Raises:
            LookupError: it names nothing, or what stands elsewhere.
            TypeError: what it goes into is neither an object nor a list.
            ValueError: it counts in a list by what is no number.
        """
        document, _, pointer = reference.partition("#")
        if document not in {"", self._home} or (pointer and not pointer.startswith("/")):
            raise LookupError(reference)
        found: Any = self._source
        for part in unquote(pointer).split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            found = found[int(name) if isinstance(found, list) else name]
        return found


def _in_new_words(schema: dict[str, Any]) -> dict[str, Any]:
    """The keywords of one schema as draft 2020-12 writes them."""
    schema = dict(schema)
    for bound in ("maximum", "minimum"):
        _exclude(schema, bound)
    items = schema.get("items")
    if isinstance(items, list) and items:
        schema["prefixItems"] = items
        schema["items"] = schema.get("additionalItems", True)
    types = schema.get("type")
    if schema.get("nullable") is True and isinstance(types, (str, list)):
        schema["type"] = [*([types] if isinstance(types, str) else types), "null"]
    return schema


def _exclude(schema: dict[str, Any], bound: str) -> None:
    """Up to draft 4, a boolean says whether a number may be as large as the bound itself."""
    exclusive = f"exclusive{bound.capitalize()}"
    is_excluded = schema.get(exclusive)
    if isinstance(is_excluded, bool):
        del schema[exclusive]
        if is_excluded and bound in schema:
            schema[exclusive] = schema.pop(bound)


def _says_nothing(keyword: str, value: Any) -> bool:
    """Whether no draft that can be compiled gives this value a meaning."""
    if value is None:
        return keyword != "const"
    if keyword == "required":
        return isinstance(value, bool)
    if keyword == "type":
        return value in ("any", []) or (isinstance(value, list) and "any" in value)
    if keyword == "pattern":
        return _is_foreign(value)
    if keyword == "patternProperties" and isinstance(value, dict):
        return any(map(_is_foreign, value))
    return keyword in _NEVER_EMPTY and value == []


def _is_foreign(pattern: Any) -> bool:
    """Whether it is a regular expression of Python's, and none that schemas are compiled with."""
    try:
        re.compile(pattern)
    except (re.error, TypeError):
        return False
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (jsonschema_rs.ValidationError, ValueError):
        return True
    return False


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
