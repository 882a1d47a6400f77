"""How much of what a concurrency allows is used, if every answer takes 50 ms.

    uv run python tests/benchmarks/latency.py [--small]

Profile: `py-spy record -o profile.svg -- python -m target_userflow --config config.json < users`,
with a config that names `python tests/benchmarks/stub.py --latency 0.05` as `api_url`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from harness import Cost, Server, baseline, directory, in_turns, is_small, ours, run, stub, table
from harness import users as users_file

if TYPE_CHECKING:
    from pathlib import Path

LATENCY = 0.05
CONCURRENCIES = (10, 20, 50)


def main(*, small: bool) -> None:
    """Print the table."""
    seconds, rounds, concurrencies = (1, 1, (50,)) if small else (10, 3, CONCURRENCIES)
    with directory() as place, stub(LATENCY) as server:
        plain = partial(_plain, place, server, int(seconds / LATENCY))
        targets = [partial(_ours, place, server, one, seconds) for one in concurrencies]
        base, *costs = in_turns(rounds, plain, *targets)
    speed = seconds / LATENCY / base.seconds
    rows = [
        (f"concurrency {one}", f"{made:,.1f}", f"{made / ideal:.0%}", f"{made / speed:.1f}x")
        for one, cost in zip(concurrencies, costs, strict=True)
        for ideal in [one / LATENCY]
        for made in [seconds * ideal / cost.seconds]
    ]
    table(
        ("50 ms an answer", "records/s", "of the ideal", "of the plain sink"),
        ("plain SDK RecordSink", f"{speed:,.1f}", f"{speed * LATENCY:.0%}", "1.0x"),
        *rows,
    )


def _plain(place: Path, server: Server, records: int) -> Cost:
    return _beyond_start(place, baseline("plain"), records, server)


def _ours(place: Path, server: Server, concurrency: int, seconds: float) -> Cost:
    command = ours(place / "config.json", server, concurrency=concurrency)
    return _beyond_start(place, command, int(seconds * concurrency / LATENCY), server)


def _beyond_start(place: Path, command: list[str], records: int, server: Server) -> Cost:
    env = {"URL": server.url}
    start = run(command, users_file(place / "none", 0), env)
    return run(command, users_file(place / "users", records), env).beyond(start)


if __name__ == "__main__":
    main(small=is_small())
