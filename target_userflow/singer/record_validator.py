"""Checks records against the JSON schema of their stream, compiled once per SCHEMA."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import jsonschema_rs

from target_userflow.errors import InvalidSchema, RejectRecord
from target_userflow.mapping.times import iso8601
from target_userflow.singer.schema_drafts import Rules


class Validator:
    """One stream's schema; agrees with `jsonschema`, which the SDK uses, at a tenth of its cost."""

    def __init__(self, stream: str, schema: dict[str, Any]) -> None:
        """Compile the schema; nothing is fetched for it.

        Raises:
            InvalidSchema: it is a schema of no draft.
        """
        rules = Rules(schema)
        self.unchecked = rules.unchecked
        """What of the schema can't be checked, as column and keyword."""
        try:
            self._schema = jsonschema_rs.Draft202012Validator(
                _with_looser_lists(rules.schema), retriever=_refuse_remote
            )
        except (jsonschema_rs.ValidationError, ValueError) as error:
            reason = getattr(error, "message", error)
            raise InvalidSchema(f"Stream '{stream}' has an invalid schema: {reason}") from None
        self._columns = frozenset(schema.get("properties") or ())

    def check(self, record: dict[str, Any]) -> None:
        """Let a valid record pass.

        Raises:
            RejectRecord: it violates the schema; the reason names the column and the rule.
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
    """The column and the rule; of what is nested in it, only what the schema names."""
    rule = str(error.schema_path[-1])
    named = {*columns, *error.schema_path}
    where = [
        str(part)
        for depth, part in enumerate(error.instance_path)
        if isinstance(part, int) or part in (error.schema_path if depth else named)
    ]
    if where:
        return f"'{'.'.join(where)}' breaks '{rule}' of the stream's schema"
    missing = getattr(error.kind, "property", None)
    said = f": '{missing}' is missing" if missing else ""
    return f"the record breaks '{rule}' of the stream's schema{said}"


def _refuse_remote(uri: str) -> Any:
    raise ValueError(f"it refers to {uri}, and nothing is fetched for a schema")


def _plain(value: Any) -> Any:
    return iso8601(value) if isinstance(value, (date, time)) else value


def _with_looser_lists(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with null and lists allowed inside of lists.

    tap-postgres announces `text[]` as a list of strings, whatever its dimensions, and sends the
    NULLs in it too. The mapping takes any list.
    """
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    return {**schema, "properties": {name: _looser(one) for name, one in properties.items()}}


def _looser(schema: Any) -> Any:
    items = schema.get("items") if isinstance(schema, dict) else None
    types = items.get("type") if isinstance(items, dict) else None
    if isinstance(types, str):
        types = [types]
    if not isinstance(items, dict) or not isinstance(types, list):
        return schema
    return {**schema, "items": {**items, "type": [*dict.fromkeys([*types, "null", "array"])]}}
