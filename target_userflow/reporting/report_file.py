"""Where a run's facts are kept: one JSON file, or one page, that is there whole or not at all."""

from __future__ import annotations

import json
import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_userflow.errors import ConfigError, StorageError, of_disk
from target_userflow.private_files import make_directory, open_private

if TYPE_CHECKING:
    from collections.abc import Mapping


class ReportFile:
    """The file that `report_path` names, readable by its owner alone."""

    def __init__(self, path: str) -> None:
        """Make sure that it can be written; what is there stays.

        Raises:
            ConfigError: it can't be.
        """
        self.path = Path(path).absolute()
        self._draws = self.path.suffix.lower() == ".html"
        if self.path.is_symlink():
            raise ConfigError(
                f"Setting 'report_path': {path} is a symbolic link, and none is written through. "
                "Name the file itself"
            )
        if self.path.exists() and not self.path.is_file():
            raise ConfigError(f"Setting 'report_path': {path} is no regular file")
        try:
            make_directory(self.path.parent)
            handle, beside = self._beside()
            os.close(handle)
            beside.unlink()
        except OSError as error:
            raise ConfigError(
                f"Setting 'report_path': {path} can't be written: {of_disk(error)}"
            ) from None

    def write(self, found: Mapping[str, Any]) -> None:
        """Put the facts in place of what was there.

        Raises:
            StorageError: they can't be written.
        """
        try:
            self._put(self._page(found) if self._draws else _document(found))
        except OSError as error:
            raise StorageError(
                f"The report can't be written to {self.path}: {error.strerror}. Set report_path "
                "to a file that can"
            ) from None

    def _put(self, content: bytes) -> None:
        handle, beside = self._beside()
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)  # a link that was put there meanwhile goes, too
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise

    def _beside(self) -> tuple[int, Path]:
        """An empty new file in the same directory, for its owner alone: opened, and its path."""
        beside = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}")
        return open_private(beside, os.O_WRONLY | os.O_EXCL), beside

    @staticmethod
    def _page(found: Mapping[str, Any]) -> bytes:
        from target_userflow.reporting.html_report import page  # noqa: PLC0415 - for the few that want one

        return page(found).encode(errors="backslashreplace")


def _document(found: Mapping[str, Any]) -> bytes:
    return json.dumps(found, indent=2).encode() + b"\n"
