"""Columns that other loaders have added to a table are no attributes, in any product."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from support.process import record, run_target, schema, writes
from support.taps import run_here

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

pytestmark = pytest.mark.smoke

ADDED = {
    "_fivetran_synced": "2026-01-01T00:00:00Z",
    "_fivetran_deleted": False,
    "_airbyte_raw_id": "5f1e",
    "_airbyte_meta": {"changes": []},
    "_ab_cdc_lsn": 7,
    "_dlt_load_id": "1767.1",
    "_dlt_id": "x1",
    "__sdc_primary_key": "1",
    "_sdc_batched_at": "2026-01-01T00:00:00Z",
    "_FIVETRAN_ID": "Zm9v",
}
STREAMS = {
    "users": {"id": "u1"},
    "groups": {"id": "g1"},
    "memberships": {"user_id": "u1", "group_id": "g1"},
    "events": {"id": "e1", "user_id": "u1", "name": "used"},
    "participants": {"id": "p1", "email": "ada@example.com"},
    "userpilot_users": {"id": "u1"},
    "userpilot_companies": {"id": "c1"},
    "userpilot_events": {"id": "e1", "user_id": "u1", "event_name": "used"},
}
LINE = "these columns are of other loaders and are no attributes"


def sent(sandbox: Sandbox) -> str:
    """The bodies of all that was written, as one text."""
    return json.dumps([one["body"] for one in writes(sandbox)])


def lines(log: str) -> list[str]:
    return [line for line in log.splitlines() if LINE in line]


@pytest.mark.parametrize("stream", STREAMS)
def test_what_other_loaders_add_is_sent_to_no_product(
    sandbox: Sandbox, tmp_path: Path, stream: str
) -> None:
    """What they have not added is, and one line names what stays."""
    ids = STREAMS[stream]
    columns: dict[str, Any] = {name: {} for name in {**ids, "title": "", **ADDED}}
    before = [schema("userpilot_users", {"id": "string"}), record("userpilot_users", id="u1")]
    rows = [record(stream, **ids, title="Dr", **ADDED) for _ in range(2)]
    messages = [*before, schema(stream, columns, list(ids)[:1]), *rows]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 0, result.log
    found = sent(sandbox)
    assert '"title": "Dr"' in found
    assert [name for name in ADDED if name in found] == []
    (line,) = lines(result.log)
    assert f"Stream '{stream}'" in line
    assert all(name in line for name in ADDED)


def test_rows_that_a_flag_marks_as_deleted_are_said_to_be_sent(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Fivetran's says no time: once, with the filter that leaves them out."""
    users = schema("users", {"id": "string", "_fivetran_deleted": "boolean"})
    rows = [record("users", id=f"u{n}", _fivetran_deleted=n > 0) for n in range(3)]
    run_here(tmp_path, sandbox.config, [users, *rows])
    (line,) = [line for line in caplog.messages if "marks as deleted" in line]
    name, text = re.findall(r"stream_maps\.(\w+)\.__filter__: \"(.*)\"$", line)[0]
    caplog.clear()
    sandbox.reset()
    filtered = {**sandbox.config, "stream_maps": {name: {"__filter__": text}}}
    run_here(tmp_path, filtered, [users, *rows])
    assert list(sandbox.state()["users"]) == ["u0"]
    assert "marks as deleted" not in caplog.text


def test_columns_that_no_schema_names_are_named_once_too(sandbox: Sandbox, tmp_path: Path) -> None:
    """They come with the records: each is named when it is first seen."""
    messages = [
        {"type": "SCHEMA", "stream": "users", "schema": {}, "key_properties": ["id"]},
        *(record("users", id=f"u{n}", title="Dr", **ADDED) for n in range(3)),
    ]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 0, result.log
    assert [name for name in ADDED if name in sent(sandbox)] == []
    (line,) = lines(result.log)
    assert all(name in line for name in ADDED)


def test_a_column_of_a_loader_is_sent_under_another_name(sandbox: Sandbox, tmp_path: Path) -> None:
    """Whoever wants one as an attribute says so with a stream map; and as a role it is one."""
    config = {
        **sandbox.config,
        "stream_maps": {"users": {"synced": "_fivetran_synced"}},
        "streams": {"users": {"fields": {"user_id": "_dlt_id"}}},
    }
    columns = {"_dlt_id": "string", "_fivetran_synced": "string"}
    messages = [schema("users", columns, []), record("users", _dlt_id="x1", _fivetran_synced="now")]
    result = run_target(tmp_path, config, messages)
    assert result.status == 0, result.log
    assert sandbox.requests()[0]["body"] == {"id": "x1", "attributes": {"synced": "now"}}
    (line,) = lines(result.log)
    assert "_dlt_id" not in line


def test_an_object_in_a_user_brings_none_of_them_either(sandbox: Sandbox, tmp_path: Path) -> None:
    """The attributes of a group that stands in the row of a user."""
    columns = {"id": "string", "group_id": "string", "group_attributes": "object"}
    row = {"group_id": "g1", "group_attributes": {"name": "Acme", **ADDED}}
    messages = [schema("users", columns), record("users", id="u1", **row)]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 0, result.log
    assert sandbox.state()["groups"]["g1"]["attributes"] == {"name": "Acme"}


def test_a_column_that_only_looks_like_one_is_an_attribute(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The prefix is the whole of it."""
    row = {"_abc": "1", "fivetran_synced": "2", "dlt_id": "3", "_other": "4"}
    messages = [schema("users", {"id": "string", **dict.fromkeys(row, "string")})]
    messages.append(record("users", id="u1", **row))
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 0, result.log
    assert sandbox.requests()[0]["body"]["attributes"] == row
    assert lines(result.log) == []
