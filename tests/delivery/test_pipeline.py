"""What the reader does while records are on their way."""

from __future__ import annotations

import pytest
from support.clocks import VirtualClock

from target_userflow.accounts.checkpoint import Checkpoint
from target_userflow.accounts.state_output import StateOutput
from target_userflow.delivery.deliveries import Deliveries
from target_userflow.delivery.pipeline import Bounds, Pipeline


class Accounts:
    """Counts how often what is known was brought to disk."""

    def __init__(self) -> None:
        """Begin at 0."""
        self.syncs = 0
        self.convicted = False
        self.looks = 0
        self.checks = 0

    def check_shares(self) -> None:
        """Let everything pass, and count it."""
        self.checks += 1

    def convict(self, *, last: bool) -> None:
        """Settle nothing, and note the last call; who asks without end waits in vain."""
        self.convicted |= last
        self.looks += 1
        assert self.looks < 1_000

    def sync(self) -> None:
        """Count it."""
        self.syncs += 1


def pipeline_of(checkpoint: Checkpoint, accounts: Accounts, clock: VirtualClock) -> Pipeline:
    """A pipeline to no product; STATE is written as in a run, once all is on disk."""
    states = StateOutput(checkpoint, lambda _: accounts.sync(), accounts, clock)
    return Pipeline(checkpoint, states, accounts, Deliveries(clock), clock, Bounds())


@pytest.mark.parametrize("has_state", [True, False])
def test_the_end_brings_all_to_disk_once_after_the_last_record_is_settled(has_state: bool) -> None:  # noqa: FBT001 - pytest names it
    """Whether a STATE is written at the end or not: nothing is settled after that."""
    clock, accounts = VirtualClock(), Accounts()
    checkpoint = Checkpoint(clock)
    pipeline = pipeline_of(checkpoint, accounts, clock)
    if has_state:
        checkpoint.state("{}")
    pipeline.end()
    assert accounts.convicted
    assert accounts.syncs == 1


def test_what_is_known_goes_to_disk_each_second_of_a_tap_without_state() -> None:
    """Else all of it would be held until the end of the input, however long that is."""
    clock, accounts = VirtualClock(), Accounts()
    pipeline = pipeline_of(Checkpoint(clock), accounts, clock)
    for _ in range(10):
        clock.sleep(0.5)
        pipeline.tick()
    assert accounts.syncs == 5


def test_reading_goes_on_if_all_that_is_held_was_given_up_on() -> None:
    """Only what is read next can show whether the API works for others."""
    clock, accounts = VirtualClock(), Accounts()
    checkpoint = Checkpoint(clock)
    pipeline = pipeline_of(checkpoint, accounts, clock)
    for _ in range(Bounds().records):
        checkpoint.read(100)
    pipeline.tick()
    assert not pipeline.is_full


def test_a_tap_that_sends_nothing_good_is_not_read_to_its_end() -> None:
    """Its records are rejected as they are read, so that no batch is ever handed over."""
    clock, accounts = VirtualClock(), Accounts()
    pipeline = pipeline_of(Checkpoint(clock), accounts, clock)
    clock.sleep(1)
    pipeline.tick()
    assert accounts.checks == 1
