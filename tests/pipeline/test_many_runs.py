"""Runs of an orchestrator that share an account: real processes, one PostgreSQL, one API."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.forks import side_by_side
from support.invariants import counts
from support.process import Result, config_file, record, run_target, schema, singer, state, writes
from support.readme import block
from support.taps import run_here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.postgres import Database

    from target_userflow.sandbox import Sandbox

SHARDS = 8
MANY = 64
USERS = schema("users", {"id": "string", "plan": "string"})
EVENTS = schema("events", {"id": "string", "user_id": "string", "name": "string"})
INPUT = [
    USERS,
    EVENTS,
    *(record("users", id=f"u{n}", plan="pro") for n in range(MANY)),
    *(record("events", id=f"e{n}", user_id=f"u{n}", name="used") for n in range(MANY)),
    state("all"),
]
OF_THE_INDEX = "TARGET_USERFLOW_SHARD=$((JOB_COMPLETION_INDEX + 1))/8"
"""As docs/many-runs.md has it for a pod of an indexed job, which a test compares."""
PAGE = Path(__file__).parents[2] / "docs/many-runs.md"


@pytest.fixture
def shared(sandbox: Sandbox, postgres: Database) -> dict[str, Any]:
    """A config with a ledger that all runs share."""
    database = postgres.create(f"runs_{uuid.uuid4().hex}")
    url = database.url.replace("://", "+psycopg://")
    return {**sandbox.config, "ledger": url, "skip_unchanged": True}


def shard_of(index: int) -> str:
    """What the shell of a pod makes of its completion index."""
    done = subprocess.run(  # noqa: S603 - our own command
        ["/bin/sh", "-c", f'{OF_THE_INDEX}; echo "$TARGET_USERFLOW_SHARD"'],
        env={"JOB_COMPLETION_INDEX": str(index)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def results(homes: list[Path], statuses: list[int]) -> list[Result]:
    """How each of several runs ended."""
    return [
        Result(
            status,
            [json.loads(line) for line in (home / "states").read_bytes().splitlines()],
            (home / "log").read_text(),
        )
        for home, status in zip(homes, statuses, strict=True)
    ]


def test_eight_shards_deliver_each_record_once(
    sandbox: Sandbox, tmp_path: Path, shared: dict[str, Any]
) -> None:
    """Eight processes at once on one input and one ledger: together they deliver it, once."""
    tap = tmp_path / "tap.singer"
    tap.write_bytes(singer(INPUT))
    config = str(config_file(tmp_path, {**shared, "concurrency": 4}))
    homes = [tmp_path / f"pod-{index}" for index in range(SHARDS)]
    for home in homes:
        home.mkdir()
    envs = [{"TARGET_USERFLOW_SHARD": shard_of(index)} for index in range(SHARDS)]
    arguments = ["--config", config, "--config", "ENV"]
    ended = results(homes, side_by_side(arguments, tap, homes, envs))
    assert [one.status for one in ended] == [0] * SHARDS, [one.errors for one in ended]
    assert [one.states for one in ended] == [["all"]] * SHARDS
    for stream in ("users", "events"):
        told = [counts(one)[stream] for one in ended]
        assert {one["delivered"] + one["skipped"] for one in told} == {MANY}
        assert sum(one["delivered"] for one in told) == MANY
    again = run_here(tmp_path, shared, INPUT).counts
    assert again["users"] == {"received": MANY, "unchanged": MANY}
    assert again["events"] == {"received": MANY, "duplicate": MANY}
    arrived = Counter((one["path"], one["body"].get("id")) for one in writes(sandbox))
    assert arrived.pop(("/events", None)) == MANY
    assert set(arrived.values()) == {1}
    assert len(arrived) == MANY


@pytest.fixture
def meltano(tmp_path: Path) -> dict[str, str]:
    """Variables with which `meltano` says how it was started, and for which part."""
    program = tmp_path / "meltano"
    program.write_text('#!/bin/sh\necho "$TARGET_USERFLOW_SHARD: $*"\n')
    program.chmod(0o700)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}"}


def said(command: list[str], env: dict[str, str]) -> str:
    """What a command prints."""
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)  # noqa: S603 - of our own pages
    return done.stdout.strip()


@pytest.mark.skipif(not PAGE.exists(), reason="only in a checkout")
def test_each_pod_of_the_indexed_job_runs_its_part(meltano: dict[str, str]) -> None:
    """As many pods as parts, and what each of them runs is what was run above."""
    spec = yaml.safe_load(block("yaml", "kind: Job"))["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    command = [*container["command"], *container["args"]]
    assert f"export {OF_THE_INDEX}\n" in container["args"][0]
    assert (spec["completionMode"], spec["completions"]) == ("Indexed", SHARDS)
    for index in (0, SHARDS - 1):
        assert said(command, {**meltano, "JOB_COMPLETION_INDEX": str(index)}) == (
            f"{index + 1}/8: run --state-id-suffix shard-{index} tap-postgres target-userflow"
        )


@pytest.mark.skipif(not PAGE.exists(), reason="only in a checkout")
def test_each_mapped_task_runs_its_part(
    meltano: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow is not there: its decorator calls the function, its operator says what it got."""
    tasks: list[dict[str, Any]] = []

    def partial(**options: Any) -> SimpleNamespace:
        return SimpleNamespace(expand=lambda env: tasks.extend({**options, "env": e} for e in env))

    operators = "airflow.providers.standard.operators.bash"
    parts = operators.split(".")
    for name in ("airflow.sdk", *(".".join(parts[:n]) for n in range(1, len(parts) + 1))):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    vars(sys.modules[operators])["BashOperator"] = SimpleNamespace(partial=partial)
    vars(sys.modules["airflow.sdk"])["dag"] = lambda **_: lambda function: function
    monkeypatch.setitem(sys.modules, "pendulum", dt)
    exec(compile(block("python", "BashOperator"), "dag", "exec"), {})  # noqa: S102 - our own page
    assert [
        said(["/bin/sh", "-c", one["bash_command"]], {**meltano, **one["env"]}) for one in tasks
    ] == [
        f"{n}/8: run --state-id-suffix shard-{n} tap-postgres target-userflow"
        for n in range(1, SHARDS + 1)
    ]


