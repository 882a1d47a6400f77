"""Targets without a start-up: each is a process of its own, forked when all is imported.

What is run is as real as ever; two hundred imports would take some minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SERVER = """
import json, os, signal, sys
from contextlib import suppress
from target_userflow.ledger import store
from target_userflow import target
with suppress(ImportError):  # the smoke tests of the wheel do without
    from sqlalchemy.dialects.postgresql import psycopg as _
    import psycopg

NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if not child:
        signal.alarm(120)
        os.dup2(os.open(asked["log"], NEW, 0o600), 2)
        os.dup2(os.open(asked["states"], NEW, 0o600), 1)
        os.dup2(os.open(asked["tap"], os.O_RDONLY), 0)
        os.chdir(asked["directory"])
        os.environ.clear()
        os.environ.update(asked["env"])
        sys.stdin = os.fdopen(0)
        target.TargetUserflow.cli(asked["arguments"])
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


_SIDE_BY_SIDE = """
import json, os, sys
from contextlib import suppress
from target_userflow.ledger import store
from target_userflow import target
with suppress(ImportError):  # the smoke tests of the wheel do without
    from sqlalchemy.dialects.postgresql import psycopg as _
    import psycopg

NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
children = []
for asked in json.load(sys.stdin):
    child = os.fork()
    if not child:
        os.dup2(os.open(asked["log"], NEW, 0o600), 2)
        os.dup2(os.open(asked["states"], NEW, 0o600), 1)
        os.dup2(os.open(asked["tap"], os.O_RDONLY), 0)
        os.chdir(asked["directory"])
        os.environ.update(asked["env"])
        sys.stdin = os.fdopen(0)
        target.TargetUserflow.cli(asked["arguments"])
    children.append(child)
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]))
"""


def side_by_side(
    arguments: Sequence[str], tap: Path, homes: Sequence[Path], envs: Sequence[Mapping[str, str]]
) -> list[int]:
    """Run a target for each of some directories, all at the same time, on one input.

    Args:
        arguments: Those of each target.
        tap: What each reads.
        homes: Where each runs, and writes `states` and `log`.
        envs: The variables that each has beside those of this process.

    Returns:
        Their exit statuses.
    """
    asked = [
        {
            "tap": str(tap),
            "states": str(home / "states"),
            "log": str(home / "log"),
            "directory": str(home),
            "arguments": arguments,
            "env": dict(env),
        }
        for home, env in zip(homes, envs, strict=True)
    ]
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", _SIDE_BY_SIDE],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=120,
        check=True,
    )
    statuses: list[int] = json.loads(done.stdout)
    return statuses


class Forking:
    """Starts targets, one at a time; what each reads and writes are files, or pipes with names."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Ask the process that forks them."""
        assert process.stdin
        assert process.stdout
        self._ask, self._answers = process.stdin, process.stdout

    def start(
        self,
        arguments: Sequence[str],
        tap: Path,
        states: Path,
        log: Path,
        env: Mapping[str, str] | None = None,
    ) -> int:
        """The process id of a target that has just been started, in the directory of its states."""
        asked = {
            "tap": str(tap),
            "states": str(states),
            "log": str(log),
            "arguments": arguments,
            "directory": str(states.parent),
            "env": {**os.environ, **(env or {})},
        }
        print(json.dumps(asked), file=self._ask, flush=True)
        return int(self._answers.readline())

    def status(self) -> int:
        """How it ended."""
        return int(self._answers.readline())


@cache
def shared() -> Forking:
    """The process that forks the targets of the whole session; it ends with it."""
    return Forking(_server())


def _server() -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
