"""From a record's columns to the API's attributes: names, data types, operations and nulls.

What an attribute may be (Userflow API reference): a string, a number, a boolean, an ISO 8601
date-time, a list of strings, or null, which unsets it; or an operation, an object with exactly one
of `OPERATIONS` and maybe a `data_type`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from target_userflow.config.settings import OPERATIONS
from target_userflow.errors import ConfigError, RejectRecord
from target_userflow.mapping.operations import (
    checked_operation,
    coerce,
    is_operation,
    names_operations,
)
from target_userflow.mapping.property_schemas import inner_properties, is_object_only
from target_userflow.mapping.secret_names import is_secret, is_secret_name
from target_userflow.mapping.values import Reads, literal, reads

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from target_userflow.config.settings import StreamOptions

_ILLEGAL = re.compile(r"[^A-Za-z0-9_\- ]")
_LOADERS = "_sdc_", "__sdc_", "_fivetran_", "_airbyte_", "_ab_", "_dlt_"  # in any case
_SPREAD = "attributes"  # the column whose object is made of attributes by itself
NO_TIME = "a blank, infinite or zero date-time counts as null"
"""What is remarked of such a value."""
WITHHELD = "a value below a key that is named like a secret was not sent"
"""What is remarked of a value outside of the SCHEMA's columns, or inside of an object."""
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
        operations: Collection[str] = OPERATIONS,
    ) -> None:
        """Give every column its attribute name.

        Args:
            stream: The stream's name, for messages.
            properties: The columns with their JSON schemas.
            left_out: Columns that are no attributes.
            options: `nulls`, `operations`, `data_types` and `send` are used.
            operations: Those that the API takes; any other is nested data.

        Raises:
            ConfigError: two columns meet in one name, or an option names no column.
        """
        self._properties = properties
        self._send = frozenset(options.send)
        self._said = {*properties, *options.send}
        free = [name for name in properties if name not in {*left_out, *self._send}]
        self.of_loaders = [name for name in free if is_of_loader(name)]
        """The columns that are no attributes as other loaders have added them."""
        self.secrets = [name for name in free if is_secret(name, properties[name])]
        """The columns that are no attributes as they are called like secrets."""
        self._left_out = {*left_out, *self.of_loaders, *self.secrets}
        self._options = options
        self._nulls = options.nulls == "clear"
        self._operations = frozenset(operations)
        self._takes_all = self._operations >= set(OPERATIONS)
        self.remarks: Counter[str] = Counter()
        """How many values are not sent as they came, by what is said of it."""
        self._names = {
            name: attribute_name(name) for name in properties if name not in self._left_out
        }
        overridden = {*options.operations, *options.data_types}
        self._plain = {
            column: (name, self._reads(column))
            for column, name in self._names.items()
            if column not in overridden
        }
        self._check_meetings(stream)
        self._check_options(stream)

    @property
    def names(self) -> Mapping[str, str]:
        """Column → the attribute's name, as far as the SCHEMA names the columns."""
        return self._names

    @property
    def renamed(self) -> dict[str, str]:
        """The columns whose names the API does not allow, and what they are called there."""
        return {column: name for column, name in self._names.items() if column != name}

    def renamed_of(self, columns: Iterable[str]) -> dict[str, str]:
        """Those of columns outside of the SCHEMA whose names the API does not allow, likewise."""
        names = {
            column: attribute_name(column) for column in columns if self._is_attribute(column, "")
        }
        return {column: name for column, name in names.items() if column != name}

    def __call__(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes of one record.

        Raises:
            RejectRecord: a value that no attribute can hold.
        """
        attributes: dict[str, Any] = {}
        column = ""
        try:
            for column, value in record.items():
                name, by_type = self._plain.get(column, _NOT_PLAIN)
                kind = type(value)
                if kind in by_type and name not in attributes:  # most of most records
                    read = by_type[kind]
                    attributes[name] = sent = read(value) if read else value
                    if sent is None and value is not None:
                        del attributes[name]
                        attributes.update(self._null(name, value))
                elif self._is_attribute(column, value):
                    _put(attributes, self._of_column(column, value))
            if _SPREAD in record and _SPREAD not in self._left_out:
                column = _SPREAD
                self._spread(attributes, record[_SPREAD])
        except RejectRecord as error:
            raise error.inside(column) from None
        return attributes

    def of_object(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes of an object in a column, whose keys may be data themselves.

        Raises:
            RejectRecord: as for a record, but it names no key that the schema does not name.
        """
        try:
            return self(value)
        except RejectRecord as error:
            is_named = error.path[0] in self._properties
            raise (error if is_named else RejectRecord(error.reason)) from None

    def _reads(self, column: str) -> Reads:
        """What becomes of a column's values that take no second look."""
        schema = self._properties[column]
        by_kind = reads(schema)
        if self._nulls and column != _SPREAD and not inner_properties(schema):
            by_kind[type(None)] = None
        return by_kind

    def _is_attribute(self, column: str, value: Any) -> bool:
        if column in self._left_out or (is_of_loader(column) and column not in self._send):
            return False
        if self._is_withheld(column, value):
            return False
        return column != _SPREAD or not (value is None or isinstance(value, dict))

    def stays(self, column: str, value: Any) -> bool:
        """Whether a column outside of the SCHEMA is not sent for its name."""
        return column not in self._send and (is_of_loader(column) or self._is_secret(column, value))

    def _is_secret(self, name: str, value: Any) -> bool:
        """Whether a value stands below a name that is called like a secret; a column's is known."""
        is_text = value is None or isinstance(value, str)
        return is_text and is_secret_name(name) and name not in self._said

    def _is_withheld(self, name: str, value: Any) -> bool:
        """The same, and remarks that a value was not sent."""
        is_secret = self._is_secret(name, value)
        if is_secret and value is not None:
            self.remarks[WITHHELD] += 1
        return is_secret

    def _spread(self, attributes: dict[str, Any], value: Any) -> None:
        """Add what the object `attributes` holds; a null clears what no column sets."""
        schema = self._properties.get(_SPREAD, {})
        if isinstance(value, dict):
            attributes.update(_put({}, self._leaves(None, value, schema)))
        elif value is None:
            for name, null in self._cleared(None, schema):
                attributes.setdefault(name, null)

    def _of_column(self, column: str, value: Any) -> Iterable[tuple[str, Any]]:
        name = self._names.get(column) or attribute_name(column)
        operation = self._options.operations.get(column)
        data_type = self._options.data_types.get(column)
        if operation or data_type:
            return self._typed(name, value, operation or "set", data_type)
        return self._leaves(name, value, self._properties.get(column, {}))

    def _typed(
        self, name: str, value: Any, operation: str, data_type: str | None
    ) -> Iterator[tuple[str, Any]]:
        if isinstance(value, dict):
            raise RejectRecord(f"an object is no {data_type or 'operand'}")
        plain = value if value is None or not data_type else coerce(value, data_type)
        if plain is None:
            yield from self._null(name, value) if operation == "set" else ()
            return
        sent = {operation: plain, **({"data_type": data_type} if data_type else {})}
        yield name, checked_operation(sent) if self._takes_all else literal(plain)

    def _leaves(self, name: str | None, value: Any, schema: Any) -> Iterator[tuple[str, Any]]:
        """The one attribute that a value is, or those that an object is flattened to."""
        if value is None:
            yield from dict(self._cleared(name, schema)).items()
        elif not isinstance(value, dict):
            plain = literal(value, schema)
            yield from self._null(name or "_", value) if plain is None else [(name or "_", plain)]
        elif name is not None and self._is_change(value):
            yield from self._changed(name, value)
        else:
            yield from self._flattened(name, value, inner_properties(schema))

    def _flattened(
        self, name: str | None, value: Mapping[str, Any], inner: Mapping[str, Any]
    ) -> Iterator[tuple[str, Any]]:
        key = ""
        try:
            for key, part in value.items():
                joined = _joined(name, key)
                if not (isinstance(part, str) and self._is_withheld(joined, part)):
                    yield from self._leaves(joined, part, inner.get(key, {}))
        except RejectRecord as error:  # a key may be data itself, unless the schema names it
            raise (error.inside(key) if key in inner else error) from None

    def _is_change(self, value: Mapping[str, Any]) -> bool:
        return is_operation(value) and not self._operations.isdisjoint(value)

    def _changed(self, name: str, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """An operation; to set null is a null, and to set it once says nothing."""
        if "set_once" in value and value["set_once"] is None:
            return
        sent = checked_operation(value)
        if "set" in sent and sent["set"] is None:
            yield from self._null(name, value["set"])
        elif "set_once" not in sent or sent["set_once"] is not None:
            yield name, sent

    def _null(self, name: str, value: Any) -> Iterator[tuple[str, Any]]:
        """The attribute that a null unsets, or a date-time that says that there is none."""
        if value is not None:
            self.remarks[NO_TIME] += 1
        if self._nulls:
            yield name, None

    def _cleared(self, name: str | None, schema: Any) -> Iterator[tuple[str, Any]]:
        """What a null in a column unsets: its attribute, or those that its object would be."""
        inner = inner_properties(schema)
        is_flattened = is_object_only(schema) and inner and not self._names_changes(inner)
        if name is not None and not is_flattened:
            yield from self._null(name, None)
        if not self._names_changes(inner):
            for key, part in inner.items():
                yield from self._cleared(_joined(name, key), part)

    def _names_changes(self, inner: Mapping[str, Any]) -> bool:
        return self._takes_all and names_operations(inner)

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
        if self._options.operations and not self._takes_all:
            raise ConfigError(
                f"Stream '{stream}': its object takes no operations. Remove "
                f"streams.{stream}.operations"
            )
        for option in ("operations", "data_types"):
            for column in getattr(self._options, option):
                if column in self.secrets:
                    raise ConfigError(
                        f"Stream '{stream}': streams.{stream}.{option} names '{column}', which is "
                        f"not sent, as it is named like a secret. To send it, set "
                        f'streams.{stream}.send: ["{column}"]'
                    )
                if column not in self._names:
                    raise ConfigError(
                        f"Stream '{stream}': streams.{stream}.{option} names '{column}', which is "
                        f"no attribute column. There are: {', '.join(self._names) or 'none'}"
                    )


def _put(attributes: dict[str, Any], leaves: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    for name, value in leaves:
        if name in attributes:
            raise RejectRecord("its values and others meet in attribute names")
        attributes[name] = value
    return attributes


def _joined(name: str | None, key: str) -> str:
    """The name of what is below a key in the object of an attribute, or in no object at all."""
    return attribute_name(key) if name is None else f"{name}_{attribute_name(key)}"


def is_of_loader(column: str) -> bool:
    """Whether a tap or another loader adds it to each row, such as `_sdc_lsn` or `_dlt_id`."""
    return column.lower().startswith(_LOADERS)


def attribute_name(column: str) -> str:
    """The name that the API allows: a-z A-Z 0-9 _ - space, with `_` for every other character."""
    return _ILLEGAL.sub("_", column) or "_"
