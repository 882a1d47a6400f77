"""Finds records in the dead letters of earlier runs, so that none is written with every run.

Only the files themselves count: a record that is moved, mended or taken out is written again.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAX_BYTES = 64_000_000  # of the newest files: half a second, with a run's first dead letter
_decode = msgspec.json.Decoder(float_hook=Decimal).decode  # no digit gets lost
_encode = msgspec.json.Encoder(order="sorted", decimal_format="number").encode


class EarlierLetters:
    """The dead letters of earlier runs to a destination; they are read once, when asked for."""

    def __init__(self, own: Path, destination: str) -> None:
        """Find the files beside that of this run.

        Args:
            own: The file of this run.
            destination: The end of the files' names; empty to find none.
        """
        self._own = own
        self._destination = destination

    def holds(self, line: bytes, alias: str) -> bool:
        """Return whether the files hold the same record of the same stream.

        Args:
            line: The RECORD message.
            alias: The name of the stream after the stream maps.
        """
        mark = fingerprint(line, alias) if self._destination else None
        return mark is not None and mark in self._fingerprints

    @cached_property
    def _fingerprints(self) -> frozenset[bytes]:
        return frozenset(
            mark
            for path in self._newest()
            for line in _lines(path)
            if (mark := fingerprint(line)) is not None
        )

    def _newest(self) -> Iterator[Path]:
        """Yield the newest files, up to `_MAX_BYTES` in all; run ids begin with the time."""
        left = _MAX_BYTES
        files = {*self._own.parent.glob(f"*-{self._destination}.singer")} - {self._own}
        for path in sorted(files, reverse=True):
            left -= _size(path)
            if left < 0:
                return
            yield path


def fingerprint(line: bytes, alias: str | None = None) -> bytes | None:
    """Return a hash of a RECORD's stream and row; None for another or an unreadable message.

    The time at which the tap read the row, and the version of its table, do not count.

    Args:
        line: The message.
        alias: The name of the stream after the stream maps, as one row can be rejected for each
            stream that they make; by default, the one in the dead letter.
    """
    try:
        message = _message(line)
        if message["type"] != "RECORD":
            return None
        record = {name: value for name, value in message["record"].items() if _is_of_row(name)}
        if alias is None:
            alias = message.get("error", {}).get("stream", "")
        text = _text([message["stream"], alias, record])
    except (ValueError, ArithmeticError, RecursionError, LookupError, TypeError, AttributeError):
        return None
    return hashlib.blake2b(text, digest_size=16).digest()


def _message(line: bytes) -> Any:
    """Return a message; Python's parser reads NaN and halves of surrogate pairs as well."""
    try:
        return _decode(line)
    except msgspec.DecodeError:
        return json.loads(line, parse_float=Decimal, parse_constant=lambda name: {"": name})


def _text(value: Any) -> bytes:
    try:
        return _encode(value)
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(value, sort_keys=True, default=repr).encode()


def _is_of_row(column: str) -> bool:
    return not column.startswith("_sdc_") or column.endswith("deleted_at")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it was taken away just now
        return 0


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file, once they are on the disk."""
    if path.is_symlink() or not path.is_file():
        return
    with suppress(OSError), path.open("rb") as file:  # unreadable: its records are written again
        os.fsync(file.fileno())
        yield from (line for line in file if line.endswith(b"\n"))
