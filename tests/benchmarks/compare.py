"""What it takes to bring users to where one of a hundred differs: real target, real sandbox.

    uv run python tests/benchmarks/compare.py [--small]

Requests are those that the target's report counts, and are exact; times are of one run, and tell by
their ratios. What differs is one attribute of each. The store is filled by itself, as 100,000 pages
would take half an hour.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from harness import TARGET, directory, is_small, run, table, users

from target_userflow.compare.fingerprints import Fingerprints
from target_userflow.sandbox import Sandbox, running

if TYPE_CHECKING:
    from pathlib import Path

LATENCY_MS = 20
SHARE = 100  # one user of so many differs
LIMIT = 6_000
"""Requests a minute that are enforced in the last line."""
MEGABYTE = 1_000_000


class Measured(NamedTuple):
    """What a run took."""

    reads: int
    writes: int
    seconds: float
    cpu: float
    peak: float

    @property
    def cells(self) -> tuple[str, ...]:
        """The figures as text."""
        counts = f"{self.reads:,}", f"{self.writes:,}"
        return *counts, f"{self.seconds:.1f}", f"{self.cpu:.1f}", f"{self.peak:.0f}"


def measured(
    place: Path, sandbox: Sandbox, data: Path, *more: str, status: int = 0, **config: Any
) -> Measured:
    """Run the target, which ends with a status."""
    report = place / "report.json"
    there = {"dead_letter_dir": str(place / "letters"), "ledger": "", "report_path": str(report)}
    (place / "config.json").write_text(json.dumps({**sandbox.config, **there, **config}))
    cost = run([*TARGET, "--config", str(place / "config.json"), *more], data, status=status)
    facts = json.loads(report.read_text())
    writes = sum(stream["requests"] for stream in facts["streams"])
    reads = facts["requests"]["requests"] - writes
    return Measured(reads, writes, cost.seconds, cost.cpu, cost.peak)


def main(*, small: bool) -> None:
    """Print the tables."""
    rows = 1_000 if small else 100_000
    compared: dict[str, Any] = {"skip_unchanged": "destination"}
    with directory() as place, running(latency_ms=LATENCY_MS) as sandbox:
        everything = users(place / "users", rows)
        changed = users(place / "changed", rows, changed=SHARE)
        shuffled = _shuffled(changed, place / "shuffled")
        few = users(place / "few", 100, changed=SHARE)
        today = measured(place, sandbox, everything)
        found = {
            "all are sent": today,
            "compared, in the order of the list": measured(place, sandbox, changed, **compared),
            "nothing differs": measured(place, sandbox, changed, **compared),
        }
        measured(place, sandbox, everything, **compared)
        found["100 of them"] = measured(place, sandbox, few, **compared)
        found["--verify"] = measured(place, sandbox, changed, "--verify", status=1)
        found["compared, in any order"] = measured(place, sandbox, shuffled, **compared)
        measured(place, sandbox, everything, **compared)
        sandbox.configure(rate_limit=LIMIT)
        time.sleep(0 if small else 60)  # until the limit's minute has passed
        found[f"compared, {LIMIT:,} a minute"] = measured(
            place, sandbox, changed, **compared, requests_per_minute=LIMIT
        )
    head = f"{rows:,} users", "reads", "writes", "seconds", "CPU s", "peak MB"
    table(head, *((name, *one.cells) for name, one in found.items()))
    fill(10_000 if small else 10_000_000)


def fill(objects: int) -> None:
    """Fill a store, and print what it takes."""
    store, numbers = Fingerprints(), random.Random(1)  # noqa: S311 - hashes are as random
    before, started = _peak(), time.process_time()
    for _ in range(objects // 100):
        page = [[numbers.getrandbits(bits) for bits in (63, 61, 61)] for _ in range(100)]
        store.put([(key, first, second) for key, first, second in page])
    seconds, memory = time.process_time() - started, (_peak() - before) / MEGABYTE
    table(
        (f"{objects:,} objects", "CPU µs/object", "MB of memory", "MB of disk"),
        ("", f"{seconds / objects * 1e6:.1f}", f"{memory:.0f}", f"{store.size / MEGABYTE:.0f}"),
    )


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _shuffled(path: Path, to: Path) -> Path:
    """Put the records into another order, in a process that gives its memory back."""
    command = [sys.executable, "-c", _SHUFFLE, str(path), str(to)]
    subprocess.run(command, check=True)  # noqa: S603 - our own
    return to


_SHUFFLE = """
import pathlib, random, sys
head, *lines = pathlib.Path(sys.argv[1]).read_text().splitlines(keepends=True)
random.Random(1).shuffle(lines)
pathlib.Path(sys.argv[2]).write_text(head + "".join(lines))
"""


if __name__ == "__main__":
    main(small=is_small())
