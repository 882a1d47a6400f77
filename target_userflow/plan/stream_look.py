"""The first look at a stream: what its columns become, and whether that is in doubt."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_userflow.errors import Doubt, RejectRecord
from target_userflow.plan.doubts import Doubts

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Mapping

    from target_userflow.apis.mapper import Mapper
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.mapping.columns import Assignment, Stream

_TYPES: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    Decimal: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class StreamLook:
    """Looks at a stream's SCHEMA and at its records, as far as something can be in doubt."""

    def __init__(
        self,
        object_type: ObjectType,
        stream: Stream,
        mapper: Mapper,
        *,
        computed: Collection[str] = (),
    ) -> None:
        """Look at the SCHEMA.

        Args:
            object_type: What the stream is routed to.
            stream: The stream, after any stream map.
            mapper: What makes its requests.
            computed: Columns that a stream map makes.
        """
        self._object_type = object_type
        self._stream = stream
        self._mapper = mapper
        self._computed = computed
        self._doubts: Doubts | None = None
        if not stream.has_open_columns:
            self._doubts = Doubts(stream, mapper, computed=computed)

    def announcement(self) -> str:
        """What the stream's columns become, in a line."""
        target = f"{self._object_type.name} of {self._object_type.product.name}"
        if self._stream.has_open_columns:
            return f"goes to {target}; its columns come with the records"
        roles = [*map(_role, self._mapper.assignments.items())]
        count = len(self._mapper.attributes.names)
        return f"goes to {target}: {', '.join([*roles, _attributes(count)])}"

    def see(self, record: Mapping[str, Any]) -> None:
        """Look at a record."""
        if self._doubts is None:
            self._doubts = self._doubts_by(record)
        if self._doubts:
            self._doubts.see(record)

    def check(self, logger: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
        """Let records be sent that were looked at.

        Args:
            logger: Is told of each doubt but the last.

        Raises:
            Doubt: the mapping would be a guess.
        """
        lines = self._doubts.lines() if self._doubts else []
        for line in lines[:-1]:
            logger.error("%s", line)
        if lines:
            raise Doubt(lines[-1])

    def _doubts_by(self, record: Mapping[str, Any]) -> Doubts | None:
        """The doubts by a record's columns; None if it has none for what is needed."""
        given = {name: _schema(value) for name, value in record.items() if value is not None}
        properties = {**given, **{n: s for n, s in self._stream.properties.items() if s}}
        stream = replace(self._stream, properties=properties, has_open_columns=False)
        try:
            mapper = self._mapper.mapper_of(record)
        except RejectRecord:
            return None
        return Doubts(stream, mapper, computed=self._computed)


def _role(item: tuple[str, Assignment]) -> str:
    role, found = item
    others = f", before {' and '.join(map(repr, found.others))}" if found.others else ""
    return f"{role} is '{found.column}' (by {found.by}{others})"


def _attributes(count: int) -> str:
    return "1 attribute" if count == 1 else f"{count:,} attributes"


def _schema(value: Any) -> dict[str, str]:
    kind = _TYPES.get(type(value))
    return {"type": kind} if kind else {}
