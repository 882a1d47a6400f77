"""Samples a run: how far its streams are, and what limits their pace."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from target_userflow.escaping import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_userflow.accounts.tally import Tally
    from target_userflow.clock import Clock
    from target_userflow.delivery.pipeline import Pipeline
    from target_userflow.singer.reader import LineReader

_TAP, _READING = "the tap", "reading"


@dataclass(frozen=True, slots=True)
class StreamProgress:
    """The progress of a stream."""

    stream: str
    read: int
    delivered: int
    rejected: int
    rate: float
    """Requests per second, over the samples that are kept."""
    limit: str
    """What limited the pace most often, lately; empty once all is done."""


class Sample(NamedTuple):
    """A sample of a run."""

    at: float
    """Seconds by the clock of the run."""
    requests: Mapping[str, int]
    """Stream → requests so far."""
    limits: Mapping[str, str]
    """Stream → what limits its pace."""


class ProgressSampler:
    """Takes samples of a run, and computes the progress of its streams."""

    def __init__(
        self,
        tally: Tally,
        pipeline: Pipeline,
        clock: Clock,
        reader: LineReader,
        limiting: Callable[[str], str],
    ) -> None:
        """Take the first sample.

        Args:
            tally: Counts the records of the run.
            pipeline: Tells whether reading waits.
            clock: The clock of the run.
            reader: The reader of its input.
            limiting: Returns what sets the pace of an object type.
        """
        self._tally = tally
        self._pipeline = pipeline
        self._clock = clock
        self._reader = reader
        self._limiting = limiting
        self._samples: deque[Sample] = deque()
        self.sample(0)

    def sample(self, seconds: float) -> None:
        """Take a sample, and drop those that are older than so many seconds but the last."""
        accounts = [*self._tally.accounts.items()]
        now = self._clock.monotonic()
        requests = {stream: account.requests for stream, account in accounts}
        limits = {
            stream: self._limit(account.object, held=account.unsettled > 0)
            for stream, account in accounts
        }
        self._samples.append(Sample(now, requests, limits))
        while len(self._samples) > 1 and self._samples[1].at <= now - seconds:
            self._samples.popleft()

    def progress(self) -> list[StreamProgress]:
        """Return the progress of each stream."""
        return [self._stream_progress(stream) for stream in [*self._tally.accounts]]

    @property
    def share(self) -> float | None:
        """The share of the input that is read; None if its size is not known."""
        return self._reader.size / self._reader.whole if self._reader.whole else None

    def _stream_progress(self, stream: str) -> StreamProgress:
        account = self._tally.accounts[stream]
        first, last = self._samples[0], self._samples[-1]
        sent = last.requests.get(stream, 0) - first.requests.get(stream, 0)
        limits = Counter(
            sample.limits[stream] for sample in self._samples if stream in sample.limits
        )
        return StreamProgress(
            printable(stream),
            account.received,
            account.outcomes["delivered"],
            account.outcomes["rejected"],
            sent / (last.at - first.at) if last.at > first.at else 0.0,
            limits.most_common(1)[0][0] if limits else "",
        )

    def _limit(self, object_type: str, *, held: bool) -> str:
        """Return what the records of a stream wait for; empty once all are settled."""
        if self._reader.waiting:
            return _TAP
        if self._reader.ended and not held:
            return ""
        is_api = held and (self._pipeline.is_full or self._reader.ended)
        return self._limiting(object_type) if is_api else _READING
