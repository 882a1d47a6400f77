"""A Singer message, together with the line that it came on."""

from __future__ import annotations

from typing import Any

import msgspec

from target_userflow.errors import InputError

_TOO_LARGE = 2**63  # for a version, as databases hold it


class Source(msgspec.Struct, frozen=True):
    """The line of a record as the tap wrote it, which becomes a dead letter if need be."""

    stream: str
    """The stream's name, before any stream map."""
    schema: bytes
    """The line of the SCHEMA message that the record came under."""
    line: bytes
    """The line of the RECORD message."""
    number: int = 0
    """The line's number, from 1; it tells which of two records was read first."""


class Message(msgspec.Struct, frozen=True):
    """A message of the tap: its content, its line, and how the line could be read."""

    kind: str
    """Its type, such as RECORD."""
    content: dict[str, Any]
    """All of the message; its shape is checked."""
    source: Source
    is_lenient: bool = False
    """Whether only Python's own parser took the line: it may hold halves of surrogate pairs."""
    is_cut: bool = False
    """Whether the line is a RECORD too deep to be read, with NaN for its deepest values."""

    @property
    def stream(self) -> str:
        """The stream's name, before any stream map; empty for a message of no stream."""
        return self.source.stream

    @property
    def record(self) -> dict[str, Any]:
        """The record of a RECORD message."""
        return self.content["record"]  # type: ignore[no-any-return] # the reader has checked it

    @property
    def version(self) -> int | None:
        """The version of the table that the message names; None if it names none.

        Raises:
            InputError: it is no whole number of 64 bits.
        """
        version = self.content.get("version")
        if version is None or (type(version) is int and abs(version) < _TOO_LARGE):
            return version
        raise self.complaint("its version is no whole number of 64 bits")

    def complaint(self, problem: object) -> InputError:
        """Return the error for a message that can't be processed; see `complaint`."""
        return complaint(self.source.number, problem)


def complaint(number: int, problem: object) -> InputError:
    """Return the error for a line that can't be processed.

    Args:
        number: The line's number, from 1.
        problem: What is wrong with it; of several lines, as the SDK writes some, the first is kept.
    """
    return InputError(f"Line {number}: {str(problem).partition(chr(10))[0]}")
