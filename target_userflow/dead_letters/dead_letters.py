"""The dead letters: rejected records, as Singer messages that can be piped into the target again.

A record is kept as the tap wrote it, before any stream map: the replay maps it again.
"""

from __future__ import annotations

import json
import os
import re
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_userflow.dead_letters.earlier_letters import EarlierLetters
from target_userflow.errors import StorageError, of_disk
from target_userflow.escaping import escaped
from target_userflow.mapping.values import encoded
from target_userflow.private_files import append_whole, lock, open_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from io import FileIO

    from target_userflow.apis.outcomes import Rejected

_ERROR = b', "error": '
_ERROR_KEY = re.compile(rb',\s*"error"\s*:\s*')  # never in a string, where quotes are escaped
_ERROR_FIELDS = {"reason", "status", "code", "request_id", "at"}
"""Keys of the `error` in a dead letter, of any version of the target."""


class DeadLetters:
    """The file of dead letters of a run; it is made when the first record is rejected."""

    def __init__(self, directory: str, run_id: str, destination: str = "") -> None:
        """Name the file; it is made with the first dead letter.

        Args:
            directory: The setting `dead_letter_dir`.
            run_id: The first part of the file's name.
            destination: The second part: a hash of the destination. Only dead letters of runs to
                the same destination are compared; empty for no comparison.
        """
        name = f"{run_id}-{destination}" if destination else run_id
        self.path = Path(directory) / f"{name}.singer"
        self._file: FileIO | None = None
        self.is_missing = False
        """Whether a record was to be written, and no file could be made for it."""
        self._lock = threading.Lock()
        self._schemas: dict[str, bytes] = {}
        self._earlier = EarlierLetters(self.path, destination)
        self.repeated = 0
        """The number of rejected records that are in the dead letters of earlier runs already."""

    def add(  # noqa: PLR0913 - all that makes a dead letter
        self,
        stream: str,
        schema: bytes,
        record: bytes,
        rejection: Rejected,
        at: datetime,
        *,
        alias: str = "",
    ) -> None:
        """Append a record, after the SCHEMA that it came under.

        A record that the tap sends again, and that is in the file of an earlier run, is only
        counted; a record that is replayed from there is written again, so that the old file can
        be deleted.

        Args:
            stream: The stream's name, as the tap calls it.
            schema: The line of its SCHEMA message.
            record: The line of the RECORD message.
            rejection: The `error` of the dead letter.
            at: The time of the rejection.
            alias: The name of the stream after the stream maps, to which a replay goes; empty if
                it goes to all streams that the maps make of the tap's stream.

        Raises:
            StorageError: the file can't be written.
        """
        error = _error(rejection, at, alias)
        with self._lock:
            if not is_replayed(record) and self._earlier.holds(record, alias):
                self.repeated += 1
                return
            if self._schemas.get(stream) != schema:
                self._write(schema)
                self._schemas[stream] = schema
            self._write(_without_error(record) + _ERROR + error + b"}")

    def sync(self) -> None:
        """Return once all dead letters are on the disk.

        Raises:
            StorageError: the file can't be written.
        """
        if self._file:
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                raise self._unwritable(error) from None

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file:
            self._file.close()

    def _write(self, line: bytes) -> None:
        try:
            self._file = self._file or self._opened()
            append_whole(self._file.fileno(), line.strip() + b"\n")
        except OSError as error:
            self.is_missing = self._file is None
            raise self._unwritable(error) from None

    def _opened(self) -> FileIO:
        handle = open_private(self.path, os.O_WRONLY | os.O_APPEND | os.O_EXCL)
        lock(handle)  # until it is closed: nobody replays half of it
        return os.fdopen(handle, "ab", buffering=0)

    def _unwritable(self, error: OSError) -> StorageError:
        return StorageError(
            f"Dead letters can't be written to {self.path}: {of_disk(error)}. "
            "Set dead_letter_dir to a directory that can"
        )


def alias_of(message: Mapping[str, Any]) -> str | None:
    """Return the alias in a dead letter, to which its replay goes; None if there is none.

    Args:
        message: A RECORD message, of a tap or of a file of dead letters.
    """
    error = message.get("error")
    if isinstance(error, dict) and is_error(error):
        alias = error.get("stream")
        return alias if isinstance(alias, str) else None
    return None


def is_error(value: Any) -> bool:
    """Return whether a value is the `error` of a dead letter, of any version of the target."""
    return isinstance(value, dict) and value.keys() >= _ERROR_FIELDS


def is_replayed(record: bytes) -> bool:
    """Return whether the line of a RECORD message is a dead letter of an earlier run."""
    return _last_error(_without_brace(record)) is not None


def _error(rejection: Rejected, at: datetime, alias: str) -> bytes:
    reason = escaped(rejection.reason)  # it may name odd columns, and is shown on terminals
    stream = {"stream": alias} if alias else {}
    return encoded({**stream, **asdict(rejection), "reason": reason, "at": at.isoformat()})


def _without_error(record: bytes) -> bytes:
    """Return the line without its closing brace, and without the `error` of an earlier run."""
    line = _without_brace(record)
    error = _last_error(line)
    return line[: error.start()] if error else line


def _without_brace(record: bytes) -> bytes:
    return record.strip().removesuffix(b"}")


def _last_error(line: bytes) -> re.Match[bytes] | None:
    """Return the match of the key `error` that an earlier run wrote last; None without one.

    A key of that name that the tap wrote is the tap's, whatever its value is.
    """
    *_, match = [None, *_ERROR_KEY.finditer(line)]
    return match if match and _is_error_text(line[match.end() :]) else None


def _is_error_text(value: bytes) -> bool:
    try:
        error = json.loads(value)
    except (ValueError, RecursionError):  # it belongs to something that goes on after it
        return False
    return is_error(error)
