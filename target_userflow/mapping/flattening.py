"""From the value of a column to attributes: one of a plain value, several of an object.

An attribute may be (Userflow API reference) a string, a number, a boolean, an ISO 8601 date-time, a
list of strings, or null, which unsets it; or an operation, an object with exactly one of
`OPERATIONS` and maybe a `data_type`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from target_userflow.config.settings import OPERATIONS
from target_userflow.errors import RejectRecord
from target_userflow.mapping.operations import (
    checked_operation,
    coerce,
    is_operation,
    names_operations,
)
from target_userflow.mapping.property_schemas import inner_properties, is_object_only
from target_userflow.mapping.values import literal

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection, Iterator, Mapping

    from target_userflow.mapping.unsent_columns import UnsentColumns

Named = tuple[str, Any]
"""The name and the value of an attribute."""
NO_TIME = "a blank, infinite or zero date-time counts as null"
BLANK_LIST = "a blank text counts as null where data_types says list"
"""The remarks on such values."""
_ILLEGAL = re.compile(r"[^A-Za-z0-9_\- ]")


class Flattening:
    """Makes attributes of the values of one stream, by what its object type takes."""

    def __init__(
        self,
        operations: Collection[str],
        unsent: UnsentColumns,
        remarks: Counter[str],
        *,
        sends_nulls: bool,
    ) -> None:
        """Keep what the object type and the options allow.

        Args:
            operations: The operations that the API takes; any other is nested data.
            unsent: Decides which keys of objects are not sent.
            remarks: Counts the values that are not sent as they came, by the remark on them.
            sends_nulls: Whether a null unsets its attribute; else it is left out.
        """
        self._operations = frozenset(operations)
        self.takes_operations = self._operations >= set(OPERATIONS)
        """Whether the API takes all operations."""
        self._unsent = unsent
        self._remarks = remarks
        self._sends_nulls = sends_nulls

    def attributes(self, name: str | None, value: Any, schema: Any) -> Iterator[Named]:
        """Yield the attribute that a value is, or those that an object is flattened to.

        Args:
            name: The name of the attribute; None if the keys of the object are attributes.
            value: The value.
            schema: The schema of the column.

        Raises:
            RejectRecord: a value that no attribute can hold.
        """
        if value is None:
            yield from dict(self.unset(name, schema)).items()
        elif not isinstance(value, dict):
            plain = literal(value, schema)
            yield from self._null(name or "_", NO_TIME) if plain is None else [(name or "_", plain)]
        elif name is not None and self._is_operation(value):
            yield from self._changed(name, value)
        else:
            yield from self._flattened(name, value, inner_properties(schema))

    def typed(
        self, name: str, value: Any, operation: str | None, data_type: str | None
    ) -> Iterator[Named]:
        """Yield the attribute of a column that the options give an operation or a data type.

        Raises:
            RejectRecord: the value does not fit these.
        """
        plain = _operand(value, data_type)
        if plain is not None:
            sent = {operation or "set": plain, **({"data_type": data_type} if data_type else {})}
            yield name, checked_operation(sent) if self.takes_operations else literal(plain)
        elif operation in {None, "set"}:
            remark = BLANK_LIST if data_type == "list" else NO_TIME
            yield from self._null(name, None if value is None else remark)

    def unset(self, name: str | None, schema: Any) -> Iterator[Named]:
        """Yield what a null unsets: its attribute, or those that its object is flattened to."""
        inner = inner_properties(schema)
        is_flattened = is_object_only(schema) and inner and not self._names_operations(inner)
        if name is not None and not is_flattened:
            yield from self._null(name, None)
        if not self._names_operations(inner):
            for key, part in inner.items():
                yield from self.unset(_joined(name, key), part)

    def _flattened(
        self, name: str | None, value: Mapping[str, Any], inner: Mapping[str, Any]
    ) -> Iterator[Named]:
        key = ""
        try:
            for key, part in value.items():
                joined = _joined(name, key)
                if part is None or not self._unsent.withholds(joined, part):
                    yield from self.attributes(joined, part, inner.get(key, {}))
        except RejectRecord as error:  # a key may be data itself, unless the schema names it
            raise (error.inside(key) if key in inner else error) from None

    def _is_operation(self, value: Mapping[str, Any]) -> bool:
        return is_operation(value) and not self._operations.isdisjoint(value)

    def _changed(self, name: str, value: Mapping[str, Any]) -> Iterator[Named]:
        """Yield an operation; to set null is a null, and to set it once changes nothing."""
        if "set_once" in value and value["set_once"] is None:
            return
        sent = checked_operation(value)
        if "set" in sent and sent["set"] is None:
            yield from self._null(name, None if value["set"] is None else NO_TIME)
        elif "set_once" not in sent or sent["set_once"] is not None:
            yield name, sent

    def _null(self, name: str, remark: str | None) -> Iterator[Named]:
        """Yield a null, if nulls are sent; count the remark on a value that stands for one."""
        if remark:
            self._remarks[remark] += 1
        if self._sends_nulls:
            yield name, None

    def _names_operations(self, inner: Mapping[str, Any]) -> bool:
        return self.takes_operations and names_operations(inner)


def attribute_name(column: str) -> str:
    """Return the name that the API allows: `_` for each character but a-z A-Z 0-9 _ - and space."""
    return _ILLEGAL.sub("_", column) or "_"


def _operand(value: Any, data_type: str | None) -> Any:
    """Return a value as the data type of its column; None for what counts as null."""
    if isinstance(value, dict):
        raise RejectRecord(f"an object is no {data_type or 'operand'}")
    return value if value is None or not data_type else coerce(value, data_type)


def _joined(name: str | None, key: str) -> str:
    """Return the attribute name of a key: below that of its object, if the object has one."""
    return attribute_name(key) if name is None else f"{name}_{attribute_name(key)}"
