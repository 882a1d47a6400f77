"""The commands of the README and docs/ do what is said of them, typed as they stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.meltano import run
from support.process import record, run_target, schema, writes
from support.readme import block, commands, config, loaders
from support.shell import RUN_HERE, TESTS, Shell, at

from target_userflow.sandbox import Sandbox
from target_userflow.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.postgres import Database
    from support.process import Result


MANAGED = Path("/usr/bin/python3")
needs_a_managed_python = pytest.mark.skipif(
    not [*Path("/usr/lib").glob("python3*/EXTERNALLY-MANAGED")]
    or not (TESTS.parent / ".git").exists(),
    reason="only in a clone, and where the system's Python is externally managed",
)
ONCE = [
    schema("events", {"id": "string", "user_id": "string", "name": "string"}),
    record("events", id="e", user_id="u", name="x"),
]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """`pip` installs nothing, an environment is empty, and `tap-postgres` writes its file.

    What is installed is this checkout; `.ci/outside` installs the package.
    """
    programs = {
        "pip": "",
        "python3": "mkdir -p .venv/bin && : > .venv/bin/activate",
        "uv": 'shift; exec "$@"',
        "tap-postgres": "cat tap.singer",
    }
    (tmp_path / "bin").mkdir()
    for name, script in programs.items():
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)
    return Shell(tmp_path)


@pytest.fixture
def port() -> int:
    """One that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@needs_a_managed_python
def test_the_demo_runs_from_nothing_and_installs_no_development_tools(tmp_path: Path) -> None:
    """The line works on an externally managed Python, which refuses `pip install uv`."""
    files = run(["git", "ls-files"], TESTS.parent).stdout.split()
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TESTS.parent / name, tmp_path / name)
    (line,) = (one for one in commands(block("shell", "demo --exit")) if "demo" in one)
    path = f"{MANAGED.parent}:/bin"
    environment = {name: one for name, one in os.environ.items() if name != "VIRTUAL_ENV"}
    done = run(["bash", "-c", line], tmp_path, env={**environment, "PATH": path})
    assert done.returncode == 0, done.stderr
    assert re.search(r"^users +200 +200$", done.stdout, re.MULTILINE)
    assert (tmp_path / ".venv/bin/target-userflow").exists()
    assert not (tmp_path / ".venv/bin/pytest").exists()


def test_ones_own_users_take_two_terminals(shell: Shell, port: int) -> None:
    """In one the sandbox, in the other the target, whichever is started first."""
    serve, deliver, check = (at(port, block("shell", words)) for words in RUN_HERE[:3])
    with shell.started(serve):
        shell(deliver)
        assert f"Userflow (http://127.0.0.1:{port}): ok" in shell(check)
        sandbox = Sandbox(f"http://127.0.0.1:{port}", Settings())
        attributes = {"email": "ada@example.com", "plan": "pro"}
        assert sandbox.state()["users"]["ada"]["attributes"] == attributes
        assert len(writes(sandbox)) == 1  # the second run is a dry one


def test_a_pipe_without_meltano_checks_delivers_and_keeps_its_state(
    shell: Shell, sandbox: Sandbox
) -> None:
    """The config is written, the key is let in, the tap's rows arrive, and its STATE is kept."""
    tap = [
        schema("public-customers", {"id": "string"}),
        record("public-customers", id="ada"),
        {"type": "STATE", "value": {"bookmark": 7}},
    ]
    (shell.home / "tap.singer").write_text("".join(f"{json.dumps(one)}\n" for one in tap))
    typed = block("shell", RUN_HERE[3])
    ours = json.dumps({"api_key": sandbox.api_key, "api_url": sandbox.url})[1:-1]
    said = shell(typed.replace('"api_key": "ak_…"', ours))
    assert f"Userflow ({sandbox.url}): ok" in said
    assert sandbox.state()["users"].keys() == {"ada"}
    assert json.loads((shell.home / "state.json").read_text()) == {"bookmark": 7}


