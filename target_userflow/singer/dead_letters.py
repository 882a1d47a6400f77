"""Rejected records, as Singer messages that can be piped into the target again.

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

from target_userflow.errors import StorageError, of_disk
from target_userflow.escaping import escaped
from target_userflow.mapping.values import encoded
from target_userflow.private_files import append_whole, open_private
from target_userflow.singer.earlier_letters import EarlierLetters

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from io import FileIO

    from target_userflow.apis.messages import Rejected

_ERROR = b', "error": '
_ERROR_KEY = re.compile(rb',\s*"error"\s*:\s*')  # never in a string, where quotes are escaped
_OURS = {"reason", "status", "code", "request_id", "at"}
"""Keys of an `error` in a dead letter of any version."""


class DeadLetters:
    """One file of one run, made when the first record is rejected."""

    def __init__(self, directory: str, run_id: str, destination: str = "") -> None:
        """Touch nothing yet.

        Args:
            directory: Where the file goes.
            run_id: What it is named by.
            destination: What tells the destination from others: only dead letters of runs to the
                same one are compared; empty for none.
        """
        name = f"{run_id}-{destination}" if destination else run_id
        self.path = Path(directory) / f"{name}.singer"
        self._file: FileIO | None = None
        self.is_missing = False
        """Whether there was something to be written, and no file could be made for it."""
        self._lock = threading.Lock()
        self._schemas: dict[str, bytes] = {}
        self._earlier = EarlierLetters(self.path, destination)
        self.repeated = 0
        """Rejected records that stand in the dead letters of earlier runs and came again."""

    def add(  # noqa: PLR0913 - all that makes a dead letter
        self,
        stream: str,
        schema: bytes,
        record: bytes,
        why: Rejected,
        at: datetime,
        *,
        alias: str = "",
    ) -> None:
        """Append a record, after the SCHEMA that it came under.

        One that the tap sends again, and that is in the file of an earlier run, is only counted;
        what is replayed from there is written again, so that its old file can go.

        Args:
            stream: The stream's name, as the tap calls it.
            schema: The line of its SCHEMA message.
            record: The line of the RECORD message.
            why: What stands in the record's `error`.
            at: When it was rejected.
            alias: What the stream is called after the stream maps, that a replay goes to; empty if
                it goes to all that are made of the tap's stream.

        Raises:
            StorageError: the file can't be written.
        """
        reason = escaped(why.reason)  # it may name odd columns, and is shown on terminals
        of = {"stream": alias} if alias else {}
        error = encoded({**of, **asdict(why), "reason": reason, "at": at.isoformat()})
        with self._lock:
            if not is_replayed(record) and self._earlier.holds(record, alias):
                self.repeated += 1
                return
            if self._schemas.get(stream) != schema:
                self._write(schema)
                self._schemas[stream] = schema
            self._write(_without_error(record) + _ERROR + error + b"}")

    def sync(self) -> None:
        """Return once everything added is on the disk.

        Raises:
            StorageError: it can't be.
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
        return os.fdopen(handle, "ab", buffering=0)

    def _unwritable(self, error: OSError) -> StorageError:
        return StorageError(
            f"Dead letters can't be written to {self.path}: {of_disk(error)}. "
            "Set dead_letter_dir to a directory that can"
        )


def alias_of(message: Mapping[str, Any]) -> str | None:
    """The stream that a RECORD message goes to alone, as it is a dead letter of it; else None."""
    error = message.get("error")
    if isinstance(error, dict) and error.keys() >= _OURS:
        alias = error.get("stream")
        return alias if isinstance(alias, str) else None
    return None


def _without_error(record: bytes) -> bytes:
    """The line up to its closing brace, less the `error` that an earlier run wrote last."""
    line = _open(record)
    found = _last_error(line)
    return line[: found.start()] if found else line


def is_replayed(record: bytes) -> bool:
    """Whether a line is a dead letter of an earlier run."""
    return _last_error(_open(record)) is not None


def _open(record: bytes) -> bytes:
    return record.strip().removesuffix(b"}")


def _last_error(line: bytes) -> re.Match[bytes] | None:
    """Where the `error` begins that an earlier run wrote last; None if a line has none.

    A key of that name that the tap wrote is the tap's, whatever its value is.
    """
    *_, found = [None, *_ERROR_KEY.finditer(line)]
    return found if found and _is_ours(line[found.end() :]) else None


def _is_ours(value: bytes) -> bool:
    try:
        error = json.loads(value)
    except (ValueError, RecursionError):  # it belongs to something that goes on after it
        return False
    return isinstance(error, dict) and error.keys() >= _OURS
