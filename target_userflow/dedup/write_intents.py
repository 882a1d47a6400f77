"""What the ledger says of objects while a run writes them, so that their rows are never wrong."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from target_userflow.ledger.ledger import DELETED, INTENT_SIZE

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Mapping

    from target_userflow.ledger.ledger import Ledger
    from target_userflow.ledger.store import Row


class WriteIntents:
    """The rows of a ledger that no other run can have at the same time."""

    is_shared = False
    """Whether it matters that rows are declared which the ledger does not know."""

    def __init__(self, ledger: Ledger) -> None:
        """Write to `ledger`."""
        self._ledger = ledger

    def declare(self, keys: Collection[bytes]) -> None:
        """Drop the versions of objects that are about to be written.

        Raises:
            StorageError: the ledger can't be written; so for all that follows.
        """
        self._write(dict.fromkeys(keys))

    def settle(self, written: Mapping[bytes, Row], waiting: Container[bytes]) -> None:  # noqa: ARG002 - for those that are shared
        """Note what was written.

        Args:
            written: Rows of what was written.
            waiting: Keys of what may still be written.
        """
        self._write(written)

    def _write(self, rows: Mapping[bytes, Row | None]) -> None:
        if rows:
            self._ledger.write(rows)


class SharedWriteIntents(WriteIntents):
    """The rows of a ledger that other runs write as well.

    Two runs may write an object in one order and note it in the other. So a run puts a token in the
    place of the version before it writes, and the version into the place of the token after it: if
    the token stands no more, another run has written meanwhile, nobody knows which of them was the
    last, and the row goes. That takes the other's token, too. A run that notes no versions drops
    the row at both times.
    """

    is_shared = True

    def __init__(self, ledger: Ledger, today: int, *, notes_versions: bool) -> None:
        """Share `ledger`.

        Args:
            ledger: The ledger.
            today: The ordinal of the day.
            notes_versions: Whether the run compares, and so says which versions it leaves behind.
        """
        super().__init__(ledger)
        self._token = secrets.token_bytes(INTENT_SIZE)
        self._intent = (self._token, today) if notes_versions else None
        self._declared: set[bytes] = set()

    def declare(self, keys: Collection[bytes]) -> None:
        """Let no version stand for the last, nor let another run that is writing note its own."""
        new = set(keys) - self._declared
        self._write(dict.fromkeys(new, self._intent))
        self._declared |= new

    def settle(self, written: Mapping[bytes, Row], waiting: Container[bytes]) -> None:
        """Note what was written and by nobody else meanwhile; of the rest no version is known.

        What was written as it was before has not been declared: that version has to stand still.
        That an object was deleted is true whoever else writes.
        """
        declared = {key for key in self._declared if key in written or key not in waiting}
        self._declared -= declared
        deleted = {key: row for key, row in written.items() if row[0] == DELETED}
        versions = {key: row for key, row in written.items() if key not in deleted}
        gone: dict[bytes, Row | None] = dict.fromkeys(declared - versions.keys())
        self._write({**gone, **deleted})
        self._ledger.replace(
            {
                key: (self._token if key in declared else row[0], row)
                for key, row in versions.items()
            }
        )


def write_intents(ledger: Ledger, today: int, *, notes_versions: bool) -> WriteIntents:
    """Return the intents that fit a ledger; arguments as for `SharedWriteIntents`."""
    if ledger.is_shared:
        return SharedWriteIntents(ledger, today, notes_versions=notes_versions)
    return WriteIntents(ledger)
