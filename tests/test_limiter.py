"""The pace that all workers share, by a clock that only moves while they wait."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from clocks import VirtualClock
from hypothesis import given, settings
from hypothesis import strategies as st

from target_userflow.clock import Clock
from target_userflow.errors import Interrupted
from target_userflow.limiter import Limiter

bounded = settings(max_examples=60, deadline=None, print_blob=True)
delays = st.floats(0, 90)


class Sender:
    """Workers that send as soon as they may; an API would see these starts."""

    def __init__(self, per_minute: int | None) -> None:
        """Share one limiter."""
        self.clock = VirtualClock()
        self.limiter = Limiter(per_minute, self.clock)
        self.starts: list[float] = []

    def send(self, times: int = 1, *, every: float = 0) -> None:
        """One worker: wait for a turn, send, and take so long for it."""
        for _ in range(times):
            self.limiter.wait()
            self.starts.append(self.clock.monotonic())
            self.clock.sleep(every)

    def pause(self, after: float, seconds: float) -> None:
        """The API answers 429 after so long."""
        self.clock.sleep(after)
        self.limiter.pause(seconds)

    def stop(self, after: float) -> None:
        """A signal comes after so long."""
        self.clock.sleep(after)
        self.clock.stop(Interrupted(15))


def most_in_a_minute(starts: list[float]) -> int:
    """The most starts in any 60 seconds."""
    ordered = sorted(starts)
    return max(sum(0 <= other - one < 60 for other in ordered) for one in ordered)


def test_requests_are_spread_evenly_and_never_saved_up() -> None:
    """After an idle minute the pace is what it was: no burst makes up for it."""
    sender = Sender(60)
    sender.send(3)
    sender.clock.sleep(100)
    sender.send(3)
    assert sender.starts == pytest.approx([0, 1.01, 2.02, 102.02, 103.03, 104.04])


def test_without_a_budget_nobody_waits() -> None:
    """Without requests_per_minute the API sets the pace, not the limiter."""
    sender = Sender(None)
    sender.send(1000)
    assert (sender.clock.seconds, sender.limiter.waited) == (0, 0)


@bounded
@given(per_minute=st.integers(1, 40), arrivals=st.lists(delays, min_size=1, max_size=80))
def test_no_minute_holds_more_than_the_budget(per_minute: int, arrivals: list[float]) -> None:
    """However requests arrive, no 60 seconds see more than requests_per_minute of them."""
    sender = Sender(per_minute)
    for delay in arrivals:
        sender.clock.sleep(delay)
        sender.send()
    assert most_in_a_minute(sender.starts) <= per_minute


@bounded
@given(
    per_minute=st.integers(1, 40),
    workers=st.integers(1, 8),
    pauses=st.lists(st.tuples(delays, delays), max_size=4),
)
def test_no_minute_holds_more_than_the_budget_after_a_pause_either(
    per_minute: int, workers: int, pauses: list[tuple[float, float]]
) -> None:
    """Those who waited when a 429 came don't start together once its pause is over."""
    sender = Sender(per_minute)
    sender.clock.conduct(
        *[partial(sender.send, 12)] * workers,
        *(partial(sender.pause, after, seconds) for after, seconds in pauses),
    )
    assert len(sender.starts) == 12 * workers
    assert most_in_a_minute(sender.starts) <= per_minute


@pytest.mark.parametrize("per_minute", [1, 7, 60, 600])
@pytest.mark.parametrize("workers", [1, 10])
def test_busy_workers_use_nearly_all_of_the_budget(per_minute: int, workers: int) -> None:
    """At least 97 % of what was paid for is used."""
    sender = Sender(per_minute)
    sender.clock.conduct(*[partial(sender.send, 10 * per_minute // workers + 1)] * workers)
    used = sum(start < 600 for start in sender.starts)
    assert used >= 0.97 * 10 * per_minute


@pytest.mark.parametrize("per_minute", [None, 6000])
def test_a_pause_holds_everyone(per_minute: int | None) -> None:
    """A 429 to one worker keeps all of them from sending, those in the queue included."""
    sender = Sender(per_minute)
    sender.clock.conduct(partial(sender.pause, 0.5, 30), *[partial(sender.send, 10, every=0.1)] * 3)
    assert not [start for start in sender.starts if 0.5 < start < 30.5]
    assert [start for start in sender.starts if start >= 30.5]


@pytest.mark.parametrize("pauses", [(30, 5), (5, 30)])
def test_the_longest_pause_counts(pauses: tuple[float, float]) -> None:
    """Of two answers that ask to wait, neither shortens what the other asked for."""
    sender = Sender(None)
    for seconds in pauses:
        sender.limiter.pause(seconds)
    sender.send()
    assert sender.starts == [30]


def test_the_time_that_workers_wait_is_counted() -> None:
    """The sum tells whether the budget or the API was what held a run up."""
    sender = Sender(60)
    sender.clock.conduct(*[sender.send] * 3)
    assert sender.limiter.waited == pytest.approx(1.01 + 2.02)


def test_a_stop_wakes_who_waits_for_a_turn() -> None:
    """A run that is to end does not sit out a pause of an hour."""
    sender = Sender(1)
    sender.limiter.pause(3600)
    sender.clock.conduct(*[sender.send] * 3, partial(sender.stop, 5))
    assert sender.clock.seconds == 5


def test_a_stop_wakes_who_really_sleeps() -> None:
    """The clock of a run ends the sleeps of all its threads, now and to come."""
    clock = Clock()
    thread = threading.Thread(target=clock.sleep, args=(3600,), daemon=True)
    thread.start()
    clock.stop(Interrupted(15))
    thread.join(30)
    clock.sleep(3600)
    assert not thread.is_alive()


def test_the_first_reason_to_stop_is_the_one_that_is_raised() -> None:
    """What a run ends with is what went wrong first, not what that led to."""
    clock = Clock()
    clock.check()
    clock.stop(Interrupted(15))
    clock.stop(Interrupted(2))
    with pytest.raises(Interrupted, match="signal 15"):
        clock.check()
