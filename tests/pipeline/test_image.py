"""The container image: its steps, run as a script where no daemon is, make a target that works."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.meltano import ROOT, run
from support.process import record, schema, singer

if TYPE_CHECKING:
    from target_userflow.sandbox import Sandbox

DOCKERFILE = ROOT / "Dockerfile"
STANDING_FOR_ROOT = ("pip", "useradd", "install")
"""Programs that change the machine: only that they are called is looked at."""

pytestmark = pytest.mark.skipif(not DOCKERFILE.exists(), reason="only in a checkout")


def steps() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments."""
    lines = DOCKERFILE.read_text().replace("\\\n", "").splitlines()
    return [(verb, rest) for verb, _, rest in (one.partition(" ") for one in lines) if rest]


def inside(root: Path, text: str) -> str:
    """The same command with a directory in place of the image's root."""
    return re.sub(r"(?<![\w.:/])/(opt|src|data)\b", rf"{root}/\1", text)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A directory with what the steps put into an image."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in STANDING_FOR_ROOT:
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/called\n')
        (programs / name).chmod(0o700)
    directory = tmp_path
    for verb, rest in steps():
        if verb == "WORKDIR":
            directory = Path(inside(tmp_path, rest))
            directory.mkdir(exist_ok=True)
        elif verb == "COPY" and "--from" not in rest:
            *sources, to = rest.split()
            for source in sources:
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                copy(ROOT / source, directory / to / ("" if copy is shutil.copy else "."))
        elif verb == "RUN":
            path = f"{programs}:{os.environ['PATH']}"
            done = run(
                ["bash", "-ec", inside(tmp_path, rest)],
                directory,
                env={**os.environ, "PATH": path},
            )
            assert done.returncode == 0, done.stderr
    return tmp_path


def test_the_image_delivers_and_keeps_its_ledger_on_the_volume(
    image: Path, sandbox: Sandbox
) -> None:
    """What a tap pipes into the container arrives, and the ledger stands where the volume is."""
    found = dict(steps())
    (program,) = json.loads(found["ENTRYPOINT"])
    entry = Path(inside(image, found["ENV"].partition("=")[2].partition(":")[0])) / program
    events = [
        schema("events", {"id": "string", "user_id": "string", "name": "string"}),
        record("events", id="e", user_id="u", name="x"),
    ]
    home = Path(inside(image, found["VOLUME"]))
    variables = {"TARGET_USERFLOW_API_KEY": sandbox.api_key, "TARGET_USERFLOW_API_URL": sandbox.url}
    done = run(
        [entry, "--config", "ENV"],
        home,
        input=singer(events).decode(),
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, done.stderr
    assert len(sandbox.state()["events"]) == 1
    assert (home / ".target-userflow/ledger.db").exists()
    python = entry.parent / "python"
    assert run([python, "-c", "import psycopg"], home).returncode == 0
    assert run([python, "-c", "import pytest"], home).returncode != 0


def test_nothing_in_the_container_runs_as_root() -> None:
    """The user is made with a fixed number, owns the volume, and is who the target runs as."""
    found = dict(steps())
    assert found["USER"] == "target"
    assert found["WORKDIR"] == found["VOLUME"] == "/data"
    commands = [rest for verb, rest in steps() if verb == "RUN"]
    assert any("useradd --uid 10001" in one and "--owner target" in one for one in commands)
    assert [verb for verb, _ in steps()].index("ENTRYPOINT") == len(steps()) - 1
