"""A machine that has no more to give: one line, and what failed for it comes again."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.invariants import MARK, users
from support.process import TARGET, config_file, singer

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        pytest.param("ulimit -n 30", "Too many open files", id="files"),
        pytest.param("ulimit -s 65536; ulimit -v 900000", "can't start new thread", id="threads"),
        pytest.param("ulimit -v 300000", "can't start new thread", id="memory"),
    ],
)
def test_what_runs_out_makes_no_dead_letter(
    sandbox: Sandbox, tmp_path: Path, limit: str, said: str
) -> None:
    """Fifty workers are more than the process may have: exit 1, one line that says what to do."""
    sandbox.configure(latency_ms=200)  # so that all of them are worth their while
    config = {**sandbox.config, "concurrency": 50, "ledger": ""}
    command = [*TARGET, "--config", str(config_file(tmp_path, config))]
    run = subprocess.run(  # noqa: S603 - our own module
        ["/bin/sh", "-c", f'{limit}; exec "$0" "$@"', *command],
        input=singer(users(1_000)),
        capture_output=True,
        cwd=tmp_path,
        check=False,
    )
    log = run.stderr.decode()
    errors = [line for line in log.splitlines() if " | ERROR " in line]
    assert run.returncode == 1
    assert [said in line and "ulimit" in line for line in errors] == [True], log
    assert "Traceback" not in log
    assert [*tmp_path.rglob("*.singer")] == []
    last = json.loads((run.stdout.splitlines() or [b'{"read": 0}'])[-1])["read"]
    settled = {f"{MARK}-{number}" for number in range(1, last + 1)}
    assert settled <= sandbox.state()["users"].keys()
