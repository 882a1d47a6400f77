"""Recipes for schedulers and containers: what they start works, and they tell failures apart."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.meltano import run
from support.process import config_file, record, schema, singer
from support.readme import blocks, recipes

from target_userflow.sandbox import Sandbox
from target_userflow.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

USERS = [schema("users", {"id": "string"}), record("users", id="ada")]
PROGRAMS = Path(sys.executable).parent


class NoRetryError(Exception):
    """A failure that the orchestrator does not try again."""


class RetryError(Exception):
    """One that it does."""


def undecorated(*arguments: Any, **_options: Any) -> Any:
    """What a decorator of an orchestrator is here, with arguments or without: nothing."""
    return arguments[0] if arguments else lambda function: function


def failure(text: str, *, allow_retries: bool = True) -> Exception:
    """Dagster's failure."""
    return RetryError(text) if allow_retries else NoRetryError(text)


def modules() -> dict[str, Any]:
    """As much of Airflow and Dagster as the recipes use."""
    names = ("dagster", "airflow", "airflow.sdk", "airflow.sdk.exceptions")
    found: dict[str, Any] = {name: ModuleType(name) for name in names}
    found["airflow.sdk.exceptions"].AirflowException = RetryError
    found["airflow.sdk.exceptions"].AirflowFailException = NoRetryError
    found["airflow.sdk"].task = undecorated
    found["airflow.sdk"].dag = lambda **_: lambda _function: lambda: None
    vars(found["dagster"]).update(
        op=undecorated,
        job=undecorated,
        Failure=failure,
        RetryPolicy=SimpleNamespace,
        Definitions=SimpleNamespace,
        ScheduleDefinition=SimpleNamespace,
    )
    return found


@pytest.fixture
def meltano(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose `meltano` pipes a file into the target."""
    config_file(tmp_path, {**sandbox.config, "report_path": "run.json"})
    (tmp_path / "tap.singer").write_bytes(singer(USERS))
    program = tmp_path / "bin" / "meltano"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n[ $1 = install ] && exit\n"
        f"[ '{tmp_path}' = $PWD ] || exit 9\n"
        f"exec {PROGRAMS}/target-userflow --config config.json < tap.singer\n"
    )
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path


@pytest.fixture(params=["airflow", "dagster"])
def deliver(
    request: pytest.FixtureRequest, meltano: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """The recipe's task."""
    (code,) = blocks("python", recipes()[request.param])
    for name, module in modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    found: dict[str, Any] = {}
    exec(code.replace("/srv/meltano", str(meltano)), found)  # noqa: S102 - the recipe's own code
    task: Callable[[], None] = found["deliver"]
    return task


def test_a_task_ends_well_when_everything_arrived(
    deliver: Callable[[], None], sandbox: Sandbox
) -> None:
    """Meltano is run in the project, and the users are there."""
    deliver()
    assert sandbox.state()["users"].keys() == {"ada"}


def test_a_task_is_not_tried_again_for_rejected_records(
    deliver: Callable[[], None], sandbox: Sandbox
) -> None:
    """Another try would reject them again; what was rejected is said."""
    sandbox.script([{"status": 400}])
    with pytest.raises(NoRetryError, match="HTTP 400"):
        deliver()


def test_a_task_is_tried_again_when_the_run_failed(
    deliver: Callable[[], None], sandbox: Sandbox
) -> None:
    """With the line that says why."""
    sandbox.script([{"status": 401}])
    with pytest.raises(RetryError, match="401"):
        deliver()


def test_the_scheduled_job_runs_its_steps(meltano: Path, sandbox: Sandbox) -> None:
    """Each is run in order, with what the job's variables are called in `--about` and Meltano."""
    (shown,) = (yaml.safe_load(one) for one in blocks("yaml", recipes()["github-actions"]))
    job = shown["jobs"]["deliver"]
    installs, *steps = [step["run"] for step in job["steps"] if "run" in step]
    assert shlex.split(installs) == ["pipx", "install", "meltano[s3]"]
    for step in steps:
        done = run(["bash", "-ec", step], meltano)
        assert done.returncode == 0, done.stderr
    assert sandbox.state()["users"].keys() == {"ada"}
    known = run([PROGRAMS / "target-userflow", "--about", "--format", "json"], meltano).stdout
    settings = {
        f"TARGET_USERFLOW_{name}".upper() for name in json.loads(known)["settings"]["properties"]
    }
    assert {name for name in job["env"] if name.startswith("TARGET")} <= settings


def test_the_composed_target_reaches_the_sandbox_of_another_container(tmp_path: Path) -> None:
    """The services' own commands and variables, with an address in place of the service's name."""
    (shown,) = (yaml.safe_load(one) for one in blocks("yaml", recipes()["docker"]))
    target, box = shown["services"]["target"], shown["services"]["sandbox"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    served = re.search(r"target-userflow-sandbox serve [^\"]*", box["command"])
    assert served
    program, *options = shlex.split(served[0])
    url = target["environment"]["TARGET_USERFLOW_API_URL"].replace(
        "sandbox:8765", f"0.0.0.0:{port}"
    )
    with subprocess.Popen([PROGRAMS / program, *options, "--port", str(port)]) as serving:  # noqa: S603
        try:
            done = run(
                [PROGRAMS / "target-userflow", *shlex.split(target["command"])],
                tmp_path,
                env={**os.environ, **target["environment"], "TARGET_USERFLOW_API_URL": url},
                input=singer(USERS).decode(),
            )
            assert done.returncode == 0, done.stderr
            arrived = Sandbox(f"http://127.0.0.1:{port}", Settings()).state()
            assert arrived["users"].keys() == {"ada"}
        finally:
            serving.terminate()
