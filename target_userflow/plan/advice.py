"""What is likely to be a mistake in a new attribute: its name, or its type."""

from __future__ import annotations

import json
import re
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, NamedTuple

from target_userflow.mapping.secret_names import snake_case
from target_userflow.plan.values import likely_type

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from target_userflow.dedup.column_changes import AlwaysChanged

_MOST_NAMED = 4  # in a line
_SEPARATORS = re.compile(r"[_\- ]")
_STANDARD: dict[str, dict[str, Sequence[str]]] = {
    "user": {
        "email": ("mail", "e_mail", "email_address", "user_email"),
        "name": ("full_name", "fullname", "display_name"),
        "signed_up_at": (
            *("created_at", "signup_at", "sign_up_at", "signup_date", "registered_at"),
            *("date_joined", "created", "created_date"),
        ),
    },
    "group": {"name": ("company_name", "account_name", "organization_name", "org_name")},
}
"""Scope → attribute that Userflow itself shows and sorts by → what tables call it."""


def look_alike(name: str, known: Collection[str]) -> str | None:
    """Return the attribute whose name differs in case, `_`, `-` and blanks alone."""
    own = _folded(name)
    return next(
        (candidate for candidate in known if candidate != name and _folded(candidate) == own), None
    )


def standard_name(scope: str, name: str, others: Collection[str]) -> str | None:
    """Return the standard attribute that an attribute may be, unless the stream has it too."""
    plain = snake_case(name)
    for standard, names in _STANDARD.get(scope, {}).items():
        if plain in names and standard not in others:
            return standard
    return None


class Likely(NamedTuple):
    """A new attribute, and what it may be meant to be."""

    name: str
    column: str
    """The column that it comes from."""
    meant: str
    """The data type that all of its values look like, or the attribute that it may be."""
    now: str = ""
    """The data type that it will have."""
    is_there: bool = True
    """Whether the attribute that it may be exists; else Userflow shows it as a standard one."""


def other_type(name: str, column: str, values: Sequence[Any]) -> Likely | None:
    """Return another data type that an attribute may be meant to have; None for none.

    Args:
        name: The attribute's name.
        column: The column that it comes from.
        values: What is sent, without nulls.
    """
    meant = likely_type(name, values)
    if meant is None:
        return None
    return Likely(name, column, meant, "string" if isinstance(values[0], str) else "number")


def type_advice(stream: str, attributes: Sequence[Likely]) -> str:
    """Return why other data types may be meant, with the line to paste for all of a stream.

    Args:
        stream: The stream's name.
        attributes: The attributes.
    """
    texts = [f"'{one.name}' will be a {one.now} and looks like a {one.meant}" for one in attributes]
    option = json.dumps({stream: {"data_types": {one.column: one.meant for one in attributes}}})
    return f"A type is there for good: {joined(texts)}. Set streams: {option}"


def name_advice(stream: str, attributes: Sequence[Likely]) -> str:
    """Return why other names may be meant, with the stream map that gives them.

    Args:
        stream: The stream's name.
        attributes: The attributes.
    """
    texts = [f"'{one.name}' beside '{one.meant}' ({_why(one)})" for one in attributes]
    columns: dict[str, str] = {}
    for one in attributes:
        columns |= {one.meant: _expression(one.column), one.column: "__NULL__"}
    maps = json.dumps({stream: columns})  # as Meltano drops a null
    return f"A name is there for good: {joined(texts)}. Set stream_maps: {maps}"


def _why(attribute: Likely) -> str:
    return "there already" if attribute.is_there else "which Userflow itself looks for"


def _expression(column: str) -> str:
    """Return the expression that is a column's value: `display-name` would be a difference."""
    is_name = column.isidentifier() and not iskeyword(column)
    return column if is_name else f"record[{column!r}]"


def change_advice(stream: str, changed: AlwaysChanged) -> str:
    """Return why `skip_unchanged` skips nothing, with the stream map that changes that.

    Args:
        stream: The stream's name.
        changed: The columns that differed in every record compared.
    """
    named = listed(changed.columns)
    maps = json.dumps(
        {stream: dict.fromkeys(changed.columns, "__NULL__")}
    )  # as Meltano drops a null
    return (
        f"skip_unchanged sends every record: {named} differed in all {changed.compared:,} that "
        f"were compared, and {changed.otherwise_same:,} of them differed in nothing else. If that "
        f"is so in each run, leave out what differs: stream_maps: {maps}"
    )


def listed(columns: Sequence[str]) -> str:
    """Return some columns by name, and how many more there are."""
    return joined([f"'{column}'" for column in columns])


def joined(texts: Sequence[str]) -> str:
    """Return some texts as a list, and how many more there are."""
    more = [f"{len(texts) - _MOST_NAMED} more"] if len(texts) > _MOST_NAMED else []
    *before, last = [*texts[:_MOST_NAMED], *more]
    return f"{', '.join(before)} and {last}" if before else last


def _folded(name: str) -> str:
    return _SEPARATORS.sub("", name).lower()
