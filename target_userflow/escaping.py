"""Escapes text from outside, for the log, for terminals and for tables.

Others write the names of streams and columns, the answers of APIs and the messages of exceptions: a
line break in them would pass for a line of the log, and a control character would steer the
terminal.
"""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence


class Block(str):
    """A text whose line breaks are our own: a table or a summary."""

    __slots__ = ()


class EscapedRecord(logging.LogRecord):
    """A record of the log in one line, except for the line breaks of a `Block`."""

    def getMessage(self) -> str:  # noqa: N802 - its name in the standard library
        """Return the message; other line breaks and control characters are escaped."""
        args = self.args.values() if isinstance(self.args, dict) else self.args or ()
        has_block = any(isinstance(part, Block) for part in (self.msg, *args))
        text = super().getMessage()
        return escaped_lines(text) if has_block else escaped(text)


def escape_the_log() -> None:
    """Escape all records of the log from now on, of all loggers and handlers."""
    logging.setLogRecordFactory(_record)


def escaped(text: str) -> str:
    r"""Return the text with escapes (`\n`, `\x1b`, `\u202e` …) for characters that don't print.

    Those are all that break a line, are invisible, or change the direction of writing.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def escaped_lines(text: str) -> str:
    """Return the text with its line breaks, and escapes for other characters that don't print."""
    return "\n".join(map(escaped, text.split("\n")))


def _record(*args: object, **kwargs: object) -> EscapedRecord:
    record = EscapedRecord(*args, **kwargs)  # type: ignore[arg-type] # `logging` knows what it hands over
    record.name = escaped(record.name)  # a sink's logger is named by its stream
    if record.exc_info and record.exc_info[1]:
        record.exc_text = "\n".join(_traceback(record.exc_info[1]))
    return record


def _traceback(error: BaseException) -> Iterator[str]:
    """Yield the lines of a traceback: those of the code are indented, the message is one line."""
    for part in traceback.TracebackException.from_exception(error).format():
        text = part.strip("\n")
        yield escaped_lines(text) if text.startswith(" ") else escaped(text)


def aligned(lines: Sequence[Sequence[str]], *, texts: Collection[int] = (0,)) -> list[str]:
    """Return the lines of a table.

    Args:
        lines: The cells of each line.
        texts: The columns whose cells begin below each other; those of the others end so.
    """
    rows = [[printable(cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place in texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def printable(text: str) -> str:
    """Return a text without line breaks, and without what would steer a terminal."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
