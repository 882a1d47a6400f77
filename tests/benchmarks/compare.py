"""What it takes to bring users to where one of a hundred differs: real target, real sandbox.

    uv run python tests/benchmarks/compare.py [--small] [--memory]

Requests are those that the target's report counts, and are exact; times are of one run, and tell by
their ratios. What differs is one attribute of each, but for one line. The two tables below have
what a listed object takes by itself, each line in a process of its own: its pages come from a
generator, without HTTP, and the time that this takes is not counted. `--memory` adds a line of a
million objects. The store is filled by itself with ten million, as so many pages would take half an
hour.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from harness import TARGET, directory, run, table, user, users

from target_userflow.apis.messages import Answer
from target_userflow.apis.userflow.parts import Part
from target_userflow.apis.userflow.reading import USERS
from target_userflow.listed.fingerprints import Fingerprints
from target_userflow.listed.times import TimeAttributes
from target_userflow.listed.view import View
from target_userflow.sandbox import Sandbox, running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_userflow.apis.messages import Request

LATENCY_MS = 20
SHARE = 100  # one user of so many differs
LIMIT = 6_000
"""Requests a minute that are enforced in the last line."""
PAGE = 100  # users of a page
MEGABYTE = 1_000_000


class Figures(NamedTuple):
    """The processor time of an object, in µs, and the megabytes that all objects take."""

    microseconds: float
    memory: float
    disk: float


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


def main(*, small: bool, memory: bool) -> None:
    """Print the tables."""
    rows = 1_000 if small else 100_000
    compared: dict[str, Any] = {"skip_unchanged": "destination"}
    with directory() as place, running(latency_ms=LATENCY_MS) as sandbox:
        everything = users(place / "users", rows)
        changed = users(place / "changed", rows, changed=SHARE)
        shuffled = _shuffled(changed, place / "shuffled")
        few = users(place / "few", 100, changed=SHARE)
        results = {
            "all are sent": measured(place, sandbox, everything),
            "compared, in the order of the list": measured(place, sandbox, changed, **compared),
            "nothing differs": measured(place, sandbox, changed, **compared),
        }
        measured(place, sandbox, everything, **compared)
        results["100 of them"] = measured(place, sandbox, few, **compared)
        results["--verify"] = measured(place, sandbox, changed, "--verify", status=1)
        results["compared, in any order"] = measured(place, sandbox, shuffled, **compared)
        _edit_two(place, sandbox, everything)
        results["two attributes differ, any order"] = measured(place, sandbox, shuffled, **compared)
        measured(place, sandbox, everything, **compared)
        sandbox.configure(rate_limit=LIMIT)
        time.sleep(0 if small else 60)  # until the limit's minute has passed
        results[f"compared, {LIMIT:,} a minute"] = measured(
            place, sandbox, changed, **compared, requests_per_minute=LIMIT
        )
    print_runs(rows, results)
    print_listed([1_000 if small else rows, *([1_000_000] if memory else [])])
    print_filled(10_000 if small else 10_000_000)


def _edit_two(place: Path, sandbox: Sandbox, everything: Path) -> None:
    """Bring the users back to where they were, and have the plan of each of those differ too."""
    plain = place / "two"
    lines = everything.read_text().splitlines(keepends=True)
    edited = [line.replace('"plan": "', '"plan": "old ') for line in lines[1::SHARE]]
    plain.write_text("".join([lines[0], *edited]))
    measured(place, sandbox, plain, skip_unchanged="destination")


def print_runs(rows: int, results: dict[str, Measured]) -> None:
    """Print what each run took, and how many times less than sending everything that is."""
    first = next(iter(results.values()))
    head = f"{rows:,} users", "reads", "writes", "seconds", "CPU s", "peak MB", "fewer", "faster"
    table(
        head,
        *(
            (
                name,
                *measures.cells,
                f"{(first.reads + first.writes) / max(1, measures.reads + measures.writes):.1f}",
                f"{first.seconds / measures.seconds:.1f}",
            )
            for name, measures in results.items()
        ),
    )


class Listed:
    """A list of users, made page by page; nothing is sent."""

    def __init__(self, count: int) -> None:
        """List so many."""
        self._count = count
        self.cpu = 0.0
        """Seconds of processor time that making the pages took."""

    def begin(self, request: Request) -> Future[Answer]:
        """Return a page."""
        started = time.process_time()
        (after,) = parse_qs(urlsplit(request.path).query).get("starting_after", ["user--1"])
        start = int(after.removeprefix("user-")) + 1
        numbers = range(start, min(start + PAGE, self._count))
        data = [_listed(user(number, "name")) for number in numbers]
        body = {"object": "list", "data": data, "has_more": start + PAGE < self._count}
        future: Future[Answer] = Future()
        future.set_result(Answer(200, {}, json.dumps(body).encode()))
        self.cpu += time.process_time() - started
        return future

    def fetch(self, requests: Sequence[Request]) -> list[Answer]:
        """Return pages."""
        return [self.begin(request).result() for request in requests]


class _Defined:
    """The definitions of the attributes."""

    @staticmethod
    def of(_: str) -> dict[str, str]:
        return {"signed_up_at": "datetime"}


def print_listed(counts: list[int]) -> None:
    """List users, and print what that takes: each has nine attributes that are compared."""
    lines = [(f"{count:,}", *alone(list_users, count)) for count in counts]
    table(("objects listed", "CPU us/object", "MB of memory", "MB of disk"), *lines)


def print_filled(objects: int) -> None:
    """Fill a store, and print what it takes."""
    line = f"{objects:,}", *alone(fill_store, objects)
    table(("objects in the store", "CPU us/object", "MB of memory", "MB of disk"), line)


def alone(measure: Callable[[int], Figures], count: int) -> tuple[str, ...]:
    """Measure in a process of its own: what another one held at most counts as held by this one."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return tuple(f"{figure:.1f}" for figure in process.submit(measure, count).result())


def list_users(count: int) -> Figures:
    """List users."""
    store, pages = Fingerprints(), Listed(count)
    times = TimeAttributes(_Defined())  # type: ignore[arg-type] # it is asked for no more
    view = View("users", USERS, pages, store, times, lambda _: (), threading.RLock())
    attributes = _listed(user(0, "name"))["attributes"]
    view.columns.add([Part(("users", ""), attributes)])
    before, started = _peak(), time.process_time()
    view.list.finish()
    seconds = time.process_time() - started - pages.cpu
    return Figures(seconds / count * 1e6, _peak() - before, store.size / MEGABYTE)


def fill_store(objects: int) -> Figures:
    """Fill a store."""
    store, numbers = Fingerprints(), random.Random(1)  # noqa: S311 - hashes are as random
    before, started = _peak(), time.process_time()
    for _ in range(objects // PAGE):
        page = [[numbers.getrandbits(bits) for bits in (63, 61, 61, 61)] for _ in range(PAGE)]
        store.put([(key, *sums) for key, *sums in page])  # type: ignore[misc] # there are three
    seconds = time.process_time() - started
    return Figures(seconds / objects * 1e6, _peak() - before, store.size / MEGABYTE)


def _listed(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return a user as it stands in a list."""
    id_ = attributes.pop("id")
    more = {"created_at": "2026-01-01T00:00:00.000Z", "groups": None, "memberships": None}
    return {"id": id_, "object": "user", "attributes": attributes, **more}


def _peak() -> float:
    """Megabytes that this process has held at most."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / MEGABYTE


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
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="only show that it runs")
    parser.add_argument("--memory", action="store_true", help="list a million objects as well")
    main(**vars(parser.parse_args()))
