"""What it takes to bring a hundred thousand users to where 1 % of them differ: real sandbox.

    uv run python tests/benchmarks/compare.py [--small]

Requests are counted by the sandbox, and are exact; times are those of one run, and tell by ratios.
The memory of 10,000,000 users is that of the store alone, filled with as many fingerprints.
"""

from __future__ import annotations

from harness import directory, is_small, table, users

from target_userflow.sandbox import running

LATENCY_MS = 20
SHARE = 100  # one user of so many differs
LIMIT = 6_000


def main(*, small: bool) -> None:
    """Print the table."""
    rows = 1_000 if small else 100_000
    with directory() as place, running(latency_ms=LATENCY_MS) as sandbox:
        files = place / "users", place / "changed", place / "few", place / "none"
        everything, changed, few, none = files
        users(everything, rows)
        users(changed, rows, changed=SHARE)
        users(few, 100, changed=SHARE)
        users(none, 0)
        start = _run(place, sandbox, none)
        lines = [
            (
                "today: all are sent",
                *_measured(sandbox, lambda: _run(place, sandbox, everything), start),
            ),
            (
                "compared, 1 % differs",
                *_measured(
                    sandbox,
                    lambda: _run(place, sandbox, changed, skip_unchanged="destination"),
                    start,
                ),
            ),
            (
                "100 of them",
                *_measured(
                    sandbox, lambda: _run(place, sandbox, few, skip_unchanged="destination"), start
                ),
            ),
        ]
        table((f"{rows:,} users", "reads", "writes", "seconds", "CPU s", "peak MB"), *lines)
    _print_store(10_000 if small else 1_000_000)


if __name__ == "__main__":
    main(small=is_small())
