"""From a record's columns to the API's attributes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from target_userflow.config.settings import OPERATIONS, StreamOptions
from target_userflow.errors import ConfigError, RejectRecord
from target_userflow.mapping.flattening import Flattening, attribute_name
from target_userflow.mapping.property_schemas import inner_properties
from target_userflow.mapping.unsent_columns import UnsentColumns
from target_userflow.mapping.values import Reads, reads

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from target_userflow.mapping.columns import Stream
    from target_userflow.mapping.flattening import Named

_SPREAD = "attributes"  # the column whose object is made of attributes by itself
_NOT_PLAIN: tuple[str, Reads] = "", {}


class Attributes:
    """Makes the attributes of one stream's records: compiled per SCHEMA, called per record."""

    def __init__(  # noqa: PLR0913 - what a stream and its object type say of attributes
        self,
        stream: str,
        properties: Mapping[str, Any],
        *,
        left_out: Collection[str] = (),
        options: StreamOptions,
        operations: Collection[str] = OPERATIONS,
        remarks: Counter[str] | None = None,
    ) -> None:
        """Give every column its attribute name.

        Args:
            stream: The stream's name, for messages.
            properties: The columns with their JSON schemas.
            left_out: The columns that are no attributes.
            options: `nulls`, `operations`, `data_types` and `send` are used.
            operations: The operations that the API takes; any other is nested data.
            remarks: Counts the values that are not sent as they came; by default a new counter.

        Raises:
            ConfigError: two columns meet in one name, or an option names no column.
        """
        self.remarks: Counter[str] = Counter() if remarks is None else remarks
        """Remark → the number of values that were not sent as they came."""
        self.unsent = UnsentColumns(properties, left_out, options.send, self.remarks)
        """The columns that are no attributes."""
        self._properties = properties
        self._options = options
        self._sends_nulls = options.nulls == "clear"
        self._flattening = Flattening(
            operations, self.unsent, self.remarks, sends_nulls=self._sends_nulls
        )
        named = [column for column in properties if column not in self.unsent.known]
        self.names = {column: attribute_name(column) for column in named}
        """Column of the SCHEMA → the name of its attribute."""
        self._plain = {
            column: (self.names[column], self._reads(column))
            for column in named
            if column not in {*options.operations, *options.data_types}
        }
        _check_meetings(stream, self.names)
        _check_options(stream, options, self, takes_any=self._flattening.takes_operations)

    @property
    def renamed(self) -> dict[str, str]:
        """Column of the SCHEMA → its attribute, where the API does not allow the column's name."""
        return {column: name for column, name in self.names.items() if column != name}

    def renamed_late(self, columns: Iterable[str]) -> dict[str, str]:
        """Return the same for columns that are outside of the SCHEMA."""
        sent = [
            column
            for column in columns
            if column not in self.unsent.known and not self.unsent.includes_late(column, "")
        ]
        names = {column: attribute_name(column) for column in sent}
        return {column: name for column, name in names.items() if column != name}

    def __call__(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes of a record, by name.

        Raises:
            RejectRecord: a value that no attribute can hold.
        """
        attributes = self._of_columns(record)
        if _SPREAD in record and _SPREAD not in self.unsent.known:
            try:
                self._spread(attributes, record[_SPREAD])
            except RejectRecord as error:
                raise error.inside(_SPREAD) from None
        return attributes

    def of_object(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes of an object in a column, whose keys may be data themselves.

        Raises:
            RejectRecord: as for a record, but it names no key that the schema does not name.
        """
        try:
            return self(value)
        except RejectRecord as error:
            is_named = error.path[0] in self._properties
            raise (error if is_named else RejectRecord(error.reason)) from None

    def _of_columns(self, record: Mapping[str, Any]) -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        plain = self._plain
        column = ""
        try:
            for column, value in record.items():
                name, by_type = plain.get(column, _NOT_PLAIN)
                if type(value) in by_type and name not in attributes:  # most of most records
                    read = by_type[type(value)]
                    sent = read(value) if read else value
                    if sent is not None or value is None:
                        attributes[name] = sent
                        continue
                self._add(attributes, column, value)
        except RejectRecord as error:
            raise error.inside(column) from None
        return attributes

    def _add(self, attributes: dict[str, Any], column: str, value: Any) -> None:
        """Add what a column holds, if it is an attribute and not a plain value of its type."""
        if self._is_attribute(column, value):
            _put(attributes, self._of_column(column, value))

    def _is_attribute(self, column: str, value: Any) -> bool:
        if self.unsent.includes(column, value):
            return False
        return column != _SPREAD or not (value is None or isinstance(value, dict))

    def _of_column(self, column: str, value: Any) -> Iterable[Named]:
        name = self.names.get(column) or attribute_name(column)
        operation = self._options.operations.get(column)
        data_type = self._options.data_types.get(column)
        if operation or data_type:
            return self._flattening.typed(name, value, operation, data_type)
        return self._flattening.attributes(name, value, self._properties.get(column, {}))

    def _spread(self, attributes: dict[str, Any], value: Any) -> None:
        """Add the attributes that are keys of an object; a null unsets what no column sets."""
        schema = self._properties.get(_SPREAD, {})
        if isinstance(value, dict):
            attributes.update(_put({}, self._flattening.attributes(None, value, schema)))
        elif value is None:
            for name, null in self._flattening.unset(None, schema):
                attributes.setdefault(name, null)

    def _reads(self, column: str) -> Reads:
        """Return how plain values of a column are read, by their type."""
        schema = self._properties[column]
        by_type = reads(schema)
        if self._sends_nulls and column != _SPREAD and not inner_properties(schema):
            by_type[type(None)] = None
        return by_type


def inner_attributes(
    stream: Stream, schema: Any, operations: Collection[str], remarks: Counter[str]
) -> Attributes:
    """Return the attributes of an object inside of a column.

    Args:
        stream: The stream of the column.
        schema: The schema of the object.
        operations: The operations that the API takes in it.
        remarks: As of `Attributes`.
    """
    options = StreamOptions(nulls=stream.options.nulls, send=stream.options.send)
    kept: Any = {"options": options, "operations": operations, "remarks": remarks}
    try:
        return Attributes(stream.name, inner_properties(schema), **kept)
    except ConfigError:  # keys that meet in one name: an object that has both is rejected
        return Attributes(stream.name, {}, **kept)


def _put(attributes: dict[str, Any], named: Iterable[Named]) -> dict[str, Any]:
    for name, value in named:
        if name in attributes:
            raise RejectRecord("its values and others meet in attribute names")
        attributes[name] = value
    return attributes


def _check_meetings(stream: str, names: Mapping[str, str]) -> None:
    """Raise ConfigError if two columns have the same attribute name."""
    columns: dict[str, str] = {}
    for column, name in names.items():
        if name in columns:
            raise ConfigError(
                f"Stream '{stream}': columns '{columns[name]}' and '{column}' meet in "
                f"attribute '{name}'. Rename or drop one of them with stream_maps"
            )
        columns[name] = column


def _check_options(
    stream: str, options: StreamOptions, attributes: Attributes, *, takes_any: bool
) -> None:
    """Raise ConfigError if `operations` or `data_types` name what is no attribute.

    Args:
        stream: The stream's name.
        options: Its options.
        attributes: Its attributes.
        takes_any: Whether the API takes operations.
    """
    if options.operations and not takes_any:
        raise ConfigError(
            f"Stream '{stream}': its object takes no operations. Remove streams.{stream}.operations"
        )
    for option in ("operations", "data_types"):
        for column in getattr(options, option):
            if column not in attributes.names:
                raise ConfigError(
                    f"Stream '{stream}': streams.{stream}.{option} names '{column}', which is "
                    + _why_no_attribute(stream, column, attributes)
                )


def _why_no_attribute(stream: str, column: str, attributes: Attributes) -> str:
    if column in attributes.unsent.secrets:
        return (
            "not sent, as it is named like a secret. To send it, set "
            f'streams.{stream}.send: ["{column}"]'
        )
    return f"no attribute column. There are: {', '.join(attributes.names) or 'none'}"
