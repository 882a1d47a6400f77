"""The sandbox limits rates, fails by chance and follows scripts: each alone, without waiting."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest

from target_userflow.sandbox.faults import FAULTS, RandomFaults, check
from target_userflow.sandbox.faults.rate_limits import FixedWindow, SlidingWindow, retry_after
from target_userflow.sandbox.faults.scripted_responses import ScriptedResponses
from target_userflow.sandbox.settings import Settings


class Clock:
    """A clock that stands still until it is told to move on."""

    def __init__(self) -> None:
        """Begin somewhere: a monotonic clock tells differences only."""
        self.now = 1000.0

    def __call__(self) -> float:
        """The time in seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at rest."""
    return Clock()


@pytest.fixture
def window(clock: Clock) -> SlidingWindow:
    """A window that nothing was let in by."""
    return SlidingWindow(clock)


def test_requests_up_to_the_limit_are_let_in(window: SlidingWindow) -> None:
    """The next one has to wait for the whole minute if all came at once."""
    assert [window.wait("key", 3) for _ in range(4)] == [0, 0, 0, 60]


def test_the_minute_slides(window: SlidingWindow, clock: Clock) -> None:
    """There is room as soon as the oldest request is a minute old, not at the full minute."""
    for _ in range(2):
        window.wait("key", 2)
        clock.now += 20
    assert window.wait("key", 2) == 20
    clock.now += 20
    assert window.wait("key", 2) == 0
    assert window.wait("key", 2) == 20


def test_a_refused_request_does_not_count(window: SlidingWindow, clock: Clock) -> None:
    """Who keeps knocking doesn't wait longer for it."""
    window.wait("key", 1)
    for _ in range(10):
        clock.now += 5
        assert window.wait("key", 1) > 0
    clock.now += 10
    assert window.wait("key", 1) == 0


def test_a_fixed_minute_begins_anew_all_at_once(clock: Clock) -> None:
    """Who used it up waits for its end, and may then send as much again; buckets are apart."""
    fixed, clock.now = FixedWindow(clock), 1199.0
    assert [fixed.wait("key", 2) for _ in range(3)] == [0, 0, 1]
    assert fixed.wait("other", 2) == 0
    clock.now += 1
    assert [fixed.wait("key", 2) for _ in range(3)] == [0, 0, 60]
    fixed.reset()
    assert fixed.wait("key", 2) == 0


def test_buckets_have_separate_limits(window: SlidingWindow) -> None:
    """One client that sends too much doesn't stop another."""
    assert window.wait("one", 1) == 0
    assert window.wait("other", 1) == 0
    assert window.wait("one", 1) > 0


def test_a_limit_that_is_lowered_counts_what_was_let_in_before(
    window: SlidingWindow, clock: Clock
) -> None:
    """The wait is until there is room under the new limit."""
    for _ in range(4):
        window.wait("key", 10)
        clock.now += 10
    assert window.wait("key", 2) == 40


def test_a_reset_window_is_empty(window: SlidingWindow) -> None:
    """The next test isn't limited by this one's requests."""
    window.wait("key", 1)
    window.reset()
    assert window.wait("key", 1) == 0


@pytest.mark.parametrize(
    ("form", "seconds", "header"),
    [
        ("seconds", 30.0, {"Retry-After": "30"}),
        ("seconds", 0.2, {"Retry-After": "1"}),
        ("seconds", 29.001, {"Retry-After": "30"}),
        ("date", 30.0, {"Retry-After": "Thu, 01 Jan 2026 12:00:30 GMT"}),
        ("date", 0.2, {"Retry-After": "Thu, 01 Jan 2026 12:00:01 GMT"}),
        ("none", 30.0, {}),
    ],
)
def test_retry_after_has_every_form_that_http_knows(
    form: str, seconds: float, header: dict[str, str]
) -> None:
    """Whole seconds, rounded up: who waits that long is let in."""
    now = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    assert retry_after(form, seconds, now) == header


def test_a_retry_date_rounds_up_from_a_fraction_of_a_second() -> None:
    """A date at 12:00:30.5 would be told as 12:00:30, half a second early."""
    now = datetime(2026, 1, 1, 12, tzinfo=timezone.utc) + timedelta(milliseconds=500)
    assert retry_after("date", 30, now) == {"Retry-After": "Thu, 01 Jan 2026 12:00:31 GMT"}


def test_the_same_seed_brings_the_same_faults() -> None:
    """A failure that was seen once can be seen again."""
    odds = {"500": 0.3, "slow": 0.3}
    one, same, other = (RandomFaults(odds, seed) for seed in (1, 1, 2))
    drawn = [one.draw() for _ in range(50)]
    assert drawn == [same.draw() for _ in range(50)]
    assert drawn != [other.draw() for _ in range(50)]