@pytest.mark.parametrize("terminal", ["bash", "sh"])
def test_a_run_without_meltano_needs_no_state_and_loses_none(
    shell: Shell, sandbox: Sandbox, terminal: str
) -> None:
    """The first run finds no STATE; one that fails keeps the last one, or what it got to."""
    tap = shell.home / "bin" / "tap-postgres"
    tap.write_text('#!/bin/sh\nfor state; do :; done\ncat "$state" >> seen && cat tap.singer\n')
    config = {**sandbox.config, "batch_size_rows": 1}
    (shell.home / "config.json").write_text(json.dumps(config))
    typed = block("shell", RUN_HERE[3]).partition("--check\n")[2]

    def run(*messages: object) -> object:
        (shell.home / "tap.singer").write_text("".join(f"{json.dumps(one)}\n" for one in messages))
        (shell.home / "typed").write_text(typed)
        shell(f"{terminal} typed || true")
        return json.loads((shell.home / "state.json").read_text())

    users = schema("users", {"id": "string"}), record("users", id="ada")
    assert run(*users, {"type": "STATE", "value": 7}) == 7
    assert run("no message") == 7
    assert run(*users, {"type": "STATE", "value": 8}, *users[1:], "no message") == 8
    assert (shell.home / "seen").read_text().split() == ["{}", "7", "7"]


def test_dead_letters_are_counted_and_replayed_by_the_recipe(
    shell: Shell, sandbox: Sandbox
) -> None:
    """They are told by reason, delivered, and gone."""
    config = {**sandbox.config, "dead_letter_dir": ".target-userflow/dead-letters"}
    sandbox.script([{"status": 400}, {"status": 400}])
    users = [
        schema("users", {"id": "string"}),
        record("users", id="ada"),
        record("users", id="bob"),
    ]
    assert run_target(shell.home, config, users).status == 1
    assert sandbox.state()["users"] == {}
    said = shell(block("shell", RUN_HERE[4]))
    assert re.search(r"^ +2 of users: HTTP 400", said, re.MULTILINE)
    assert sandbox.state()["users"].keys() == {"ada", "bob"}
    left = {path.parent.name for path in shell.home.rglob("*.singer")}
    assert left == {shell.home.name, "replayed"}  # the input of the first run, and what went


def test_the_recipe_for_ci_ends_well_and_leaves_nothing_running(shell: Shell, port: int) -> None:
    """And it fails if the user that it looks for did not arrive."""
    typed = at(port, block("shell", RUN_HERE[5]))
    (shell.home / "tests").mkdir()
    users = shell.home / "tests" / "users.singer"
    ada = record("users", id="ada", plan="pro")
    lines = [json.dumps(schema("users", {"id": "string", "plan": "string"})), json.dumps(ada)]
    users.write_text("\n".join(lines))
    shell(typed)
    with pytest.raises(ConnectionRefusedError):
        Sandbox(f"http://127.0.0.1:{port}", Settings()).state()
    users.write_text("\n".join(lines).replace("ada", "bob"))
    with shell.started(typed) as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "KeyError: 'ada'" in out


# Recipes


def delivered(home: Path, sandbox: Sandbox, config: Mapping[str, Any], *messages: Any) -> Result:
    """A run that ends well."""
    result = run_target(home, {**sandbox.config, **config}, messages)
    assert result.status == 0, result.log
    return result


def test_environments_have_ledgers_of_their_own(sandbox: Sandbox, tmp_path: Path) -> None:
    """What was delivered to one is sent to the other, and each has a file."""
    for loader in loaders(config("environments")):
        settings = {**loader["config"], "api_key": sandbox.api_key}
        for _ in range(2):
            delivered(tmp_path, sandbox, settings, *ONCE)
        assert (tmp_path / settings["ledger"]).exists()
    assert len(sandbox.state()["events"]) == 2


def test_machines_that_share_a_ledger_send_an_event_once(
    sandbox: Sandbox, tmp_path: Path, postgres: Database
) -> None:
    """Two directories stand for two machines."""
    shown = config("shared-ledger")["ledger"]
    database = postgres.create("shared_ledger").url.replace("postgresql://", "")
    ledger = f"{shown.partition('://')[0]}://{database}"
    for machine in ("one", "two"):
        (tmp_path / machine).mkdir()
        delivered(tmp_path / machine, sandbox, {"ledger": ledger}, *ONCE)
    assert len(sandbox.state()["events"]) == 1
