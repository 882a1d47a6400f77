"""Says at once that an API can't be reached: a run would try for minutes without a word."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from target_userflow.apis.outcomes import TryAgain

if TYPE_CHECKING:
    from target_userflow.apis.messages import Answer
    from target_userflow.apis.outcomes import Outcome
    from target_userflow.clock import Clock

_QUIET_SECONDS = 60.0  # between two lines on the same API
_logger = logging.getLogger("target-userflow")


class OutageLog:
    """Writes a line to the log when connections begin to fail; the workers share it."""

    def __init__(self, name: str, url: str, max_retry_seconds: float, clock: Clock) -> None:
        """Watch the attempts of an API.

        Args:
            name: The name of the product.
            url: Its base URL.
            max_retry_seconds: How long each request is tried.
            clock: The clock of the run.
        """
        self._where = f"{name} ({url})"
        self._seconds = max_retry_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None
        self._said_at = -_QUIET_SECONDS

    @property
    def is_on(self) -> bool:
        """Whether the last attempt found no answer."""
        return self._since is not None

    def note(self, outcome: Outcome | Answer) -> None:
        """Note what an attempt came to, and say so if it is the first that fails."""
        is_failure = isinstance(outcome, TryAgain) and bool(outcome.cause)
        if not is_failure and self._since is None:
            return  # nearly always: without the lock
        with self._lock:
            if isinstance(outcome, TryAgain) and is_failure:
                self._begin(outcome)
            else:
                self._end()

    def _begin(self, outcome: TryAgain) -> None:
        now = self._clock.monotonic()
        is_new, self._since = self._since is None, now if self._since is None else self._since
        if is_new and now - self._said_at >= _QUIET_SECONDS and self._seconds:
            self._said_at = now
            what = "can't be reached" if outcome.unreached else "does not answer"
            _logger.warning(
                "%s %s: %s. It is tried again for %.0f s (max_retry_seconds)",
                self._where,
                what,
                outcome.cause,
                self._seconds,
            )

    def _end(self) -> None:
        since, self._since = self._since, None
        if since == self._said_at:
            seconds = self._clock.monotonic() - since
            _logger.info("%s answers again, after %.0f s", self._where, seconds)
