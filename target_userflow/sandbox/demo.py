"""The demo: a sandbox on a free port, the real target on the sample, and what came of it."""

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
from target_userflow.sandbox.handle import running

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.sandbox.handle import Sandbox

_ENDS = (signal.SIGINT, signal.SIGTERM)


def demo(say: Callable[[str], None], *, stay: bool) -> int:
    """Show the target at work.

    Args:
        say: Takes each line for the person who watches.
        stay: Whether the sandbox stays up until Ctrl-C.

    Returns:
        The exit status: 0 if all of the sample was delivered.
    """
    with running() as sandbox, tempfile.TemporaryDirectory(prefix="target-userflow-") as place:
        messages = list(sample.lines())
        say(f"Sandbox  {sandbox.url}, in place of Userflow and User Interviews")
        status, seconds = _run_target(Path(place), sandbox, messages)
        say(f"Target   exit status {status} after {seconds:.1f} s\n")
        read, found = _read(messages), _found(sandbox.state())
        _tell(say, sandbox, read, found)
        if stay:
            _stay(say, sandbox)
        return status or int(read != found)


def _run_target(place: Path, sandbox: Sandbox, messages: list[str]) -> tuple[int, float]:
    config = place / "config.json"
    files = {"dead_letter_dir": str(place / "dead-letters"), "ledger": str(place / "ledger.db")}
    config.write_text(json.dumps({**sandbox.config, **files}))
    started = time.monotonic()
    done = subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-m", "target_userflow", "--config", str(config)],
        input="\n".join(messages),
        stdout=subprocess.DEVNULL,
        cwd=place,
        env={**os.environ, "TARGET_USERFLOW_LOGLEVEL": "WARNING"},  # what went well is told below
        text=True,
        check=False,
    )
    return done.returncode, time.monotonic() - started


def _read(messages: list[str]) -> dict[str, int]:
    parsed = map(json.loads, messages)
    counts = Counter(one["stream"] for one in parsed if one["type"] == "RECORD")
    return {stream.removeprefix("public-"): count for stream, count in counts.items()}


def _found(state: dict[str, Any]) -> dict[str, int]:
    memberships = sum(len(user["memberships"]) for user in state["users"].values())
    counts = {name: len(state[name]) for name in ("events", "groups", "participants", "users")}
    return {**counts, "memberships": memberships}


def _tell(
    say: Callable[[str], None], sandbox: Sandbox, read: dict[str, int], found: dict[str, int]
) -> None:
    say(f"{'':<14}{'in the sample':>14}{'in the sandbox':>16}")
    for name, count in sorted(read.items()):
        say(f"{name:<14}{count:>14,}{found[name]:>16,}")
    state = sandbox.state()
    user = state["users"].get("u1", {"attributes": {}})
    participant = state["participants"].get(user["attributes"].get("email"))
    _show(say, "One of the users, as Userflow", {"id": "u1", **user})
    _show(say, "The same person, as User Interviews", participant)


def _show(say: Callable[[str], None], what: str, value: object) -> None:
    say(f"\n{what} has it now:")
    say(json.dumps(value, indent=2, default=str))


def _stay(say: Callable[[str], None], sandbox: Sandbox) -> None:
    """Wait for Ctrl-C; the signals are held back first, so that none comes too early to be seen."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    say("\nLook around; Ctrl-C ends it:")
    say(f"  {sandbox.url}/ in a browser shows all of it, and every request as it comes")
    say(
        f"  curl -H 'Authorization: Bearer {sandbox.api_key}' -H 'Userflow-Version: 2020-01-03' "
        f"-H 'Accept: application/json' '{sandbox.url}/users?email=…'"
    )
    say(f"  curl {sandbox.url}/_sandbox/state")
    signal.sigwait(_ENDS)
    say("")
