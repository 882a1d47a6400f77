"""Checks records against the JSON schema of their stream, compiled once per SCHEMA."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import jsonschema_rs

from target_userflow.errors import ConfigError, RejectRecord
from target_userflow.mapping.values import iso8601


class Validator:
    """One stream's schema; agrees with `jsonschema`, which the SDK uses, at a tenth of its cost."""

    def __init__(self, stream: str, schema: dict[str, Any]) -> None:
        """Compile the schema, by the draft that the SDK takes for all.

        Raises:
            ConfigError: it is no JSON schema.
        """
        try:
            jsonschema_rs.meta.validate(schema)
            self._schema = jsonschema_rs.Draft202012Validator(
                _with_looser_lists(schema), retriever=_refuse_remote
            )
        except (jsonschema_rs.ValidationError, ValueError) as error:
            reason = getattr(error, "message", error)
            raise ConfigError(f"Stream '{stream}' has an invalid schema: {reason}") from None

    def check(self, record: dict[str, Any]) -> None:
        """Let a valid record pass.

        Raises:
            RejectRecord: it violates the schema; the reason names the column and the rule.
        """
        try:
            self._schema.validate(record)
        except jsonschema_rs.ValidationError as error:
            raise RejectRecord(_reason(error)) from None
        except ValueError:  # dates that a stream map computed are no JSON yet
            plain = {name: _plain(value) for name, value in record.items()}
            if plain == record:
                raise RejectRecord("a value is no JSON") from None
            self.check(plain)


def _reason(error: jsonschema_rs.ValidationError) -> str:
    """The column and the rule; of what is nested in it, only what the schema names."""
    rule = str(error.schema_path[-1])
    where = [str(x) for x in error.instance_path if isinstance(x, int) or x in error.schema_path]
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
    properties = {name: _looser(one) for name, one in schema.get("properties", {}).items()}
    return {**schema, "properties": properties}


def _looser(schema: Any) -> Any:
    items = schema.get("items") if isinstance(schema, dict) else None
    if not isinstance(items, dict) or "type" not in items:
        return schema
    types = [items["type"]] if isinstance(items["type"], str) else items["type"]
    return {**schema, "items": {**items, "type": [*dict.fromkeys([*types, "null", "array"])]}}
