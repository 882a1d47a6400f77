"""A variable that is set for the target is heard, or the run does not start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.process import Result, record, run_target, schema

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

USERS = [schema("users", {"id": "string"}), record("users", id="ada")]
HINT = "add --config ENV to the command"
MELTANO = {"MELTANO_LOADER_NAME": "target-userflow"}


def run(sandbox: Sandbox, home: Path, *arguments: str, config: Any = None, **env: str) -> Result:
    """A run with a config file, and variables of the target beside it."""
    own = {name if "MELTANO" in name else f"TARGET_USERFLOW_{name}": env[name] for name in env}
    config = {**sandbox.config, **(config or {})}
    return run_target(home, config, USERS, arguments=arguments, env=own)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DRY_RUN", "true"),
        ("API_KEY", "ak_zq7"),
        ("CONCURRENCY", "5"),
        ("STREAMS", '{"users": {"mode": "update"}}'),
        ("LEDGER", ""),
        ("STREAM_MAPS", '{"users": {"email": "md5(email)"}}'),
    ],
)
def test_a_variable_beside_a_config_file_is_no_whisper(
    sandbox: Sandbox, tmp_path: Path, name: str, text: str
) -> None:
    """It was meant to count: nothing is sent, and one line says what to add; no value is told."""
    result = run(sandbox, tmp_path, **{name: text})
    assert result.status == 1
    (line,) = result.errors
    assert line.startswith(f"TARGET_USERFLOW_{name} is set and not read")
    assert HINT in line
    assert "zq7" not in result.log
    assert sandbox.state()["users"] == {}


def test_what_is_added_lets_the_variable_count(sandbox: Sandbox, tmp_path: Path) -> None:
    """`--config ENV` beside the file reads both."""
    result = run(sandbox, tmp_path, "--config", "ENV", DRY_RUN="true")
    assert result.status == 0
    assert "Dry run: nothing was written" in result.log
    assert sandbox.state()["users"] == {}


@pytest.mark.parametrize(
    ("config", "name", "text"),
    [
        ({"concurrency": 5}, "CONCURRENCY", "5"),
        ({"dry_run": "false"}, "DRY_RUN", "no"),
        ({}, "DRY_RUN", "false"),
        ({}, "CONCURRENCY", ""),
        ({"streams": {"users": {"mode": "upsert"}}}, "STREAMS", '{"users": {"mode": "upsert"}}'),
        ({}, "LOGLEVEL", "info"),
        ({}, "VERSION", "1.0.0"),
    ],
)
def test_a_variable_that_changes_nothing_stops_nothing(
    sandbox: Sandbox, tmp_path: Path, config: Any, name: str, text: str
) -> None:
    """It says what the config says or what is the default, or it is no setting's at all."""
    result = run(sandbox, tmp_path, config=config, **{name: text})
    assert result.status == 0, result.log
    assert [*sandbox.state()["users"]] == ["ada"]
    assert ("names no setting 'version'" in result.log) is (name == "VERSION")


@pytest.mark.parametrize("arguments", [(), ("--config", "ENV")])
@pytest.mark.parametrize("meltano", [{}, MELTANO])
def test_a_slip_of_the_fingers_stops_the_run(
    sandbox: Sandbox, tmp_path: Path, arguments: tuple[str, ...], meltano: dict[str, str]
) -> None:
    """Nobody reads it, however the target is run; the line has the name that was meant."""
    result = run(sandbox, tmp_path, *arguments, DRYRUN="true", **meltano)
    assert result.status == 1
    assert result.errors == [
        "TARGET_USERFLOW_DRYRUN names no setting 'dryrun'. Did you mean 'dry_run'?"
    ]
    assert sandbox.state()["users"] == {}


def test_what_meltano_sets_is_in_its_config_file(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its own variables, those of extras and those of parts of objects are no slips."""
    own = {"DRY_RUN": "true", "_PIP_URL": "x", "STREAMS_USERS_OBJECT": "users", "STAGING_KEY": "x"}
    result = run(sandbox, tmp_path, **own, **MELTANO)
    assert (result.status, result.errors) == (0, [])
    assert "names no setting" not in result.log
    assert [*sandbox.state()["users"]] == ["ada"]


def test_a_file_of_variables_is_a_warning(sandbox: Sandbox, tmp_path: Path) -> None:
    """It may lie in a folder above, and be there for Meltano."""
    (tmp_path / ".env").write_text("TARGET_USERFLOW_DRY_RUN=true\nTARGET_USERFLOW_API_KEY=zq7\n")
    result = run(sandbox, tmp_path)
    assert result.status == 0
    warnings = [line for line in result.log.splitlines() if HINT in line]
    assert ["DRY_RUN" in line or "API_KEY" in line for line in warnings] == [True, True]
    assert str(tmp_path / ".env") in warnings[0]
    assert "zq7" not in result.log


def test_a_slip_in_a_file_of_variables_that_is_read_stops_the_run(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """With `--config ENV` it counts as much as a variable."""
    (tmp_path / ".env").write_text("TARGET_USERFLOW_DRYRUN=true\n")
    result = run(sandbox, tmp_path, "--config", "ENV")
    assert (result.status, len(result.errors)) == (1, 1)


def test_a_file_of_variables_that_is_none_stops_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nobody asked for it to be read."""
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00TARGET_USERFLOW_DRY_RUN=true")
    assert run(sandbox, tmp_path).status == 0
