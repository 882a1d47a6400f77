"""Terminals of the tests' own, and what they show in the end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

END = b"\0"
COLOR = re.compile(r"\x1b\[[\d;]*m")
"""What begins and ends a colour."""


@contextmanager
def pseudo_terminal(rows: int = 24, columns: int = 100) -> Iterator[tuple[int, TextIO]]:
    """A terminal of a size: the end that sees, and the stream that is written to."""
    seeing, written = pty.openpty()
    fcntl.ioctl(written, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    with os.fdopen(written, "w", buffering=1) as stream:
        yield seeing, stream
    os.close(seeing)


def seen(seeing: int, stream: TextIO) -> str:
    """All that was written to the stream, with the line breaks as they were."""
    stream.flush()
    os.write(stream.fileno(), END)
    output = b""
    while not output.endswith(END):
        output += os.read(seeing, 65536)
    return output.removesuffix(END).decode().replace("\r\n", "\n")


def rendered(written: str) -> list[str]:
    """What a terminal shows in the end, of texts and the few codes that are used, in no colour."""
    written = COLOR.sub("", written)
    lines, row, column = [""], 0, 0
    for code in re.findall(r"\x1b\[\d*[A-Z]|\r|\n|[^\x1b\r\n]+", written):
        if code == "\r":
            column = 0
        elif code == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif code == "\x1b[J":
            lines[row:] = [lines[row][:column]]
        elif code.startswith("\x1b"):
            assert code.endswith("A")
            row -= int(code[2:-1])
        else:
            lines[row] = lines[row][:column].ljust(column) + code + lines[row][column + len(code) :]
            column += len(code)
    return lines


def on_a_terminal(
    home: Path, command: list[str], *, columns: int = 200, typed: bytes = b"", **environ: str
) -> tuple[str, int]:
    """What a command writes to its terminal, and how it ends.

    It reads the file `tap.singer`, or what is typed where there is something.
    """
    others = {name: one for name, one in os.environ.items() if not name.startswith("MELTANO_")}
    tap = home / "tap.singer"
    with pseudo_terminal(columns=columns) as (seeing, stream):
        source = stream if typed else tap.open()
        process = subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=source,
            stdout=subprocess.DEVNULL,
            stderr=stream,
            env={**others, "TERM": "xterm", **environ},
        )
        source.close()
        stream.close()
        os.write(seeing, typed)
        written = b"".join(iter(lambda: read_or_end(seeing), b""))
        return written.decode().replace("\r\n", "\n"), process.wait(60)


def read_or_end(seeing: int) -> bytes:
    """What was written since; nothing once nobody can write any more."""
    try:
        return os.read(seeing, 65536)
    except OSError:
        return b""