def test_what_another_shard_delivers_is_skipped_with_that_reason(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The report says how many, so that the parts can be added up."""
    report = tmp_path / "report.json"
    config = {**sandbox.config, "shard": "1/2", "report_path": str(report)}
    counted = run_here(tmp_path, config, INPUT[:1] + INPUT[2 : 2 + MANY]).counts["users"]
    assert counted["delivered"] + counted["skipped"] == MANY
    told = json.loads(report.read_text())["skipped"]
    assert [(one["reason"], one["count"]) for one in told] == [("other shard", counted["skipped"])]


def bad_records() -> Iterator[dict[str, Any]]:
    """Records that are rejected: for their ids, and for something else though these are good."""
    for n in range(10):
        yield record("users", id=None, plan=f"p{n}")
        yield record("users", id=f"u{n}", plan={"no": "text"})
        yield record("events", id=f"e{n}", user_id=f"u{n}", name="no $ name")
        yield record("events", id=f"f{n}", user_id=None, name="used")
        yield record("participants", email=f"p{n}@nowhere")
        yield record("memberships", user_id=f"u{n}", group_id=None)


def test_a_bad_record_is_rejected_by_one_shard(sandbox: Sandbox, tmp_path: Path) -> None:
    """Eight dead letters of one row would be replayed eight times, and none would be a loss."""
    schemas = [
        *(USERS, EVENTS),
        schema("participants", {"email": "string"}, keys=["email"]),
        schema("memberships", {"user_id": "string", "group_id": "string"}, keys=["user_id"]),
    ]
    rejected: dict[str, list[int]] = {one["stream"]: [] for one in schemas}
    for number in (1, 2, 3):
        config = {**sandbox.config, "shard": f"{number}/3", "abort_reject_ratio": 1}
        counted = run_here(tmp_path, config, [*schemas, *bad_records()]).counts
        for stream, of in rejected.items():
            of.append(counted[stream].get("rejected", 0))
    assert {stream: sum(of) for stream, of in rejected.items()} == {
        "users": 20,
        "events": 20,
        "participants": 10,
        "memberships": 10,
    }
    assert all(max(of) < sum(of) for of in rejected.values())


def test_a_stream_map_decides_before_the_shards_do(sandbox: Sandbox, tmp_path: Path) -> None:
    """Records are dealt out by the ids that are sent, which a map may make of other columns."""
    users = [record("users", id=f"u{n}", plan=f"p{n % 8}") for n in range(MANY)]
    delivered = []
    for number in (1, 2):
        maps = {"users": {"id": "plan"}}
        config = {**sandbox.config, "shard": f"{number}/2", "stream_maps": maps, "ledger": ""}
        counted = run_here(tmp_path, config, [USERS, *users]).counts["users"]
        delivered.append(counted.get("delivered", 0) + counted.get("merged", 0))
    assert sum(delivered) == MANY
    assert len(sandbox.state()["users"]) == 8


def test_too_many_rejects_are_those_of_the_shard(sandbox: Sandbox, tmp_path: Path) -> None:
    """A mapping that is wrong everywhere stops each shard, though most records are others'."""
    bad = [record("users", id=f"u{n}", plan={"no": "text"}) for n in range(1_000)]
    result = run_target(tmp_path, {**sandbox.config, "shard": "2/4"}, [USERS, *bad])
    assert result.status == 1
    assert "abort_reject_ratio allows" in result.errors[0]


def test_a_shard_deletes_what_is_its_own(sandbox: Sandbox, tmp_path: Path) -> None:
    """Rows that a version leaves behind are deleted by the shard that has their keys, and once."""
    ledger = str(tmp_path / "shared.db")
    rows = [record("users", id=f"u{n}", plan="pro") for n in range(40)]

    def run(number: int, version: int, some: list[Any]) -> None:
        config = {**sandbox.config, "shard": f"{number}/2", "hard_delete": True, "ledger": ledger}
        table = [{**one, "version": version} for one in some]
        end = {"type": "ACTIVATE_VERSION", "stream": "users", "version": version}
        messages = [USERS, *table, end, state(version)]
        assert run_here(tmp_path, {**config, "max_delete_ratio": 0.5}, messages).status == 0

    run(1, 1, rows)
    run(2, 2, rows)
    assert len(sandbox.state()["users"]) == 40
    run(1, 3, rows[10:])
    left = len(sandbox.state()["users"])
    assert 30 < left < 40
    run(2, 4, rows[10:])
    assert sorted(sandbox.state()["users"]) == sorted(f"u{n}" for n in range(10, 40))
    deletions = [one["path"] for one in writes(sandbox) if one["method"] == "DELETE"]
    assert len(deletions) == len(set(deletions)) == 10


def test_a_shard_that_is_none_stops_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    """One line that says how it is written; nothing is sent."""
    result = run_target(tmp_path, {**sandbox.config, "shard": "9/8"}, INPUT)
    assert result.status == 1
    assert ["3/8" in line for line in result.errors] == [True]
    assert not sandbox.requests()


def test_runs_of_one_machine_meet_beside_their_ledgers(sandbox: Sandbox, tmp_path: Path) -> None:
    """In a file that its owner alone can read, and only where there is a budget to share."""
    for config in ({}, {"requests_per_minute": 6_000, "ledger": ""}, {"limit_group": "ours"}):
        home = tmp_path / f"home-{len(config)}-{'ledger' in config}"
        ledger = {"ledger": str(home / "own.db"), **config}
        messages = [USERS, record("users", id="ada", plan="pro")]
        assert run_here(tmp_path, {**sandbox.config, **ledger}, messages).status == 0
        made = [path.name for path in home.iterdir()] if home.exists() else []
        assert made == (["limits.db"] if "limit_group" in config else [])
    assert (home / "limits.db").stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_made_shares_nothing(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The budget holds for this run alone, which a warning says; it needs no ledger."""
    (tmp_path / "file").touch()
    config = {"ledger": str(tmp_path / "file" / "own.db"), "requests_per_minute": 6_000}
    messages = [USERS, record("users", id="ada", plan="pro")]
    assert run_here(tmp_path, {**sandbox.config, **config}, messages).status == 0
    assert "The limits are not shared with other runs" in caplog.text
