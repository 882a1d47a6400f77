"""What the README has people type is run, and what it has them copy is a config that works."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.meltano import run
from support.process import record, run_target, schema
from support.readme import README, block, blocks, commands, inline_commands, loaders, recipes
from support.shell import RUN_HERE, TESTS, UV

from target_userflow.config import problems as configs
from target_userflow.config.schema import CONFIG_SCHEMA
from target_userflow.target import TargetUserflow

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox


HERE = "tests/pipeline/test_typed_commands.py:"
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
