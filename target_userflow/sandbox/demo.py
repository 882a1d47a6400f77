"""The demo: runs the real target on the sample against a sandbox, and prints what arrived."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_userflow.sandbox import sample
from target_userflow.sandbox.client import running

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.sandbox.client import Sandbox

_ENDS = (signal.SIGINT, signal.SIGTERM)


def demo(echo: Callable[[str], None], *, stay: bool) -> int:
    """Run the demo.

    Args:
        echo: Prints a line.
        stay: Whether the sandbox runs on until Ctrl-C.

    Returns:
        The exit status: 0 if all of the sample arrived.
    """
    with running() as sandbox, tempfile.TemporaryDirectory(prefix="target-userflow-") as folder:
        messages = list(sample.lines())
        echo(f"Sandbox  {sandbox.url}, in place of Userflow and User Interviews")
        status, seconds = _run_target(Path(folder), sandbox, messages)
        echo(f"Target   exit status {status} after {seconds:.1f} s\n")
        sent, arrived = _sent(messages), _arrived(sandbox.state())
        _compare(echo, sandbox, sent, arrived)
        if stay:
            _stay(echo, sandbox)
        return status or int(sent != arrived)


def _run_target(directory: Path, sandbox: Sandbox, messages: list[str]) -> tuple[int, float]:
    config = directory / "config.json"
    files = {
        "dead_letter_dir": str(directory / "dead-letters"),
        "ledger": str(directory / "ledger.db"),
    }
    config.write_text(json.dumps({**sandbox.config, **files}))
    started = time.monotonic()
    process = subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-m", "target_userflow", "--config", str(config)],
        input="\n".join(messages),
        stdout=subprocess.DEVNULL,
        cwd=directory,
        env={**os.environ, "TARGET_USERFLOW_LOGLEVEL": "WARNING"},  # the counts below show the rest
        text=True,
        check=False,
    )
    return process.returncode, time.monotonic() - started


def _sent(messages: list[str]) -> dict[str, int]:
    parsed = map(json.loads, messages)
    counts = Counter(message["stream"] for message in parsed if message["type"] == "RECORD")
    return {stream.removeprefix("public-"): count for stream, count in counts.items()}


def _arrived(state: dict[str, Any]) -> dict[str, int]:
    memberships = sum(len(user["memberships"]) for user in state["users"].values())
    counts = {kind: len(state[kind]) for kind in ("events", "groups", "participants", "users")}
    return {**counts, "memberships": memberships}


def _compare(
    echo: Callable[[str], None], sandbox: Sandbox, sent: dict[str, int], arrived: dict[str, int]
) -> None:
    echo(f"{'':<14}{'in the sample':>14}{'in the sandbox':>16}")
    for stream, count in sorted(sent.items()):
        echo(f"{stream:<14}{count:>14,}{arrived[stream]:>16,}")
    state = sandbox.state()
    user = state["users"].get("u1", {"attributes": {}})
    participant = state["participants"].get(user["attributes"].get("email"))
    _show(echo, "One of the users, as Userflow", {"id": "u1", **user})
    _show(echo, "The same person, as User Interviews", participant)


def _show(echo: Callable[[str], None], title: str, value: object) -> None:
    echo(f"\n{title} has it now:")
    echo(json.dumps(value, indent=2, default=str))


def _stay(echo: Callable[[str], None], sandbox: Sandbox) -> None:
    """Wait for Ctrl-C; block the signals first, so that an early signal is not lost."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    echo("\nLook around; Ctrl-C ends it:")
    echo(f"  {sandbox.url}/ in a browser shows all of it, and every request as it comes")
    echo(
        f"  curl -H 'Authorization: Bearer {sandbox.api_key}' -H 'Userflow-Version: 2020-01-03' "
        f"-H 'Accept: application/json' '{sandbox.url}/users?email=…'"
    )
    echo(f"  curl {sandbox.url}/_sandbox/state")
    signal.sigwait(_ENDS)
    echo("")
