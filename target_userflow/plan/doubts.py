"""Doubts: what of a stream's mapping would be a guess, each with the setting that settles it.

Userflow deletes no event, no event name and no attribute definition, and a user with a wrong id is
found by nobody. So a stream in doubt is stopped before its first request.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from target_userflow.mapping.property_schemas import allowed_types
from target_userflow.mapping.time_names import holds_times
from target_userflow.mapping.unsent_columns import is_of_loader
from target_userflow.plan.advice import listed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from target_userflow.apis.mapper import Mapper
    from target_userflow.mapping.columns import Stream

_LIKELY_TIMES = ("event_timestamp", "event_time", "derived_tstamp", "created_at", "created")
"""Columns that are the time of an event more often than others that hold times."""


class Doubts:
    """What is in doubt of a stream: by its SCHEMA, and by the keys of its records."""

    def __init__(self, stream: Stream, mapper: Mapper, *, computed: Collection[str] = ()) -> None:
        """Look at the columns of a stream.

        Args:
            stream: The stream, after any stream map.
            mapper: What makes its requests.
            computed: Columns that a stream map makes: whoever wrote it knows what they hold.
        """
        self._stream = stream
        self._mapper = mapper
        self._computed = computed
        self._keys = [key for key in stream.keys if not is_of_loader(key)]
        """The key that the rows have in their source: a loader's says nothing of them."""
        self._others = self._other_keys()
        self._first: tuple[Any, ...] | None = None
        self._varies = False

    def see(self, record: Mapping[str, Any]) -> None:
        """Note whether the rest of a key varies that contains the object's id."""
        if self._others and not self._varies:
            values = tuple(record.get(column) for column in self._others)
            self._first = values if self._first is None else self._first
            self._varies = values != self._first

    def lines(self) -> list[str]:
        """Return a line for each doubt that is known by now."""
        doubts = (self._time(), self._id(), self._pruning())
        return [line for line in doubts if line]

    def _time(self) -> str | None:
        """Return the doubt of events without a time of their own, which would count as new."""
        stream, spec = self._stream, self._mapper.role_spec
        if "time" not in spec.columns or self._is_settled("time"):
            return None
        times = _times(
            stream, {assignment.column for assignment in self._mapper.assignments.values()}
        )
        if not times:
            return None
        likely = next((column for column in _LIKELY_TIMES if column in times), times[0])
        return (
            f"Stream '{stream.name}': no column is named as the time of its events, and "
            f"{listed(times)} may be it. Set {_fields(stream, 'time', likely)}, or "
            f'{{"time": null}} (with Meltano "__NULL__") if the time of arrival is meant'
        )

    def _id(self) -> str | None:
        """Several rows may be one object, if its id is not what tells the rows apart."""
        role, stream = self._mapper.role_spec.key_is, self._stream
        column = self._id_column(role) if role else None
        if role is None or column is None or (column in self._keys and not self._varies):
            return None
        keys = listed(self._keys)
        named = f"Set {_fields(stream, role, column)} if '{column}' is the id"
        others = [key for key in self._keys if key != column]
        return (
            f"Stream '{stream.name}': its rows are told apart by {keys}, so that several of them "
            f"may be one object with the id of '{column}'. {named}, or "
            f"{json.dumps({role: others[0]})} if '{others[0]}' is"
        )

    def _id_column(self, role: str) -> str | None:
        """Return the column of the id, if it has that role by its name and rows have a key."""
        assignment = self._mapper.assignments.get(role)
        if assignment is None or assignment.by != "name" or not self._keys:
            return None
        return None if assignment.column in self._computed else assignment.column

    def _other_keys(self) -> Sequence[str]:
        """Return the rest of a key that contains the object's id."""
        role = self._mapper.role_spec.key_is
        column = self._id_column(role) if role else None
        keys = self._keys
        return [key for key in keys if key != column] if column in keys else ()

    def _pruning(self) -> str | None:
        """Return the doubt of rows that hold one of several groups, and would end the others."""
        stream, roles = self._stream, self._mapper.assignments
        if "prune_memberships" not in roles or roles.keys() & {"groups", "memberships"}:
            return None
        group = roles.get("group_id")
        id_ = roles.get(self._mapper.role_spec.one_of[0][0])
        is_whole = id_ is not None and [*stream.keys] == [id_.column]
        if group is None or is_whole or _may_be_list(stream.properties.get(group.column)):
            return None
        pruning = roles["prune_memberships"].column
        return (
            f"Stream '{stream.name}': prune_memberships would end all memberships of a user but "
            f"that of the row's '{group.column}'. Name a column with the list of them in "
            f"{_fields(stream, 'groups', '<column>')}, or take the column out with "
            f'stream_maps: {{"{stream.name}": {{"{pruning}": "__NULL__"}}}}'
        )

    def _is_settled(self, role: str) -> bool:
        return role in self._mapper.assignments or role in self._stream.options.fields


def _times(stream: Stream, taken: Collection[str]) -> list[str]:
    """Return the columns that may hold times, and have no role."""
    return [
        column
        for column, schema in stream.properties.items()
        if column not in taken and not is_of_loader(column) and holds_times(column, schema)
    ]


def _may_be_list(schema: Any) -> bool:
    types = allowed_types(schema)
    return not types or "array" in types


def _fields(stream: Stream, role: str, column: str) -> str:
    return f"streams: {json.dumps({stream.name: {'fields': {role: column}}})}"
