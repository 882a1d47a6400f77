"""The pace that all workers share, by a clock that only moves while they wait."""

from __future__ import annotations

import threading
from bisect import bisect_left
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clocks import VirtualClock

from target_userflow.clock import Clock
from target_userflow.errors import Interrupted
from target_userflow.pace.rate_limiter import Limits
from target_userflow.pace.throttle_stats import Cause

bounded = settings(max_examples=60, deadline=None, print_blob=True)
delays = st.floats(0, 90)
PATH = "/users"
INTERVAL = 1.0208333  # seconds between the turns of a budget of 60


class Sender:
    """Workers that send as soon as they may; an API would see these starts."""

    def __init__(self, per_minute: int | None) -> None:
        """Share one limiter."""
        self.clock = VirtualClock()
        self.limits = Limits(per_minute, {}, self.clock)
        self.starts: list[float] = []

    def send(self, times: int = 1, *, every: float = 0) -> None:
        """One worker: wait for a turn, send, and take so long for it."""
        for _ in range(times):
            self.starts.append(self.limits.wait(PATH))
            self.clock.sleep(every)

    def pause(self, after: float, seconds: float) -> None:
        """The API answers 429 after so long."""
        self.clock.sleep(after)
        self.limits.pause(seconds)

    def stop(self, after: float) -> None:
        """A signal comes after so long."""
        self.clock.sleep(after)
        self.clock.stop(Interrupted(15))


def most_in_a_minute(starts: list[float]) -> int:
    """The most starts in any 60 seconds."""
    ordered = sorted(starts)
    return max(bisect_left(ordered, one + 60) - place for place, one in enumerate(ordered))


def test_requests_are_spread_evenly_and_hardly_saved_up() -> None:
    """After an idle minute the pace is what it was: what is made up for is half a second."""
    sender = Sender(60)
    sender.send(3)
    sender.clock.sleep(100)
    sender.send(3)
    again = 100 + 2 * INTERVAL
    turns = [0, INTERVAL, 2 * INTERVAL, again, again + INTERVAL - 0.5, again + 2 * INTERVAL - 0.5]
    assert sender.starts == pytest.approx(turns)


def test_without_a_budget_nobody_waits() -> None:
    """Without requests_per_minute the API sets the pace, not the limiter."""
    sender = Sender(None)
    sender.send(1000)
    assert (sender.clock.seconds, sender.limits.waits.limiting) == (0, Cause.LATENCY)


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
        sender.limits.pause(seconds)
    sender.send()
    assert sender.starts == [30]


def test_a_503_to_all_slows_all_down() -> None:
    """One among answers that are fine holds nobody up; nothing but 503s is an API that is down."""
    sender = Sender(None)
    sender.send(2, every=1)
    sender.limits.accepted(0)
    sender.limits.unavailable(1, 30)
    sender.send()
    assert sender.starts[-1] == 2
    sender.clock.sleep(1)
    sender.limits.unavailable(2.5, 30)
    sender.send()
    assert sender.starts[-1] == 33


class Sleepy(VirtualClock):
    """Wakes its sleepers late, now and then."""

    def __init__(self, late: list[float]) -> None:
        """Be late by these seconds, in turn."""
        super().__init__()
        self._late = late
        self._sleeps = 0

    def sleep(self, seconds: float) -> None:
        """Sleep for longer than was asked for."""
        self._sleeps += 1
        super().sleep(seconds + self._late[self._sleeps % len(self._late)])


@bounded
@given(
    per_minute=st.integers(1, 200),
    workers=st.integers(1, 8),
    late=st.lists(st.one_of(st.just(0.0), st.floats(0, 5)), min_size=1, max_size=20),
)
def test_no_minute_holds_more_than_the_budget_if_workers_oversleep(
    per_minute: int, workers: int, late: list[float]
) -> None:
    """Who misses a turn takes another: it is made up for, but never within the same minute."""
    sender = Sender(per_minute)
    sender.clock = Sleepy(late)
    sender.limits = Limits(per_minute, {}, sender.clock)
    sender.clock.conduct(*[partial(sender.send, 240 // workers)] * workers)
    assert most_in_a_minute(sender.starts) <= per_minute


@pytest.mark.parametrize("late", [[0.0] * 40 + [0.4], [0.01], [0.0] * 200 + [0.5]])
def test_nothing_is_lost_for_good_if_workers_oversleep(late: list[float]) -> None:
    """At least 97 % of the budget is used even if none of them is on time."""
    sender = Sender(6000)
    sender.clock = Sleepy(late)
    sender.limits = Limits(6000, {}, sender.clock)
    sender.clock.conduct(*[partial(sender.send, 1300)] * 10)
    assert sum(5 <= start < 65 for start in sender.starts) >= 0.97 * 6000
    assert most_in_a_minute(sender.starts) <= 6000


def test_budgets_of_endpoints_hold_together_with_that_of_all() -> None:
    """A path with a limit of its own waits for it, and counts against the budget too."""
    clock = VirtualClock()
    limits = Limits(60, {PATH: 30}, clock)
    starts = [limits.wait(path) for path in (PATH, PATH, "/events", "/events")]
    turns = [0, 2 * INTERVAL, 3 * INTERVAL - 0.5, 4 * INTERVAL - 0.5]
    assert starts == pytest.approx(turns)
    assert limits.waits.seconds(Cause.LIMIT) == pytest.approx(turns[1])


def test_the_time_that_workers_wait_is_that_of_the_clock_on_the_wall() -> None:
    """Three workers that wait at once for the budget and the API wait once, and each is told."""
    sender = Sender(60)
    sender.clock.conduct(*[sender.send] * 3)
    assert sender.limits.waits.seconds(Cause.BUDGET) == pytest.approx(2 * INTERVAL)
    limiting = [sender.limits.waits.limiting]
    sender.limits.refused(sender.clock.seconds, 30)
    sender.send()
    limiting.append(sender.limits.waits.limiting)
    sender.clock.sleep(2)
    limiting.append(sender.limits.waits.limiting)
    assert limiting == [Cause.BUDGET, Cause.LIMIT, Cause.LATENCY]
    assert sender.limits.waits.seconds(Cause.LIMIT) == pytest.approx(30)
    cause, seconds = next(sender.limits.waits.told())
    assert (cause.value, round(seconds)) == ("requests_per_minute", 2)


def test_a_stop_wakes_who_waits_for_a_turn() -> None:
    """A run that is to end does not sit out a pause of an hour."""
    sender = Sender(1)
    sender.limits.pause(3600)
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
