"""What a stream's table holds, as far as deletions go by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.ledger.delivered_rows import Ids


class Contents(Protocol):
    """The contents of a table, of which a version or the end of the input says that it is all."""

    object_type: ObjectType
    announced: int | None
    """A version that is to be activated at the end of the input."""
    line: int
    """The line of the last message that is about the table."""

    def see(self, version: int, ids: Ids | None, *, rejected: bool) -> None:
        """Take note of a record; see `TableVersions.see`."""

    def open(self) -> None:
        """Put the records down before they are sent."""

    def close(self, records: Iterable[PendingRecord]) -> None:
        """Strike out what is not there now of records that are settled."""

    def is_ahead(self, version: int) -> bool:
        """Return whether a version is activated before any record of it came."""

    def left_behind(self, version: int) -> int:
        """Return how many objects a version leaves behind; raises TooManyDeletions."""

    def doubt(self, version: int) -> str | None:
        """Return why it is not known what a version leaves behind; None if it is."""

    def doomed(self, version: int) -> Iterator[dict[bytes, Ids]]:
        """Yield ledger key → ids of what is to be deleted, in parts."""

    def deleted(self, keys: Iterable[bytes]) -> None:
        """Strike out what was deleted."""
