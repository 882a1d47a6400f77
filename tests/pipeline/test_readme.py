"""What the README has people type is run, and what it has them copy is a config that works."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.meltano import run
from support.process import record, run_target, schema, writes
from support.readme import README, block, blocks, commands, config, inline_commands, recipes

from target_userflow.config import problems as configs
from target_userflow.config.schema import CONFIG_SCHEMA
from target_userflow.sandbox import Sandbox
from target_userflow.sandbox.settings import Settings
from target_userflow.target import TargetUserflow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from support.postgres import Database
    from support.process import Result

TESTS = Path(__file__).parents[1]
HERE = "tests/pipeline/test_readme.py:"
PIPELINE = "tests/pipeline/test_pipeline.py:"
ORCHESTRATION = "tests/pipeline/test_orchestration.py:"
IMAGE = "tests/pipeline/test_image.py:test_the_image_delivers"
MELTANO = "tests/pipeline/test_recipes.py:"
RESUMES = f"{PIPELINE}test_meltano_run_resumes_where_the_last_one_ended"
COMMANDS = f"{PIPELINE}test_commands_work_under_meltano_where_streams_are_set"
LETTERS = "tests/commands/test_dead_letters.py:"
REPLAYS = f"{LETTERS}test_a_replay_delivers_once_and_keeps_what_is_rejected_again"
LOOKS_UP = "tests/commands/test_ledger.py:test_the_ledger_says_when_a_record_was_delivered"
CHECKS = f"{PIPELINE}test_meltano_checks_the_keys"
REFRESHES = f"{PIPELINE}test_a_full_refresh_sends_no_event_twice"

UV = "python3 -m venv .uv && .uv/bin/pip install -q uv && .uv/bin/uv run"

RUN_HERE = [
    "&& target-userflow-sandbox serve\n",
    "tee users.singer",
    "target-userflow --config config.json --check && target-userflow",
    "[ -s state.json ]",
    "dead-letters list\n",
    "--seed 1 &",
]
"""Words of the blocks that the tests below run as they stand."""

RUN_ELSEWHERE = {
    "uv run python tests/benchmarks/budget.py known": ".ci/run:budget.py known --small",
    "uv run python tests/benchmarks/budget.py unknown": ".ci/run:budget.py unknown --small",
    f"{UV} --no-dev --extra sandbox target-userflow-sandbox demo --exit": (
        f"{HERE}test_the_demo_runs_from_nothing"
    ),
    f"{UV} --group browser pytest -n auto": ".ci/run:pytest",
    "target-userflow --config config.json --config ENV < /data/table.singer": (
        "tests/pipeline/test_many_runs.py:test_eight_shards_deliver"
    ),
    "target-userflow --config config.json --plan < input.singer": (
        "tests/plan/test_plan.py:test_a_plan_says_what_becomes_of_each_column"
    ),
    "tap-postgres --config tap.json --catalog catalog.json > input.singer": (
        f"{PIPELINE}def _pipe"
    ),
    "meltano invoke tap-postgres > input.singer": RESUMES,
    "meltano invoke target-userflow:plan < input.singer": f"{PIPELINE}target-userflow:plan",
    "tap-postgres --config tap.json | target-userflow --config config.json --verify": (
        "tests/compare/test_verify.py:--verify"
    ),
    "meltano invoke tap-postgres | meltano invoke target-userflow:verify": (
        f"{PIPELINE}target-userflow:verify"
    ),
    "docker build --tag target-userflow .": IMAGE,
    "tap-postgres --config tap.json --catalog catalog.json |\n  docker run --rm -i "
    "-v userflow:/data --env-file userflow.env target-userflow --config ENV > states": IMAGE,
    "docker compose run --rm -T target < users.singer": f"{ORCHESTRATION}test_the_composed_target",
    "meltano add loader target-userflow --from-ref ../target-userflow/hub/_data/meltano/loaders/"
    "target-userflow/original.yml": "tests/pipeline/test_release.py:test_meltano_adds",
    "target-userflow --version": ".ci/outside:target-userflow --version",
    "export TARGET_USERFLOW_API_KEY=ak_…": RESUMES,
    "export TAP_POSTGRES_HOST=… TAP_POSTGRES_DATABASE=… TAP_POSTGRES_USER=… "
    "TAP_POSTGRES_PASSWORD=…": RESUMES,
    "meltano install": f"{PIPELINE}project",
    "meltano invoke target-userflow --check": CHECKS,
    "meltano invoke target-userflow:check": CHECKS,
    "meltano run tap-postgres target-userflow": RESUMES,
    "meltano run tap-marts target-marts": (
        f"{PIPELINE}test_tables_of_other_names_are_what_the_recipe_says"
    ),
    "meltano run --full-refresh tap-postgres target-userflow": REFRESHES,
    "TARGET_USERFLOW_RESYNC_DAYS=0 meltano run --full-refresh tap-postgres target-userflow": (
        REFRESHES
    ),
    "meltano --environment=staging run tap-postgres target-userflow": (
        f"{PIPELINE}test_an_environment_has_a_state_and_a_ledger_of_its_own"
    ),
    "target-userflow --config config.json dead-letters replay 20261127T112701Z-4a73097e-677a1d09": (
        REPLAYS
    ),
    "target-userflow --config config.json < file": (
        "tests/guarantees/test_exit.py:test_dead_letters_are_replayed_as_they_are"
    ),
    "target-userflow --config config.json ledger show events 7": LOOKS_UP,
    "meltano invoke target-userflow dead-letters": COMMANDS,
    "meltano invoke target-userflow:dead-letters": COMMANDS,
    "meltano invoke target-userflow:dead-letters list": COMMANDS,
    "meltano invoke target-userflow:dead-letters show": COMMANDS,
    "meltano invoke target-userflow:dead-letters replay": COMMANDS,
    "meltano invoke target-userflow:ledger STREAM KEY": COMMANDS,
    'eval "$(_TARGET_USERFLOW_COMPLETE=bash_source target-userflow)"': (
        "tests/pipeline/test_about.py:test_a_shell_can_complete_the_commands"
    ),
    "pip install 'target-userflow[postgres-ledger]'": "pyproject.toml:[postgres-ledger,sandbox]",
    "target-userflow --about": "tests/pipeline/test_docs.py:settings",
    "target-userflow --config config.json < .target-userflow/dead-letters/<run>.singer": (
        "tests/guarantees/test_exit.py:test_dead_letters_are_replayed_as_they_are"
    ),
    "target-userflow-sandbox serve --rate-limit 600 --fault 503:0.01": (
        "tests/sandbox/test_command.py:test_every_option_is_taken_over"
    ),
}
"""What else the README and docs/ have people type, and the test that runs it: file:words in it."""

RECIPES = {
    "airflow": f"{ORCHESTRATION}test_a_task_is_not_tried",
    "dagster": f"{ORCHESTRATION}test_a_task_is_not_tried",
    "docker": f"{ORCHESTRATION}test_the_composed_target",
    "nps": "tests/pipeline/test_copy_environment.py:test_answers_to_a_survey",
    "github-actions": f"{ORCHESTRATION}test_the_scheduled_job",
    "postgresql": f"{PIPELINE}test_tables_of_other_names",
    "snowflake": f"{PIPELINE}test_tables_of_snowflake",
    "salesforce": f"{MELTANO}test_a_crm_enriches",
    "copy-environment": ("tests/pipeline/test_copy_environment.py:test_the_published_tap_copies"),
    "audience": f"{MELTANO}test_an_audience_is",
    "deletes": f"{MELTANO}test_a_row_that_is_gone",
    "backfill": f"{MELTANO}test_past_events_arrive",
    "full-refresh": REFRESHES,
    "dead-letters": f"{HERE}test_dead_letters_are",
    "ci": f"{HERE}test_the_recipe_for_ci",
    "environments": f"{HERE}test_environments_have_ledgers",
    "shared-ledger": f"{HERE}test_machines_that_share",
    "limits": f"{MELTANO}test_a_budget",
}

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


def in_the_project(claim: str) -> bool:
    """Whether what is claimed to run a command is there."""
    path, _, words = claim.partition(":")
    return words in (TESTS.parent / path).read_text()


def runs_itself(command: str) -> bool:
    """Whether it names tests or a benchmark, all of which `.ci/run` runs."""
    found = re.fullmatch(r"uv run (?:pytest|python) ((?:tests/\S+\.py ?)+)(?:-k \w+)?", command)
    paths = found[1].split() if found else []
    return bool(paths) and all([*TESTS.parent.glob(path)] for path in paths)


def is_mentioned(command: str) -> bool:
    """Whether it is only the beginning of a command, by which the text speaks of it."""
    typed = (one for shown in blocks("shell") for one in commands(shown))
    return any(f"{command} " in one and one != command for one in typed)


def test_no_command_is_left_unrun() -> None:
    """Whoever writes a command into the README says which test runs it, and nobody forgets one."""
    here = [block("shell", words) for words in RUN_HERE]
    others = [one for one in blocks("shell") if one not in here]
    typed = {command for one in others for command in commands(one)} | {*inline_commands()}
    claimed = {one for one in typed if not runs_itself(one) and not is_mentioned(one)}
    assert claimed == RUN_ELSEWHERE.keys(), "name the test of each command in RUN_ELSEWHERE"
    assert {one: claim for one, claim in RUN_ELSEWHERE.items() if not in_the_project(claim)} == {}


def test_the_readme_is_short() -> None:
    """At most 700 words of prose, tables and code; a word has a letter or a digit."""
    words = [word for word in README.read_text().split() if re.search(r"\w", word)]
    assert len(words) <= 700


def test_the_summary_of_the_readme_is_that_of_a_run(sandbox: Sandbox, tmp_path: Path) -> None:
    """Each of its lines stands in the log of a run with three bad records."""
    people = [record("users", id=f"u{n}", plan=n if n < 3 else "pro") for n in range(303)]
    announced = schema("users", {"id": "string", "plan": "string"})
    log = " ".join(run_target(tmp_path, sandbox.config, [announced, *people]).log.split())
    lines = [" ".join(line.split()) for line in blocks("text", README.read_text())[0].splitlines()]
    assert [line for line in lines if line not in log] == []


def test_no_recipe_is_left_untried() -> None:
    """Each has a test that runs it on a little data."""
    assert RECIPES.keys() == recipes().keys()
    assert {one: claim for one, claim in RECIPES.items() if not in_the_project(claim)} == {}


def loaders(project: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The loaders of (a part of) a Meltano project, those of its environments too."""
    plugins = [one["config"]["plugins"] for one in project.get("environments", [])]
    return [
        one for part in (project.get("plugins", {}), *plugins) for one in part.get("loaders", [])
    ]


