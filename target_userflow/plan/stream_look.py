"""The first look at a stream: what its columns become, and whether that is in doubt."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_userflow.errors import Doubt, RejectRecord
from target_userflow.mapping.flattening import attribute_name
from target_userflow.mapping.property_schemas import is_object_only
from target_userflow.mapping.unsent_columns import is_of_loader
from target_userflow.plan.doubts import Doubts
from target_userflow.plan.facts import attribute_warnings, new_names
from target_userflow.plan.sample import RECORDS, SCOPES, Sample
from target_userflow.plan.sources import Sources

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Mapping, Sequence

    from target_userflow.apis.mapper import Mapper
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.mapping.columns import Assignment, Stream
    from target_userflow.plan.facts import Known

SECRET = "named like a secret; `send` sends it"  # noqa: S105 - a reason
LOADER = "another loader's"
EVENT_KEY = "the event's key"
OWN_FACT = "a fact of Userflow's own object"
"""Why a column is left out."""
_MOST_NAMED = 20  # new attributes in a line
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
        self._announced: set[str] = set()
        """The new attributes that the log has named."""
        self._doubts: Doubts | None = None
        if not stream.has_open_columns:
            self._doubts = Doubts(stream, mapper, computed=computed)

    @property
    def assignments(self) -> Mapping[str, Assignment]:
        """Role → the column that has it, and why."""
        return self._mapper.assignments

    @property
    def has_no_time(self) -> bool:
        """Whether events have the time of their arrival, and could have one of their own."""
        return "time" in self._mapper.role_spec.columns and "time" not in self.assignments

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

    @property
    def scope(self) -> str:
        """The scope of its own attributes; empty where the product has none."""
        return SCOPES.get(self.object_type.name, "")

    def announcement(self, known: Collection[str] | None) -> str:
        """Return what the stream's columns become, in a line.

        Args:
            known: The attributes that the destination has; None if that is not known.
        """
        target = f"{self.object_type.name} of {self.product}"
        if self.stream.has_open_columns:
            return f"goes to {target}; its columns come with the records"
        roles = [*map(_role, self._mapper.assignments.items())]
        attributes = _attributes(len(self._mapper.attributes.names))
        return f"goes to {target}: {', '.join([*roles, attributes])}{self._new_of(known)}"

    def _new_of(self, known: Collection[str] | None) -> str:
        """Which attributes the destination does not have; an object is none, but what is in it."""
        if known is None:
            return ""
        named = self._mapper.attributes.names.items()
        plain = [
            name for column, name in named if not is_object_only(self.stream.properties[column])
        ]
        new = [name for name in plain if name not in known]
        self._announced.update(new)
        return f" (new in {self.product}: {_named(new)})" if new else ""

    def see(self, record: Mapping[str, Any]) -> None:
        """Look at a record."""
        if self._doubts is None:
            self._doubts = self._doubts_by(record)
        if self._doubts:
            self._doubts.see(record)

    def before_first_request(
        self, known: Known, logger: logging.Logger | logging.LoggerAdapter[logging.Logger]
    ) -> None:
        """Say what of the stream's attributes will be there for good, and may be a mistake.

        Args:
            known: What the destination has.
            logger: Is told of it.

        Raises:
            StopRun: the destination does not answer.
        """
        new = [name for name in new_names(self, known) if name not in self._announced]
        if new:
            logger.info("Stream '%s': new in %s: %s", self.stream.name, self.product, _named(new))
        for line in attribute_warnings(self, known):
            logger.warning("Stream '%s': %s", self.stream.name, line)

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

    # What becomes of the columns

    def attribute_columns(self) -> dict[str, str]:
        """Attribute → its column, for those that are attributes by themselves."""
        left_out = {column for columns in self.left_out().values() for column in columns}
        taken = {assignment.column for assignment in self.assignments.values()} | left_out
        columns = {**dict.fromkeys(self.stream.properties), **self.sample.columns}
        return {attribute_name(column): column for column in columns if column not in taken}

    def sources(self) -> Sources:
        """Which column each attribute comes from, as far as the columns are known by now."""
        columns = self.sample.columns.keys() | self.stream.properties.keys()
        is_spread = "attributes" in columns
        return Sources(
            self.object_type, self.attribute_columns(), self.assignments, is_spread=is_spread
        )

    def left_out(self) -> dict[str, list[str]]:
        """Why columns are left out → these columns."""
        unsent = self._mapper.attributes.unsent
        late = [column for column in [*self.sample.columns] if column not in self.stream.properties]
        stay = [column for column in late if unsent.includes_late(column, "")]
        kept = {
            *self.stream.options.send,
            *(assignment.column for assignment in self.assignments.values()),
        }
        keys = [key for key in self.stream.keys if key not in kept]
        return {
            SECRET: [*unsent.secrets, *(column for column in stay if not is_of_loader(column))],
            LOADER: [*unsent.of_loaders, *filter(is_of_loader, stay)],
            EVENT_KEY: keys if self.object_type.is_event else [],
            OWN_FACT: [column for column in self._mapper.facts if column not in kept],
        }


def _role(item: tuple[str, Assignment]) -> str:
    role, assignment = item
    others = f", before {' and '.join(map(repr, assignment.others))}" if assignment.others else ""
    return f"{role} is '{assignment.column}' (by {assignment.by}{others})"


def _named(names: Sequence[str]) -> str:
    """Return some of many names, and how many more there are."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _attributes(count: int) -> str:
    return "1 attribute" if count == 1 else f"{count:,} attributes"


def _schema(value: Any) -> dict[str, str]:
    kind = _TYPES.get(type(value))
    return {"type": kind} if kind else {}
