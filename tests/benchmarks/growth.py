"""Whether a record costs the same in a run of ten thousand and in one of a million.

    uv run python tests/benchmarks/growth.py [--small]

Every answer takes 20 ms, so that 50 workers have something to do. A million requests take minutes,
in which a machine becomes faster and slower: the smaller runs are made before and after them, and
the median of each counts; a quarter of an hour in all.
Profile of the memory: `memray run -m target_userflow --config config.json < users`.
"""

from __future__ import annotations

from functools import partial

from harness import directory, in_turns, is_small, median, ours, run, stub, table, users

LATENCY = 0.02
ROUNDS = 2  # before the largest run, and as many after it


def main(*, small: bool) -> None:
    """Print the table."""
    sizes = (50, 100) if small else (10_000, 50_000, 100_000, 1_000_000)
    with directory() as place, stub(0 if small else LATENCY) as server:
        command = ours(place / "config.json", server, concurrency=50)
        start = run(command, users(place / "none", 0))
        *runs, largest = (partial(run, command, users(place / f"{rows}", rows)) for rows in sizes)
        before, once, after = in_turns(ROUNDS, *runs), largest(), in_turns(ROUNDS, *runs)
        costs = [*(median(pair) for pair in zip(before, after, strict=True)), once]
    table(
        ("concurrency 50", "records/s", "CPU µs/record", "peak MB"),
        *(
            (
                f"{rows:,} records",
                f"{rows / cost.seconds:,.0f}",
                f"{cost.cpu / rows * 1e6:.0f}",
                f"{cost.peak:.1f}",
            )
            for rows, cost in zip(sizes, (one.beyond(start) for one in costs), strict=True)
        ),
    )


if __name__ == "__main__":
    main(small=is_small())