def test_faults_come_as_often_as_they_were_asked_for() -> None:
    """In 10,000 draws, to within a few hundred."""
    faults = RandomFaults({"500": 0.25, "reset-after": 0.05}, seed=1)
    drawn = Counter(faults.draw() for _ in range(10_000))
    assert drawn["500"] == pytest.approx(2_500, abs=200)
    assert drawn["reset-after"] == pytest.approx(500, abs=100)
    assert drawn[None] == pytest.approx(7_000, abs=300)


@pytest.mark.parametrize("name", FAULTS)
def test_a_certain_fault_always_comes(name: str) -> None:
    """And without any, none does."""
    certain, none = RandomFaults({name: 1.0}), RandomFaults({name: 0.0})
    assert {certain.draw() for _ in range(100)} == {name}
    assert {none.draw() for _ in range(100)} == {None}


@pytest.mark.parametrize(
    ("odds", "reason"),
    [
        ({"404": 0.1}, f"there is no fault '404', only {', '.join(FAULTS)}"),
        ({"500": 1.1}, "the probability of 500 must be in 0..1, not 1.1"),
        ({"500": -0.1}, "the probability of 500 must be in 0..1, not -0.1"),
        ({"500": float("nan")}, "the probability of 500 must be in 0..1, not nan"),
        ({"500": 0.6, "503": 0.6}, "the probabilities of all faults add up to more than 1"),
    ],
)
def test_odds_that_make_no_sense_are_refused(odds: dict[str, float], reason: str) -> None:
    """The reason says which, and what there is instead."""
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        check(odds)


@pytest.mark.parametrize(
    "change",
    [
        {"api_key": ""},
        {"api_key": None},
        {"latency_ms": -1},
        {"latency_ms": float("nan")},
        {"slow_ms": float("inf")},
        {"slow_ms": "fast"},
        {"rate_limit": 0},
        {"rate_limit": 1.5},
        {"userpilot_rate_limit": 0},
        {"userpilot_api_key": ""},
        {"rejected_emails": "*"},
        {"retry_after": "sometimes"},
        {"rate_limit_window": "leaping"},
        {"faults": {"500": "often"}},
        {"faults": {"nope": 0.5}},
        {"seed": "x"},
        {"unknown": 1},
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    """None is taken over as it is and found out later."""
    with pytest.raises(ValueError, match=next(iter(change)) + "|nope"):
        Settings().changed(change)


def test_a_changed_setting_leaves_the_others() -> None:
    """What isn't mentioned stays."""
    settings = Settings(rate_limit=5, faults={"500": 0.5}).changed({"rate_limit": None})
    assert settings == Settings(faults={"500": 0.5})


def script(*steps: dict[str, object]) -> ScriptedResponses:
    """A script of these steps."""
    planned = ScriptedResponses()
    planned.extend(json.dumps(steps).encode())
    return planned


def taken(planned: ScriptedResponses, *requests: str) -> list[int | None]:
    """The statuses planned for requests, each told as its method and path."""
    steps = (planned.take(*request.split()) for request in requests)
    return [step.status if step else None for step in steps]


def test_a_script_is_followed_in_order_and_ends() -> None:
    """Each step is used as often as it says, once if it says nothing."""
    planned = script({"status": 429, "times": 2}, {"status": 503})
    assert taken(planned, *["GET /users"] * 5) == [429, 429, 503, None, None]


def test_a_step_waits_for_the_request_that_it_is_for() -> None:
    """Others pass it by."""
    planned = script(
        {"status": 404, "method": "POST", "path": "/groups"}, {"status": 503, "method": "POST"}
    )
    requests = ["GET /groups", "POST /users", "POST /users", "POST /groups", "POST /groups"]
    assert taken(planned, *requests) == [None, 503, None, 404, None]


def test_a_reset_script_plans_nothing() -> None:
    """The next test isn't surprised by this one's answers."""
    planned = script({"status": 429})
    planned.reset()
    assert taken(planned, "GET /users") == [None]


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ('{"status": 429}', "Expected `array`"),
        ("[{", "truncated"),
        ('[{"status": "429"}]', "Expected `int"),
        ('[{"status": 99}]', ">= 200"),
        ('[{"status": 600}]', "<= 599"),
        ('[{"fault": "earthquake"}]', "there is no fault 'earthquake', only 500, 503"),
        ('[{"times": 0}]', ">= 1"),
        ('[{"state": 429}]', "unknown field `state`"),
        ('[{"status": 200, "headers": {"X-A": "b\\r\\nX-C: d"}}]', "headers"),
        ('[{"status": 200, "headers": {"X A": "b"}}]', "headers"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused(steps: str, reason: str) -> None:
    """The reason says what is wrong with it."""
    with pytest.raises(ValueError, match=re.escape(reason)):
        ScriptedResponses().extend(steps.encode())
