"""The report of a run: a JSON file or an HTML page, written whole or not at all."""

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
        """Check that the file can be written, and keep what it holds.

        Args:
            path: The setting `report_path`.

        Raises:
            ConfigError: the file can't be written.
        """
        self.path = Path(path).absolute()
        self._is_page = self.path.suffix.lower() == ".html"
        self._check_kind(path)
        try:
            make_directory(self.path.parent)
            handle, temporary = self._temporary()
            os.close(handle)
            temporary.unlink()
        except OSError as error:
            raise ConfigError(
                f"Setting 'report_path': {path} can't be written: {of_disk(error)}"
            ) from None

    def write(self, facts: Mapping[str, Any]) -> None:
        """Replace the file by the facts of a run.

        Args:
            facts: What `summary.facts` returns.

        Raises:
            StorageError: the file can't be written.
        """
        try:
            self._replace(_page(facts) if self._is_page else _document(facts))
        except OSError as error:
            raise StorageError(
                f"The report can't be written to {self.path}: {error.strerror}. Set report_path "
                "to a file that can"
            ) from None

    def _check_kind(self, path: str) -> None:
        if self.path.is_symlink():
            raise ConfigError(
                f"Setting 'report_path': {path} is a symbolic link, and none is written through. "
                "Name the file itself"
            )
        if self.path.exists() and not self.path.is_file():
            raise ConfigError(f"Setting 'report_path': {path} is no regular file")

    def _replace(self, content: bytes) -> None:
        handle, temporary = self._temporary()
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)  # a link that was put there meanwhile goes, too
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise

    def _temporary(self) -> tuple[int, Path]:
        """Make an empty file in the same directory, for its owner alone.

        Returns:
            Its descriptor, opened to write, and its path.
        """
        path = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}")
        return open_private(path, os.O_WRONLY | os.O_EXCL), path


def _page(facts: Mapping[str, Any]) -> bytes:
    from target_userflow.reporting.html_report import page  # noqa: PLC0415 - for the few that want one

    return page(facts).encode(errors="backslashreplace")


def _document(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, indent=2).encode() + b"\n"
