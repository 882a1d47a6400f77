"""What a run knows of the deletions of all its streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.deletes.log_based import DeletionLimit
from target_userflow.deletes.mirror import MembershipMirror
from target_userflow.deletes.table_versions import TableVersions
from target_userflow.errors import ConfigError

if TYPE_CHECKING:
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.deletes.contents import Contents
    from target_userflow.ledger.ledgers import Ledgers
    from target_userflow.lookup.pages import Reads


class Versions:
    """The table versions and deletion limits of streams.

    They outlive the sinks that a changing SCHEMA makes of a stream. A stream is named by what the
    tap calls it, and by its name after the stream maps.
    """

    def __init__(self, ledgers: Ledgers | None, max_delete_ratio: float) -> None:
        """Know of no stream.

        Args:
            ledgers: The ledgers of the run; None for a run without any.
            max_delete_ratio: The share of a stream's records or objects that may be deleted.
        """
        self._ledgers = ledgers
        self._ratio = max_delete_ratio
        self._versions: dict[tuple[str, str], Contents] = {}
        self._limits: dict[tuple[str, str], DeletionLimit] = {}

    def versions(self, object_type: ObjectType, source: str, stream: str) -> Contents:
        """Return the versions of a stream's table.

        Args:
            object_type: The object type that the stream goes to.
            source: The stream's name, as the tap calls it.
            stream: The stream's name after the stream maps.

        Raises:
            ConfigError: there is no ledger, or none that can be used.
            StorageError: it can't be opened, or another run has it.
        """
        if (source, stream) not in self._versions:
            if self._ledgers is None:
                raise ConfigError(
                    f"Stream '{stream}': its tap sends versions, and without a ledger hard_delete "
                    "can't tell what ACTIVATE_VERSION leaves behind. Set ledger, or set "
                    "hard_delete to false"
                )
            stream_key = object_type.name, source, stream, *self._ledgers.namespace
            rows = self._ledgers.ledger(object_type).delivered_rows(*stream_key)
            versions = TableVersions(rows, stream, object_type, self._ratio)
            self._versions[source, stream] = versions
        return self._versions[source, stream]

    def mirror(self, reads: Reads, object_type: ObjectType, source: str, stream: str) -> Contents:
        """Return what a stream of memberships holds that is read in full.

        Args:
            reads: The way to the API, which tells what exists.
            object_type: The memberships.
            source: As for `versions`.
            stream: As for `versions`.
        """
        if (source, stream) not in self._versions:
            mirror = MembershipMirror(reads, stream, object_type, self._ratio)
            self._versions[source, stream] = mirror
        return self._versions[source, stream]

    def limit(self, source: str, stream: str) -> DeletionLimit:
        """Return the limit of a stream's deletions; arguments as for `versions`."""
        limit = DeletionLimit(stream, self._ratio)
        return self._limits.setdefault((source, stream), limit)

    def announced(self) -> list[tuple[tuple[str, str], Contents]]:
        """Return the versions of which one was activated ahead of its records.

        Returns:
            The names of the stream, and its versions. First come those that refer to others: what
            they delete is there still.
        """
        announced = [
            (names, versions)
            for names, versions in self._versions.items()
            if versions.announced is not None
        ]
        return sorted(announced, key=lambda item: item[1].object_type.turn, reverse=True)
