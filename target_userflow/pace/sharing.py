"""Which other runs the limits are shared with: those that have the same ledger, or its directory.

SQLAlchemy is imported where it is needed, as it takes half a second.
"""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from target_userflow.errors import StorageError
from target_userflow.ledger.ledger import digest
from target_userflow.pace.shares import Renewing, SharedLimits

if TYPE_CHECKING:
    from target_userflow.clock import Clock
    from target_userflow.config.settings import Destination, Settings
    from target_userflow.ledger.runs import Runs
    from target_userflow.pace.shares import Shared

FILE = "limits.db"
"""Where the runs of one machine meet, in the directory of a SQLite ledger."""
_logger = logging.getLogger("target-userflow")


class Sharing:
    """What one run shares with others, for all of its products."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Open nothing yet."""
        self._settings = settings
        self._clock = clock
        self._renewing = Renewing()

    @cached_property
    def runs(self) -> Runs | None:
        """The runs that share the ledger, or its directory; None if nothing is shared.

        Raises:
            StorageError: a server's database can't be used.
        """
        place = self._place
        if place is None:
            return None
        from target_userflow.ledger.runs import Runs  # noqa: PLC0415 - SQLAlchemy

        try:
            return Runs(place, self._clock, self._settings.pace.max_retry_seconds)
        except StorageError as error:
            self._warn(error)
            return None

    def _warn(self, error: StorageError) -> None:
        """Say that nothing is shared, as a file can't be used that nothing else depends on.

        Raises:
            StorageError: it is no file, but a server's database.
        """
        if "://" in (self._place or ""):
            raise error
        _logger.warning("The limits are not shared with other runs: %s", error)

    def share(self, prefix: str, destination: Destination) -> SharedLimits | None:
        """Return this run's part of the limits of a destination, once it has one; None for all.

        Args:
            prefix: The prefix of the product's settings.
            destination: Whose limits they are, unless `limit_group` says more.

        Raises:
            StorageError: the rows of the runs can't be read and written.
        """
        runs, group = self.runs, self._settings.limit_group
        if runs is None:
            return None
        of = (group,) if group else (destination.url, destination.api_key)
        share = SharedLimits(runs.renew, digest("limits", prefix, *of))
        try:
            share.join(self._clock)
        except StorageError as error:
            self._warn(error)
            return None
        return share

    def keep(self, share: SharedLimits, limits: Shared) -> None:
        """Renew a part from now on, by what is used of the limits."""
        share.connect(limits)
        self._renewing.add(share)

    def close(self) -> None:
        """Let the others have this run's part."""
        self._renewing.end()
        runs = self.__dict__.get("runs")
        if runs:
            try:
                runs.leave()
            except StorageError:
                _logger.debug("This run's part is free once its lease is over", exc_info=True)

    @property
    def _place(self) -> str | None:
        """Where the runs meet: a server, or a file; None if they don't."""
        settings = self._settings
        if settings.dry_run:
            return None
        if settings.ledger.startswith("postgresql"):
            return settings.ledger
        wanted = settings.pace.requests_per_minute or settings.limit_group
        return _beside(settings.ledger.removeprefix("sqlite:///")) if wanted else None


def _beside(ledger: str) -> str | None:
    """Return the file in which runs meet whose ledgers are in one directory, if that is one."""
    is_file = ledger and "://" not in ledger and ":memory:" not in ledger
    return str(Path(ledger).parent / FILE) if is_file else None
