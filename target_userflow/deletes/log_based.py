"""What is gone at the source: how a tap says so, and how much of it may be deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.errors import RejectRecord, TooManyDeletions
from target_userflow.mapping.times import read_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LOG_MARKS = ("_sdc_deleted_at", "_sdc_lsn_deleted_at")
"""The columns by which taps that read a log say when a row was deleted; in any case."""
_ENOUGH = 20  # records of a stream, before its share of deleted rows says anything


def mark_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Return the columns to look for: `LOG_MARKS`, and those that the tap spells otherwise.

    Args:
        columns: The columns of the SCHEMA, which need not name them.
    """
    others = [name for name in columns if name.lower() in LOG_MARKS and name not in LOG_MARKS]
    return (*LOG_MARKS, *others)


def log_marks(record: Mapping[str, Any], columns: Sequence[str] = LOG_MARKS) -> dict[str, Any]:
    """Return those of the columns that a record has, with their values.

    Ask before any stream map: one that names its columns leaves them out, and the nulls of the
    deleted row would clear the attributes.
    """
    return {column: record[column] for column in columns if column in record}


def deleting_column(marks: Mapping[str, Any]) -> str | None:
    """Return the column that says that the row is deleted; None if none does.

    Args:
        marks: Column to value. Null and blank text, as in every row of a CSV file, say that the
            row is there; so do `infinity` and zero dates.

    Raises:
        RejectRecord: a value is none of these, so that it can't be told.
    """
    return next((column for column, value in marks.items() if _is_time(column, value)), None)


def _is_time(column: str, value: Any) -> bool:
    if value is None:
        return False
    try:
        return read_time(value) is not None
    except RejectRecord:
        raise RejectRecord(
            f"`{column}`: it is no date-time, so that nobody can tell whether the row is deleted"
        ) from None


class DeletionLimit:
    """Holds the deleted rows of one stream in a run against all of its records.

    A column that is filled by mistake must not empty the destination. Below 20 records a share
    says nothing: a log often has no more to tell than a few deletions.
    """

    def __init__(self, stream: str, max_delete_ratio: float) -> None:
        """Start with no record.

        Args:
            stream: The stream's name, for messages.
            max_delete_ratio: The share of its records that may delete something.
        """
        self._stream = stream
        self._ratio = max_delete_ratio
        self._received = 0
        self._marked = 0
        self._passed = 0

    def receive(self) -> None:
        """Count a record."""
        self._received += 1

    def mark(self) -> None:
        """Count a record that is about to delete something."""
        self._marked += 1

    def check(self) -> None:
        """Let the deletions go that wait, once it is known how many they are.

        Raises:
            TooManyDeletions: they are more than may be; none of those that wait may be sent.
        """
        most = round(self._ratio * self._received, 6)
        if self._marked > self._passed and self._received >= _ENOUGH and self._marked > most:
            before = f", of which {self._passed} were sent before" if self._passed else ""
            raise TooManyDeletions(
                f"Stream '{self._stream}': {self._marked} of the {self._received} records so far "
                f"are of deleted rows{before}, and max_delete_ratio is {self._ratio:g}. "
                "Nothing of this is sent. If these rows are gone on purpose, run once with a "
                "higher max_delete_ratio; if not, mend the column that marks them first"
            )
        self._passed = self._marked
