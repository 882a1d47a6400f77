"""What the benchmarks share: data, the stub, processes that are measured, and a table.

A cost is what a process needs for its records beyond what the same process needs for none, so that
neither its start nor its end counts. Where two targets are compared, they take turns, and the
median of each counts: the machine may be busy with other things.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

HERE = Path(__file__).parent
TARGET = [sys.executable, "-m", "target_userflow"]

_NULLABLE = {
    "email": {"type": ["string", "null"]},
    "name": {"type": ["string", "null"]},
    "signed_up_at": {"type": ["string", "null"], "format": "date-time"},
    "plan": {"type": ["string", "null"]},
    "seats": {"type": ["integer", "null"]},
    "score": {"type": ["number", "null"]},
    "active": {"type": ["boolean", "null"]},
    "company": {"type": ["string", "null"]},
    "country": {"type": ["string", "null"]},
}


@dataclass(frozen=True)
class Cost:
    """What a process took."""

    seconds: float
    cpu: float
    """Seconds on a processor, of all its threads."""
    peak: float
    """Megabytes that it held at most."""

    def beyond(self, start: Cost) -> Cost:
        """What it took for its records, if `start` is what it takes for none."""
        return Cost(self.seconds - start.seconds, self.cpu - start.cpu, self.peak)


@dataclass(frozen=True)
class Server:
    """A running stub."""

    url: str

    @property
    def arrivals(self) -> list[tuple[int, float, float]]:
        """Of each stamped record its number, when the tap wrote it, and when it came."""
        with urllib.request.urlopen(f"{self.url}/arrivals") as answer:  # noqa: S310 - our own stub
            return [(number, said, came) for number, said, came in json.load(answer)]

    @property
    def written(self) -> int:
        """How often it was written to."""
        with urllib.request.urlopen(f"{self.url}/written") as answer:  # noqa: S310 - our own stub
            return int(json.load(answer)["written"])


@contextmanager
def stub(latency: float) -> Iterator[Server]:
    """The stub, answering after so many seconds."""
    command = [sys.executable, str(HERE / "stub.py"), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        try:
            yield Server(process.stdout.readline().strip())
        finally:
            process.terminate()


@contextmanager
def directory() -> Iterator[Path]:
    """A place for data, configs and ledgers."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def users(path: Path, rows: int, *, stream: str = "users", changed: int = 0) -> Path:
    """A file of users with ten columns, every `changed`-th with another name than usual."""
    with path.open("w") as file:
        properties = {"id": {"type": "string"}, **_NULLABLE}
        schema = {"type": "object", "properties": properties}
        message = {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": ["id"]}
        file.write(json.dumps(message) + "\n")
        for number in range(rows):
            word = "changed" if changed and number % changed == 0 else "name"
            message = {"type": "RECORD", "stream": stream, "record": user(number, word)}
            file.write(json.dumps(message) + "\n")
    return path


def user(number: int, word: str) -> dict[str, Any]:
    """Return a row of ten columns, with a word in its name."""
    return {
        "id": f"user-{number}",
        "email": f"user-{number}@example.com",
        "name": f"A {word} of {number}",
        "signed_up_at": f"2025-01-{number % 28 + 1:02}T08:{number % 60:02}:00+00:00",
        "plan": ("free", "team", "enterprise")[number % 3],
        "seats": number % 500,
        "score": number / 8,
        "active": number % 2 == 0,
        "company": f"Company {number % 1000}",
        "country": ("DE", "US", "JP", "BR")[number % 4],
    }


def ours(path: Path, server: Server, **config: Any) -> list[str]:
    """The command of this target, with a config at `path`; it keeps no ledger by default."""
    there = {"dead_letter_dir": str(path.parent / "dead-letters"), "ledger": ""}
    own = {"api_key": "key", "api_url": server.url}
    path.write_text(json.dumps({**there, **own, **config}))
    return [*TARGET, "--config", str(path)]


def baseline(name: str) -> list[str]:
    """The command of a target in `baseline`."""
    return [sys.executable, str(HERE / "baseline.py"), name]


def run(
    command: Sequence[str], data: Path, env: Mapping[str, str] | None = None, *, status: int = 0
) -> Cost:
    """The cost of a process that reads `data`.

    Raises:
        SystemExit: it ended with another status; with what it wrote.
    """
    with data.open("rb") as lines, tempfile.TemporaryFile() as log:
        started = time.monotonic()
        process = subprocess.Popen(  # noqa: S603 - our own
            command,
            stdin=lines,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env={**os.environ, **(env or {})},
        )
        _, ended, usage = os.wait4(process.pid, 0)  # of this child alone
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(ended)
        if process.returncode != status:
            log.seek(0)
            raise SystemExit(log.read().decode())
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def in_turns(rounds: int, *measured: Callable[[], Cost]) -> list[Cost]:
    """The median costs of several things that take turns."""
    found = [[one() for one in measured] for _ in range(rounds)]
    return [median(costs) for costs in zip(*found, strict=True)]


def median(costs: Iterable[Cost]) -> Cost:
    """The medians of what was measured; of two, the mean."""
    seconds, cpu, peak = zip(*((one.seconds, one.cpu, one.peak) for one in costs), strict=True)
    return Cost(*map(statistics.median, (seconds, cpu, peak)))


def is_small() -> bool:
    """Whether the command asks for the form that only shows that it runs: `--small`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="only show that it runs")
    return bool(parser.parse_args().small)


def table(*lines: Sequence[object]) -> None:
    """Print lines of equal length as columns."""
    texts = [[str(cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for first, *others in texts:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        sys.stdout.write("  ".join([first.ljust(widths[0]), *cells]) + "\n")
