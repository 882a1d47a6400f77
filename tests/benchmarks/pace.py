"""How much of a limit that nobody tells is used while some requests are refused at random.

Servers and workers are simulated, and so is the clock; takes minutes of processor time::

    uv run python tests/benchmarks/pace.py --plot docs/images/pace.svg
"""

from __future__ import annotations

import argparse
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.servers import Bucket, Client, Fixed, Noisy, OneOf, Sliding, Unlimited

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from support.servers import Server

NOISE = (0.0, 0.001, 0.01, 0.03)
SEEDS = range(1, 6)
WIDTH, HEIGHT, LEFT, SECONDS, MOST = 720, 260, 50, 240, 100


class Case(NamedTuple):
    """A server, what is sent to it, and when it is looked at."""

    name: str
    server: Callable[[], Server]
    workers: int = 20
    latency: float = 0.05
    begin: float = 60
    end: float = 240
    changes: Sequence[tuple[float, float]] = ()


class Used(NamedTuple):
    """Of what could be sent, and the share of 429s beside the noise."""

    share: float
    refused: float


CASES = [
    Case("no limit, 20 x 20 ms", Unlimited, 20, 0.02, 0, 30),
    Case("no limit, 10 x 50 ms", Unlimited, 10, 0.05, 0, 60),
    Case("3000/min, sliding", lambda: Sliding(3000)),
    Case("3000/min, fixed", lambda: Fixed(3000)),
    Case("600/min, sliding", lambda: Sliding(600)),
    Case("50/s, fixed", lambda: Fixed(3000, 1)),
    Case("50/s, sliding", lambda: Sliding(3000, 1)),
    Case("50/s, bucket", lambda: Bucket(3000, 1)),
    Case("halved to 3000/min", lambda: Sliding(6000), 20, 0.05, 240, 360, [(120, 3000)]),
    Case("doubled to 6000/min", lambda: Sliding(3000), 20, 0.05, 300, 420, [(120, 6000)]),
    Case("25/s, one endpoint of two", lambda: OneOf(Bucket(1500, 1))),
]


def run(case: Case, noise: float, seed: int, *, retry_after: bool) -> tuple[Client, Noisy]:
    """Simulate one run."""
    server = Noisy(case.server(), noise, seed)
    client = Client(server, workers=case.workers, latency=case.latency, retry_after=retry_after)
    random.seed(seed)
    client.run(case.end, changes=case.changes)
    return client, server


def measure(number: int, noise: float, seed: int, retry_after: bool) -> Used:  # noqa: FBT001 - for `map`
    """Run a case, by its number, and tell how it went."""
    case = CASES[number]
    client, server = run(case, noise, seed, retry_after=retry_after)

    def within(times: list[float]) -> int:
        return sum(case.begin <= one < case.end for one in times)

    rate = min(server.per_minute / 60, (1 - noise) * case.workers / case.latency)
    let_in, refused = within(client.let_in), within(client.refused)
    beside = (refused - within(server.refused)) / (refused + let_in)
    return Used(let_in / (rate * (case.end - case.begin)), beside)


def table(numbers: Sequence[int], seeds: Sequence[int], jobs: int) -> None:
    """Print what was used on average and at least, and the most 429s beside the noise."""
    keys = list(product((True, False), numbers, NOISE, seeds))
    turned = ([key[at] for key in keys] for at in (1, 2, 3, 0))
    with ProcessPoolExecutor(jobs) as pool:
        found = dict(zip(keys, pool.map(measure, *turned), strict=True))
    click.echo("| 429s at random | " + " | ".join(f"{share:.1%}" for share in NOISE) + " |")
    click.echo("|---" * (len(NOISE) + 1) + "|")
    for retry_after, number in product((True, False), numbers):
        cells = []
        for noise in NOISE:
            runs = [found[retry_after, number, noise, seed] for seed in seeds]
            mean = sum(one.share for one in runs) / len(runs)
            least, most = min(one.share for one in runs), max(one.refused for one in runs)
            cells.append(f"{mean:.0%} ({least:.0%}), {most:.1%}")
        hint = "" if retry_after else ", no `Retry-After`"
        click.echo(f"| {CASES[number].name}{hint} | " + " | ".join(cells) + " |")


def plot(path: Path) -> None:
    """Draw the requests per second that a limit of 3,000 a minute let in, with 1 % noise."""
    case = Case("", lambda: Sliding(3000), end=SECONDS)
    client, _ = run(case, 0.01, 2, retry_after=True)
    bottom, scale = HEIGHT - 30, (WIDTH - LEFT - 10) / SECONDS
    heights = [0] * SECONDS
    for one in client.let_in:
        heights[min(int(one), SECONDS - 1)] += 1

    def y(rate: float) -> float:
        return bottom - min(rate, MOST) / MOST * (bottom - 20)

    points = " ".join(f"{LEFT + at * scale:.1f},{y(rate):.1f}" for at, rate in enumerate(heights))
    labels = [f'<text x="5" y="{y(rate) + 4:.0f}">{rate}/s</text>' for rate in (0, 50, 100)]
    labels += [
        f'<text x="{LEFT + at * scale - 12:.0f}" y="{HEIGHT - 8}">{at} s</text>'
        for at in range(0, SECONDS, 60)
    ]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        "<style>text { font: 12px sans-serif; }</style>",
        "<title>Requests let in per second: 3,000 a minute, sliding, 1 % noise</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<path d="M{LEFT} {y(50):.0f}H{WIDTH - 10}" stroke="#c33" stroke-dasharray="4"/>',
        f'<polyline points="{points}" fill="none" stroke="#36c"/>',
        *labels,
        "</svg>",
    ]
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    """Print a table, and draw a plot if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="only see that it works")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--plot", type=Path, help="where to draw it, as SVG")
    options = parser.parse_args()
    table(
        [5] if options.small else range(len(CASES)),
        SEEDS[:1] if options.small else SEEDS,
        options.jobs,
    )
    if options.plot:
        plot(options.plot)


if __name__ == "__main__":
    main()
