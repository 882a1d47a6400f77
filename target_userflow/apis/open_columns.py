"""Streams whose SCHEMA names no columns: each record shows which of them has a role."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from target_userflow.apis.mapper import Mapper
from target_userflow.errors import ConfigError, RejectRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_userflow.apis.messages import Request
    from target_userflow.mapping.columns import Stream


class OpenColumns(Mapper):
    """Maps each record by the columns that it has; a column's values are of any type."""

    def __init__(self, kind: type[Mapper], stream: Stream) -> None:
        """Check the options as far as they don't depend on a record.

        Args:
            kind: What maps a stream to the object when the columns are known.
            stream: The stream; its properties are the key properties and what stream maps add.

        Raises:
            ConfigError: the options don't fit the object.
        """
        self._kind = kind
        self._stream = stream
        self._named = {
            **stream.properties,
            **{column: {} for column in (*stream.options.operations, *stream.options.data_types)},
            **{column: {} for column in stream.options.fields.values() if column},
        }
        self._candidates = {column for names in kind.role_spec.columns.values() for column in names}
        self._mappers: dict[frozenset[str], Mapper] = {}
        self._any = self._mapper(self._candidates)
        self.role_spec, self.deleted_by = self._any.role_spec, self._any.deleted_by
        super().__init__(self._with(self._candidates))

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """Return the request of a record.

        Raises:
            RejectRecord: it lacks a column that is needed, or nothing can be made of it.
        """
        return self.mapper_of(record)(record)

    def object_id(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the ids of the record's object.

        Raises:
            RejectRecord: one of them is missing or none.
        """
        return self.mapper_of(record).object_id(record)

    def ordering_key(self, record: Mapping[str, Any]) -> str:
        """Return the ordering key of a record's request.

        Raises:
            RejectRecord: an id that it needs is missing or none.
        """
        return self.mapper_of(record).ordering_key(record)

    def deletion(self, ids: Sequence[str]) -> Request:
        """Return the request that deletes the object with these ids."""
        return self._any.deletion(ids)

    def take_remarks(self) -> dict[str, int]:
        """Return the remarks of the mappers for all sets of columns."""
        remarks: Counter[str] = Counter()
        for mapper in (self._any, *self._mappers.values()):
            remarks.update(mapper.take_remarks())
        return remarks

    def mapper_of(self, record: Mapping[str, Any]) -> Mapper:
        """Return the mapper of records that have the same roles as a record.

        Raises:
            RejectRecord: it lacks a column that is needed.
        """
        present = frozenset(self._candidates.intersection(record))
        if present not in self._mappers:
            try:
                self._mappers[present] = self._mapper(present)
            except ConfigError as error:
                raise RejectRecord(str(error)) from None
        return self._mappers[present]

    def _mapper(self, columns: Iterable[str]) -> Mapper:
        return self._kind(self._with(columns))

    def _with(self, columns: Iterable[str]) -> Stream:
        """Return the stream as if its SCHEMA named these columns."""
        properties = {**{column: {} for column in columns}, **self._named}
        return replace(self._stream, properties=properties)
