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
        """Whether a version is activated before any record of it came."""

    def left_behind(self, version: int) -> int:
        """How many objects are left behind; raises TooManyDeletions."""

    def doubt(self, version: int) -> str | None:
        """Why it can't be told what is left behind; None if it can."""

    def doomed(self, version: int) -> Iterator[dict[bytes, Ids]]:
        """Keys and ids of what is to be deleted."""

    def deleted(self, keys: Iterable[bytes]) -> None:
        """Strike out what was deleted."""
