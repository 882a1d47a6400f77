"""An API that can't be reached: the first failure is said at once, and not every other."""

from __future__ import annotations

import logging

import pytest
from support.clocks import VirtualClock

from target_userflow.apis.messages import Answer
from target_userflow.apis.outcomes import TryAgain
from target_userflow.transport.outage import OutageLog

UNREACHED = TryAgain("ConnectionError", cause="Connection refused", unreached=True)
GOOD = Answer(200, {}, b"{}")


@pytest.fixture
def clock() -> VirtualClock:
    """A time that a test moves on."""
    return VirtualClock()


@pytest.fixture
def outage(clock: VirtualClock, caplog: pytest.LogCaptureFixture) -> OutageLog:
    """The log of an API, of which nothing is known yet."""
    caplog.set_level(logging.INFO)
    return OutageLog("Userflow", "https://api.example.com", 300, clock)


def test_the_first_failure_is_said_at_once_and_no_other(
    outage: OutageLog, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """With its cause, and with how long it is tried; and that it is over."""
    for _ in range(5):
        outage.note(UNREACHED)
        clock.sleep(2)
    outage.note(GOOD)
    outage.note(GOOD)
    first, last = caplog.messages
    assert first == (
        "Userflow (https://api.example.com) can't be reached: Connection refused. It is tried "
        "again for 300 s (max_retry_seconds)"
    )
    assert last == "Userflow (https://api.example.com) answers again, after 10 s"


def test_an_answer_that_does_not_come_is_said_as_well(
    outage: OutageLog, caplog: pytest.LogCaptureFixture
) -> None:
    """Who accepts a connection and is silent is no less of a riddle."""
    outage.note(TryAgain("ReadTimeout", cause="Read timed out.", lost=True))
    assert "does not answer: Read timed out" in caplog.text


def test_failures_that_come_and_go_are_a_line_a_minute(
    outage: OutageLog, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A shaky network does not fill the log."""
    for _ in range(119):
        outage.note(UNREACHED)
        outage.note(GOOD)
        clock.sleep(1)
    assert [one.levelname for one in caplog.records].count("WARNING") == 2


def test_an_api_that_answers_is_not_out(
    outage: OutageLog, caplog: pytest.LogCaptureFixture
) -> None:
    """A limit and a 503 are answers: they are counted, and their waits are shown."""
    outage.note(TryAgain("HTTP 429", limited=True, everyone=True))
    outage.note(TryAgain("HTTP 503"))
    outage.note(GOOD)
    assert not caplog.messages
