"""From standard input to the wire: what a user of the target sees of it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from support.process import record, run_target, schema, state, writes
from support.readme import config as recipe

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

pytestmark = pytest.mark.smoke

USERS = schema("public-users", {"id": "integer", "email": "string", "plan": "string"})
GROUPS = schema("public-groups", {"id": "integer", "name": "string"})
MEMBERSHIPS = schema(
    "public-memberships",
    {"user_id": "integer", "group_id": "integer", "role": "string"},
    keys=["user_id", "group_id"],
)
EVENTS = schema("public-events", {"id": "integer", "user_id": "integer", "name": "string"})


def sent(sandbox: Sandbox) -> list[tuple[str, Any]]:
    """Path and body of every write, in the order of arrival."""
    return [(one["path"], one["body"]) for one in writes(sandbox)]


def test_a_user_arrives_as_the_api_takes_it(sandbox: Sandbox, tmp_path: Path) -> None:
    """The id is text in the body, the other columns are attributes, and a null clears one."""
    messages = [USERS, record("public-users", id=7, email="ada@example.com", plan=None)]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 0, result.log
    attributes = {"email": "ada@example.com", "plan": None}
    assert sent(sandbox) == [("/users", {"id": "7", "attributes": attributes})]


def test_what_is_referred_to_arrives_before_what_refers_to_it(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Taps send streams by name, events first; each object goes ahead of those that name it.

    A membership rides in the request of its user, or follows it.
    """
    numbers = range(1, 21)
    messages = [
        EVENTS,
        *(record("public-events", id=n, user_id=n, name="signed_in") for n in numbers),
        GROUPS,
        *(record("public-groups", id=n, name="Acme") for n in numbers),
        MEMBERSHIPS,
        *(record("public-memberships", user_id=n, group_id=n, role="admin") for n in numbers),
        USERS,
        *(record("public-users", id=n, email=f"{n}@example.com", plan="pro") for n in numbers),
    ]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 0, result.log
    arrived = [(path, str(body.get("user_id") or body["id"])) for path, body in sent(sandbox)]
    assert len(arrived) == 3 * 20
    for n in map(str, numbers):
        places = [arrived.index((path, n)) for path in ("/groups", "/users", "/events")]
        assert places == sorted(places), n
    users = [body for path, body in sent(sandbox) if path == "/users"]
    assert all(body["attributes"] and body["memberships"] for body in users)


