"""The first look at a stream: what its columns become, and whether that is in doubt."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_userflow.errors import Doubt, RejectRecord
from target_userflow.plan.doubts import Doubts
from target_userflow.plan.sample import RECORDS, Sample
from target_userflow.plan.stream_columns import StreamColumns

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
        self.object_type = object_type
        self.stream = stream
        self.sample: Sample = Sample()
        """The first records."""
        self.rejections: Counter[str] = Counter()
        """How many of the records that were looked at are rejected, by the reason."""
        self.asks_for_ids = stream.options.mode == "upsert" and not stream.options.match_by
        """Whether the plan looks ids up: in other modes a dry run knows what exists."""
        self._mapper = mapper
        self._computed = computed
        self._doubts: Doubts | None = None
        if not stream.has_open_columns:
            self._doubts = Doubts(stream, mapper, computed=computed)

    @property
    def assignments(self) -> Mapping[str, Assignment]:
        """Role → the column that has it, and why."""
        return self._mapper.assignments

    @property
    def attribute_names(self) -> Mapping[str, str]:
        """Column of the SCHEMA → the name of its attribute."""
        return self._mapper.attributes.names

    @property
    def product(self) -> str:
        """The name of the product that it goes to."""
        return self.object_type.product.name

    @property
    def id_column(self) -> str:
        """The column of the first id that the product is asked for."""
        ids = (self.assignments.get(role) for role in ("user_id", "group_id"))
        return next((assignment.column for assignment in ids if assignment), "")

    @property
    def names_users(self) -> bool:
        """Whether its records are about users of Userflow."""
        return self.object_type.name in {"users", "memberships", "events"}

    @property
    def is_done(self) -> bool:
        """Whether enough of its records were looked at."""
        return self.sample.is_full or sum(self.rejections.values()) >= RECORDS

    def doubts(self) -> list[str]:
        """Return a line for each doubt that is known by now."""
        return self._doubts.lines() if self._doubts else []

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
        lines = self.doubts()
        for line in lines[:-1]:
            logger.error("%s", line)
        if lines:
            raise Doubt(lines[-1])

    def _doubts_by(self, record: Mapping[str, Any]) -> Doubts | None:
        """Return the doubts by a record's columns; None if it lacks a column that is needed."""
        given = {name: _schema(value) for name, value in record.items() if value is not None}
        properties = {**given, **{n: s for n, s in self.stream.properties.items() if s}}
        stream = replace(self.stream, properties=properties, has_open_columns=False)
        with suppress(RejectRecord):
            self._mapper = self._mapper.mapper_of(record)
            return Doubts(stream, self._mapper, computed=self._computed)
        return None

    def columns(self) -> StreamColumns:
        """Return what the columns become, as far as they are known by now."""
        return StreamColumns(self.object_type, self.stream, self._mapper, self.sample.columns)


def _schema(value: Any) -> dict[str, str]:
    kind = _TYPES.get(type(value))
    return {"type": kind} if kind else {}
