"""The plan: what becomes of every column, before anything is written."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from support.process import (
    TARGET,
    asked,
    config_file,
    record,
    run_target,
    schema,
    singer,
    state,
    writes,
)
from support.taps import plan_here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

TIME = {"type": ["string", "null"], "format": "date-time"}
USERS = schema("users", {"id": "string", "EMAIL": "string", "mrr": "string", "logins": "string"})
ROWS = [record("users", id=f"{n}", EMAIL="ada@example.com", mrr=f"{n}.5") for n in range(5)]


@pytest.fixture
def plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """What plans an input: returns the exit status, and what `--plan=json` or a text says."""

    def planned(config: dict[str, Any], messages: Iterable[Any], form: str = "json") -> Any:
        capsys.readouterr()
        status = plan_here(tmp_path, config, messages, form=form)
        out = capsys.readouterr().out
        return status, json.loads(out) if form == "json" else out

    return planned


def defined(sandbox: Sandbox, home: Path) -> None:
    """Let there be the user 1, with an email and a number of logins."""
    users = schema("users", {"id": "string", "email": "string", "logins": "integer"})
    seed = record("users", id="1", email="ada@example.com", logins=1)
    assert run_target(home, sandbox.config, [users, seed]).status == 0


def test_a_plan_says_what_becomes_of_each_column_and_writes_nothing(
    sandbox: Sandbox, tmp_path: Path, plan: Callable[..., Any]
) -> None:
    """As facts: from which column, of which type, whether it is there, and who exists."""
    defined(sandbox, tmp_path)
    before = sandbox.state()
    files = sorted(tmp_path.rglob("*"))
    rows = [{**row, "record": {**row["record"], "logins": "3"}} for row in ROWS]
    status, found = plan(sandbox.config, [USERS, *rows, state(1)])
    (stream,) = found["streams"]
    assert (status, found["doubtful"], found["doubts"]) == (0, False, [])
    assert stream["roles"] == [{"role": "user_id", "column": "id", "by": "name", "before": []}]
    assert (stream["records"], stream["requests"], stream["ids"]) == (
        5,
        {"most": 5},
        {"looked_up": 5, "exist": 1},
    )
    states = {one["name"]: (one["type"], one["state"]) for one in stream["attributes"]}
    assert states == {
        "EMAIL": ("string", "looks like"),
        "mrr": ("string", "new"),
        "logins": ("string", "other type"),
    }
    assert any('"data_types": {"mrr": "number"}' in line for line in stream["warnings"])
    assert any('"email": "EMAIL"' in line for line in stream["warnings"])
    assert asked(sandbox, "/event_definitions") == [], "of users no event names are asked for"
    assert sandbox.state() == before
    assert sorted(tmp_path.rglob("*")) == files


def test_a_plan_names_each_doubt_and_exits_with_1(
    sandbox: Sandbox, plan: Callable[..., Any]
) -> None:
    """All streams are looked at, also those that no run can start with."""
    messages = [
        schema("events", {"id": "string", "user_id": "string", "event": "string", "at": TIME}),
        record("events", id="1", user_id="u", event="paid", at="2026-01-01T00:00:00Z"),
        schema("contacts", {"id": "string"}),
        record("contacts", id="1"),
        USERS,
        *ROWS,
    ]
    status, text = plan(sandbox.config, messages, "text")
    assert status == 1
    assert "2 in doubt, and a run stops at each:" in text
    assert "'contacts' routes to no object" in " ".join(text.split())
    assert "paid (new, 1)" in text
    assert writes(sandbox) == []


def test_an_example_is_never_a_whole_value(sandbox: Sandbox, plan: Callable[..., Any]) -> None:
    """What the plan prints may be kept in the log of a CI."""
    values = {"a": "secretive", "b": "x", "c": 7, "d": True, "e": ["one"], "f": 12.5}
    users = schema("users", {"id": "string", **{name: {} for name in values}})
    _, found = plan(sandbox.config, [users, record("users", id="1", **values)])
    examples = {one["name"]: one["example"] for one in found["streams"][0]["attributes"]}
    assert examples == {"a": "secr…", "b": "…", "c": "…", "d": "", "e": '["o…', "f": "12…"}


@pytest.mark.parametrize(("count", "said"), [(1, "1 record"), (2, "2 records")])
def test_the_head_of_a_stream_counts_its_records(
    sandbox: Sandbox, plan: Callable[..., Any], count: int, said: str
) -> None:
    """One is no plural."""
    _, text = plan(sandbox.config, [USERS, *ROWS[:count]], form="text")
    assert f"users  to users of Userflow: {said} " in text


def test_ids_of_which_none_exists_are_a_warning(
    sandbox: Sandbox, tmp_path: Path, plan: Callable[..., Any]
) -> None:
    """Memberships with another kind of id would make ghosts of users."""
    defined(sandbox, tmp_path)
    members = schema("memberships", {"user_id": "integer", "group_id": "string"}, [])
    rows = [record("memberships", user_id=n, group_id="g") for n in range(100, 300)]
    status, found = plan(sandbox.config, [members, *rows])
    (warning,) = found["streams"][0]["warnings"]
    assert status == 0
    assert "None of 99 ids" in warning
    assert "'user_id' hold what identify() was given" in warning
    reads = asked(sandbox, "/users")
    assert len(reads) + len(asked(sandbox, "/groups")) <= 100


def test_a_dry_run_begins_with_the_plan_and_the_report_has_it(
    sandbox: Sandbox, tmp_path: Path, plan: Callable[..., Any]
) -> None:
    """With the same facts as `--plan=json`."""
    defined(sandbox, tmp_path)
    messages = [USERS, *ROWS]
    _, planned = plan(sandbox.config, messages)
    report = tmp_path / "report.json"
    config = {**sandbox.config, "dry_run": True, "report_path": str(report)}
    result = run_target(tmp_path, config, messages)
    assert result.log.index("Plan: nothing was written") < result.log.index("Dry run: nothing was")
    assert json.loads(report.read_text())["plan"] == planned


def test_a_real_run_warns_of_new_attributes_before_its_first_request(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Once, with the line to paste; once they are there, it is too late to say so."""
    result = run_target(tmp_path, sandbox.config, [USERS, *ROWS])
    assert result.log.count('"data_types": {"mrr": "number"}') == 1
    assert "3 attributes (new in Userflow: EMAIL, mrr, logins)" in result.log
    again = run_target(tmp_path, sandbox.config, [USERS, *ROWS])
    assert "data_types" not in again.log


