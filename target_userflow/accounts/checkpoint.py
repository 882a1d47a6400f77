"""Which STATE may be written: the newest before which every record is settled.

STATE messages cut the records into segments. A STATE may be written once its segment and all before
it are settled, in whatever order their requests end.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from target_userflow.clock import Clock

EVERY = 1.0
"""Seconds between two STATE lines, at least."""


class Segment:
    """The records between two STATE messages, and the STATE that ends it."""

    __slots__ = ("state", "unsettled")

    def __init__(self) -> None:
        """Begin without a record, and open: its STATE is still to come."""
        self.unsettled = 0
        self.state: str | None = None


class Checkpoint:
    """Tells which STATE may be written; the reader and the workers use it."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nothing read; `clock` says when a second is over."""
        self._clock = clock
        self._lock = threading.Lock()
        self._segments = deque([Segment()])
        self._settled: str | None = None
        self._written_at = -EVERY
        self.records = 0
        """Records that are read and not settled."""
        self.bytes = 0
        """Bytes of their lines."""

    @property
    def is_open(self) -> bool:
        """Whether a STATE is still to be written."""
        return self._settled is not None or self._segments[0].state is not None

    def read(self, size: int) -> Segment:
        """Count a record that was read.

        Args:
            size: Bytes of its line.

        Returns:
            Its segment, to be given to `settle`.
        """
        with self._lock:
            self.records += 1
            self.bytes += size
            segment = self._segments[-1]
            segment.unsettled += 1
            return segment

    def settle(self, settled: Collection[tuple[Segment, int]]) -> None:
        """Count records that are settled for good: on disk, where that is what it takes.

        Args:
            settled: The segment of each record, and the bytes of its line.
        """
        with self._lock:
            for segment, size in settled:
                self.bytes -= size
                segment.unsettled -= 1
            self.records -= len(settled)

    def state(self, line: str) -> None:
        """Take a STATE, as the line that it is to be written as."""
        with self._lock:
            self._segments[-1].state = line
            self._segments.append(Segment())
            self._advance()

    def due(self, *, at_once: bool = False) -> str | None:
        """Take the STATE that is to be written now, so that it counts as written.

        Args:
            at_once: Also if the last one was written less than a second ago.

        Returns:
            Its line; None if there is none to be written.
        """
        now = self._clock.monotonic()
        if not at_once and now - self._written_at < EVERY:
            return None
        with self._lock:
            self._advance()
            line, self._settled = self._settled, None
        if line is not None:
            self._written_at = now
        return line

    def _advance(self) -> None:
        """Leave the segments behind that are settled and closed."""
        while self._segments[0].state is not None and not self._segments[0].unsettled:
            self._settled = self._segments.popleft().state
