"""From a record's columns to the API's attributes: names, data types, operations and nulls.

What an attribute may be (Userflow API reference): a string, a number, a boolean, an ISO 8601
date-time, a list of strings, or null, which unsets it; or an operation, an object with exactly one
of `OPERATIONS` and maybe a `data_type`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from target_userflow.errors import ConfigError, RejectRecord
from target_userflow.mapping.operations import checked_operation, coerce, is_operation
from target_userflow.mapping.values import Reads, literal, reads

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from target_userflow.config.settings import StreamOptions

_ILLEGAL = re.compile(r"[^A-Za-z0-9_\- ]")
_SPREAD = "attributes"  # the column whose object is made of attributes by itself
_NOT_PLAIN: tuple[str, Reads] = "", {}


class Attributes:
    """The columns of one stream that become attributes: compiled per SCHEMA, called per record."""

    def __init__(
        self,
        stream: str,
        properties: Mapping[str, Any],
        *,
        left_out: Collection[str] = (),
        options: StreamOptions,
        operations: bool = True,
    ) -> None:
        """Give every column its attribute name.

        Args:
            stream: The stream's name, for messages.
            properties: The columns with their JSON schemas.
            left_out: Columns that are no attributes.
            options: `nulls`, `operations` and `data_types` are used.
            operations: Whether the API takes operations.

        Raises:
            ConfigError: two columns meet in one name, or an option names no column.
        """
        self._properties = properties
        self._left_out = {*left_out, *(name for name in properties if _is_told(name))}
        self._options = options
        self._nulls = options.nulls == "clear"
        self._operations = operations
        self._names = {
            name: attribute_name(name) for name in properties if name not in self._left_out
        }
        told = {*options.operations, *options.data_types}
        self._plain = {
            column: (name, reads(properties[column], nulls=self._nulls and column != _SPREAD))
            for column, name in self._names.items()
            if column not in told
        }
        self._check_meetings(stream)
        self._check_options(stream)

    @property
    def renamed(self) -> dict[str, str]:
        """The columns whose names the API does not allow, and what they are called there."""
        return {column: name for column, name in self._names.items() if column != name}

    def __call__(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes of one record.

        Raises:
            RejectRecord: a value that no attribute can hold.
        """
        found: dict[str, Any] = {}
        for column, value in record.items():
            name, by_type = self._plain.get(column, _NOT_PLAIN)
            kind = type(value)
            if kind in by_type and name not in found:  # most of most records
                read = by_type[kind]
                found[name] = read(value) if read else value
            elif self._is_attribute(column, value):
                _put(found, column, self._of_column(column, value))
        if self._is_spread(_SPREAD, record.get(_SPREAD)):
            schema = self._properties.get(_SPREAD, {})
            leaves = self._leaves(None, record[_SPREAD], schema)
            found.update(_put({}, _SPREAD, leaves))
        return found

    def _is_attribute(self, column: str, value: Any) -> bool:
        if column in self._left_out or _is_told(column):
            return False
        return column != _SPREAD or not (value is None or isinstance(value, dict))

    def _is_spread(self, column: str, value: Any) -> bool:
        return isinstance(value, dict) and column not in self._left_out

    def _of_column(self, column: str, value: Any) -> Iterator[tuple[str, Any]]:
        name = self._names.get(column) or attribute_name(column)
        operation = self._options.operations.get(column)
        data_type = self._options.data_types.get(column)
        if operation or data_type:
            return self._typed(name, value, operation or "set", data_type)
        return self._leaves(name, value, self._properties.get(column, {}))

    def _typed(
        self, name: str, value: Any, operation: str, data_type: str | None
    ) -> Iterator[tuple[str, Any]]:
        if value is None:
            if self._nulls and operation == "set":
                yield name, None
            return
        if isinstance(value, dict):
            raise RejectRecord(f"an object is no {data_type or 'operand'}")
        one = coerce(value, data_type) if data_type else value
        sent = {operation: one, **({"data_type": data_type} if data_type else {})}
        yield name, checked_operation(sent) if self._operations else literal(one)

    def _leaves(self, name: str | None, value: Any, schema: Any) -> Iterator[tuple[str, Any]]:
        """The one attribute that a value is, or those that an object is flattened to."""
        if value is None:
            if self._nulls and name is not None:
                yield name, None
        elif not isinstance(value, dict):
            yield name or "_", literal(value, schema)
        elif name is not None and self._operations and is_operation(value):
            yield name, checked_operation(value)
        else:
            inner = schema.get("properties", {}) if isinstance(schema, dict) else {}
            for key, one in value.items():
                full = attribute_name(key) if name is None else f"{name}_{attribute_name(key)}"
                yield from self._leaves(full, one, inner.get(key, {}))

    def _check_meetings(self, stream: str) -> None:
        columns: dict[str, str] = {}
        for column, name in self._names.items():
            if name in columns:
                raise ConfigError(
                    f"Stream '{stream}': columns '{columns[name]}' and '{column}' meet in "
                    f"attribute '{name}'. Rename or drop one of them with stream_maps"
                )
            columns[name] = column

    def _check_options(self, stream: str) -> None:
        if self._options.operations and not self._operations:
            raise ConfigError(
                f"Stream '{stream}': its object takes no operations. Remove "
                f"streams.{stream}.operations"
            )
        for option in ("operations", "data_types"):
            for column in getattr(self._options, option):
                if column not in self._names:
                    raise ConfigError(
                        f"Stream '{stream}': streams.{stream}.{option} names '{column}', which is "
                        f"no attribute column. There are: {', '.join(self._names) or 'none'}"
                    )


def _put(found: dict[str, Any], column: str, leaves: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    for name, value in leaves:
        if name in found:
            raise RejectRecord(f"values of column '{column}' and others meet in attribute names")
        found[name] = value
    return found


def _is_told(column: str) -> bool:
    """Whether a tap adds it to a row, such as `_sdc_deleted_at` or `_sdc_lsn`."""
    return column.startswith("_sdc_")


def attribute_name(column: str) -> str:
    """The name that the API allows: a-z A-Z 0-9 _ - space, with `_` for every other character."""
    return _ILLEGAL.sub("_", column) or "_"
