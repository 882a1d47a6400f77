"""A file that a run leaves: written whole or not at all, and never through a link."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path

from target_userflow.errors import ConfigError, StorageError, of_disk
from target_userflow.private_files import make_directory, open_private

_FOR_ITS_OWNER = 0o600


class WholeFile:
    """The file that a setting names."""

    def __init__(self, setting: str, path: str, mode: int = _FOR_ITS_OWNER) -> None:
        """Check that the file can be written, and keep what it holds.

        Args:
            setting: The name of the setting.
            path: Its value.
            mode: Who may read the file, as of `chmod`.

        Raises:
            ConfigError: the file can't be written.
        """
        self.path = Path(path).absolute()
        self._setting = setting
        self._mode = mode
        self._check_kind(path)
        try:
            make_directory(self.path.parent)
            handle, temporary = self._temporary()
            os.close(handle)
            temporary.unlink()
        except OSError as error:
            raise ConfigError(
                f"Setting '{setting}': {path} can't be written: {of_disk(error)}"
            ) from None

    def write(self, content: bytes) -> None:
        """Replace the file.

        Raises:
            StorageError: the file can't be written.
        """
        try:
            self._replace(content)
        except OSError as error:
            what = self._setting.removesuffix("_path")
            raise StorageError(
                f"The {what} can't be written to {self.path}: {error.strerror}. Set "
                f"{self._setting} to a file that can"
            ) from None

    def _check_kind(self, path: str) -> None:
        if self.path.is_symlink():
            raise ConfigError(
                f"Setting '{self._setting}': {path} is a symbolic link, and none is written "
                "through. Name the file itself"
            )
        if self.path.exists() and not self.path.is_file():
            raise ConfigError(f"Setting '{self._setting}': {path} is no regular file")

    def _replace(self, content: bytes) -> None:
        handle, temporary = self._temporary()
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(self._mode)
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