def test_the_line_at_the_schema_names_what_is_new(sandbox: Sandbox, tmp_path: Path) -> None:
    """Each list of definitions is read once, whatever the number of streams."""
    defined(sandbox, tmp_path)
    before = len(asked(sandbox, "/attribute_definitions"))
    other = {**USERS, "stream": "public-users"}
    result = run_target(tmp_path, sandbox.config, [USERS, other, *ROWS])
    assert (
        "Stream 'public-users' goes to users of Userflow: user_id is 'id' (by name), 3 attributes "
        "(new in Userflow: EMAIL, mrr)"
    ) in result.log
    assert len(asked(sandbox, "/attribute_definitions")) - before == 1


def test_an_api_that_is_down_stops_no_run_that_has_nothing_to_send(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """It is asked once at the first SCHEMA; the line says what is known without it."""
    sandbox.script([{"status": 503, "times": 9, "path": "/attribute_definitions"}])
    result = run_target(tmp_path, sandbox.config, [USERS, {**USERS, "stream": "a-users"}, state(1)])
    assert (result.status, result.states) == (0, [1])
    assert result.log.count("3 attributes\n") == 2
    assert len(asked(sandbox, "/attribute_definitions")) == 1


def test_the_command_prints_the_plan_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    """On standard output, for a pipe or a file; the log goes elsewhere."""
    path = config_file(tmp_path, sandbox.config)
    command = [*TARGET, "--config", str(path)]
    for option, begin in (("--plan", b"Plan: nothing was written\n"), ("--plan=json", b"{\n")):
        done = subprocess.run(  # noqa: S603 - our own module
            [*command, option],
            input=singer([USERS, *ROWS]),
            capture_output=True,
            cwd=tmp_path,
            check=True,
        )
        assert done.stdout.startswith(begin)


# What a run may define


def wide(count: int) -> list[Any]:
    """A user with so many attributes."""
    columns = {f"a{n}": "integer" for n in range(count)}
    users = schema("users", {"id": "string", **columns})
    return [users, record("users", id="1", **dict.fromkeys(columns, 1)), state(1)]


def test_a_column_full_of_values_does_not_become_names(sandbox: Sandbox, tmp_path: Path) -> None:
    """The record that would bring the 101st stops the stream; a higher number lets it pass."""
    result = run_target(tmp_path, sandbox.config, wide(101))
    assert (result.status, result.states, writes(sandbox)) == (1, [], [])
    assert "set max_new_attributes to a higher number" in result.errors[0]
    assert run_target(tmp_path, sandbox.config, wide(100)).status == 0
    more = {**sandbox.config, "max_new_attributes": 1}
    assert run_target(tmp_path, more, wide(101)).status == 0


def test_a_name_for_each_customer_does_not_become_an_event(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """What there is already does not count, and no name counts twice."""
    events = schema("events", {"user_id": "string", "event": "string"}, [])
    rows = [record("events", user_id="u", event=f"e{n % 3}") for n in range(6)]
    few = {**sandbox.config, "max_new_events": 2}
    result = run_target(tmp_path, few, [events, *rows])
    assert (result.status, writes(sandbox)) == (1, [])
    assert "set max_new_events to a higher number" in result.errors[0]
    run_target(tmp_path, sandbox.config, [events, rows[0]])
    assert run_target(tmp_path, few, [events, *rows]).status == 0


def test_0_new_names_rejects_what_would_define_one(sandbox: Sandbox, tmp_path: Path) -> None:
    """As `new_attributes: reject` does; all other records are delivered."""
    events = schema("events", {"user_id": "string", "event": "string"}, [])
    run_target(tmp_path, sandbox.config, [events, record("events", user_id="u", event="known")])
    rows = [record("events", user_id="u", event=event) for event in ("known", "new")]
    none = {**sandbox.config, "max_new_events": 0, "max_new_attributes": 0}
    result = run_target(tmp_path, none, [events, *rows])
    assert result.status == 1
    assert "event 'new' does not exist in Userflow yet, and max_new_events is 0" in result.log
    assert [one["body"]["name"] for one in writes(sandbox)] == ["known", "known"]
