"""Deletes what a version of a stream leaves behind, and nothing when in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

    from target_userflow.deletes.deletions import Deletions
    from target_userflow.deletes.table import Table


class Activation:
    """Activates the versions of one stream's table."""

    def __init__(
        self,
        table: Table,
        deletions: Deletions,
        logger: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        """Activate versions of a table.

        Args:
            table: The table.
            deletions: Deletes its objects.
            logger: The logger of the stream.
        """
        self._table = table
        self._deletions = deletions
        self._logger = logger

    def announce(self, version: int, line: int) -> None:
        """Delete what a version leaves behind, or leave that to `activate` if no record of it came.

        Args:
            version: The version.
            line: The number of the line that activates it.

        Raises:
            TooManyDeletions: there is more to delete than may be.
            StopRun: the run has to end before all of it is deleted.
        """
        is_ahead = self._table.is_ahead(version)
        self._table.line, self._table.announced = line, version
        if not is_ahead:
            self.activate(complete=True)

    def activate(self, *, complete: bool) -> None:
        """Delete what the announced version leaves behind, if there is one.

        Args:
            complete: Whether it is known that all of the version's records came.

        Raises:
            TooManyDeletions: there is more to delete than may be.
            StopRun: the run has to end before all of it is deleted.
        """
        version, self._table.announced = self._table.announced, None
        if version is None or not self._table.left_behind(version):
            return
        doubt = self._table.doubt(version) if complete else _CUT_OFF
        if doubt:
            self._logger.warning(
                "Stream '%s': ACTIVATE_VERSION deletes nothing, as %s",
                self._deletions.stream_name,
                doubt,
            )
        else:
            self._delete(version)

    def _delete(self, version: int) -> None:
        self._deletions.reasons.clear()
        for ids in self._table.obsolete(version):
            self._deletions.delete(ids, self._table.deleted)
        for reason, count in self._deletions.reasons.items():
            self._logger.warning(
                "Stream '%s': %d deletions were rejected (%s); the next ACTIVATE_VERSION tries "
                "them again",
                self._deletions.stream_name,
                count,
                reason,
            )


_CUT_OFF = (
    "no STATE came after its last record: the tap may have ended before it had read all of the "
    "table"
)
