"""Meltano as people have it: a program of its own, and a project in a folder of its own."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    Command = list[str | Path]

MELTANO = "meltano==4.4.1"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Project:
    """A Meltano project."""

    meltano: Path
    home: Path

    @property
    def tap(self) -> Path:
        """The program of its tap-postgres."""
        return self.home / ".meltano/extractors/tap-postgres/venv/bin/tap-postgres"

    def __call__(self, *arguments: str, **variables: str) -> str:
        """Run meltano, to the end and with success: what is printed."""
        done = self.attempt(*arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def attempt(
        self, *arguments: str, typed: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run meltano, however it ends."""
        environment = _environment() | variables
        return run([self.meltano, *arguments], self.home, env=environment, input=typed)


def installed(requirement: str, directory: Path, *others: str) -> Path:
    """Where the programs of a tool are that can't share our environment.

    `others` are installed beside it.
    """
    uv = _uv()
    created = run([uv, "venv", "--python", sys.executable, directory], ROOT)
    done = run([uv, "pip", "install", "--python", directory, requirement, *others], ROOT)
    if created.returncode or done.returncode:
        pytest.skip(f"{requirement} can't be installed: {done.stderr[-500:]}")
    return directory / "bin"


def meltano_of(factory: pytest.TempPathFactory, requirement: str = MELTANO) -> Path:
    """Meltano's program, which all workers of a session share: it is large, and only read."""
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    tool = folder / re.sub(r"\W", "-", requirement)
    with (folder / f"{tool.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (tool / "bin/meltano").exists():
            installed(requirement, tool)
    return tool / "bin/meltano"


def index(directory: Path) -> Path:
    """A folder that packages are found in: the target alone, as it would be published."""
    under_test = os.environ.get("UNDER_TEST")
    if under_test:
        return Path(under_test).parent
    done = run([_uv(), "build", "--quiet", "--wheel", "--out-dir", directory], ROOT)
    assert done.returncode == 0, done.stderr
    return directory


def run(command: Command, directory: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, however that is."""
    return subprocess.run(  # noqa: S603 - our own commands
        command, capture_output=True, check=False, cwd=directory, text=True, timeout=300, **options
    )


def _uv() -> str:
    return shutil.which("uv") or pytest.skip("uv is not installed")


def _environment() -> dict[str, str]:
    """Ours, without what a developer has set for other Meltano projects."""
    theirs = ("MELTANO_", "TAP_", "TARGET_")
    return {name: one for name, one in os.environ.items() if not name.startswith(theirs)}
