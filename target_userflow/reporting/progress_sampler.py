"""How far a run is, and what sets its pace."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from target_userflow.delivery.tally import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.services import Run
    from target_userflow.singer.reader import LineReader

_TAP, _READING = "the tap", "reading"


@dataclass(frozen=True, slots=True)
class StreamProgress:
    """How far a stream is."""

    stream: str
    read: int
    delivered: int
    rejected: int
    rate: float
    """Requests per second, lately."""
    limit: str
    """What set the pace, lately; empty once all is done."""


class Sample(NamedTuple):
    """What was seen of a run at one moment."""

    at: float
    requests: Mapping[str, int]
    limits: Mapping[str, str]


class ProgressSampler:
    """Looks at a run from time to time, and tells how far it is."""

    def __init__(self, run: Run, reader: LineReader) -> None:
        """Look once, at the beginning."""
        self._run = run
        self._reader = reader
        self._samples: deque[Sample] = deque()
        self.sample(0)

    def sample(self, seconds: float) -> None:
        """Look again, and forget all that is older than so many seconds but one."""
        accounts = [*self._run.tally.accounts.items()]
        now = self._run.clock.monotonic()
        requests = {stream: account.requests for stream, account in accounts}
        limits = {
            stream: self._limit(account.object, held=account.unsettled > 0)
            for stream, account in accounts
        }
        self._samples.append(Sample(now, requests, limits))
        while len(self._samples) > 1 and self._samples[1].at <= now - seconds:
            self._samples.popleft()

    def progress(self) -> list[StreamProgress]:
        """How far each stream is."""
        return [self._stream_progress(stream) for stream in [*self._run.tally.accounts]]

    @property
    def share(self) -> float | None:
        """How much of the input is read; None if that is not known."""
        return self._reader.size / self._reader.whole if self._reader.whole else None

    def _stream_progress(self, stream: str) -> StreamProgress:
        account = self._run.tally.accounts[stream]
        first, last = self._samples[0], self._samples[-1]
        sent = last.requests.get(stream, 0) - first.requests.get(stream, 0)
        seen = Counter(sample.limits[stream] for sample in self._samples if stream in sample.limits)
        return StreamProgress(
            printable(stream),
            account.received,
            account.outcomes["delivered"],
            account.outcomes["rejected"],
            sent / (last.at - first.at) if last.at > first.at else 0.0,
            seen.most_common(1)[0][0] if seen else "",
        )

    def _limit(self, name: str, *, held: bool) -> str:
        """What the records of a stream wait for; nothing once all of them are settled."""
        if held:
            return self._run.limiting(name)
        if self._reader.ended:
            return ""
        return _TAP if self._reader.waiting else _READING
