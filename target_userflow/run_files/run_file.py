"""A file that a run leaves: written whole or not at all, and never through a link."""

from __future__ import annotations

import os
import uuid
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from target_userflow.errors import ConfigError, StorageError, of_disk
from target_userflow.private_files import make_directory, open_private

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOR_ITS_OWNER = 0o600


class RunFile(ABC):
    """The file that a setting names, with what a run was."""

    title: ClassVar[str]
    """Its name in the log."""
    setting: ClassVar[str]
    """The name of the setting."""
    mode: ClassVar[int] = _FOR_ITS_OWNER
    """Who may read the file, as of `chmod`."""

    def __init__(self, path: str) -> None:
        """Check that the file can be written, and keep what it holds.

        Args:
            path: The value of the setting.

        Raises:
            ConfigError: the file can't be written.
        """
        self.path = Path(path).absolute()
        self._check_kind(path)
        try:
            make_directory(self.path.parent)
            handle, temporary = self._temporary()
            os.close(handle)
            temporary.unlink()
        except OSError as error:
            raise ConfigError(
                f"Setting '{self.setting}': {path} can't be written: {of_disk(error)}"
            ) from None

    @abstractmethod
    def content(self, facts: Mapping[str, Any]) -> bytes:
        """Return what the file holds after a run.

        Args:
            facts: What `summary.facts` returns.
        """

    def write(self, facts: Mapping[str, Any]) -> None:
        """Replace the file.

        Args:
            facts: What `summary.facts` returns.

        Raises:
            StorageError: the file can't be written.
        """
        try:
            self._replace(self.content(facts))
        except OSError as error:
            what = self.setting.removesuffix("_path")
            raise StorageError(
                f"The {what} can't be written to {self.path}: {error.strerror}. Set "
                f"{self.setting} to a file that can"
            ) from None

    def _check_kind(self, path: str) -> None:
        if self.path.is_symlink():
            raise ConfigError(
                f"Setting '{self.setting}': {path} is a symbolic link, and none is written "
                "through. Name the file itself"
            )
        if self.path.exists() and not self.path.is_file():
            raise ConfigError(f"Setting '{self.setting}': {path} is no regular file")

    def _replace(self, content: bytes) -> None:
        handle, temporary = self._temporary()
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(self.mode)
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
