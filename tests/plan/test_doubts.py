"""A stream whose mapping would be a guess is stopped, with the settings that settle it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from support.process import record, run_target, schema, state, writes

from target_userflow.apis.registry import OBJECT_TYPES, mapper
from target_userflow.config.settings import StreamOptions
from target_userflow.mapping.columns import Stream
from target_userflow.plan.doubts import Doubts

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

TIME = {"type": ["string", "null"], "format": "date-time"}
TEXT = {"type": ["string", "null"]}
NUMBER = {"type": ["number", "null"]}
EVENT = {"user_id": TEXT, "event": TEXT}
PRUNED = {"group_id": TEXT, "prune_memberships": {"type": "boolean"}}


def doubts(
    kind: str,
    columns: dict[str, Any],
    keys: str = "",
    *,
    records: tuple[dict[str, Any], ...] = (),
    computed: tuple[str, ...] = (),
    **options: Any,
) -> list[str]:
    """The doubts of a stream named as its object."""
    stream = Stream(kind, columns, keys.split(), StreamOptions(**options))
    found = Doubts(stream, mapper(OBJECT_TYPES[kind], stream), computed=computed)
    for row in records:
        found.see(row)
    return found.lines()


def settings_in(line: str) -> list[dict[str, Any]]:
    """What a line says to set, as `fields`: each way out of the doubt."""
    first, *others = re.findall(r"\{[^{}]*\}", line)
    return [json.loads(first), *map(json.loads, others)]


@pytest.mark.parametrize(
    "column",
    [
        {"created_at": TEXT},
        {"createdAt": TEXT},
        {"created": {"type": "integer"}},
        {"collector_tstamp": TEXT},
        {"event_ts": NUMBER},
        {"event_timestamp": {"type": "integer"}},
        {"event_time": {}},
        {"start_time": TEXT},
        {"happened": TIME},
    ],
    ids=str,
)
def test_events_are_not_stamped_with_the_time_of_arrival_by_mistake(column: dict[str, Any]) -> None:
    """A column that may be the time is named, and both ways out of the doubt settle it."""
    (line,) = doubts("events", {**EVENT, **column})
    assert all(f"'{name}'" in line for name in column)
    ways = settings_in(line)
    assert ways == [{"time": next(iter(column))}, {"time": None}]
    assert [doubts("events", {**EVENT, **column}, fields=way) for way in ways] == [[], []]


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"time": TEXT, "created_at": TIME},
        {"occurred_at": TEXT, "updated_at": TIME},
        {"response_time": NUMBER},
        {"is_at": {"type": "boolean"}},
        {"format": TEXT, "counts": NUMBER, "cat": TEXT},
        {"_fivetran_synced": TIME, "_sdc_extracted_at": TIME},
        {"born": {"type": "string", "format": "date"}},
    ],
    ids=str,
)
def test_events_without_another_time_are_of_the_time_of_arrival(columns: dict[str, Any]) -> None:
    """Nothing is in doubt where a column has the role, or none can have it."""
    assert doubts("events", {**EVENT, **columns}) == []


def test_userpilots_events_have_no_time_to_be_in_doubt_of() -> None:
    """Their time is metadata like any other."""
    assert doubts("userpilot_events", {**EVENT, "created_at": TIME}) == []


@pytest.mark.parametrize(
    ("kind", "columns"),
    [("users", "id user_id"), ("groups", "id group_id"), ("userpilot_companies", "id company_id")],
)
def test_rows_with_a_key_of_their_own_are_not_merged_by_a_foreign_key(
    kind: str, columns: str
) -> None:
    """Four contacts of one owner would be one user; the id may be either, and one says which."""
    key, role = columns.split()
    (line,) = doubts(kind, dict.fromkeys(columns.split(), TEXT), key)
    assert f"told apart by '{key}'" in line
    ways = settings_in(line)
    assert ways == [{role: role}, {role: key}]
    for way in ways:
        assert doubts(kind, dict.fromkeys(columns.split(), TEXT), key, fields=way) == []


@pytest.mark.parametrize(
    ("kind", "columns", "keys", "options"),
    [
        ("users", "id email", "id", {}),
        ("users", "customer_uuid email", "customer_uuid", {}),
        ("users", "id user_id", "", {}),
        ("users", "id user_id email", "id", {"match_by": "email"}),
        ("memberships", "id user_id group_id", "id", {}),
        ("participants", "id email", "id", {}),
        ("events", "id user_id name", "id", {}),
    ],
)
def test_rows_that_are_told_apart_by_the_id_are_in_no_doubt(
    kind: str, columns: str, keys: str, options: dict[str, Any]
) -> None:
    """Nor are those where several rows of one user are meant."""
    assert doubts(kind, dict.fromkeys(columns.split(), TEXT), keys, **options) == []


@pytest.mark.parametrize(
    ("tenants", "count"), [((), 0), (("a",), 0), (("a", "a"), 0), (("a", "b"), 1)]
)
def test_a_longer_key_is_in_doubt_once_its_rest_varies(
    tenants: tuple[str, ...], count: int
) -> None:
    """A constant beside the id tells nothing apart."""
    rows = tuple({"tenant": tenant, "user_id": f"{n}"} for n, tenant in enumerate(tenants))
    found = doubts("users", {"tenant": TEXT, "user_id": TEXT}, "tenant user_id", records=rows)
    assert len(found) == count


def test_an_id_that_a_stream_map_makes_is_meant() -> None:
    """Whoever computes a column `user_id` has said what the id is."""
    columns = {"id": TEXT, "user_id": TEXT}
    assert doubts("users", columns, "id", computed=("user_id",)) == []


@pytest.mark.parametrize(
    ("columns", "keys", "count"),
    [
        ({"user_id": TEXT, **PRUNED}, "", 1),
        ({"id": TEXT, **PRUNED}, "id", 0),
        ({"user_id": TEXT, **PRUNED, "group_id": {"type": "array"}}, "", 0),
        ({"user_id": TEXT, **PRUNED, "group_id": {}}, "", 0),
        ({"user_id": TEXT, **PRUNED, "groups": {"type": "array"}}, "", 0),
        ({"user_id": TEXT, "group_id": TEXT}, "", 0),
    ],
)
def test_rows_of_one_group_each_prune_nothing_unless_they_are_one_for_each_user(
    columns: dict[str, Any], keys: str, count: int
) -> None:
    """The last row of a user would end the memberships of all others; a list holds them all."""
    assert len(doubts("users", columns, keys)) == count


CREATED = schema("events", {"id": "string", "user_id": "string", "event": "string", "at": TIME})


def test_a_doubt_stops_the_stream_before_its_first_request(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """One line, exit 1, no STATE past it; the run with the setting that it names goes through."""
    messages: list[Any] = [
        CREATED,
        record("events", id="1", user_id="u", event="paid", at=None),
        state(1),
    ]
    result = run_target(tmp_path, sandbox.config, messages)
    assert (result.status, result.states, writes(sandbox)) == (1, [], [])
    (line,) = result.errors
    options = settings_in(line)[1]
    for count, fields in enumerate((options, {"time": "__NULL__"}), start=1):
        messages[1]["record"]["id"] = f"{count}"
        settled = {**sandbox.config, "streams": {"events": {"fields": fields}}}
        assert run_target(tmp_path, settled, messages).status == 0
        assert len(writes(sandbox)) == count


def test_each_doubt_of_a_stream_is_a_line(sandbox: Sandbox, tmp_path: Path) -> None:
    """So that whoever settles them has to do so once."""
    columns = {"id": "string", "user_id": "string", **PRUNED}
    result = run_target(tmp_path, sandbox.config, [schema("users", columns)])
    assert result.status == 1
    assert len(result.errors) == 2, result.log


def test_columns_that_come_with_the_records_are_doubted_with_the_first(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A tap of MongoDB names no columns; what it read is held back before a request."""
    event = record("events", _id="1", user_id="u", event="paid", created_at="2026-01-01")
    result = run_target(tmp_path, sandbox.config, [schema("events", {}, ["_id"]), event])
    assert (result.status, writes(sandbox)) == (1, [])
    assert '"time": "created_at"' in result.errors[0]


def test_a_key_that_varies_stops_what_was_read_with_it(sandbox: Sandbox, tmp_path: Path) -> None:
    """The same user in two tenants: neither row is sent."""
    users = schema("users", {"tenant": "string", "id": "string"}, ["tenant", "id"])
    rows = [record("users", tenant=tenant, id="1") for tenant in "ab"]
    result = run_target(tmp_path, sandbox.config, [users, *rows])
    assert (result.status, writes(sandbox)) == (1, [])
    assert "told apart by 'tenant' and 'id'" in result.errors[0]
