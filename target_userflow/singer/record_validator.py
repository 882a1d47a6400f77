"""Validates records against the JSON schema of their stream, compiled once per SCHEMA."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import jsonschema_rs

from target_userflow.errors import InvalidSchema, RejectRecord
from target_userflow.mapping.times import iso8601
from target_userflow.singer.schema_drafts import ModernSchema


class Validator:
    """The validator of a stream; it agrees with the SDK's `jsonschema`, at a tenth of its cost."""

    def __init__(self, stream: str, schema: dict[str, Any]) -> None:
        """Compile a schema; nothing is fetched for it.

        Args:
            stream: The name of the stream in messages.
            schema: The schema of its SCHEMA message.

        Raises:
            InvalidSchema: the schema is valid in no draft.
        """
        modern = ModernSchema(schema)
        self.unchecked = modern.unchecked
        """What of the schema can't be checked, as column and keyword."""
        try:
            self._schema = jsonschema_rs.Draft202012Validator(
                _with_looser_lists(modern.schema), retriever=_refuse_remote
            )
        except (jsonschema_rs.ValidationError, ValueError) as error:
            reason = getattr(error, "message", error)
            raise InvalidSchema(f"Stream '{stream}' has an invalid schema: {reason}") from None
        self._columns = frozenset(schema.get("properties") or ())

    def check(self, record: dict[str, Any]) -> None:
        """Validate a record.

        Raises:
            RejectRecord: the record violates the schema; the reason names the column and keyword.
        """
        try:
            self._schema.validate(record)
        except jsonschema_rs.ValidationError as error:
            raise RejectRecord(_reason(error, self._columns)) from None
        except ValueError:  # dates that a stream map computed are no JSON yet
            plain = {name: _plain(value) for name, value in record.items()}
            if plain == record:
                raise RejectRecord("a value is no JSON") from None
            self.check(plain)


def _reason(error: jsonschema_rs.ValidationError, columns: frozenset[str]) -> str:
    """Return the column and the keyword that it violates.

    A nested key is named only if the schema names it, as it may be data.
    """
    keyword = str(error.schema_path[-1])
    path = _path(error, columns)
    if path:
        return f"'{'.'.join(path)}' breaks '{keyword}' of the stream's schema"
    column = getattr(error.kind, "property", None)
    missing = f": '{column}' is missing" if column else ""
    return f"the record breaks '{keyword}' of the stream's schema{missing}"


def _path(error: jsonschema_rs.ValidationError, columns: frozenset[str]) -> list[str]:
    named = {*columns, *error.schema_path}
    return [
        str(part)
        for depth, part in enumerate(error.instance_path)
        if isinstance(part, int) or part in (error.schema_path if depth else named)
    ]


def _refuse_remote(uri: str) -> Any:
    raise ValueError(f"it refers to {uri}, and nothing is fetched for a schema")


def _plain(value: Any) -> Any:
    return iso8601(value) if isinstance(value, (date, time)) else value


def _with_looser_lists(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with null and lists allowed inside of lists.

    tap-postgres announces `text[]` as a list of strings, whatever its dimensions, and sends the
    NULLs in it too. The mapping takes any list.
    """
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    return {**schema, "properties": {name: _looser(column) for name, column in properties.items()}}


def _looser(schema: Any) -> Any:
    items = schema.get("items") if isinstance(schema, dict) else None
    types = items.get("type") if isinstance(items, dict) else None
    if isinstance(types, str):
        types = [types]
    if not isinstance(items, dict) or not isinstance(types, list):
        return schema
    return {**schema, "items": {**items, "type": [*dict.fromkeys([*types, "null", "array"])]}}
