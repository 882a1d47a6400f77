"""The columns that differ in every record, so that none is ever the same as before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

ENOUGH = 20
"""Records that have to be compared before anything is said of their columns."""
_SHARE = 10
"""One record of so many, at least, has to be the same but for these columns: else leaving them out
would spare next to nothing, as where a tap sends what has changed alone."""


class AlwaysChanged(NamedTuple):
    """The columns that differed in every record compared."""

    columns: tuple[str, ...]
    compared: int
    """How many records were compared."""
    otherwise_same: int
    """How many of them differed in these columns alone."""


class ColumnChanges:
    """Counts in which columns the records of one stream differ from what is there."""

    def __init__(self) -> None:
        """Begin without a record."""
        self.compared = 0
        self._in_all: frozenset[str] = frozenset()
        self._otherwise_same = 0

    def note(self, columns: Collection[str], *, has_others: bool = False) -> None:
        """Count a record that was there before.

        Args:
            columns: The columns whose values differ.
            has_others: Whether it differs in more, such as a column that it did not have.
        """
        differing = frozenset(columns)
        in_all = self._in_all & differing if self.compared else differing
        if in_all != self._in_all:  # a part of it: so all records before differ in more
            self._in_all, self._otherwise_same = in_all, 0
        self.compared += 1
        self._otherwise_same += in_all == differing and not has_others

    @property
    def is_decided(self) -> bool:
        """Whether no column can differ in all records any more."""
        return self.compared > 0 and not self._in_all

    def always(self) -> AlwaysChanged | None:
        """Return the columns that differed in all; None if there are none worth a word."""
        is_worth_it = self._otherwise_same * _SHARE >= self.compared >= ENOUGH
        if not (self._in_all and is_worth_it):
            return None
        return AlwaysChanged((*sorted(self._in_all),), self.compared, self._otherwise_same)
