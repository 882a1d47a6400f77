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

from target_userflow.errors import InputError
from target_userflow.singer.lines import Lines
from target_userflow.singer.message import Message, Source, complaint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


class LineReader(GenericSingerReader[bytes]):
    """Reads bytes, so that a broken character is the fault of its line and not of the file."""

    number = 0
    """The number of the last line that was read, from 1."""
    size = 0
    """Bytes of all lines that were read."""
    whole = 0
    """Bytes of the file that is read; 0 for a pipe, which has no end yet."""
    ended = False
    """Whether all of it was read."""
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
        self, file_input: IO[bytes] | None, callbacks: dict[str, Callable[[Any], None]]
    ) -> Counter[str]:
        """Hand every message to the callback of its type, as a `Message`.

        Returns:
            Type → number of its messages.

        Raises:
            InputError: a line is no Singer message; it names the line's number.
        """
        counts: Counter[str] = Counter()
        for line in self._read(file_input):
            message = self._message(line)
            self.is_empty = False
            callback = callbacks.get(message.kind)
            if callback is None:
                raise message.complaint(f"there is no message type '{message.kind[:40]}'")
            callback(message)
            if message.kind == "SCHEMA":  # records before it are processed under the last one
                self._schemas[message.stream] = line
            counts[message.kind] += 1
        self.ended = True
        return counts

    def _read(self, file_input: IO[bytes] | None) -> Iterator[bytes]:
        """Yield the lines that are not blank."""
        source = getattr(file_input, "buffer", file_input) or self.default_input
        self._lines = Lines(source, self._clock, self.idle, self._set_waiting)
        self.whole = self._lines.size
        while line := self._lines.next():
            self.number += 1
            self.size += len(line)
            read = line if isinstance(line, bytes) else line.encode()
            if not read.isspace():
                yield read

    def _message(self, line: bytes) -> Message:
        """Return the message on a line, as far as any parser can read it."""
        content, is_lenient, is_cut = self._parsed(line)
        named = content.get("stream")
        stream = named if isinstance(named, str) else ""
        source = Source(stream, self._schemas.get(stream, b""), line, self.number)
        return Message(content["type"], content, source, is_lenient, is_cut)

    def _parsed(self, line: bytes) -> tuple[dict[str, Any], bool, bool]:
        """Return the content of a message, and `is_lenient` and `is_cut` as in `Message`.

        Python's own parser takes what the fast one refuses and some taps write: NaN, Infinity and
        halves of surrogate pairs. They are the record's fault, not the line's.
        """
        try:
            return self._checked(_decode(line)), False, False
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
            pass
        try:
            return self.deserialize_json(line), True, False
        except RecursionError:
            return self._without_depth(line), True, True

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Return the message on a line, by Python's own parser.

        Raises:
            InputError: the line is no Singer message.
            RecursionError: it is nested too deeply.
        """
        try:
            return self._checked(json.loads(line, parse_int=_number, parse_float=_number))
        except ValueError as error:
            raise InputError(
                f"Line {self.number} is no JSON: {_why(error)}. {_advice(line)}"
            ) from None

    @property
    def is_interruptible(self) -> bool:
        """Whether it waits for bytes: the one moment that a signal may break off at once."""
        return self._lines is not None and self._lines.is_interruptible

    def _set_waiting(self, waiting: bool) -> None:  # noqa: FBT001 - what `Lines` calls
        self.waiting = waiting

    def _without_depth(self, line: bytes) -> dict[str, Any]:
        """Return a RECORD that is too deep for any parser, with NaN for what lies deep in it."""
        content, _, _ = self._parsed(_cut(line))
        if content["type"] != "RECORD":
            raise complaint(self.number, "it is nested too deeply")
        return content

    def _checked(self, content: Any) -> dict[str, Any]:
        """Return what a parser made of a line, if it has the shape of a message."""
        if not isinstance(content, dict) or not isinstance(content.get("type"), str):
            raise complaint(
                self.number, f"no Singer message, which is a JSON object with a type. {_TAPS}"
            )
        for key, kind in _SHAPES.get(content["type"], {}).items():
            if key not in content or not isinstance(content[key], kind):
                raise complaint(
                    self.number, f"a {content['type']} message needs '{key}', {_WORDS[kind]}"
                )
        return content


def _why(error: Exception) -> str:
    """Return what is wrong, without what stands in the line."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8 at byte {error.start + 1}"
    return "it can't be read"


def _advice(line: bytes) -> str:
    """Return what may have happened to a line that is no JSON."""
    if line.startswith(b"{") and not line.endswith(b"\n"):
        return "The input ends in the middle of it: the tap has stopped there, see its log"
    return _TAPS


def _number(text: str) -> int | Decimal:
    """Return the number, or infinity in place of one that is too long to be held."""
    try:
        return int(text) if text.removeprefix("-").isdecimal() else Decimal(text)
    except (ValueError, ArithmeticError):
        return Decimal("Infinity")


def _cut(line: bytes) -> bytes:
    """Return the line with NaN in place of every object and list that lies too deep."""
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
