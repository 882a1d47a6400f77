"""Time as a run sees it, and the one way to end its waits: injected, so that no test sleeps."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone


class Clock:
    """Monotonic seconds, the wall clock, and sleeps that `stop` cuts short."""

    def __init__(self, parent: Clock | None = None) -> None:
        """Start unstopped, with the time of `parent` if there is one."""
        self._parent = parent
        self._children: list[Clock] = []
        self._stopped = threading.Event()
        self.why: BaseException | None = None
        """What the run is to end with, once it is stopped."""
        if parent:  # it is asked several times for each record
            self.monotonic = parent.monotonic  # type: ignore[method-assign] # the same, sooner

    def monotonic(self) -> float:
        """Seconds since some fixed point."""
        return time.monotonic()

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return self._parent.now() if self._parent else datetime.now(timezone.utc)

    def sleep(self, seconds: float) -> None:
        """Wait, or less when the run is stopped."""
        if seconds > 0:
            self._stopped.wait(seconds)

    def stop(self, why: BaseException) -> None:
        """End all sleeps, now and to come: nothing new is to start. The first reason counts."""
        self.why = self.why or why
        self._stopped.set()
        for child in self._children:
            child.stop(why)

    def child(self) -> Clock:
        """A clock that stops with this one, and can be stopped without it."""
        child = Clock(self)
        self._children.append(child)
        return child

    @property
    def stopped(self) -> bool:
        """Whether the run is to end."""
        return self._stopped.is_set()

    def check(self) -> None:
        """Go on, unless the run is to end.

        Raises:
            BaseException: the reason that `stop` was given.
        """
        if self.why:
            raise self.why
