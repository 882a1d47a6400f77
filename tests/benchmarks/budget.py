"""How much of a rate limit is used, and how often it is exceeded: real target, real sandbox.

A budget that is known, where the sandbox enforces exactly that, in a minute that slides and in one
of the clock; takes two minutes and a half::

    uv run python tests/benchmarks/budget.py known

A limit that nobody tells the target, with and without `Retry-After`, and doubled on the way; the
four runs go side by side and take nine minutes::

    uv run python tests/benchmarks/budget.py unknown

With `--small` each takes seconds, and shows only that it works.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from target_userflow.sandbox import Sandbox, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_userflow.sandbox.settings import Changes, LimitWindow, RetryAfter

LATENCY_MS = 50
MINUTE = 60
TOO_MANY = 429


@dataclass(frozen=True)
class Plan:
    """What is run; the spans are seconds of the wall clock from its start."""

    limit: int
    spans: Sequence[tuple[str, float, float]]
    """What is measured: a name, the begin and the end."""
    told: bool
    """Whether the target knows the limit."""
    doubled: float | None = None
    """When the limit is doubled."""
    concurrency: int = 20

    @property
    def seconds(self) -> float:
        """How long there is something to deliver."""
        return max(end for _, _, end in self.spans)


KNOWN = Plan(6000, [("5 to 65 s", 5, 65)], told=True)
UNKNOWN = Plan(
    3000,
    [("windows 1 to 3", 0, 180), ("windows 2 to 4", 60, 240), ("doubled, after 3", 420, 540)],
    told=False,
    doubled=240,
)
SMALL_KNOWN = Plan(6000, [("1 to 4 s", 1, 4)], told=True)
SMALL_UNKNOWN = Plan(
    60, [("first seconds", 0, 4), ("doubled", 4, 6)], told=False, doubled=4, concurrency=4
)


def lines() -> Iterator[bytes]:
    """A stream of users without an end."""
    properties = {"id": {"type": "string"}, "plan": {"type": "string"}, "n": {"type": "integer"}}
    schema = {"type": "object", "properties": properties}
    message: dict[str, Any] = {"type": "SCHEMA", "stream": "users", "schema": schema}
    yield json.dumps({**message, "key_properties": ["id"]}).encode()
    for number in count():
        record = {"id": f"u{number}", "plan": "pro", "n": number}
        yield json.dumps({"type": "RECORD", "stream": "users", "record": record}).encode()


def deliver(directory: Path, plan: Plan, sandbox: Sandbox) -> str:
    """Let the target deliver for as long as planned.

    Returns:
        What its log says of its waits.
    """
    budget = {"requests_per_minute": plan.limit} if plan.told else {}
    config = {**sandbox.config, "concurrency": plan.concurrency, **budget}
    (directory / "config.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "target_userflow", "--config", "config.json"]
    with (directory / "log").open("wb") as log:
        target = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log, cwd=directory
        )
        assert target.stdin is not None
        conductor = threading.Thread(target=conduct, args=(plan, sandbox, target))
        conductor.start()
        with suppress(BrokenPipeError), target.stdin as stdin:
            stdin.writelines(line + b"\n" for line in lines())
        conductor.join()
        target.wait()
    told = (directory / "log").read_text().splitlines()
    return "; ".join(line.split("| ")[-1] for line in told if "waited" in line)


def conduct(plan: Plan, sandbox: Sandbox, target: subprocess.Popen[bytes]) -> None:
    """From the first write on, do what is planned, and end the target."""
    while not writes(sandbox) and target.poll() is None:
        time.sleep(0.1)
    if plan.doubled:
        time.sleep(plan.doubled)
        sandbox.configure(rate_limit=2 * plan.limit)
    time.sleep(plan.seconds - (plan.doubled or 0))
    target.terminate()


def writes(sandbox: Sandbox) -> list[dict[str, Any]]:
    """What was sent so far."""
    return [one for one in sandbox.requests() if one["method"] == "POST"]


def measure(plan: Plan, window: LimitWindow, retry_after: RetryAfter) -> Iterator[str]:
    """Run a plan against a sandbox of its own, and tell what it saw: a row for each span."""
    settings: Changes = {
        "rate_limit": plan.limit,
        "rate_limit_window": window,
        "retry_after": retry_after,
        "latency_ms": LATENCY_MS,
    }
    with running(**settings) as sandbox, tempfile.TemporaryDirectory() as directory:
        if window == "fixed" and plan.seconds >= MINUTE:
            time.sleep(MINUTE - time.time() % MINUTE)  # what is measured are whole windows
        waited = deliver(Path(directory), plan, sandbox)
        requests = writes(sandbox)
    began = requests[0]["at"]
    for name, begin, end in plan.spans:
        found = [one["status"] for one in requests if begin <= one["at"] - began < end]
        refused = found.count(TOO_MANY)
        doubled = plan.doubled is not None and begin >= plan.doubled
        allowed = plan.limit * (end - begin) / MINUTE * (2 if doubled else 1)
        yield (
            f"{window:<8} {retry_after:<12} {name:<17} {(len(found) - refused) / allowed:8.1%} "
            f"{refused:5} {refused / max(len(found), 1):7.2%}"
        )
    yield f"{'':21} {waited}"


def main() -> None:
    """Run what the command line names, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["known", "unknown"])
    parser.add_argument("--small", action="store_true", help="only see that it works")
    options = parser.parse_args()
    known = options.what == "known"
    small, full = (SMALL_KNOWN, KNOWN) if known else (SMALL_UNKNOWN, UNKNOWN)
    plan = small if options.small else full
    forms: tuple[RetryAfter, ...] = ("seconds",) if known else ("seconds", "none")
    windows: tuple[LimitWindow, ...] = ("sliding", "fixed")
    kinds = [(window, form) for window in windows for form in forms]
    click.echo(
        f"{plan.limit:,} requests a minute, {LATENCY_MS} ms, concurrency {plan.concurrency}\n"
    )
    click.echo("window   Retry-After  measured             used  429s of all")
    with ThreadPoolExecutor(len(kinds) if not known else 1) as side_by_side:
        for rows in side_by_side.map(lambda kind: list(measure(plan, *kind)), kinds):
            click.echo("\n".join(rows))


if __name__ == "__main__":
    main()
