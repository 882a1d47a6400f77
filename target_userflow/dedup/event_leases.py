"""Which run sends an event, where several share a ledger: one, as long as that one is alive."""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING

from target_userflow.clock import Clock
from target_userflow.ledger.ledger import EVENT_MARK_SIZE, IN_FLIGHT, INTENT_SIZE

if TYPE_CHECKING:
    from target_userflow.ledger.ledger import Ledger
    from target_userflow.ledger.runs import Runs

AGAIN = 0.5
"""Seconds until it is looked again whether another run has sent an event."""


class SentElsewhere(Exception):
    """Another run has begun to send an event: in the same instant, or as this one was suspended."""


class EventLeases:
    """The events in flight: the mark of each names the run that sends it.

    A run puts its token where there is no row, or where the row is that of a run that died. Who
    finds another run's token waits until the event is delivered, given up, or that run has died.
    """

    def __init__(
        self, ledger: Ledger, runs: Runs | None = None, clock: Clock | None = None
    ) -> None:
        """Mark events in a ledger.

        Args:
            ledger: The ledger.
            runs: Those that share it; None if no other run has it.
            clock: Another time than the machine's.
        """
        self._ledger = ledger
        self._runs = runs
        self._clock = clock or Clock()
        self._looked_at = -math.inf
        self._token = runs.token if runs else secrets.token_bytes(INTENT_SIZE)
        self._alive: set[bytes] = set()
        self.mark = IN_FLIGHT + self._token
        """The mark of an event that this run sends."""

    @property
    def are_shared(self) -> bool:
        """Whether other runs may take events over."""
        return self._runs is not None

    def look(self, mark: bytes = b"") -> None:
        """Learn which runs are alive, unless that of a mark has been a moment ago.

        Args:
            mark: The mark of an event; many may wait for one run.
        """
        now = self._clock.monotonic()
        is_known = self.is_held(mark) and now - self._looked_at < AGAIN
        if self._runs and not is_known:
            self._alive = self._runs.alive() - {self._token}
            self._looked_at = now

    def is_held(self, mark: bytes) -> bool:
        """Return whether an event is in flight in another run that is alive."""
        is_owned = mark[:1] == IN_FLIGHT and len(mark) == EVENT_MARK_SIZE
        return is_owned and mark[1:] in self._alive

    def take(self, key: bytes, seen: bytes, day: int) -> None:
        """Mark an event as in flight; returns once that is on the disk.

        Args:
            key: Its ledger key.
            seen: The mark that it has, as far as is known; empty for none.
            day: The ordinal of the day.

        Raises:
            SentElsewhere: it has another mark by now.
        """
        if self._runs is None:
            self._ledger.put(key, self.mark, day, synced=True)
        elif not self._ledger.claim(key, seen, self.mark, day):
            raise SentElsewhere
