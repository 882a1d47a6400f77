"""How long it takes to say which version it is.

    uv run python tests/benchmarks/start.py [--small]

Profile: `python -X importtime -m target_userflow --version`.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from harness import TARGET, baseline, in_turns, is_small, run, table


def main(*, small: bool) -> None:
    """Print the table."""
    bare, own = [*baseline("nothing"), "--version"], [*TARGET, "--version"]
    nothing = Path(os.devnull)
    base, cost = in_turns(
        1 if small else 15, partial(run, bare, nothing), partial(run, own, nothing)
    )
    table(
        ("--version", "seconds", "of the bare SDK", "CPU seconds", "of the bare SDK"),
        ("bare SDK target", f"{base.seconds:.2f}", "1.00x", f"{base.cpu:.2f}", "1.00x"),
        (
            "target-userflow",
            f"{cost.seconds:.2f}",
            f"{cost.seconds / base.seconds:.2f}x",
            f"{cost.cpu:.2f}",
            f"{cost.cpu / base.cpu:.2f}x",
        ),
    )


if __name__ == "__main__":
    main(small=is_small())
