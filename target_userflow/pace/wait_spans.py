"""When requests waited: the spans of a run that its timeline marks."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

_GAP = 1.0  # seconds between two waits that are one to whoever looks at them
_WORTH_SHOWING = 1.0  # seconds
_MOST = 400


class WaitSpan(NamedTuple):
    """A time in which somebody waited, in seconds by the clock."""

    start: float
    end: float


class WaitSpans:
    """The spans of one cause; near ones are merged, the further apart the more there are."""

    def __init__(self) -> None:
        """Begin with none."""
        self._spans: list[WaitSpan] = []
        self._gap = _GAP

    def add(self, start: float, end: float) -> None:
        """Add a span, which ends after all that were added."""
        if self._spans and start - self._spans[-1].end <= self._gap:
            self._spans[-1] = WaitSpan(min(start, self._spans[-1].start), end)
        else:
            self._spans.append(WaitSpan(start, end))
        if len(self._spans) > _MOST:
            self._merge()

    def worth_showing(self) -> list[WaitSpan]:
        """Return the spans that are long enough to be seen."""
        return [span for span in self._spans if span.end - span.start >= _WORTH_SHOWING]

    def _merge(self) -> None:
        """Close the smaller half of the gaps."""
        gaps = sorted(after.start - before.end for before, after in pairwise(self._spans))
        self._gap = gaps[len(gaps) // 2]
        spans, self._spans = self._spans, []
        for span in spans:
            self.add(*span)
