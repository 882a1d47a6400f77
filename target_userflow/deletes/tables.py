"""The tables that a stream's records stand in, each with its versions.

There is one for each of the tap's streams: `stream_maps` can make one stream of several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_userflow.deletes.activate_version import Activation
    from target_userflow.deletes.table_versions import Versions
    from target_userflow.delivery.pending import Entry
    from target_userflow.ledger.delivered_rows import Ids
    from target_userflow.services import Run
    from target_userflow.singer.reader import LineReader


class Tables:
    """What is known of the versions of one stream's tables."""

    def __init__(self, run: Run, reader: LineReader, name: str, activation: Activation) -> None:
        """Know none yet.

        Args:
            run: Keeps versions when a changing SCHEMA makes another sink.
            reader: Knows the line that is being processed, and its stream as the tap calls it.
            name: The object that the records go to.
            activation: Deletes what a version leaves behind.
        """
        self._run = run
        self._reader = reader
        self._object = name
        self._activation = activation
        self._seen: dict[str, Versions] = {}

    def see(self, version: int, ids: Ids | None, *, rejected: bool) -> None:
        """Note that a record stands in a version; arguments as in `Versions.see`."""
        self._current().see(version, ids, rejected=rejected)

    def open(self) -> None:
        """Put the window's records down before they are sent."""
        for versions in self._seen.values():
            versions.open()

    def close(self, entries: Iterable[Entry]) -> None:
        """Strike out what of a window is not there now, however it ended."""
        for versions in self._seen.values():
            versions.close(entries)

    def announce(self, version: int) -> None:
        """Delete what a version leaves behind, once its records are known."""
        versions = self._current()
        if versions.is_ahead(version):
            versions.announced = version
        else:
            self.activate(versions, version, complete=True)

    def activate(self, versions: Versions, version: int, *, complete: bool) -> None:
        """Delete what a version leaves behind; arguments as in `Activation.activate`."""
        versions.announced = None
        self._activation.activate(versions, version, complete=complete)

    def _current(self) -> Versions:
        """Those of the table that the line is about."""
        source = self._reader.stream
        found = self._run.versions(self._object, source, self._activation.stream_name)
        found.line = self._reader.number
        self._seen[source] = found
        return found
