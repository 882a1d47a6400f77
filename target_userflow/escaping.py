"""Text from outside, as it may stand in a log or on a terminal.

The names of streams and columns, what APIs answer and what exceptions say is written by others: a
line break in it would pass for a line of the log, and a control character would steer the terminal.
"""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Block(str):
    """A text whose line breaks are our own: a table, or what a run has to say at its end."""

    __slots__ = ()


class EscapedRecord(logging.LogRecord):
    """A record of the log that is one line, but for the line breaks of a `Block` in it."""

    def getMessage(self) -> str:  # noqa: N802 - its name in the standard library
        """The message, with an escape for every other line break and control character."""
        args = self.args.values() if isinstance(self.args, dict) else self.args or ()
        breaks = any(isinstance(one, Block) for one in (self.msg, *args))
        text = super().getMessage()
        return escaped_lines(text) if breaks else escaped(text)


def escape_the_log() -> None:
    """Escape whatever is logged from now on, by whatever logger and to whatever handler."""
    logging.setLogRecordFactory(_record)


def escaped(text: str) -> str:
    r"""The text with `\n`, `\x1b`, `\u202e` … for what is no printable character.

    That leaves out all that breaks a line, is invisible, or changes the direction of writing.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def escaped_lines(text: str) -> str:
    """The text with its line breaks, and escapes for what else is not printable."""
    return "\n".join(map(escaped, text.split("\n")))


def _record(*args: object, **kwargs: object) -> EscapedRecord:
    record = EscapedRecord(*args, **kwargs)  # type: ignore[arg-type] # `logging` knows what it hands over
    record.name = escaped(record.name)  # a sink's logger is named by its stream
    if record.exc_info and record.exc_info[1]:
        record.exc_text = "\n".join(_traceback(record.exc_info[1]))
    return record


def _traceback(error: BaseException) -> Iterator[str]:
    """The lines of a traceback; those of our own code are indented, a message is one line."""
    for part in traceback.TracebackException.from_exception(error).format():
        text = part.strip("\n")
        yield escaped_lines(text) if text.startswith(" ") else escaped(text)
