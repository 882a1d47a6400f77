"""The table of a run's streams, within the width of a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.accounts.account import OUTCOMES
from target_userflow.escaping import aligned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WIDTH = 80
"""Columns of a terminal that nobody has made wider."""
COLUMNS = ("received", *OUTCOMES, "differs", "unsettled", "in_doubt", "deleted")
"""The counts of a stream, in the order in which they are shown."""
ALWAYS = {"received", "delivered", "rejected"}
"""Counts that are shown even if they are 0 for all streams."""
_NAME = 24  # characters that a stream's name has at least, if it needs them
_GAP = 2  # blanks between two columns


def stream_table(streams: Sequence[Mapping[str, Any]], width: int = WIDTH) -> str:
    """Return the counts of all streams, without the columns in which everything is 0.

    Columns that don't fit beside each other follow in a table of their own.

    Args:
        streams: The `streams` of `summary.facts`.
        width: Characters that a line may have.
    """
    shown = [name for name in COLUMNS if name in ALWAYS or any(row[name] for row in streams)]
    names = [str(row["stream"]) for row in streams]
    columns = [[_heading(name), *(f"{row[name]:,}" for row in streams)] for name in shown]
    tables = [_table(names, part, width) for part in _parts(columns, width)]
    return "\n\n".join(tables)


def shortened(text: str, width: int) -> str:
    """Return the text, cut in its middle if it has more characters than `width`."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}"


def _heading(column: str) -> str:
    return column.replace("_", " ")


def _parts(columns: list[list[str]], width: int) -> Iterator[list[list[str]]]:
    """Yield columns that fit beside a name."""
    part: list[list[str]] = []
    for column in columns:
        if part and _NAME + _width([*part, column]) > width:
            yield part
            part = []
        part.append(column)
    yield part


def _width(columns: list[list[str]]) -> int:
    return sum(_GAP + max(map(len, column)) for column in columns)


def _table(names: list[str], columns: list[list[str]], width: int) -> str:
    room = width - _width(columns)
    firsts = ["stream", *(shortened(name, room) for name in names)]
    return "\n".join(aligned([*zip(firsts, *columns, strict=True)]))
