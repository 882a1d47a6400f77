"""How far a run is and what sets its pace: lines on a terminal, or one in the log now and then."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from target_userflow.delivery.tally import aligned
from target_userflow.reporting.terminal import Terminal

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping
    from types import TracebackType

    from target_userflow.clock import Clock
    from target_userflow.reporting.progress_sampler import ProgressSampler, StreamProgress

_LOOKS = 0.5  # seconds between two looks at the run
_LIVELY = 5.0  # seconds that the rates on a terminal are taken over
_SELDOM = 30.0  # seconds between two lines in the log
_HEADING = ("", "read", "delivered", "rejected", "requests/s", "limited by")
_PATIENCE = 1.0  # seconds that the end of a run waits for a terminal that is held up


class Display(Protocol):
    """Shows how far a run is."""

    def tick(self) -> None:
        """Look at the run, and show what there is to show by now."""

    def open(self) -> None:
        """Begin."""

    def close(self) -> None:
        """Leave nothing behind."""


class Live:
    """A line per stream at the bottom of a terminal."""

    def __init__(self, sampler: ProgressSampler, terminal: Terminal) -> None:
        """Show nothing yet."""
        self._sampler = sampler
        self._terminal = terminal
        self.open = terminal.open
        self.close = terminal.close

    def tick(self) -> None:
        """Show how far the run is."""
        self._sampler.sample(_LIVELY)
        rows = [_row(one) for one in self._sampler.progress()]
        share = self._sampler.share
        read = [] if share is None else [f"{share:.0%} of the input read"]
        self._terminal.show([*aligned([_HEADING, *rows], texts=(0, 5)), *read] if rows else [])


def _row(one: StreamProgress) -> tuple[str, ...]:
    counts = (f"{count:,}" for count in (one.read, one.delivered, one.rejected))
    return one.stream, *counts, f"{one.rate:,.1f}", one.limit


class Logged:
    """A line in the log every 30 seconds."""

    def __init__(self, sampler: ProgressSampler, clock: Clock, logger: logging.Logger) -> None:
        """Say the first one after 30 seconds."""
        self._sampler = sampler
        self._clock = clock
        self._logger = logger
        self._said = clock.monotonic()

    def tick(self) -> None:
        """Say how far the run is, if it is time."""
        self._sampler.sample(_SELDOM)
        if self._clock.monotonic() - self._said >= _SELDOM:
            self._said = self._clock.monotonic()
            self._logger.info("Progress: %s", "; ".join(self._parts()) or "nothing was read yet")

    def open(self) -> None:
        """Begin."""

    def close(self) -> None:
        """Leave nothing behind."""

    def _parts(self) -> list[str]:
        share = self._sampler.share
        return [
            *map(_said, self._sampler.progress()),
            *([] if share is None else [f"{share:.0%} of the input read"]),
        ]


def _said(one: StreamProgress) -> str:
    limit = f", limited by {one.limit}" if one.limit else ""
    return (
        f"{one.stream} {one.read:,} read, {one.delivered:,} delivered, {one.rejected:,} rejected, "
        f"{one.rate:,.1f} requests/s{limit}"
    )


class Progress:
    """Keeps a display up to date as long as a block runs."""

    def __init__(self, display: Display) -> None:
        """Show nothing yet."""
        self._display = display
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="progress", daemon=True)

    def __enter__(self) -> None:
        """Begin."""
        self._display.open()
        with suppress(RuntimeError):  # no thread is to be had: what is sent needs it more
            self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave nothing behind."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE)
        with suppress(OSError):  # the terminal is gone
            self._display.close()

    def _keep(self) -> None:
        with suppress(OSError):  # likewise
            while not self._ended.wait(_LOOKS):
                self._display.tick()


def progress(
    sampler: ProgressSampler, clock: Clock, logger: logging.Logger, environ: Mapping[str, str]
) -> Progress:
    """Lines on a terminal that a person looks at, else a line in the log now and then."""
    if sys.stderr is not None and is_live(environ, is_terminal=sys.stderr.isatty()):
        return Progress(Live(sampler, Terminal(sys.stderr)))
    return Progress(Logged(sampler, clock, logger))


def is_live(environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Whether lines may change in place: not under Meltano, which has a log and nothing else."""
    plain = environ.get("TERM", "dumb") == "dumb" or any(
        one.startswith("MELTANO_") for one in environ
    )
    return is_terminal and not plain
