"""How runs share the limits of one account: each asks once a second for what it can use.

The parts of all runs together are never more than the whole: a run takes more only of what the
others have let go of.
"""

from __future__ import annotations

import logging
import math
import threading
from typing import TYPE_CHECKING, Protocol

from target_userflow.errors import StorageError
from target_userflow.ledger.claims import LEASE, Claim

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_userflow.clock import Clock

EVERY = 1.0
"""Seconds between two renewals."""
_FLOOR = 0.05  # of the limits, for all runs together that have nothing to send
_WORTH_A_CHANGE = 0.01  # of the limits: for less, those who wait need not take another turn
_WORTH_A_PART = 0.05  # likewise, of a part that is small, as there are many runs
_SAME = 0.5  # seconds by which two ends of a pause may differ and be one
_logger = logging.getLogger("target-userflow")


class Share:
    """The part of the limits that a run may use: all of it where no other run shares them."""

    part = 1.0
    """From 0 to 1."""
    patience = math.inf
    """Seconds after which a request that waits looks whether the part has changed."""


class Shared(Protocol):
    """The limits of a product, as far as other runs matter for them."""

    def demand(self) -> float:
        """The part of the limits that could be used, by what was used since the last call."""

    def refused_for(self) -> float:
        """Seconds for which an answer to this run asks to be left alone; 0 for none."""

    def hear(self, seconds: float) -> None:
        """Another run was refused: leave the API alone for so long, and learn from it."""

    def retake(self) -> None:
        """Have all requests that wait take another turn, as the part has changed."""


class SharedLimits(Share):
    """A part of the limits of one key, which the runs that share a ledger divide."""

    patience = EVERY

    def __init__(
        self, renew: Callable[[bytes, Callable[[Sequence[Claim]], Claim]], object], limits: bytes
    ) -> None:
        """Have no part yet.

        Args:
            renew: `Runs.renew`.
            limits: What tells the limits from others.
        """
        self.part = 0.0
        self._renew = renew
        self._limits = limits
        self._of: Shared | None = None
        self._target = 1.0
        self._heard = 0.0

    def join(self, clock: Clock) -> None:
        """Return once there is a part: others let go of one at their next renewal, or have died.

        Raises:
            StorageError: the rows can't be read and written.
        """
        deadline = clock.monotonic() + LEASE + 2 * EVERY
        self.renew()
        while self.part < self._target / 2 and clock.monotonic() < deadline and not clock.stopped:
            clock.sleep(EVERY / 2)
            self.renew()

    def connect(self, of: Shared) -> None:
        """Learn what is used from these limits, and tell them what other runs met."""
        self._of = of

    def renew(self) -> None:
        """Say what is wanted, and take or let go.

        Raises:
            StorageError: the rows can't be read and written.
        """
        before = self.part
        try:
            self._renew(self._limits, self._decide)
        except StorageError:
            self.part = min(before, self.part)  # nobody has heard of more
            raise
        if self._of and self.part != before:
            self._of.retake()
        if self._of and self._heard > _SAME:
            self._of.hear(self._heard)

    def _decide(self, others: Sequence[Claim]) -> Claim:
        wants = self._of.demand() if self._of else 1.0
        refused_for = self._of.refused_for() if self._of else 0.0
        self._target = fair_parts([wants, *(other.wants for other in others)])[0]
        free = max(0.0, 1.0 - sum(other.part for other in others))
        part = min(self._target, free)
        if not 0 <= part - self.part < min(_WORTH_A_CHANGE, _WORTH_A_PART * part):
            self.part = part
        self._heard = max((other.refused_for for other in others), default=0.0)
        return Claim(wants, self.part, refused_for)


def fair_parts(wants: Sequence[float]) -> list[float]:
    """Return the parts of several runs, together 1: none has less so that another has more than it.

    Args:
        wants: The part that each could use. What nobody wants is shared out equally.
    """
    floor = _FLOOR / len(wants)
    wants = [max(want, floor) for want in wants]
    parts, left = [0.0] * len(wants), 1.0
    ordered = sorted(range(len(wants)), key=wants.__getitem__)
    for place, run in enumerate(ordered):
        parts[run] = min(wants[run], left / (len(wants) - place))
        left -= parts[run]
    return [part + left / len(wants) for part in parts]


class Renewing:
    """Renews what this run says of itself, in a thread of its own: no request waits for that."""

    def __init__(self) -> None:
        """Renew nothing yet."""
        self._shares: list[SharedLimits] = []
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed = False

    def add(self, share: SharedLimits) -> None:
        """Renew this too, from now on."""
        self._shares.append(share)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="renews", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Return when the thread has ended."""
        self._ended.set()
        if self._thread:
            self._thread.join(EVERY)

    def _run(self) -> None:
        while not self._ended.wait(EVERY):
            for share in [*self._shares]:
                self._renew(share)

    def _renew(self, share: SharedLimits) -> None:
        """Keep the part while the ledger is away: what needs the ledger waits for it by itself."""
        try:
            share.renew()
        except StorageError as error:
            if not self._failed:
                _logger.warning("The part of the limits stays as it is for now: %s", error)
            self._failed = True
        else:
            self._failed = False
