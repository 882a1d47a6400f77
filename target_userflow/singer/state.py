"""STATE on its way through: held as the line that it will be, and written once."""

from __future__ import annotations

import sys
from typing import Any

from target_userflow.errors import StorageError
from target_userflow.mapping.values import encoded
from target_userflow.private_files import append_whole


def state_line(value: Any) -> str:
    """Return a STATE as the line that it is to be written as; empty for an empty one.

    Raises:
        RejectRecord: it can't be written as JSON.
    """
    return encoded(value).decode() if value else ""


class StateWriter:
    """Writes STATE to standard output."""

    def __init__(self) -> None:
        """Write to the standard output of the process."""
        self._written = ""

    def write(self, line: str) -> None:
        """Write a line, unless it is the last one again.

        Raises:
            StorageError: there is nowhere to write it.
        """
        if line == self._written:
            return
        if sys.stdout is None:
            raise StorageError("STATE can't be written: standard output is closed")
        try:
            _put(line + "\n")
        except OSError as error:
            raise StorageError(
                f"STATE can't be written to standard output: {error.strerror}. What was delivered "
                "since the last one comes again on the next run"
            ) from None
        self._written = line


def _put(line: str) -> None:
    """Write a line whole or not at all: whoever takes the last one takes no half of it."""
    try:
        handle = sys.stdout.fileno()
    except OSError:  # a stream in memory
        sys.stdout.write(line)
        sys.stdout.flush()
    else:
        append_whole(handle, line.encode())