def test_the_last_state_comes_out_when_everything_before_it_was_delivered(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The next run of the tap starts after what is in Userflow, and not before."""
    messages = [
        state({"at": 0}),
        USERS,
        record("public-users", id=1),
        state({"at": 1.5}),
        record("public-users", id=2),
        state({"at": 2}),
    ]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.states[-1] == {"at": 2}
    assert set(sandbox.state()["users"]) == {"1", "2"}


def test_connections_are_kept_alive_one_for_each_request_in_flight(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A hundred records at a concurrency of four take four connections, not a hundred."""
    messages = [USERS, *(record("public-users", id=n) for n in range(100))]
    run_target(tmp_path, {**sandbox.config, "concurrency": 4}, messages)
    requests = writes(sandbox)
    assert len(requests) == 100
    assert len({one["connection"] for one in requests}) <= 4


def test_a_stream_is_routed_by_streams_or_by_its_alias_or_left_out(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Names that say nothing are no obstacle."""
    properties = {"id": "integer", "customer_uuid": "string"}
    streams = {"crm-*": {"object": "users", "fields": {"user_id": "customer_uuid"}}}
    config = {
        **sandbox.config,
        "streams": {**streams, "audit_log": {"object": "ignore"}},
        "stream_maps": {"firms": {"__alias__": "groups"}},
    }
    messages = [
        schema("crm-people", properties),
        record("crm-people", id=1, customer_uuid="c1"),
        schema("firms", {"id": "integer"}),
        record("firms", id=9),
        schema("audit_log", {"id": "integer"}),
        record("audit_log", id=3),
    ]
    result = run_target(tmp_path, config, messages)
    assert result.status == 0, result.log
    found = sandbox.state()
    assert set(found["users"]) == {"c1"}
    assert set(found["groups"]) == {"9"}


def test_a_stream_that_is_no_object_stops_the_run_before_anything_is_sent(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The line names the stream, the objects there are, and both ways to route it."""
    messages = [schema("invoices", {"id": "integer"}), record("invoices", id=1)]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 1
    (line,) = result.errors
    for word in ("'invoices'", "users, groups, memberships, events", "streams:", "stream_maps"):
        assert word in line
    assert sandbox.requests() == []


def test_columns_with_illegal_names_are_renamed_and_said_once(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The API's names are a-z A-Z 0-9 _ - and space; every other character becomes `_`."""
    messages = [
        schema("users", {"id": "integer", "größe": "number", "a.b": "string"}),
        *(record("users", id=n, **{"größe": 1.80, "a.b": "x"}) for n in range(3)),
    ]
    result = run_target(tmp_path, sandbox.config, messages)
    assert sandbox.state()["users"]["0"]["attributes"] == {"gr__e": Decimal("1.8"), "a_b": "x"}
    assert result.log.count("'größe' to 'gr__e', 'a.b' to 'a_b'") == 1


def test_two_columns_that_meet_in_one_name_stop_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    """Neither may silently win; the line names both."""
    messages = [schema("users", {"id": "integer", "a.b": "string", "a_b": "string"})]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 1
    assert "'a.b' and 'a_b' meet in attribute 'a_b'" in result.errors[0]


def test_the_summary_accounts_for_every_record(sandbox: Sandbox, tmp_path: Path) -> None:
    """Received is delivered plus rejected, in a row per stream at the end of the log."""
    messages = [USERS, record("public-users", id=1), record("public-users", id=None)]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 1
    rows = [line.split() for line in result.log.splitlines()]
    assert ["stream", "received", "delivered", "rejected"] in rows
    assert ["public-users", "2", "1", "1"] in rows


def test_a_known_budget_is_kept_by_all_workers_together(sandbox: Sandbox, tmp_path: Path) -> None:
    """Twenty requests at 600 a minute are spread over two seconds, whatever the concurrency."""
    messages = [USERS, *(record("public-users", id=n) for n in range(20))]
    config = {**sandbox.config, "concurrency": 20, "requests_per_minute": 600}
    run_target(tmp_path, config, messages)
    times = [one["at"] for one in writes(sandbox)]
    assert times[-1] - times[0] >= 19 * 60 / 600


def test_one_429_pauses_all_workers(sandbox: Sandbox, tmp_path: Path) -> None:
    """No worker asks again before the second that `Retry-After` names is over."""
    sandbox.configure(latency_ms=100)  # so that none is done before the 429 is heard of
    sandbox.script([{"status": 429, "headers": {"Retry-After": "1"}, "times": 1}])
    messages = [USERS, *(record("public-users", id=n) for n in range(20))]
    result = run_target(tmp_path, {**sandbox.config, "concurrency": 5}, messages)
    assert result.status == 0, result.log
    requests = sandbox.requests()
    at = next(one["at"] for one in requests if one["status"] == 429)
    in_flight = [one for one in requests if at <= one["at"] < at + 1]
    assert len(in_flight) <= 5 + 4, "only what was on its way when the 429 came"
    assert len(sandbox.state()["users"]) == 20


def test_a_deleted_row_of_a_log_changes_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its other columns are null and would clear the user's attributes; it counts as skipped."""
    properties = {"id": "integer", "plan": {"type": "string"}, "_sdc_deleted_at": "string"}
    log_position = {"_sdc_lsn": {"type": "integer"}}
    users = schema("users", {**properties, **log_position})
    messages = [
        users,
        record("users", id=1, plan="pro", _sdc_deleted_at=None, _sdc_lsn=7),
        {"type": "ACTIVATE_VERSION", "stream": "users", "version": 1},
        record("users", id=1, plan=None, _sdc_deleted_at="2026-01-01T00:00:00Z", _sdc_lsn=8),
        record("users", id=2, plan=None, _sdc_deleted_at="2026-01-01T00:00:00Z", _sdc_lsn=9),
    ]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 0, result.log
    assert sent(sandbox) == [("/users", {"id": "1", "attributes": {"plan": "pro"}})]
    assert ["users", "3", "1", "2", "0"] in [line.split() for line in result.log.splitlines()]


def test_an_audience_becomes_an_attribute_by_stream_maps_alone(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Members get a constant true and leavers false: the recipe."""
    columns = {"user_id": "string", "entered_at": "string"}
    messages = [
        schema("audience_power_users", columns, keys=["user_id"]),
        record("audience_power_users", user_id="u1", entered_at="2026-01-01"),
        schema("audience_power_users_left", columns, keys=["user_id"]),
        record("audience_power_users_left", user_id="u2", entered_at="2026-01-01"),
    ]
    result = run_target(tmp_path, {**sandbox.config, **recipe("audience")}, messages)
    assert result.status == 0, result.log
    found = {name: user["attributes"] for name, user in sandbox.state()["users"].items()}
    assert found == {"u1": {"power_users": True}, "u2": {"power_users": False}}


def test_rejected_records_are_counted_by_reason_and_named_at_debug_only(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """At DEBUG five of them are named, so that the log of a normal run holds no personal data."""
    people = [record("users", id=f"person-{n}", email=n) for n in range(7)]
    messages = [schema("users", {"id": "string", "email": "string"}), *people]
    quiet = run_target(tmp_path, sandbox.config, messages)
    assert "7 rejected of users: 'email' breaks 'type'" in quiet.log
    assert "person-" not in quiet.log
    loud = run_target(tmp_path, sandbox.config, messages, env={"LOGLEVEL": "DEBUG"})
    assert "person-0, person-1, person-2, person-3, person-4" in loud.log
    assert "person-5" not in loud.log


@pytest.mark.parametrize("declared", [{}, {"id": "string", "a_b": "string"}])
def test_columns_outside_of_the_schema_are_renamed_and_said_once(
    sandbox: Sandbox, tmp_path: Path, declared: dict[str, str]
) -> None:
    """One warning for what comes new with a record; roles and a tap's own columns are none."""
    messages = [
        schema("users", declared),
        record("users", id="a", **{"größe": 5, "_sdc_x.y": 1}),
        record("users", id="b", **{"größe": 6, "x.y": 1, "a_b": "c"}),
        record("users", id="c", **{"größe": 6, "x.y": 1}),
    ]
    result = run_target(tmp_path, sandbox.config, messages)
    lines = [line.partition("renamed: ")[2] for line in result.log.splitlines()]
    assert [line for line in lines if line] == ["'größe' to 'gr__e'", "'x.y' to 'x_y'"]
    assert sandbox.state()["users"]["b"]["attributes"]["x_y"] == 1
    assert result.status == 0


@pytest.mark.parametrize("order", [["a.b", "a_b"], ["a_b", "a.b"], ["a-.b", "a-_b"], ["é", "ü"]])
def test_columns_outside_of_the_schema_that_meet_reject_the_record(
    sandbox: Sandbox, tmp_path: Path, order: list[str]
) -> None:
    """One of them would win by chance, and the other be lost; the next record is delivered."""
    messages = [
        schema("users", {"id": "string", "a_b": "string"}),
        record("users", id="a", **dict.fromkeys(order, "x")),
        record("users", id="b", **{order[0]: "x"}),
    ]
    result = run_target(tmp_path, sandbox.config, messages)
    assert "meet in attribute names" in result.log
    assert "next: rename one of the columns with stream_maps" in result.log
    assert (result.status, [*sandbox.state()["users"]]) == (1, ["b"])
