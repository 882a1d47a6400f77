"""Whether a record costs the same in a run of ten thousand and in one of a million.

    uv run python tests/benchmarks/growth.py [--small]

A million requests take a quarter of an hour. Profile of the memory:
`memray run -m target_userflow --config config.json < users`.
"""

from __future__ import annotations

from harness import directory, is_small, ours, run, stub, table, users


def main(*, small: bool) -> None:
    """Print the table, line by line as it is known."""
    sizes = (100,) if small else (10_000, 50_000, 100_000, 1_000_000)
    with directory() as place, stub(0) as server:
        command = ours(place / "config.json", server, concurrency=50)
        start = run(command, users(place / "none", 0))
        costs = [run(command, users(place / "users", rows)).beyond(start) for rows in sizes]
    table(
        ("concurrency 50, 0 ms", "records/s", "CPU µs/record", "peak MB"),
        *(
            (
                f"{rows:,} records",
                f"{rows / cost.seconds:,.0f}",
                f"{cost.cpu / rows * 1e6:.0f}",
                f"{cost.peak:.1f}",
            )
            for rows, cost in zip(sizes, costs, strict=True)
        ),
    )


if __name__ == "__main__":
    main(small=is_small())
