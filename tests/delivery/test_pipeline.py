"""What the reader does while records are on their way."""

from __future__ import annotations

from support.clocks import VirtualClock

from target_userflow.accounts.checkpoint import Checkpoint
from target_userflow.delivery.pipeline import Bounds, Pipeline


class Accounts:
    """Counts how often what is known was brought to disk."""

    def __init__(self) -> None:
        """Begin at 0."""
        self.syncs = 0

    def check_shares(self) -> None:
        """Let everything pass."""

    def convict(self, *, last: bool) -> None:
        """Settle nothing."""

    def sync(self) -> None:
        """Count it."""
        self.syncs += 1


def test_what_is_known_goes_to_disk_each_second_of_a_tap_without_state() -> None:
    """Else all of it would be held until the end of the input, however long that is."""
    clock, accounts = VirtualClock(), Accounts()
    pipeline = Pipeline(Checkpoint(clock), lambda _: None, accounts, clock, Bounds())
    for _ in range(10):
        clock.sleep(0.5)
        pipeline.tick()
    assert accounts.syncs == 5
