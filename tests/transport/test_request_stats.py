"""What was asked when, and how fast it was answered, in a memory that does not grow."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from support.clocks import VirtualClock

from target_userflow.apis.messages import Answer, reading
from target_userflow.apis.outcomes import TryAgain
from target_userflow.transport.request_stats import MAX_SPANS, RequestStats, Timed, total

if TYPE_CHECKING:
    from target_userflow.apis.messages import Request
    from target_userflow.apis.outcomes import Outcome


class Slow:
    """Stands in for HTTP: answers in turn, each after so many seconds."""

    def __init__(self, clock: VirtualClock, *answers: tuple[float, Answer | Outcome]) -> None:
        """Answer nothing yet."""
        self._clock = clock
        self._answers = iter(answers)
        self.closed = False

    def send(self, request: Request) -> Answer | Outcome:  # noqa: ARG002 - whatever is asked
        """The next answer."""
        seconds, answer = next(self._answers)
        self._clock.sleep(seconds)
        return answer

    def close(self) -> None:
        """Note it."""
        self.closed = True


def filled(clock: VirtualClock, seconds: int, *, each: int = 1) -> RequestStats:
    """The request stats of a run with so many requests in each of its seconds."""
    stats = RequestStats(clock)
    for second in range(seconds):
        for _ in range(each):
            stats.add(second + 0.5, 0.1, 200)
    clock.seconds = seconds
    return stats


def test_each_second_has_the_requests_that_ended_in_it() -> None:
    """An idle second is one with none, so that a gap can be seen."""
    clock = VirtualClock()
    stats = RequestStats(clock)
    for ended in (0.2, 0.9, 2.1):
        stats.add(ended, 0.1, 200)
    clock.seconds = 4
    spans = stats.spans()
    assert [(span.at, span.requests) for span in spans[:4]] == [(0, 2), (1, 0), (2, 1), (3, 0)]
    assert sum(span.seconds for span in spans) == 4


def test_what_is_no_success_is_told_apart() -> None:
    """429 is the API's limit; no answer and 5xx are failures; 400 is an answer as good as any."""
    stats = RequestStats(VirtualClock())
    for status in (200, 400, 429, 429, 500, 503, None):
        stats.add(0, 0.1, status)
    (span,) = stats.spans()
    assert (span.requests, span.limited, span.failed) == (7, 2, 3)


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_latencies_are_told_to_three_percent(share: float) -> None:
    """From a tenth of a millisecond to a minute, without keeping each of them."""
    stats = RequestStats(VirtualClock())
    numbers = random.Random(7)  # noqa: S311 - not a secret
    seconds = [10 ** numbers.uniform(-4, 1.7) for _ in range(2001)]
    for latency in seconds:
        stats.add(0, latency, 200)
    exact = sorted(seconds)[int(share * 2001)]
    assert stats.spans()[0].latency(share) == pytest.approx(exact, rel=0.03)


def test_no_requests_have_no_latency() -> None:
    """And a clock that stands still divides by nothing."""
    (span,) = RequestStats(VirtualClock()).spans()
    assert (span.latency(0.5), span.seconds, span.requests) == (None, 0, 0)


@pytest.mark.parametrize("seconds", [MAX_SPANS - 1, MAX_SPANS, MAX_SPANS + 1, 5000, 86_400])
def test_memory_is_bounded_and_nothing_is_lost(seconds: int) -> None:
    """However long the run, at most six hundred spans hold every request in its place."""
    spans = filled(VirtualClock(), seconds).spans()
    assert len(spans) <= MAX_SPANS
    assert total(spans).requests == seconds
    assert total(spans).seconds == pytest.approx(seconds)
    assert [span.requests / span.seconds for span in spans] == pytest.approx([1.0] * len(spans))
    assert total(spans).latency(0.5) == pytest.approx(0.1, rel=0.03)


def test_a_run_that_only_waits_stays_small() -> None:
    """A tap that is silent for a month costs no memory either."""
    clock = VirtualClock()
    stats = RequestStats(clock)
    stats.add(0.5, 0.1, 200)
    clock.seconds = 30 * 86_400
    spans = stats.spans()
    assert len(spans) <= MAX_SPANS
    assert spans[0].requests == 1


def test_the_last_moment_makes_no_peak() -> None:
    """One request in the hundredth of a second before the end is no hundred a second."""
    clock = VirtualClock()
    stats = filled(clock, 3, each=10)
    clock.sleep(0.01)
    stats.add(3.005, 0.1, 200)
    spans = stats.spans()
    assert [span.requests for span in spans] == [10, 10, 11]
    assert spans[-1].seconds == pytest.approx(1.01)


def test_a_request_is_measured_from_its_start_to_its_answer() -> None:
    """Whatever came of it is handed on."""
    clock = VirtualClock()
    stats = RequestStats(clock)
    answers: list[tuple[float, Answer | Outcome]] = [
        (0.2, Answer(200, {}, b"{}")),
        (2.0, TryAgain("ReadTimeout", lost=True)),
        (0.5, Answer(429, {}, b"")),
    ]
    slow = Slow(clock, *answers)
    timed = Timed(slow, stats, clock)
    assert [timed.send(reading("/users")) for _ in answers] == [answer for _, answer in answers]
    spans = stats.spans()
    assert [(span.requests, span.limited, span.failed) for span in spans] == [
        (1, 0, 0),
        (0, 0, 0),
        (2, 1, 1),
    ]
    assert spans[2].latency(1) == pytest.approx(2.0, rel=0.03)
    timed.close()
    assert slow.closed


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        (401, "refused"),
        (403, "refused"),
        (407, "refused"),
        (308, "refused"),
        (429, "limited"),
        (503, "failed"),
        (200, None),
        (404, None),
        (422, None),
    ],
)
def test_an_answer_counts_as_what_it_is(status: int, counted: str | None) -> None:
    """A wrong key is no good answer; what was asked and is not there, or is bad, is one."""
    stats = RequestStats(VirtualClock())
    stats.add(0, 0.1, status)
    span = stats.spans()[0]
    counts = {name: getattr(span, name) for name in ("refused", "limited", "failed")}
    assert counts == {name: int(name == counted) for name in counts}
