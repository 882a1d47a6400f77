"""`--verify`: reads only, and says whether Userflow has the input as it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support.process import record, run_target, schema, writes
from support.taps import run_here

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

USERS = schema("users", {"id": "string", "plan": "string", "seats": "number"})
MEMBERS = schema(
    "memberships",
    {"user_id": "string", "group_id": "string", "role": "string"},
    keys=["user_id", "group_id"],
)
EVENTS = schema("events", {"user_id": "string", "event": "string"}, keys=[])


def users(count: int) -> list[Any]:
    return [record("users", id=f"u{n}", plan="pro", seats=n) for n in range(count)]


def seeded(sandbox: Sandbox, tmp_path: Path, messages: list[Any]) -> int:
    """Write something; how many requests that took."""
    run_here(tmp_path, {**sandbox.config, "ledger": ""}, messages)
    return len(writes(sandbox))


def test_all_the_same_is_exit_status_0(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nothing is written: neither to Userflow nor a ledger, nor STATE, nor counters of all runs."""
    messages = [USERS, *users(3), MEMBERS, record("memberships", user_id="u1", group_id="g1")]
    before = seeded(sandbox, tmp_path, messages)
    metrics = tmp_path / "users.prom"
    config = {**sandbox.config, "metrics_path": str(metrics)}
    result = run_target(tmp_path, config, messages, arguments=["--verify"])
    assert result.status == 0, result.log
    assert not metrics.exists()
    assert "users: 3 same, 0 different, 0 missing" in result.log
    assert "memberships: 1 same, 0 different, 0 missing" in result.log
    assert "OK: 4 records compared" in result.log
    assert len(writes(sandbox)) == before
    assert not (tmp_path / "ledger.db").exists()


def test_what_is_not_the_same_is_counted_by_attribute(sandbox: Sandbox, tmp_path: Path) -> None:
    """Of 150 users that are listed: several attributes of one, one of another, and one is gone."""
    seeded(sandbox, tmp_path, [USERS, *users(150)])
    there = users(151)
    there[1]["record"].update(plan="free", seats=9)
    there[2]["record"]["seats"] = None
    report = tmp_path / "report.html"
    config = {**sandbox.config, "report_path": str(report)}
    debug = {"TARGET_USERFLOW_LOGLEVEL": "DEBUG"}
    result = run_target(tmp_path, config, [USERS, *there], arguments=["--verify"], env=debug)
    assert result.status == 1
    assert "users: 148 same, 2 different, 1 missing" in result.log
    assert "2 differ in seats" in result.log
    assert "1 differ in plan" in result.log
    assert "Stream 'users': u150 does not exist in Userflow" in result.log
    assert "Stream 'users': u1 is different in Userflow" in result.log
    warned = '<td class="warn">2</td><td class="warn">1</td>'
    assert f"<td>148</td>{warned}" in report.read_text()
    assert "seats 2, plan 1" in report.read_text()


def test_what_is_there_in_excess_is_counted_if_asked_for(sandbox: Sandbox, tmp_path: Path) -> None:
    """The list is read to its end then, however few records come."""
    seeded(sandbox, tmp_path, [USERS, *users(250)])
    report = tmp_path / "report.json"
    config = {**sandbox.config, "report_path": str(report)}
    result = run_target(tmp_path, config, [USERS, *users(3)], arguments=["--verify", "--extra"])
    assert result.status == 1, result.log
    assert "247 users exist in Userflow and not in the input" in result.log
    assert json.loads(report.read_text())["verified"]["extra"] == {"users": 247}
    result = run_target(tmp_path, config, [USERS, *users(3)], arguments=["--verify"])
    assert result.status == 0


def test_what_cannot_be_read_is_no_verdict(sandbox: Sandbox, tmp_path: Path) -> None:
    """It is an error that says so, and nothing is called missing."""
    seeded(sandbox, tmp_path, [USERS, *users(3)])
    sandbox.script([{"status": 400, "body": "{}", "method": "GET", "times": 20}])
    result = run_target(tmp_path, sandbox.config, [USERS, *users(3)], arguments=["--verify"])
    assert result.status == 1
    assert "Userflow answered HTTP 400 to GET /users" in result.log
    assert "missing" not in result.log


def test_events_cannot_be_verified(sandbox: Sandbox, tmp_path: Path) -> None:
    """They are skipped with the reason, and nothing is sent."""
    messages = [EVENTS, record("events", user_id="u1", event="paid")]
    result = run_target(tmp_path, sandbox.config, messages, arguments=["--verify"])
    assert result.status == 0, result.log
    assert "1 skipped of events: Userflow does not let events be read back" in result.log
    assert not writes(sandbox)
