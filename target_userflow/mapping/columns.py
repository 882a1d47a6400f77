"""Which of a stream's columns is the id, the name, the time …: found by name, once per SCHEMA."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from target_userflow.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_userflow.config.settings import StreamOptions


DELETED_AT = "deleted_at"
"""The role of a column with the time of a row's deletion; no column has it by its name."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What a SCHEMA message and the options say of a stream."""

    name: str
    properties: Mapping[str, Any]
    keys: Sequence[str]
    options: StreamOptions
    has_open_columns: bool = False
    """Whether columns come with the records, as the SCHEMA names none."""


class Assignment(NamedTuple):
    """The column that has a role, and why."""

    column: str
    by: str
    """`name`, `key` or `fields`."""
    others: tuple[str, ...] = ()
    """Columns that would have the role by their names, if this one did not."""


@dataclass(frozen=True, slots=True)
class RoleSpec:
    """The roles that an object's streams may fill."""

    columns: Mapping[str, Sequence[str]]
    """Role to the columns it is looked for in; the first that is there."""
    one_of: Sequence[Sequence[str]]
    """Of each of these sets, one role at least must be filled."""
    key_is: str | None = None
    """The role that a single key property fills when no column does by its name."""

    def without(self, role: str) -> RoleSpec:
        """Return the same roles without one that something else fills."""
        columns = {name: names for name, names in self.columns.items() if name != role}
        return replace(self, columns=columns, one_of=[s for s in self.one_of if role not in s])


def assignments_of(stream: Stream, role_spec: RoleSpec) -> dict[str, Assignment]:
    """Find the column of each role: returns role → column and why.

    Raises:
        ConfigError: the options name a role or column that is not there, or a needed one is not.
    """
    _check_fields(stream, role_spec)
    fields = stream.options.fields
    assignments = {**dict(_by_name(stream, role_spec)), **_by_fields(fields)}
    role = role_spec.key_is
    if role and len(stream.keys) == 1 and role not in {*assignments, *fields}:
        assignments[role] = Assignment(stream.keys[0], "key")
    for wanted in role_spec.one_of:
        if not assignments.keys() & set(wanted):
            raise ConfigError(_missing(stream, role_spec, wanted))
    return assignments


def _by_name(stream: Stream, role_spec: RoleSpec) -> Iterator[tuple[str, Assignment]]:
    """Yield the roles that columns have by their names; `fields` settles those that it names."""
    for role, candidates in role_spec.columns.items():
        present = [column for column in candidates if column in stream.properties]
        if present and role not in stream.options.fields:
            yield role, Assignment(present[0], "name", (*present[1:],))


def _by_fields(fields: Mapping[str, str | None]) -> dict[str, Assignment]:
    return {role: Assignment(column, "fields") for role, column in fields.items() if column}


def _check_fields(stream: Stream, role_spec: RoleSpec) -> None:
    for role, column in stream.options.fields.items():
        where = f"Stream '{stream.name}': streams.{stream.name}.fields"
        known = (*role_spec.columns, DELETED_AT)
        if role not in known:
            raise ConfigError(f"{where} names no role '{role}'. There are: {', '.join(known)}")
        if column is not None and column not in stream.properties:
            raise ConfigError(
                f"{where}.{role} names column '{column}', which the stream does not have. "
                f"There are: {', '.join(stream.properties)}"
            )


def _missing(stream: Stream, role_spec: RoleSpec, wanted: Sequence[str]) -> str:
    looked_for = [column for role in wanted for column in role_spec.columns[role]]
    return (
        f"Stream '{stream.name}' has no column for {' or '.join(wanted)}; looked for "
        f"{', '.join(looked_for)}. Name it with "
        f'streams: {{"{stream.name}": {{"fields": {{"{wanted[0]}": "<column>"}}}}}}'
    )
