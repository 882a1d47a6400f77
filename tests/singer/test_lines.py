"""Lines come as they are written, and the reader is idle in between."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from target_userflow.clock import Clock
from target_userflow.singer.lines import Lines

if TYPE_CHECKING:
    from pathlib import Path


class Tap:
    """Writes its pieces into a pipe, one whenever the reader has nothing to read."""

    def __init__(self, *pieces: bytes) -> None:
        """Write these."""
        receiving, self._sending = os.pipe()
        self._source = os.fdopen(receiving, "rb")
        self._pieces = [*pieces]
        self.idle = 0
        self.lines = Lines(self._source, Clock(), self._write, lambda _: None)

    def _write(self) -> float:
        self.idle += 1
        if self._pieces:
            os.write(self._sending, self._pieces.pop(0))
        else:
            os.close(self._sending)
        return 0.0

    def read(self) -> list[bytes]:
        """All lines until the end."""
        found = [*iter(self.lines.next, b"")]
        self._source.close()
        return found


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([b"a\nb\n"], [b"a\n", b"b\n"], id="two lines at once"),
        pytest.param([b"a", b"b", b"\n"], [b"ab\n"], id="a line in three pieces"),
        pytest.param([b"a\nb", b"c\nd"], [b"a\n", b"bc\n", b"d"], id="an end without a break"),
        pytest.param([b"\n\r\na\r\n"], [b"\n", b"\r\n", b"a\r\n"], id="blank lines"),
        pytest.param([b'{"a": "\xe2\x80\xa8"}\n'], [b'{"a": "\xe2\x80\xa8"}\n'], id="odd breaks"),
    ],
)
def test_lines_come_as_they_were_written(pieces: list[bytes], lines: list[bytes]) -> None:
    """Whatever pieces a pipe brings them in."""
    tap = Tap(*pieces)
    assert tap.read() == lines
    assert tap.idle == len(pieces) + 1


def test_a_file_is_never_idle(tmp_path: Path) -> None:
    """All of it is there; its size says how far the run is."""
    path = tmp_path / "input"
    path.write_bytes(b"a\n" * 1000)
    with path.open("rb") as source:
        lines = Lines(source, Clock(), lambda: pytest.fail("it was idle"), lambda _: None)
        assert lines.size == 2000
        assert [*iter(lines.next, b"")] == [b"a\n"] * 1000


def test_a_stream_in_memory_is_read_as_well() -> None:
    """The SDK's tests hand one over."""
    lines = Lines(io.BytesIO(b"a\nb"), Clock(), lambda: pytest.fail("it was idle"), lambda _: None)
    assert (lines.next(), lines.next(), lines.next(), lines.size) == (b"a\n", b"b", b"", 0)


def test_a_long_line_comes_in_one_piece() -> None:
    """A pipe holds 64 KiB, a line may be megabytes."""
    pieces = [b"x" * 50_000 for _ in range(40)]
    assert Tap(*pieces, b"\n").read() == [b"x" * 2_000_000 + b"\n"]
