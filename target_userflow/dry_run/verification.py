"""A run that only compares: `--verify`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_userflow.compare.verify import Verdicts
from target_userflow.dry_run.delivery import DryRun

if TYPE_CHECKING:
    from target_userflow.accounts.tally import Tally
    from target_userflow.config.settings import Pace
    from target_userflow.dead_letters.dead_letters import DeadLetters


class Verification(DryRun):
    """A dry run in which nothing is left to be sent, as each record only has its verdict."""

    def __init__(self, pace: Pace) -> None:
        """Have no verdict yet; for the argument see `DryRun`."""
        super().__init__(pace)
        self.verdicts = Verdicts(logging.getLogger("target-userflow"))

    def text(self, tally: Tally, dead_letters: DeadLetters) -> str:  # noqa: ARG002 - as of any dry run
        """Return what was found, as lines."""
        result = "all is the same" if self.is_same(tally) else "not all is the same"
        head = f"Verified: nothing was written, and {result}"
        rejected = f"{tally.rejected:,} records can't be sent, and were not compared"
        return "\n".join([head, *self.verdicts.lines(), *([rejected] if tally.rejected else [])])

    def is_same(self, tally: Tally) -> bool:
        """Return whether Userflow has all of the input as it is."""
        return self.verdicts.is_same and not tally.rejected
