"""What a run knows of the deletions of all its streams."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from target_userflow.deletes.log_based import DeletionLimit
from target_userflow.deletes.mirror import MembershipMirror
from target_userflow.deletes.table_versions import TableVersions
from target_userflow.errors import ConfigError

if TYPE_CHECKING:
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.deletes.table import Table
    from target_userflow.ledger.delivered_rows import DeliveredRows
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
        self._tables: dict[tuple[str, str], Table] = {}
        self._limits: dict[tuple[str, str], DeletionLimit] = {}

    def table(self, object_type: ObjectType, source: str, stream: str) -> Table:
        """Return the table of a stream, of which a version says that nothing else is in it.

        Args:
            object_type: The object type that the stream goes to.
            source: The stream's name, as the tap calls it.
            stream: The stream's name after the stream maps.
        """
        if (source, stream) not in self._tables:
            open_rows = partial(self._rows, object_type, source, stream)
            table = TableVersions(open_rows, stream, object_type, self._ratio)
            self._tables[source, stream] = table
        return self._tables[source, stream]

    def mirror(self, reads: Reads, object_type: ObjectType, source: str, stream: str) -> Table:
        """Return the table of a stream of memberships that is read in full.

        Args:
            reads: The way to the API, which tells what exists.
            object_type: The memberships.
            source: As for `table`.
            stream: As for `table`.
        """
        if (source, stream) not in self._tables:
            mirror = MembershipMirror(reads, stream, object_type, self._ratio)
            self._tables[source, stream] = mirror
        return self._tables[source, stream]

    def limit(self, source: str, stream: str) -> DeletionLimit:
        """Return the limit of a stream's deletions; arguments as for `table`."""
        limit = DeletionLimit(stream, self._ratio)
        return self._limits.setdefault((source, stream), limit)

    def announced(self) -> list[tuple[tuple[str, str], Table]]:
        """Return the tables of which a version was activated ahead of its records.

        Returns:
            The names of the stream, and its table. First come those that refer to others: what
            they delete is there still.
        """
        announced = [item for item in self._tables.items() if item[1].announced is not None]
        return sorted(announced, key=lambda item: item[1].object_type.turn, reverse=True)

    def _rows(self, object_type: ObjectType, source: str, stream: str) -> DeliveredRows:
        """Return what the ledger knows of a table; raises as `Table.see`."""
        if self._ledgers is None:
            raise ConfigError(
                f"Stream '{stream}': its tap sends versions, and without a ledger hard_delete "
                "can't tell what ACTIVATE_VERSION leaves behind. Set ledger, or set "
                "hard_delete to false"
            )
        stream_key = object_type.name, source, stream, *self._ledgers.namespace
        return self._ledgers.ledger(object_type).delivered_rows(*stream_key)
