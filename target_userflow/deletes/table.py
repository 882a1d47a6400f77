"""The table of a stream, as far as deletions go by what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.ledger.delivered_rows import Ids


class Table(Protocol):
    """A table of which a version, or the end of the input, says that nothing else is in it.

    It outlives the sinks that a changing SCHEMA makes of its stream.
    """

    object_type: ObjectType
    announced: int | None
    """A version that is to be activated at the end of the input."""
    line: int
    """The line of the last message that is about a version; 0 if there was none."""

    @property
    def is_watched(self) -> bool:
        """Whether it matters which of its rows are delivered."""

    def see(self, version: int, line: int, ids: Ids | None, *, rejected: bool) -> None:
        """Note that a record is in the table, also if it is rejected.

        Args:
            version: The version that it is of.
            line: The number of its line.
            ids: What the API knows its object by; None if that can't be told.
            rejected: Whether it is not delivered by this run.

        Raises:
            ConfigError: there is no ledger, or none that can be used.
            StorageError: the ledger can't be opened, or another run has it.
        """

    def note_read(self) -> None:
        """Write the records down that were read, before they are sent.

        Raises:
            StorageError: the ledger can't be written; so for all that follows.
        """

    def note_settled(self, records: Iterable[PendingRecord]) -> None:
        """Strike out what is not there after records that are settled, or will not be."""

    def is_ahead(self, version: int) -> bool:
        """Return whether a version is activated before any record of it came."""

    def left_behind(self, version: int) -> int:
        """Return how many objects a version leaves behind.

        Raises:
            TooManyDeletions: they are more than may be deleted.
        """

    def doubt(self, version: int) -> str | None:
        """Return why it can't be told what a version leaves behind; None if it can."""

    def obsolete(self, version: int) -> Iterator[dict[bytes, Ids]]:
        """Yield keys and ids of the objects to be deleted, a chunk at a time."""

    def deleted(self, keys: Iterable[bytes]) -> None:
        """Strike out what was deleted."""
