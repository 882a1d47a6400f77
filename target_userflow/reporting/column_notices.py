"""Logs which columns of a stream are renamed, and which are not sent at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from target_userflow.mapping.unsent_columns import is_of_loader

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Mapping, Sequence

    from target_userflow.mapping.attributes import Attributes

_DELETED_FLAG = "_fivetran_deleted"
"""A column that says of a row that it is deleted, without a time; in any case."""
_LATE_COLUMNS = 1_000  # outside of a SCHEMA, before they are taken for data and no longer watched


class ColumnNotices:
    """Logs what becomes of each column: at the SCHEMA, or at the first record that has it."""

    def __init__(
        self,
        stream: str,
        columns: Collection[str],
        attributes: Attributes,
        logger: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        """Watch the columns of a stream.

        Args:
            stream: The stream's name.
            columns: The columns of its SCHEMA.
            attributes: Makes attributes of its columns.
            logger: The logger of the stream.
        """
        self._stream = stream
        self._attributes = attributes
        self._logger = logger
        self._columns = {*columns}
        self._flags = [column for column in columns if column.lower() == _DELETED_FLAG]
        self._most = len(self._columns) + _LATE_COLUMNS

    def of_schema(self) -> None:
        """Log which columns of the SCHEMA are not sent."""
        self._log_unsent(self._attributes.unsent.of_loaders, self._attributes.unsent.secrets)

    def of_names(self) -> None:
        """Log which columns of the SCHEMA are renamed."""
        self._log_renamed(self._attributes.renamed)

    def of_record(self, record: Mapping[str, Any]) -> None:
        """Log what becomes of columns that only a record has, and of rows that are deleted."""
        if self._flags:
            self._see_flag(record, self._flags[0])
        if record.keys() <= self._columns or len(self._columns) > self._most:
            return
        new = [column for column in record if column not in self._columns]
        self._columns.update(new)
        self._log_renamed(self._attributes.renamed_late(new))
        sorting = self._attributes.unsent
        unsent = [column for column in new if sorting.includes_late(column, record[column])]
        loaders = [column for column in unsent if is_of_loader(column)]
        self._log_unsent(loaders, [column for column in unsent if column not in loaders])

    def _see_flag(self, record: Mapping[str, Any], flag: str) -> None:
        if record.get(flag) is True:
            self._flags.clear()
            self._logger.warning(
                "Stream '%s': rows that '%s' marks as deleted are sent like the others. To leave "
                "them out, set stream_maps.%s.__filter__: \"not record['%s']\"",
                self._stream,
                flag,
                self._stream,
                flag,
            )

    def _log_renamed(self, renamed: Mapping[str, str]) -> None:
        if renamed:
            pairs = ", ".join(f"'{column}' to '{name}'" for column, name in renamed.items())
            self._logger.warning(
                "Stream '%s': the API allows no such attribute names, so these columns are "
                "renamed: %s",
                self._stream,
                pairs,
            )

    def _log_unsent(self, loaders: Sequence[str], secrets: Sequence[str]) -> None:
        if loaders:
            self._logger.info(
                "Stream '%s': these columns are of other loaders and are no attributes: %s. To "
                "send one, give it another name with stream_maps",
                self._stream,
                ", ".join(loaders),
            )
        if secrets:
            self._logger.warning(
                "Stream '%s': these columns are named like secrets and are not sent: %s. To send "
                "one, set streams.%s.send: %s",
                self._stream,
                ", ".join(secrets),
                self._stream,
                json.dumps([*secrets]),
            )
