"""A terminal in which the commands of the README and docs/ are typed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


TESTS = Path(__file__).parents[1]
UV = "python3 -m venv .uv && .uv/bin/pip install -q uv && .uv/bin/uv run"
RUN_HERE = [
    "&& target-userflow-sandbox serve\n",
    "tee users.singer",
    "target-userflow --config config.json --check && target-userflow",
    "[ -s state.json ]",
    "dead-letters list\n",
    "--seed 1 &",
]
"""Words of the blocks that `test_typed_commands.py` runs as they stand."""


@dataclass(frozen=True)
class Shell:
    """A terminal in an empty directory, in which `uv run` and the programs are this checkout's."""

    home: Path

    @contextmanager
    def started(self, text: str) -> Iterator[subprocess.Popen[str]]:
        """What is typed is running; what it has started ends with the block."""
        command = ["bash", "-e", "-o", "pipefail", "-c", text]
        path = f"{self.home / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        pipe = subprocess.PIPE
        with subprocess.Popen(  # noqa: S603 - the README's own commands
            command,
            cwd=self.home,
            env={**os.environ, "PATH": path},
            start_new_session=True,
            stderr=subprocess.STDOUT,
            stdout=pipe,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):  # all of it has ended
                    os.killpg(process.pid, signal.SIGKILL)

    def __call__(self, text: str) -> str:
        """Run what is typed, to the end and with success: what it prints."""
        with self.started(text) as process:
            out, _ = process.communicate(timeout=60)
            assert process.returncode == 0, out
        return out


def at(port: int, text: str) -> str:
    """The same commands with a sandbox that listens elsewhere."""
    served = text.replace("-sandbox serve", f"-sandbox serve --port {port}")
    return served.replace(":8765", f":{port}")
