"""Why records had their outcomes, and what is said of values: counted by stream and reason."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict

_NAMED = 5  # rejected records of a stream and reason whose ids are kept
_MOST_REASONS = 1_000  # of all streams; a name in one may be data, and there is no end of them
_OTHER = "other reasons: its dead letter has it"

Reason = tuple[str, str]
"""A stream, and why a record of it was rejected or skipped, or what is said of a value."""


class Reasons:
    """The reasons of all streams of a run; the workers and the reader write to it."""

    def __init__(self) -> None:
        """Begin with none."""
        self.rejected: Counter[Reason] = Counter()
        """How many records were rejected for a reason."""
        self.skipped: Counter[Reason] = Counter()
        """How many were skipped for a reason; each stream counts its own, under its own lock."""
        self.remarks: Counter[Reason] = Counter()
        """How many values were not sent as they came, by what is said of them."""
        self.named: defaultdict[Reason, list[str]] = defaultdict(list)
        """The ids of the first records that were rejected for a reason."""
        self._lock = threading.Lock()

    def reject(self, stream: str, reason: str, ids: str) -> None:
        """Count a rejected record. Of reasons without end, the later ones count as others."""
        with self._lock:
            if len(self.rejected) >= _MOST_REASONS and (stream, reason) not in self.rejected:
                reason = _OTHER
            self.rejected[stream, reason] += 1
            if ids and self.rejected[stream, reason] <= _NAMED:
                self.named[stream, reason].append(ids)

    def most_often(self, stream: str) -> str:
        """Return why most of the rejected records of a stream were rejected."""
        with self._lock:
            counts = {reason: n for (name, reason), n in self.rejected.items() if name == stream}
        return max(counts, key=counts.__getitem__)
