"""What becomes of rows that a mark says are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.deletes.log_based import deleting_column, log_marks, mark_columns
from target_userflow.mapping.columns import DELETED_AT

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping

    from target_userflow.apis.mapper import Mapper


class MarkedRows:
    """Finds a stream's rows that are deleted, and says why they delete nothing, if so."""

    def __init__(
        self,
        stream: str,
        mapper: Mapper,
        columns: Iterable[str],
        why_skipped: str | None,
        logger: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        """Look at the rows of a stream.

        Args:
            stream: The stream's name.
            mapper: Knows which column `fields` names for the time of a deletion.
            columns: The columns of the SCHEMA, before any stream map.
            why_skipped: Why deleted rows delete nothing; None if they do.
            logger: The logger of the stream.
        """
        self._stream = stream
        assignment = mapper.assignments.get(DELETED_AT)
        self._column = assignment.column if assignment else None
        self._marks = mark_columns(columns)
        self._why_skipped = why_skipped
        self._logger = logger
        self._has_warned = False

    def mark(self, raw: Mapping[str, Any], record: Mapping[str, Any]) -> str | None:
        """Return the column that says that a row is deleted; None if the row exists.

        Args:
            raw: The record as the tap sent it: a stream map may leave its mark out.
            record: The record after the stream maps.

        Raises:
            RejectRecord: a mark is no date-time.
        """
        own = {} if self._column is None else {self._column: record.get(self._column)}
        return deleting_column({**log_marks(raw, self._marks), **own})

    def skips(self, column: str) -> bool:
        """Return whether deleted rows are left out; the first time, log why.

        Their other columns are null, and would clear the attributes.

        Args:
            column: The column that says that the row is deleted.
        """
        if self._why_skipped and not self._has_warned:
            self._has_warned = True
            self._logger.warning(
                "Stream '%s': rows that were deleted (%s) are skipped, as %s",
                self._stream,
                column,
                self._why_skipped,
            )
        return self._why_skipped is not None
