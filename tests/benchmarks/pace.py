"""How much of a limit that nobody tells is used while some requests are refused at random.

Servers and workers are simulated, and so is the clock; takes a minute::

    uv run python tests/benchmarks/pace.py
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.servers import Bucket, Client, Fixed, Noisy, OneOf, Sliding, Unlimited

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from support.servers import Server

NOISE = (0.0, 0.001, 0.01, 0.03)
SMALL = 10  # so much shorter is a run that only shows that it works


@dataclass(frozen=True)
class Case:
    """A server, what is sent to it, and when it is looked at."""

    name: str
    server: Callable[[], Server]
    workers: int = 20
    latency: float = 0.05
    begin: float = 60
    end: float = 300
    changes: Sequence[tuple[float, float]] = ()


CASES = [
    Case("no limit, 20 x 20 ms", Unlimited, 20, 0.02, 0, 60),
    Case("no limit, 10 x 50 ms", Unlimited, 10, 0.05, 0, 60),
    Case("3000/min, sliding", lambda: Sliding(3000)),
    Case("3000/min, fixed", lambda: Fixed(3000)),
    Case("3000/min, bucket", lambda: Bucket(3000)),
    Case("600/min, sliding", lambda: Sliding(600)),
    Case("50/s, fixed", lambda: Fixed(3000, 1)),
    Case("50/s, sliding", lambda: Sliding(3000, 1)),
    Case("50/s, bucket", lambda: Bucket(3000, 1)),
    Case("halved to 3000/min, sliding", lambda: Sliding(6000), 20, 0.05, 300, 480, [(180, 3000)]),
    Case("halved to 50/s, fixed", lambda: Fixed(6000, 1), 20, 0.05, 300, 480, [(180, 3000)]),
    Case("doubled to 6000/min, sliding", lambda: Sliding(3000), 20, 0.05, 360, 480, [(180, 6000)]),
    Case("doubled to 100/s, fixed", lambda: Fixed(3000, 1), 20, 0.05, 360, 480, [(180, 6000)]),
    Case("1500/min for one endpoint of two", lambda: OneOf(Sliding(1500))),
    Case("25/s for one endpoint of two", lambda: OneOf(Bucket(1500, 1))),
]


def measure(case: Case, noise: float, *, retry_after: bool) -> tuple[float, float]:
    """Run one case.

    Returns:
        What was used of what could be sent, and the share of 429s beside the noise.
    """
    server = Noisy(case.server(), noise)
    client = Client(server, workers=case.workers, latency=case.latency, retry_after=retry_after)
    client.run(case.end, changes=case.changes)
    possible = min(server.per_minute / 60, case.workers / case.latency) * (case.end - case.begin)

    def within(times: list[float]) -> int:
        return sum(case.begin <= one < case.end for one in times)

    let_in, refused = within(client.let_in), within(client.refused)
    return let_in / possible, (refused - within(server.refused)) / (refused + let_in)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="only see that it works")
    options = parser.parse_args()
    cases = CASES[:1] if options.small else CASES
    click.echo("used of what could be sent / 429s beside the noise, of all answers\n")
    click.echo(f"{'429s at random':36}" + "".join(f"{share:>17.1%}" for share in NOISE))
    for retry_after in (True, False):
        click.echo("with Retry-After" if retry_after else "without Retry-After")
        for case in cases:
            cells = [measure(case, noise, retry_after=retry_after) for noise in NOISE]
            row = "".join(f"{used:>9.1%} /{refused:>6.2%}" for used, refused in cells)
            click.echo(f"  {case.name:34}{row}")


if __name__ == "__main__":
    main()
