"""What is likely to be a mistake in a new attribute: its name, or its type."""

from __future__ import annotations

import json
import re
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from target_userflow.mapping.secret_names import snake_case
from target_userflow.plan.values import likely_type

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from target_userflow.dedup.column_changes import AlwaysChanged

_MOST_NAMED = 4  # columns in a line
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


def type_advice(stream: str, column: str, name: str, values: Sequence[Any]) -> str | None:
    """Why another data type may be meant, with the line to paste; None for no reason.

    Args:
        stream: The stream's name.
        column: The column that the values come from.
        name: The attribute's name.
        values: What is sent, without nulls.
    """
    likely = likely_type(name, values)
    if likely is None:
        return None
    is_text = isinstance(values[0], str)
    return (
        f"'{name}' will be a {'string' if is_text else 'number'} for good, and all of its values "
        f"look like a {likely}: {_option(stream, {'data_types': {column: likely}})}"
    )


def _expression(column: str) -> str:
    """Return the expression that is a column's value: `display-name` would be a difference."""
    is_name = column.isidentifier() and not iskeyword(column)
    return column if is_name else f"record[{column!r}]"


def name_advice(stream: str, column: str, name: str, other: str, *, is_there: bool) -> str:
    """Why another name may be meant, with the stream map that gives it.

    Args:
        stream: The stream's name.
        column: The column that the attribute comes from.
        name: The attribute's name.
        other: The attribute that may be meant.
        is_there: Whether that one exists.
    """
    columns = {other: _expression(column), column: "__NULL__"}  # as Meltano drops a null
    maps = json.dumps({stream: columns})
    why = "there already" if is_there else "the name that Userflow itself looks for"
    return f"'{name}' will be an attribute beside '{other}', which is {why}: stream_maps: {maps}"


def change_advice(stream: str, changed: AlwaysChanged) -> str:
    """Why `skip_unchanged` skips nothing, with the stream map that changes that.

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
    named = [f"'{column}'" for column in columns[:_MOST_NAMED]]
    more = [f"{len(columns) - _MOST_NAMED} more"] if len(columns) > _MOST_NAMED else []
    *before, last = [*named, *more]
    return f"{', '.join(before)} and {last}" if before else last


def _option(stream: str, option: Mapping[str, Any]) -> str:
    return f"streams: {json.dumps({stream: option})}"


def _folded(name: str) -> str:
    return _SEPARATORS.sub("", name).lower()
