"""STATE on its way through: held as the line that it will be, and written once."""

from __future__ import annotations

import sys
from typing import Any

from target_userflow.errors import StorageError
from target_userflow.mapping.values import encoded
from target_userflow.private_files import append_whole


def hold(value: Any) -> Any:
    """A STATE as the SDK may hold it, which takes an empty one for none.

    Raises:
        RejectRecord: it can't be written as JSON.
    """
    return {"line": encoded(value).decode()} if value else value


class StateWriter:
    """Writes STATE to standard output."""

    def __init__(self) -> None:
        """Have nothing written yet."""
        self._written: Any = None

    def write(self, state: Any) -> None:
        """Write a STATE that is held, unless it is the last one again.

        Raises:
            StorageError: there is nowhere to write it.
        """
        if state == self._written:
            return
        if sys.stdout is None:
            raise StorageError("STATE can't be written: standard output is closed")
        try:
            _put(state["line"] + "\n")
        except OSError as error:
            raise StorageError(
                f"STATE can't be written to standard output: {error.strerror}. What was delivered "
                "since the last one comes again on the next run"
            ) from None
        self._written = state


def _put(line: str) -> None:
    """Write a line whole or not at all: whoever takes the last one takes no half of it."""
    try:
        handle = sys.stdout.fileno()
    except OSError:  # a stream in memory
        sys.stdout.write(line)
        sys.stdout.flush()
    else:
        append_whole(handle, line.encode())
