"""The table that a stream's records stand in, with its versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.deletes.activate_version import Activation
    from target_userflow.deletes.contents import Contents
    from target_userflow.ledger.delivered_rows import Ids


class Table:
    """What is known of the versions of one stream's table."""

    def __init__(self, versions: Callable[[], Contents], activation: Activation) -> None:
        """Follow the versions of a table.

        Args:
            versions: The versions, which outlive the sinks that a changing SCHEMA makes.
            activation: Deletes what a version leaves behind.
        """
        self._versions_of_run = versions
        self._activation = activation
        self._versions: Contents | None = None

    def see(self, version: int, number: int, ids: Ids | None, *, rejected: bool) -> None:
        """Note that a record is of a version.

        Args:
            version: The version.
            number: The number of the record's line.
            ids: As in `TableVersions.see`.
            rejected: As in `TableVersions.see`.
        """
        versions = self._known()
        versions.line = number
        versions.see(version, ids, rejected=rejected)

    @property
    def is_watched(self) -> bool:
        """Whether it matters which of its rows are delivered."""
        return self._versions is not None

    def open(self) -> None:
        """Put the records down before they are sent."""
        if self._versions:
            self._versions.open()

    def close(self, records: Iterable[PendingRecord]) -> None:
        """Strike out what is not there now of records that are settled."""
        if self._versions:
            self._versions.close(records)

    def announce(self, version: int, number: int) -> None:
        """Delete what a version leaves behind, once its records are known.

        Args:
            version: The version.
            number: The number of the line that activates it.
        """
        versions = self._known()
        versions.line = number
        versions.announced = version
        if not versions.is_ahead(version):
            self.activate(complete=True)

    def activate(self, *, complete: bool) -> None:
        """Delete what the announced version leaves behind; `complete` as in `Activation`."""
        versions = self._known()
        version, versions.announced = versions.announced, None
        if version is not None:
            self._activation.activate(versions, version, complete=complete)

    def _known(self) -> Contents:
        if self._versions is None:
            self._versions = self._versions_of_run()
        return self._versions
