"""Lines of the input as they come, and the moments in which none is there."""

from __future__ import annotations

import os
import select
import stat
from collections import deque
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.clock import Clock

_READ = 1 << 18  # bytes, at most, of one read: four times what a pipe holds


class Lines:
    """Reads lines; while there is none to be had, somebody else may use the time.

    Python's own files can't tell whether a line is there without waiting for one.
    """

    def __init__(
        self,
        source: IO[bytes],
        clock: Clock,
        idle: Callable[[], float | None],
        waits: Callable[[bool], None],
    ) -> None:
        """Read from a file, a pipe, or any stream of bytes.

        Args:
            source: What is read; one without a file descriptor is never idle.
            clock: Tells whether to go on.
            idle: Is called while there is no line. Returns the seconds until it wants to be called
                again, or None if only the next line can change anything.
            waits: Is told when waiting begins, and when it ends.
        """
        self._source = source
        self._clock = clock
        self._idle = idle
        self._waits = waits
        self._descriptor = _descriptor(source)
        self._lines: deque[bytes] = deque()
        self._parts: list[bytes] = []
        self._ended = False
        self.is_interruptible = False
        """Whether it waits for bytes, and does nothing else."""

    @property
    def size(self) -> int:
        """Bytes of the whole input; 0 for a pipe, which has no end yet."""
        if self._descriptor is None:
            return 0
        status = os.fstat(self._descriptor)
        return status.st_size if stat.S_ISREG(status.st_mode) else 0

    def next(self) -> bytes:
        """Return the next line with its line break; empty at the end of the input.

        Raises:
            StopRun: the clock was stopped.
        """
        self._clock.check()
        if self._descriptor is None:
            return self._source.readline()
        while not self._lines and not self._ended:
            self._read(self._descriptor)
        return self._lines.popleft() if self._lines else b""

    def _read(self, descriptor: int) -> None:
        """Wait for bytes, and make lines of them."""
        seconds: float | None = 0.0
        while not self._has_come(descriptor, seconds):
            self._waits(True)  # noqa: FBT003 - that it begins
            seconds = self._idle()
        self._waits(False)  # noqa: FBT003 - that it ends
        data = os.read(descriptor, _READ)
        self._ended = not data
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._lines.append(b"".join([*self._parts, line, b"\n"]))
            self._parts.clear()
        if rest:
            self._parts.append(rest)
        if self._ended and self._parts:
            self._lines.append(b"".join(self._parts))
            self._parts.clear()

    def _has_come(self, descriptor: int, seconds: float | None) -> bool:
        self.is_interruptible = True
        try:
            self._clock.check()
            return bool(select.select([descriptor], [], [], seconds)[0])
        finally:
            self.is_interruptible = False


def _descriptor(source: IO[bytes]) -> int | None:
    """Return the descriptor that the system reads from; None for a stream in memory."""
    try:
        return source.fileno()
    except (OSError, ValueError, AttributeError):
        return None
