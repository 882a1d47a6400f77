"""What the page is made of: lists and details, as plain text in columns.

All values are told as text, so that a browser's numbers can't cut their digits.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from target_userflow.sandbox import documents
from target_userflow.sandbox.userflow.attributes import data_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Kind = Literal["text", "link", "number", "time", "value", "status", "rest"]
Cell = str | list[str] | None

_PAIRS = 4
"""How many attributes a row sums up."""

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
        label: Its head.
        kind: How its cells are set; ``rest`` takes the room that is left.
        minor: Whether a narrow page does without it.
    """

    label: str
    kind: Kind = "text"
    minor: bool = False


class Row(Struct, frozen=True):
    """A row of a list.

    Attributes:
        id: Names it among the others.
        cells: As many as there are columns; None is a null.
        of: The list in which the thing is that its cell of the kind ``link`` leads to.
        to: The id of that thing.
    """

    id: str
    cells: list[Cell]
    of: str | None = None
    to: str | None = None


class Section(Struct, frozen=True):
    """A part of a detail: a small table, or a text as it was sent.

    Attributes:
        title: Stands above it.
        columns: Of the table.
        rows: Of the table.
        empty: Stands in place of an empty table.
        text: In place of a table.
    """

    title: str
    columns: tuple[Column, ...] = ()
    rows: list[Row] = []
    empty: str = ""
    text: str | None = None


class Detail(Struct, frozen=True):
    """One thing with all there is to say of it.

    Attributes:
        kind: What it is.
        title: Its name.
        sections: From top to bottom.
        named: What the requests about it name, if they do.
    """

    kind: str
    title: str
    sections: list[Section]
    named: str | None = None


FACTS = (Column("Name"), Column("Value", "link"))
_ATTRIBUTES = (Column("Name"), Column("Type"), Column("Value", "value"))


def fact(name: str, value: Cell, of: str | None = None, to: str | None = None) -> Row:
    """One line of facts, which may lead somewhere."""
    return Row(name, [name, value], of, to)


def attributes(
    values: Mapping[str, Any],
    defined: Callable[[str], str | None] = lambda _: None,
    title: str = "Attributes",
) -> Section:
    """Attributes with their types, in the order of their names."""
    rows = [
        Row(name, [name, _type(values[name], defined(name)), shown(values[name])])
        for name in sorted(values)
    ]
    return Section(title, _ATTRIBUTES, rows, "None so far.")


def shown(value: Any) -> Cell:
    """A value as text, to the digit; a list as its items."""
    if isinstance(value, list):
        return [_text(item) for item in value]
    return None if value is None else _text(value)


def summed_up(values: Mapping[str, Any]) -> str:
    """The first few attributes on one line."""
    pairs = [f"{name} {_text(value)}" for name, value in list(values.items())[:_PAIRS]]
    more = [f"{len(values) - _PAIRS} more"] if len(values) > _PAIRS else []
    return " · ".join([*pairs, *more])


def text_of(values: Mapping[str, Any], *names: str) -> str:
    """The values of some attributes, those that are there."""
    return " ".join(_text(values[name]) for name in names if values.get(name) is not None)


def words(*values: Any) -> str:
    """What a search looks at: the values that are there, on a line each."""
    return "\n".join([_text(value) for value in values if value is not None])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else documents.write(value).decode()


def _type(value: Any, defined: str | None) -> str:
    """The type of an attribute; where the value is of another one, both."""
    own = data_type(value) or "null"
    if defined is None or value is None:
        return own
    fits = isinstance(value, _CLASSES[defined]) and (own == "boolean") == (defined == "boolean")
    return defined if fits else f"{own}, defined as {defined}"
