"""Writes files of a run: for their owner alone, never through a link, and each line whole."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none
_DIRECTORY, _FILE = 0o700, 0o600


def make_directory(path: Path) -> None:
    """Make a directory, and those above it, for their owner alone whatever the umask.

    Existing directories are not changed. A link on the way is followed if this user or root made
    it.

    Raises:
        OSError: the directory can't be made, or a link of another user leads to it.
    """
    whole = path.absolute()
    for directory in (*reversed(whole.parents), whole):
        if os.path.lexists(directory):
            _check_link(directory)
            continue
        with suppress(FileExistsError):  # another run was faster
            directory.mkdir(_DIRECTORY)
            directory.chmod(_DIRECTORY)  # the umask may have taken some of it
    if not whole.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def open_private(path: Path, flags: int) -> int:
    """Open a file to write to; a new file is made for its owner alone.

    Args:
        path: The file; its directory is made where needed.
        flags: Flags of `os.open`; with `O_EXCL`, an existing file is an error.

    Returns:
        The file descriptor.

    Raises:
        OSError: the file can't be opened, or is a symbolic link.
    """
    make_directory(path.parent)
    try:
        handle = os.open(path, flags | os.O_CREAT | os.O_EXCL | _NO_LINK, _FILE)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        return os.open(path, flags | _NO_LINK)
    os.chmod(handle if os.chmod in os.supports_fd else path, _FILE)  # noqa: PTH101 - the open file
    return handle


def lock(handle: int) -> bool:
    """Lock an open file for this process, until it is closed.

    Returns:
        Whether no other process has it; also where the file system knows no locks.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def append_whole(handle: int, line: bytes) -> None:
    """Append a whole line to a file, or leave the file as it was.

    Args:
        handle: The file descriptor.
        line: The line, with its line break.

    Raises:
        OSError: the line can't be written. A pipe may hold a part of it, but then nobody reads.
    """
    rest = memoryview(line)
    try:
        while rest:
            rest = rest[_written(handle, rest) :]
    except BaseException:
        _truncate(handle, len(line) - len(rest))
        raise


def _written(handle: int, rest: memoryview) -> int:
    try:
        return os.write(handle, rest)
    except BlockingIOError:  # a pipe that does not wait for its reader
        select.select([], [handle], [])
        return 0


def _truncate(handle: int, size: int) -> None:
    """Cut off the bytes that were just written, if they are at the end of a file."""
    with suppress(OSError):  # a pipe
        end = os.lseek(handle, 0, os.SEEK_CUR)
        if size and end == os.fstat(handle).st_size:
            os.ftruncate(handle, end - size)
            os.lseek(handle, end - size, os.SEEK_SET)


def _check_link(path: Path) -> None:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode) and status.st_uid not in _TRUSTED:
        raise OSError(errno.ELOOP, f"{path} is a symbolic link of another user")


_TRUSTED = {0, os.geteuid() if hasattr(os, "geteuid") else 0}
"""Users whose links are followed: root and the user of this process."""
