"""Shows the progress of a run: lines on a terminal, or a line in the log now and then."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from target_userflow.escaping import aligned
from target_userflow.progress.terminal import Terminal
from target_userflow.reporting.audience import audience_here
from target_userflow.reporting.stream_table import shortened

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping
    from types import TracebackType

    from target_userflow.clock import Clock
    from target_userflow.progress.progress_sampler import ProgressSampler, StreamProgress

_SAMPLE_SECONDS = 0.5  # between two samples
_LIVE_SECONDS = 5.0  # that the rates on a terminal are taken over
_LOG_SECONDS = 30.0  # between two lines in the log
_HEADING = ("", "read", "delivered", "rejected", "requests/s", "limited by")
_MOST_STREAMS = 20  # that are shown; of the others only their number
_NAME = 12  # characters that a stream's name has at least, if it needs them
_JOIN_SECONDS = 1.0  # that the end of a run waits for a terminal that is held up


class Display(Protocol):
    """Shows the progress of a run."""

    def tick(self) -> None:
        """Take a sample, and show the progress if it is time."""

    def open(self) -> None:
        """Prepare the display."""

    def close(self) -> None:
        """Remove what was shown, if it would be in the way."""


class Live:
    """Shows a line per stream at the bottom of a terminal."""

    def __init__(self, sampler: ProgressSampler, terminal: Terminal) -> None:
        """Show the samples of a sampler on a terminal."""
        self._sampler = sampler
        self._terminal = terminal
        self.open = terminal.open
        self.close = terminal.close

    def tick(self) -> None:
        """Take a sample, and show the progress of each stream."""
        self._sampler.sample(_LIVE_SECONDS)
        rows, columns = self._terminal.size()
        self._terminal.show(_block(self._sampler, rows, columns))


def _block(sampler: ProgressSampler, rows: int, columns: int) -> list[str]:
    """Return the progress in so many lines and columns; nothing before there is a stream."""
    share = _share_read(sampler)
    shown, others = _shown(sampler.progress(), rows - len(share) - 2)  # less heading and others
    cells = [_HEADING, *map(_row, shown)]
    rest = sum(2 + max(map(len, column)) for column in list(zip(*cells, strict=True))[1:])
    room = max(_NAME, columns - rest)
    table = aligned([(shortened(name, room), *counts) for name, *counts in cells], texts=(0, 5))
    return [*table, *others, *share] if shown else []


def _shown(
    streams: list[StreamProgress], most: int = _MOST_STREAMS
) -> tuple[list[StreamProgress], list[str]]:
    """Return the streams that are shown, at work ones first, and a line on how many are not."""
    most = max(1, min(most, _MOST_STREAMS))
    if len(streams) <= most:
        return streams, []
    at_work_first = sorted(streams, key=lambda stream: not stream.limit)
    return at_work_first[:most], [f"and {len(streams) - most:,} more"]


def _row(progress: StreamProgress) -> tuple[str, ...]:
    counts = (progress.read, progress.delivered, progress.rejected)
    texts = (f"{count:,}" for count in counts)
    return progress.stream, *texts, f"{progress.rate:,.1f}", progress.limit


def _share_read(sampler: ProgressSampler) -> list[str]:
    share = sampler.share
    return [] if share is None else [f"{share:.0%} of the input read"]


class Logged:
    """Writes a line to the log every 30 seconds."""

    def __init__(self, sampler: ProgressSampler, clock: Clock, logger: logging.Logger) -> None:
        """Write the samples of a sampler to a logger; the first line comes after 30 seconds."""
        self._sampler = sampler
        self._clock = clock
        self._logger = logger
        self._logged_at = clock.monotonic()

    def tick(self) -> None:
        """Take a sample, and log the progress if it is time."""
        self._sampler.sample(_LOG_SECONDS)
        if self._clock.monotonic() - self._logged_at >= _LOG_SECONDS:
            self._logged_at = self._clock.monotonic()
            self._logger.info("Progress: %s", "; ".join(self._parts()) or "nothing was read yet")

    def open(self) -> None:
        """Need no preparation."""

    def close(self) -> None:
        """Keep what was logged."""

    def _parts(self) -> list[str]:
        shown, others = _shown(self._sampler.progress())
        return [*map(_clause, shown), *others, *_share_read(self._sampler)]


def _clause(progress: StreamProgress) -> str:
    limit = f", limited by {progress.limit}" if progress.limit else ""
    return (
        f"{progress.stream} {progress.read:,} read, {progress.delivered:,} delivered, "
        f"{progress.rejected:,} rejected, {progress.rate:,.1f} requests/s{limit}"
    )


class Progress:
    """Keeps a display up to date in a thread of its own, as long as a block runs."""

    def __init__(self, display: Display) -> None:
        """Update this display."""
        self._display = display
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="progress", daemon=True)

    def __enter__(self) -> None:
        """Open the display, and start to update it."""
        self._display.open()
        with suppress(RuntimeError):  # no thread is to be had: what is sent needs it more
            self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the updates, and close the display."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_SECONDS)
        with suppress(OSError):  # the terminal is gone
            self._display.close()

    def _keep(self) -> None:
        with suppress(OSError):  # likewise
            while not self._ended.wait(_SAMPLE_SECONDS):
                self._display.tick()


def progress(
    sampler: ProgressSampler, clock: Clock, logger: logging.Logger, environ: Mapping[str, str]
) -> Progress:
    """Return the progress display of a run.

    Args:
        sampler: The sampler of the run.
        clock: The clock of the run.
        logger: The logger of the lines, where no terminal can show them.
        environ: The environment variables.
    """
    if audience_here(environ).is_live:
        return Progress(Live(sampler, Terminal(sys.stderr)))
    return Progress(Logged(sampler, clock, logger))