def target_configs() -> list[dict[str, Any]]:
    """All configs of the target that the README shows."""
    shown = [yaml.safe_load(one) for one in blocks("yaml")]
    in_projects = [loader["config"] for one in shown for loader in loaders(one)]
    others = {"plugins", "environments", "jobs", "services", "kind", "groups"}
    plain = [one.get("config", one) for one in shown if not others & one.keys()]
    return [*in_projects, *plain]


@pytest.mark.parametrize("shown", target_configs(), ids=",".join)
def test_every_config_is_one_that_the_target_takes(shown: dict[str, Any]) -> None:
    """No setting in it is misspelt or of another type."""
    TargetUserflow.append_builtin_config(CONFIG_SCHEMA)
    assert configs.problems(shown, CONFIG_SCHEMA) == []


# Commands


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


def at(port: int, text: str) -> str:
    """The same commands with a sandbox that listens elsewhere."""
    served = text.replace("-sandbox serve", f"-sandbox serve --port {port}")
    return served.replace(":8765", f":{port}")


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_each_link_leads_to_a_file_or_a_heading(name: str) -> None:
    """Those between the pages of the site are looked at by `mkdocs build --strict`."""
    text = (TESTS.parent / name).read_text()
    headings = {
        "#" + one.lower().replace(" ", "-") for one in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", text)
    files = {link for link in links if not link.startswith("#")}
    assert {link for link in links if link.startswith("#")} <= headings
    assert {link for link in files if not (TESTS.parent / link).is_file()} == set()


def test_the_gate_runs_the_readmes_own_line_of_tests() -> None:
    """`.ci/run` takes it from the README, so that it is known to work."""
    found = re.search(r"\$\((grep .*README.md)\)", (TESTS.parent / ".ci/run").read_text())
    assert found
    line = run(["bash", "-c", found[1]], TESTS.parent).stdout.strip()
    assert line == f"{UV} --group browser pytest -n auto"
    assert line in README.read_text().splitlines()


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
