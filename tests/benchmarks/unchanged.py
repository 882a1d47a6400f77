"""What a row costs that has not changed: `skip_unchanged`, with 1 row of 100 changed.

    uv run python tests/benchmarks/unchanged.py [--small]

Profile: `py-spy record -o profile.svg -- python -m target_userflow --config config.json < users`,
with `skip_unchanged` and a `ledger` in the config, the second time.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from harness import baseline, directory, in_turns, is_small, ours, run, stub, table, users

if TYPE_CHECKING:
    from harness import Cost

SHARE = 100  # one row of so many is changed


def main(*, small: bool) -> None:
    """Print the table."""
    rows, rounds = (1_000, 1) if small else (200_000, 3)
    with directory() as place, stub(0) as server:
        first = users(place / "first", rows)
        changed = users(place / "changed", rows, changed=SHARE)
        none = users(place / "none", 0)
        ledger, filled = place / "ledger.db", place / "filled.db"
        idle = baseline("nothing")
        command = ours(
            place / "config.json", server, skip_unchanged=True, ledger=str(ledger), concurrency=10
        )

        def again() -> Cost:
            shutil.copy(filled, ledger)
            start = run(command, none)
            return run(command, changed).beyond(start)

        run(command, first)
        shutil.move(ledger, filled)
        before = server.written
        base, cost = in_turns(rounds, lambda: run(idle, changed).beyond(run(idle, none)), again)
        requests = (server.written - before) / rounds
        size = filled.stat().st_size / rows
    head = "rows/s", "of the SDK", "CPU µs/row", "requests", "ledger bytes/row"
    table(
        (f"{rows:,} rows", *head),
        ("SDK, a sink that does nothing", *_speed(base, base, rows), "", ""),
        (
            "skip_unchanged, 1 % changed",
            *_speed(cost, base, rows),
            f"{requests:,.0f}",
            f"{size:.1f}",
        ),
    )


def _speed(cost: Cost, base: Cost, rows: int) -> tuple[str, str, str]:
    per_second, ratio = rows / cost.seconds, base.seconds / cost.seconds
    return f"{per_second:,.0f}", f"{ratio:.2f}x", f"{cost.cpu / rows * 1e6:.0f}"


if __name__ == "__main__":
    main(small=is_small())
