"""Which records stand in the dead letters of earlier runs, so that none is written once a run.

Only the files themselves tell: what is moved, mended or taken out of them is written again.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_BYTES = 64_000_000  # of the newest files, which are read with a run's first dead letter


class EarlierLetters:
    """The dead letters of earlier runs to one destination, as they are when first asked for."""

    def __init__(self, own: Path, destination: str) -> None:
        """Read nothing yet.

        Args:
            own: The file of this run; the others are beside it.
            destination: What their names end with; empty for none.
        """
        self._own = own
        self._destination = destination

    def holds(self, line: bytes, alias: str) -> bool:
        """Whether the same record of the same stream is there, as a dead letter of `alias`."""
        found = fingerprint(line, alias) if self._destination else None
        return found is not None and found in self._fingerprints

    @cached_property
    def _fingerprints(self) -> frozenset[bytes]:
        return frozenset(
            found
            for path in self._newest()
            for line in _lines(path)
            if (found := fingerprint(line)) is not None
        )

    def _newest(self) -> Iterator[Path]:
        """The newest files, as many as may be read; run ids begin with the time."""
        left = _MOST_BYTES
        files = {*self._own.parent.glob(f"*-{self._destination}.singer")} - {self._own}
        for path in sorted(files, reverse=True):
            left -= _size(path)
            if left < 0:
                return
            yield path


def fingerprint(line: bytes, alias: str | None = None) -> bytes | None:
    """What tells a RECORD's stream and record from others; None for what is none or unreadable.

    When the tap read the row, and of which version its table was, makes no other record of it.

    Args:
        line: The message.
        alias: Which of the streams it is of that stream maps make of the tap's: one row can be
            rejected for each. By default, the one that it says as a dead letter.
    """
    try:
        message = json.loads(line, parse_float=Decimal)
        if message["type"] != "RECORD":
            return None
        record = {name: value for name, value in message["record"].items() if _is_of_row(name)}
        of = message.get("error", {}).get("stream", "") if alias is None else alias
        text = json.dumps([message["stream"], of, record], sort_keys=True, default=repr)
    except (ValueError, ArithmeticError, RecursionError, LookupError, TypeError, AttributeError):
        return None
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _is_of_row(column: str) -> bool:
    return not column.startswith("_sdc_") or column.endswith("deleted_at")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it was taken away just now
        return 0


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file that are sure to stay."""
    if path.is_symlink() or not path.is_file():
        return
    with suppress(OSError), path.open("rb") as file:  # unreadable: its records are written again
        os.fsync(file.fileno())
        yield from (line for line in file if line.endswith(b"\n"))
