"""The view models of the page: columns, rows, sections and details.

All values are text, since a browser's numbers would lose digits.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from target_userflow.sandbox.apis.userflow.attributes import data_type
from target_userflow.sandbox.http import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Kind = Literal["text", "link", "number", "time", "clock", "value", "status", "rest"]
Cell = str | list[str] | None

_PAIRS = 4
"""The number of attributes in a summary."""

_CLASSES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "datetime": str,
    "number": (int, Decimal),
    "boolean": bool,
    "list": list,
}


class Column(Struct, frozen=True):
    """A column of a list.

    Attributes:
        label: The head of the column.
        kind: The format of the cells; ``rest`` takes the width that is left.
        minor: Whether a narrow page leaves the column out.
    """

    label: str
    kind: Kind = "text"
    minor: bool = False


class Row(Struct, frozen=True):
    """A row of a list.

    Attributes:
        id: The id of the row in the list.
        cells: A cell for each column; None is a null.
        of: The name of the list with the item to which the cell of the kind ``link`` leads.
        to: The id of that item.
    """

    id: str
    cells: list[Cell]
    of: str | None = None
    to: str | None = None


class Section(Struct, frozen=True):
    """A part of a detail: a small table, or a text.

    Attributes:
        title: The heading.
        columns: The columns of the table.
        rows: The rows of the table.
        empty: The text in place of an empty table.
        text: The text in place of a table.
        answered: Whether the text is what the sandbox answered, not what it was sent.
    """

    title: str
    columns: tuple[Column, ...] = ()
    rows: list[Row] = []
    empty: str = ""
    text: str | None = None
    answered: bool = False


class Detail(Struct, frozen=True):
    """An item with everything that the sandbox knows about it.

    Attributes:
        kind: The type of the item.
        title: The name of the item.
        sections: The sections, from top to bottom.
        named: The text that the requests about the item have in common, if any.
        curl: The command that sends the request again, if the item is a request.
    """

    kind: str
    title: str
    sections: list[Section]
    named: str | None = None
    curl: str | None = None


FACTS = (Column("Name"), Column("Value", "link"))
_ATTRIBUTES = (Column("Name"), Column("Type"), Column("Value", "value"))


def fact(name: str, value: Cell, of: str | None = None, to: str | None = None) -> Row:
    """Return a row of facts; it leads to the item ``to`` of the list ``of``, if given."""
    return Row(name, [name, value], of, to)


def attribute_section(
    values: Mapping[str, Any],
    defined_type: Callable[[str], str | None] = lambda _: None,
    title: str = "Attributes",
) -> Section:
    """Return a section of attributes with their types, sorted by name.

    Args:
        values: The values by attribute name.
        defined_type: Returns the type in the attribute's definition, or None.
        title: The heading.
    """
    rows = [
        Row(name, [name, _type(value, defined_type(name)), cell(value)])
        for name, value in sorted(values.items())
    ]
    return Section(title, _ATTRIBUTES, rows, "None so far.")


def cell(value: Any) -> Cell:
    """Return a value as text with every digit, or a list as the texts of its items."""
    if isinstance(value, list):
        return [_text(item) for item in value]
    return None if value is None else _text(value)


def summary(values: Mapping[str, Any]) -> str:
    """Return the first attributes in a line."""
    pairs = [f"{name} {_text(value)}" for name, value in list(values.items())[:_PAIRS]]
    more = [f"{len(values) - _PAIRS} more"] if len(values) > _PAIRS else []
    return " · ".join([*pairs, *more])


def join_values(values: Mapping[str, Any], *names: str) -> str:
    """Return the values of the named attributes, without those that are missing."""
    return " ".join(_text(values[name]) for name in names if values.get(name) is not None)


def search_text(*values: Any) -> str:
    """Return the text that a search compares: the values that are not None, a line each."""
    return "\n".join([_text(value) for value in values if value is not None])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else strict_json.write(value).decode()


def _type(value: Any, defined: str | None) -> str:
    """Return the type of an attribute; both types if the value has another than is defined."""
    own = data_type(value) or "null"
    if defined is None or value is None:
        return own
    fits = isinstance(value, _CLASSES[defined]) and (own == "boolean") == (defined == "boolean")
    return defined if fits else f"{own}, defined as {defined}"
