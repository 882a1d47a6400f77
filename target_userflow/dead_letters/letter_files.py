"""The files of dead letters that earlier runs left: which are open, and what they hold.

A file is open until it was replayed; then it lies in the folder `replayed` beside the open ones.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from target_userflow.dead_letters.dead_letters import is_error
from target_userflow.errors import ConfigError, StorageError, of_disk
from target_userflow.private_files import lock, make_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPLAYED = "replayed"
"""The folder of the files that were replayed."""
DRY_RUN = ".dry-run"
"""How the run id ends in the name of a dry run's file."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A rejected record."""

    stream: str
    """The stream's name after the stream maps, as options and summary have it."""
    record: Mapping[str, Any]
    error: Mapping[str, Any]
    """The key `error` of the dead letter."""

    @property
    def reason(self) -> str:
        """Why it was rejected."""
        return str(self.error.get("reason"))


def open_files(directory: str) -> list[Path]:
    """Return the files of all runs that were not replayed, the oldest first; none of dry runs.

    Args:
        directory: The setting `dead_letter_dir`.
    """
    files = sorted(Path(directory).glob("*.singer"))
    return [path for path in files if not path.stem.endswith(DRY_RUN)]


def find(directory: str, name: str) -> Path:
    """Return the file of a run.

    Args:
        directory: The setting `dead_letter_dir`.
        name: The run's id, the first characters of it, or the path of the file.

    Raises:
        ConfigError: no file, or several, are called so.
    """
    path = Path(name)
    if path.is_file():
        return path
    whole = path.name.removesuffix(".singer")
    matches = [path for path in open_files(directory) if path.name.startswith(whole)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise ConfigError(
            f"Several runs begin with {name}: {', '.join(path.stem for path in matches)}"
        )
    where = Path(directory)
    if any((where / REPLAYED).glob(f"{whole}*.singer")):
        raise ConfigError(f"Run {name} was replayed: its file is in {where / REPLAYED}")
    raise ConfigError(f"There is no file of a run {name} in {directory}: see dead-letters list")


def letters(path: Path) -> Iterator[Letter]:
    """Yield the dead letters of a file, in the order of their rejection.

    Raises:
        StorageError: the file can't be read.
    """
    try:
        with path.open("rb") as file:
            for line in file:
                letter = _letter(line)
                if letter:
                    yield letter
    except OSError as error:
        raise StorageError(f"Dead letters {path} can't be read: {of_disk(error)}") from None


@contextmanager
def to_replay(path: Path) -> Iterator[IO[bytes]]:
    """Open a file whose replay delivers nothing twice; nobody else replays it meanwhile.

    Raises:
        ConfigError: it was replayed before, it is of a dry run, or its run is still going on.
    """
    if path.absolute().parent.name == REPLAYED:
        raise ConfigError(f"{path} was replayed: to do it once more, move it out of {REPLAYED}")
    if path.stem.endswith(DRY_RUN):
        raise ConfigError(
            f"{path} is of a dry run, which delivered nothing: run the tap without dry_run instead"
        )
    with path.open("rb") as file:
        if not lock(file.fileno()):
            raise ConfigError(
                f"{path} is in use: its run, or another replay of it, is not over yet. Wait for "
                "its end"
            )
        yield file


def move_replayed(path: Path) -> Path:
    """Move a file to those that were replayed; return its new path.

    Raises:
        StorageError: it can't be moved.
    """
    folder = path.parent / REPLAYED
    try:
        make_directory(folder)
        target = _free(folder, path)
        path.rename(target)
    except OSError as error:
        raise StorageError(
            f"{path} was replayed, and can't be moved to {folder}: {of_disk(error)}. Move it "
            "yourself, so that it is not replayed again"
        ) from None
    return target


def _free(folder: Path, path: Path) -> Path:
    number, target = 1, folder / path.name
    while os.path.lexists(target):
        number += 1
        target = folder / f"{path.stem}.{number}{path.suffix}"
    return target


def _letter(line: bytes) -> Letter | None:
    """Return the dead letter of a line; None for a SCHEMA, and for what is no whole line yet."""
    try:
        message = json.loads(line)
        error = message.get("error")
        if message["type"] != "RECORD" or not is_error(error):
            return None
        return Letter(error.get("stream") or message["stream"], message["record"], error)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
