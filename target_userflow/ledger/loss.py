"""Signs that a new ledger replaces one that was lost: what earlier runs left behind."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from target_userflow.config.ledger_url import is_sqlite, url_of
from target_userflow.private_files import lock

if TYPE_CHECKING:
    from collections.abc import Iterator

EFFECTS = (
    "If it was lost, emptied or is elsewhere, stop and bring it back: without it, events that the "
    "tap sends again are delivered again, records are sent once more, and nothing is deleted of "
    "what earlier runs delivered"
)
"""The effects of a lost ledger, and what to do."""
_LETTERS = ("*.singer", "replayed/*.singer")


def signs(setting: str, dead_letter_dir: str) -> list[str]:
    """Return the signs of earlier runs, a clause each; to be asked before the ledger is opened.

    Args:
        setting: The setting `ledger`.
        dead_letter_dir: Where dead letters of earlier runs would be.
    """
    return [*_in_file(setting), *_in_working_directory(Path(dead_letter_dir))]


def _in_file(setting: str) -> Iterator[str]:
    url = url_of(setting)
    if not is_sqlite(url) or not url.database:
        return
    path = Path(url.database)
    if path.is_file() and path.stat().st_size == 0:
        yield "its file is empty"
    wal = Path(f"{path}-wal")
    if not path.exists() and wal.exists():
        yield f"{wal.name} is there without it"


def _in_working_directory(dead_letters: Path) -> Iterator[str]:
    letters = [path for glob in _LETTERS for path in dead_letters.glob(glob)]
    if any(_is_of_earlier_run(path) for path in letters):
        yield f"earlier runs left dead letters in {dead_letters}"
    if _holds_state(Path("state.json")):
        yield "there is a STATE in state.json"


def _is_of_earlier_run(path: Path) -> bool:
    """Return whether a file of dead letters is of a run that is over, and that was no dry run."""
    with suppress(OSError), path.open("rb") as file:
        return not path.name.endswith(".dry-run.singer") and lock(file.fileno())
    return False


def _holds_state(path: Path) -> bool:
    """Return whether the file holds a STATE that is not empty."""
    try:
        return path.read_bytes().strip() not in {b"", b"{}"}
    except OSError:
        return False
