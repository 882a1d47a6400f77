"""Which STATE may be written: the newest before which every record is settled."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from support.clocks import VirtualClock

from target_userflow.accounts.checkpoint import EVERY, Checkpoint


def begun() -> tuple[Checkpoint, VirtualClock]:
    clock = VirtualClock()
    return Checkpoint(clock), clock


def test_a_state_waits_for_the_records_before_it() -> None:
    """It says that they need not come again."""
    checkpoint, _ = begun()
    record = checkpoint.read(1)
    checkpoint.state("1")
    assert checkpoint.due() is None
    checkpoint.settle([(record, 1)])
    assert checkpoint.due() == "1"


def test_a_state_does_not_wait_for_records_after_it() -> None:
    """Those come again, and nothing is lost."""
    checkpoint, _ = begun()
    checkpoint.state("1")
    checkpoint.read(1)
    assert checkpoint.due() == "1"


def test_an_unsettled_record_holds_back_every_later_state() -> None:
    """Whatever is settled behind it."""
    checkpoint, clock = begun()
    slow = checkpoint.read(1)
    checkpoint.state("1")
    fast = checkpoint.read(1)
    checkpoint.state("2")
    checkpoint.settle([(fast, 1)])
    assert checkpoint.due() is None
    checkpoint.settle([(slow, 1)])
    assert checkpoint.due() == "2"
    clock.sleep(EVERY)
    assert checkpoint.due() is None


def test_at_most_one_state_is_written_in_a_second() -> None:
    """A tap that writes one after each record fills no disk."""
    checkpoint, clock = begun()
    checkpoint.state("1")
    assert checkpoint.due() == "1"
    checkpoint.state("2")
    assert checkpoint.due() is None
    clock.sleep(EVERY)
    checkpoint.state("3")
    assert checkpoint.due() == "3"


def test_the_last_state_does_not_wait_for_its_second() -> None:
    """The run is over."""
    checkpoint, _ = begun()
    checkpoint.state("1")
    checkpoint.due()
    checkpoint.state("2")
    assert checkpoint.due(at_once=True) == "2"
    assert checkpoint.due(at_once=True) is None


@settings(max_examples=200, deadline=None, print_blob=True)
@given(seed=st.integers(0, 2**32))
def test_no_state_passes_an_unsettled_record(seed: int) -> None:
    """In whatever order records are settled, and the last of all is written."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    checkpoint, _ = begun()
    unsettled: dict[int, object] = {}
    read = 0
    for _ in range(60):
        action = rng.choice(["record", "record", "state", "settle", "due"])
        if action == "record":
            read += 1
            unsettled[read] = checkpoint.read(1)
        elif action == "state":
            checkpoint.state(str(read))
        elif action == "settle" and unsettled:
            checkpoint.settle([(unsettled.pop(rng.choice([*unsettled])), 1)])  # type: ignore[list-item] # segments
        elif (line := checkpoint.due(at_once=True)) is not None:
            assert not [number for number in unsettled if number <= int(line)]
    for record in unsettled.values():
        checkpoint.settle([(record, 1)])  # type: ignore[list-item] # likewise
    checkpoint.state("last")
    assert checkpoint.due(at_once=True) == "last"
