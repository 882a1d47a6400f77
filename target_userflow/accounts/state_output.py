"""Writes STATE as soon as it is due, and brings to disk what is settled meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from target_userflow.accounts.checkpoint import EVERY

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.accounts.checkpoint import Checkpoint
    from target_userflow.clock import Clock


class Accounts(Protocol):
    """What is known of the records that are settled, and has to be on disk before STATE is."""

    def check_shares(self) -> None:
        """Let records be delivered, unless too many were rejected."""

    def convict(self, *, last: bool) -> None:
        """Settle the records that were given up on and are clear to be at fault."""

    def sync(self) -> None:
        """Return once the disk has what became of all that is settled."""


class StateOutput:
    """Writes the STATE of what is settled."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        write_state: Callable[[str], None],
        accounts: Accounts,
        clock: Clock,
    ) -> None:
        """Write what a checkpoint lets go.

        Args:
            checkpoint: Knows which STATE may be written.
            write_state: Writes a line, once all that it stands for is on disk.
            accounts: What is known of records that are settled.
            clock: Says when a second is over.
        """
        self._checkpoint = checkpoint
        self._write_state = write_state
        self._accounts = accounts
        self._clock = clock
        self._synced = 0.0

    def write_due(self) -> None:
        """Write the STATE that is due; of a tap without any, bring to disk what is known.

        Raises:
            StorageError: the disk can't take it; so for all that follows.
        """
        now = self._clock.monotonic()
        line = self._checkpoint.due()
        if line is not None:
            self._write_state(line)
        elif now - self._synced >= EVERY:
            self._accounts.sync()
        else:
            return
        self._synced = now

    def write_last(self) -> None:
        """Write the STATE of what is settled, and bring all that is known to disk."""
        if not self.write_at_once():
            self._accounts.sync()

    def write_at_once(self) -> bool:
        """Write the STATE of what is settled, however the run ended. Returns whether there is one.

        All that it stands for is on disk then.
        """
        line = self._checkpoint.due(at_once=True)
        if line is not None:
            self._write_state(line)
        return line is not None
