"""Reads Singer messages, one a line, and says which line is none."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader

from target_userflow.errors import InputError, StopRun
from target_userflow.singer.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.clock import Clock

_SHAPES: dict[str, dict[str, type]] = {
    "SCHEMA": {"stream": str, "schema": dict},
    "RECORD": {"stream": str, "record": dict},
    "STATE": {"value": object},
    "ACTIVATE_VERSION": {"stream": str, "version": int},
}
_WORDS = {str: "a string", dict: "an object", int: "an integer", object: "any value"}
_MOST_LEVELS = 100  # kept of a line that is too deep for the parsers, which give up at 1,000
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{}]')
_TAPS = (
    "Pipe a Singer tap into this (for a CSV file: tap-csv), which writes messages and nothing else"
)
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class Source(msgspec.Struct, frozen=True):
    """A record as the tap wrote it, should it become a dead letter."""

    stream: str
    """The stream's name, before any stream map."""
    schema: bytes
    """The line of the SCHEMA message that it came under."""
    line: bytes
    """The line of its RECORD message."""
    number: int = 0
    """The line's number, from 1: it tells which of two records was read first."""


class LineReader(GenericSingerReader[bytes]):
    """Reads bytes, so that a broken character is the fault of its line and not of the file."""

    line = b""
    """The line that is being processed, as it was read."""
    stream = ""
    """The stream that it names, before any stream map."""
    number = 0
    """Its number, from 1."""
    size = 0
    """Bytes of all lines that were read."""
    whole = 0
    """Bytes of the file that is read; 0 for a pipe, which has no end yet."""
    ended = False
    """Whether all of it was read."""
    too_deep = False
    """Whether the line is a RECORD that was cut to be read at all, and can't be delivered."""
    is_lenient = False
    """Whether only Python's own parser took the line: it may hold halves of surrogate pairs."""
    is_empty = True
    """Whether no message has come yet."""
    waiting = False
    """Whether the tap has written nothing that was not read."""
    idle: Callable[[], float | None]
    """Is called while no line is there; see `Lines`."""

    def __init__(self, clock: Clock) -> None:
        """Read until the clock is stopped."""
        super().__init__()
        self._clock = clock
        self._lines: Lines | None = None
        self.idle = lambda: None
        self._schemas: dict[str, bytes] = {}

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input.

        Raises:
            InputError: it is closed.
        """
        if sys.stdin is None:
            raise InputError("Standard input is closed: pipe a tap into it")
        return sys.stdin.buffer

    def process_lines(
        self,
        file_input: IO[bytes] | None,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
    ) -> Counter[str]:
        """Hand every message to the callback of its type.

        Raises:
            InputError: a line is no Singer message; it names the line's number.
        """
        source = getattr(file_input, "buffer", file_input) or self.default_input
        self._lines = Lines(source, self._clock, self.idle, self._set_waiting)
        self.whole = self._lines.size
        counts: Counter[str] = Counter()
        while line := self._lines.next():
            self.number += 1
            self.size += len(line)
            self.too_deep = self.is_lenient = False
            self.line = line if isinstance(line, bytes) else line.encode()
            if not self.line.isspace():
                message = self.deserialize_json(self.line)
                kind = message["type"]
                self.is_empty = False
                self.stream = message.get("stream", "")
                self._callback(kind, callbacks)(message)
                if kind == "SCHEMA":  # it holds from now on: it settled what came under the last
                    self._schemas[self.stream] = self.line
                counts[kind] += 1
        self.ended = True
        return counts

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """The message on one line.

        Python's own parser takes what the fast one refuses and some taps write: NaN, Infinity and
        halves of surrogate pairs. They are the record's fault, not the line's.
        """
        try:
            return self._message(_decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
            self.is_lenient = True
        try:
            return self._message(json.loads(line, parse_int=_number, parse_float=_number))
        except ValueError as error:
            raise InputError(
                f"Line {self.number} is no JSON: {_why(error)}. {_advice(line)}"
            ) from None
        except RecursionError:
            return self._shallow(line)

    @property
    def is_interruptible(self) -> bool:
        """Whether it waits for bytes: the one moment that a signal may break off at once."""
        return self._lines is not None and self._lines.is_interruptible

    def _set_waiting(self, waiting: bool) -> None:  # noqa: FBT001 - what `Lines` calls
        self.waiting = waiting

    @property
    def source(self) -> Source:
        """Where the record comes from that is being processed."""
        return Source(self.stream, self._schemas.get(self.stream, b""), self.line, self.number)

    def _shallow(self, line: bytes) -> dict[str, Any]:
        """A RECORD that is too deep for any parser, with NaN for what lies deep in it."""
        self.too_deep = True
        found = self.deserialize_json(_cut(line))
        if found["type"] != "RECORD":
            raise self.complain("it is nested too deeply")
        return found

    def complain(self, problem: object) -> StopRun:
        """The error for a message that can't be processed; the SDK says some in several lines."""
        return InputError(f"Line {self.number}: {str(problem).partition(chr(10))[0]}")

    def _message(self, found: Any) -> dict[str, Any]:
        if not isinstance(found, dict) or not isinstance(found.get("type"), str):
            raise self.complain(f"no Singer message, which is a JSON object with a type. {_TAPS}")
        for key, kind in _SHAPES.get(found["type"], {}).items():
            if key not in found or not isinstance(found[key], kind):
                raise self.complain(f"a {found['type']} message needs '{key}', {_WORDS[kind]}")
        return found

    def _callback(
        self, kind: str, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Callable[[dict[str, Any]], None]:
        found = callbacks.get(kind)
        if found is None:
            raise self.complain(f"there is no message type '{kind[:40]}'")
        return found


def _why(error: Exception) -> str:
    """What is wrong, without what stands in the line."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8 at byte {error.start + 1}"
    return "it can't be read"


def _advice(line: bytes) -> str:
    """What may have happened to a line that is no JSON."""
    if line.startswith(b"{") and not line.endswith(b"\n"):
        return "The input ends in the middle of it: the tap has stopped there, see its log"
    return _TAPS


def _number(text: str) -> int | Decimal:
    """The number, or infinity in place of one that is too long to be held."""
    try:
        return int(text) if text.removeprefix("-").isdecimal() else Decimal(text)
    except (ValueError, ArithmeticError):
        return Decimal("Infinity")


def _cut(line: bytes) -> bytes:
    """The line with NaN in place of every object and list that lies too deep."""
    kept, depth, start = [], 0, 0
    for token in _BRACKETS.finditer(line):
        if token[0] in b"[{":
            depth += 1
            if depth == _MOST_LEVELS:
                kept.append(line[start : token.start()] + b"NaN")
        elif token[0] in b"]}":
            if depth == _MOST_LEVELS:
                start = token.end()
            depth -= 1
    return b"".join([*kept, line[start:]])
