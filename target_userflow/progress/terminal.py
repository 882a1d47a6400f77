"""Lines at the bottom of a terminal that change in place, below all that is logged.

Plain control codes rather than a library: whatever is logged goes through handlers that hold on to
the stream they were made with, and a tap on the same terminal writes where it likes.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

_CLEAR = "\r\x1b[J"  # from the start of the line to the end of the screen
_UP = "\x1b[{}A\r"
_LEAST_ROWS, _LEAST_COLUMNS = 5, 20  # of a terminal that knows its size
_ROWS, _COLUMNS = 24, 80


class Terminal:
    """A stream that stands in for a terminal's: what is written to it appears above some lines.

    The cursor rests on an empty line above them, so that what others write to the terminal lands
    there, and not in the midst of a line.
    """

    def __init__(self, stream: TextIO) -> None:
        """Wrap the stream of a terminal.

        Args:
            stream: Where the text goes; usually `sys.stderr`.
        """
        self._stream = stream
        self._lock = threading.RLock()
        self._lines: Sequence[str] = ()
        self._in_a_line = False
        self._handlers: list[logging.StreamHandler[TextIO]] = []

    def open(self) -> None:
        """Replace the stream as `sys.stderr`, and in the handlers of the log."""
        for handler in _handlers():
            if handler.stream is self._stream:
                handler.setStream(self)  # type: ignore[arg-type] # it writes and flushes, as handlers do
                self._handlers.append(handler)
        sys.stderr = self

    def close(self) -> None:
        """Clear the lines, and put the stream back in its place."""
        for handler in self._handlers:
            handler.setStream(self._stream)
        sys.stderr = self._stream
        self.show(())

    def show(self, lines: Sequence[str]) -> None:
        """Replace the lines."""
        with self._lock:
            previous, self._lines = self._lines, lines
            if not self._in_a_line and (previous or lines):
                self._stream.write(_CLEAR + self._block())
                self._stream.flush()

    def write(self, text: str) -> int:
        """Write text above the lines; returns its length."""
        with self._lock:
            wipe = "" if self._in_a_line or not self._lines else _CLEAR
            self._in_a_line = not text.endswith("\n") if text else self._in_a_line
            self._stream.write(wipe + text + ("" if self._in_a_line else self._block()))
            return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Return True, as the stream is a terminal."""
        return True

    def fileno(self) -> int:
        """Return the file descriptor of the terminal."""
        return self._stream.fileno()

    def size(self) -> tuple[int, int]:
        """Return how many lines can change in place, and how many characters each has."""
        columns, rows = os.get_terminal_size(self._stream.fileno())
        is_known = rows >= _LEAST_ROWS and columns >= _LEAST_COLUMNS
        rows, columns = (rows, columns) if is_known else (_ROWS, _COLUMNS)
        return rows - 2, columns - 1

    @property
    def encoding(self) -> str:
        """The encoding of the terminal."""
        return self._stream.encoding

    def _block(self) -> str:
        """Return the lines, cut to the terminal, and the codes that move the cursor back."""
        if not self._lines:
            return ""
        rows, columns = self.size()
        lines = [line[:columns] for line in self._lines[:rows]]
        return "".join(f"\n{line}" for line in lines) + _UP.format(len(lines))


def _handlers() -> list[logging.StreamHandler[TextIO]]:
    """Return all handlers of the log that write to a stream."""
    names = [*logging.root.manager.loggerDict]
    loggers = [logging.root, *map(logging.getLogger, names)]
    handlers = {handler for logger in loggers for handler in logger.handlers}
    return [handler for handler in handlers if isinstance(handler, logging.StreamHandler)]
