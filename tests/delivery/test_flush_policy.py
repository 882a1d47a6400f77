"""How many records are held before they are delivered and their STATE is written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clocks import VirtualClock

from target_userflow.config.settings import Pace
from target_userflow.delivery.flush_policy import MOST_BYTES, MOST_RECORDS, SECONDS, Window

bounded = settings(max_examples=100, deadline=None, print_blob=True)


def window(*, most: int | None = None) -> tuple[Window, VirtualClock]:
    """A first window of 20 records, unless the cap is smaller."""
    clock = VirtualClock()
    opened = Window(clock, Pace(concurrency=1), most=most)
    opened.size = min(opened.size, 20)
    return opened, clock


def filled(one: Window, *, records: int, size: int = 1) -> Window:
    for _ in range(records):
        one.add(size)
    return one


def delivered(one: Window, requests: int, seconds: float) -> None:
    """Deliver a window with so many requests, in so long, and open the next one."""
    one.sent(requests)
    one.delivered(seconds)
    one.reopen()


@pytest.mark.parametrize(
    ("pace", "most", "size"),
    [
        pytest.param(Pace(concurrency=1), None, 50, id="one worker"),
        pytest.param(Pace(concurrency=10), None, 500, id="ten workers"),
        pytest.param(Pace(concurrency=100), None, 5000, id="a hundred workers"),
        pytest.param(Pace(requests_per_minute=120), None, 20, id="a budget of 20 in ten seconds"),
        pytest.param(Pace(requests_per_minute=1), None, 1, id="hardly any budget"),
        pytest.param(Pace(concurrency=10), 300, 300, id="a cap"),
    ],
)
def test_the_first_window_knows_the_settings_only(pace: Pace, most: int | None, size: int) -> None:
    """It is modest: what workers and budget can do in about ten seconds, if the API is slow."""
    assert Window(VirtualClock(), pace, most=most).size == size


def test_a_window_is_due_when_its_records_are_there() -> None:
    """The record that fills it is the last one that waits."""
    opened, _ = window()
    assert not filled(opened, records=19).due
    assert filled(opened, records=1).due


def test_a_window_of_large_records_is_due_before_they_fill_the_memory() -> None:
    """What is held is bounded in bytes too, whatever the number of records."""
    opened, _ = window()
    assert not filled(opened, records=2, size=MOST_BYTES // 2 - 1).due
    assert filled(opened, records=1, size=2).due


def test_a_window_is_due_when_it_is_old() -> None:
    """A slow tap's records and STATE don't wait for more of them."""
    opened, clock = window()
    clock.sleep(SECONDS - 1)
    assert not filled(opened, records=1).due
    clock.sleep(1)
    assert opened.due


def test_the_next_window_starts_empty_and_young() -> None:
    """Nothing of the last one counts for it."""
    opened, clock = window()
    filled(opened, records=20, size=MOST_BYTES)
    clock.sleep(SECONDS)
    opened.reopen()
    assert not opened.due
    assert not filled(opened, records=1).due


@pytest.mark.parametrize(
    ("requests", "seconds", "size"),
    [
        pytest.param(20, 2, 80, id="100 in ten seconds, but four times as many at most"),
        pytest.param(20, 4, 50, id="50 in ten seconds"),
        pytest.param(20, 20, 10, id="shrinks at once"),
        pytest.param(1, 300, 1, id="never below one"),
        pytest.param(20, 0, 80, id="in no time"),
        pytest.param(0, 0, 20, id="nothing sent says nothing"),
    ],
)
def test_the_next_window_is_what_goes_out_in_ten_seconds(
    requests: int, seconds: float, size: int
) -> None:
    """At the speed of the last one, so that STATE is written about as often for any API."""
    opened, _ = window()
    delivered(opened, requests, seconds)
    assert opened.size == size


def test_the_parts_of_a_window_count_together() -> None:
    """Each stream is delivered by itself; the speed is that of all."""
    opened, _ = window()
    opened.sent(5)
    opened.delivered(1)
    delivered(opened, 15, 3)
    assert opened.size == 50
    opened.reopen()
    assert opened.size == 50  # nothing was sent since


@pytest.mark.parametrize(("most", "expected"), [(None, MOST_RECORDS), (300, 300), (5, 5)])
def test_a_window_grows_to_its_cap(most: int | None, expected: int) -> None:
    """`batch_size_rows` is the most there are in one; without it 10,000."""
    opened, _ = window(most=most)
    for _ in range(10):
        assert opened.size <= expected
        delivered(opened, 10**6, 1)
    assert opened.size == expected


def test_a_window_never_holds_more_than_ten_seconds_of_a_budget() -> None:
    """However fast the first requests of a budget went out, as they had not to wait for it."""
    opened = Window(VirtualClock(), Pace(requests_per_minute=120))
    for _ in range(3):
        delivered(opened, 20, 0.1)
        assert opened.size == 20


@bounded
@given(
    deliveries=st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 10**4))),
    most=st.integers(1, 10**5),
)
def test_a_window_always_holds_something_and_never_too_much(
    deliveries: list[tuple[int, float]], most: int
) -> None:
    """However fast or slow the API is, a window takes at least one record and at most the cap."""
    opened, _ = window(most=most)
    for requests, seconds in deliveries:
        before = opened.size
        delivered(opened, requests, seconds)
        assert 1 <= opened.size <= min(most, 4 * before)
