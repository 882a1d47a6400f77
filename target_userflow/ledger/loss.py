"""Whether a ledger that looks new is one that was lost, as far as what it left behind shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from target_userflow.ledger.database import url_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLLOWS = (
    "If it was lost, emptied or is elsewhere, stop and bring it back: without it, events that the "
    "tap sends again are delivered again, records are sent once more, and nothing is deleted of "
    "what earlier runs delivered"
)
"""What follows where a ledger was lost, and what to do."""


def signs(where: str, dead_letter_dir: str) -> list[str]:
    """What speaks for earlier runs; to be asked before the ledger is opened.

    Args:
        where: The setting `ledger`.
        dead_letter_dir: Where dead letters of earlier runs would be.
    """
    return [*_of_file(where), *_beside(Path(dead_letter_dir))]


def _of_file(where: str) -> Iterator[str]:
    url = url_of(where)
    if url.get_backend_name() != "sqlite" or not url.database:
        return
    path = Path(url.database)
    if path.is_file() and path.stat().st_size == 0:
        yield "its file is empty"
    wal = Path(f"{path}-wal")
    if not path.exists() and wal.exists():
        yield f"{wal.name} is there without it"


def _beside(dead_letters: Path) -> Iterator[str]:
    if any(not one.name.endswith(".dry-run.singer") for one in dead_letters.glob("*.singer")):
        yield f"earlier runs left dead letters in {dead_letters}"
    if _holds_state(Path("state.json")):
        yield "there is a STATE in state.json"


def _holds_state(path: Path) -> bool:
    """Whether a tap begins with it anywhere but at the beginning."""
    try:
        return path.read_bytes().strip() not in {b"", b"{}"}
    except OSError:
        return False
