"""Where a run's facts are kept: one JSON file, or one page, that is there whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_userflow.errors import ConfigError, StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping


class ReportFile:
    """The file that `report_path` names, readable by its owner alone."""

    def __init__(self, path: str) -> None:
        """Make sure that it can be written; what is there stays.

        Raises:
            ConfigError: it can't be.
        """
        self.path = Path(path).resolve()  # the file itself, where a link leads to it
        self._draws = self.path.suffix.lower() == ".html"
        if self.path.exists() and not self.path.is_file():
            raise ConfigError(f"Setting 'report_path': {path} is no regular file")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            Path(self._beside()).unlink()
        except OSError as error:
            raise ConfigError(
                f"Setting 'report_path': {path} can't be written: {error.strerror}"
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
        beside = self._beside()
        try:
            with Path(beside).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(beside).replace(self.path)
        except BaseException:
            with suppress(OSError):
                Path(beside).unlink()
            raise

    def _beside(self) -> str:
        """An empty file in the same directory, for its owner alone."""
        handle, path = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        os.close(handle)
        return path

    @staticmethod
    def _page(found: Mapping[str, Any]) -> bytes:
        from target_userflow.reporting.html_report import page  # noqa: PLC0415 - for the few that want one

        return page(found).encode(errors="backslashreplace")


def _document(found: Mapping[str, Any]) -> bytes:
    return json.dumps(found, indent=2).encode() + b"\n"
