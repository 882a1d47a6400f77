"""What tells events of one stream apart: a hash of the values of its key properties."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from target_userflow.errors import RejectRecord
from target_userflow.ledger.ledger import digest
from target_userflow.mapping.values import as_text, encoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.mapping.columns import Stream


class EventKeys:
    """The ledger keys of the events of one stream."""

    def __init__(self, stream: Stream, namespace: str = "", *, is_split: bool = False) -> None:
        """Tell events apart by the key properties of a stream.

        Args:
            stream: The stream, after any stream map.
            namespace: The setting `ledger_namespace`: it tells the tap from others that have
                streams of the same name.
            is_split: Whether stream maps make the stream beside another of the same tap stream.
        """
        self.stream_name = stream.name
        self.namespace = namespace
        self._apart = namespace, stream.name if is_split else ""
        self._columns = stream.keys
        self._numeric = [_is_numeric(stream.properties.get(column)) for column in stream.keys]

    def of(self, record: Mapping[str, Any], source: str) -> bytes:
        """Return the ledger key of an event.

        Args:
            record: The record, after any stream map.
            source: The name that the tap gives its stream.

        Raises:
            RejectRecord: as for `values`.
        """
        texts = map(_key_text, self.values(record), self._numeric)
        return event_key(source, *self._apart, *texts)

    def values(self, record: Mapping[str, Any]) -> list[Any]:
        """Return the values of a record's key properties.

        Raises:
            RejectRecord: one of them is null.
        """
        values = [record[column] for column in self._columns]
        if None in values:
            raise RejectRecord(f"key property '{self._columns[values.index(None)]}' is null")
        return values


def event_key(source: str, namespace: str, split: str, *key: str) -> bytes:
    """Return an event's place in the ledger.

    Args:
        source: The name that the tap gives its stream.
        namespace: The setting `ledger_namespace`.
        split: The stream's name, if stream maps make it beside another of the tap's stream.
        key: The values of its key properties, as texts.
    """
    return digest("event", source, namespace, split, *key)


def _key_text(value: Any, numeric: bool) -> str:  # noqa: FBT001 - `map` gives no names
    """Return one text for all spellings of a value: 1, 1.0, and "1" where a column has numbers."""
    if isinstance(value, str):
        return number_text(value) if numeric else value
    if isinstance(value, (int, float, Decimal)):
        text = as_text(value)
        return text.rstrip("0").rstrip(".") if "." in text else text
    return encoded(value).decode().strip('"')  # a date of a stream map is as its text


def number_text(text: str) -> str:
    """Return the one text for all spellings of a number; what is none is left as it is."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return text
    return _key_text(number, numeric=False) if number.is_finite() else text


def _is_numeric(schema: Any) -> bool:
    """Return whether a column may hold numbers; some taps write them as texts."""
    if not isinstance(schema, dict):
        return False
    choices = [choice for name in ("anyOf", "oneOf", "allOf") for choice in schema.get(name) or ()]
    is_decimal = schema.get("format") == "singer.decimal"
    return is_decimal or _has_numeric_type(schema) or any(map(_is_numeric, choices))


def _has_numeric_type(schema: dict[str, Any]) -> bool:
    types = schema.get("type") or ()
    return not {"integer", "number"}.isdisjoint([types] if isinstance(types, str) else types)
