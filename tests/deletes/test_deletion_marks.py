"""The columns that mark a row as deleted: those of a log, and one that the config names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.deleted_rows import OBJECTS, USERS, WHEN, asked, config, rows, user
from support.process import record, run_target, schema

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

pytestmark = pytest.mark.smoke


@pytest.mark.parametrize("blank", ["", "  ", None, "infinity", "0000-00-00 00:00:00"])
@pytest.mark.parametrize("column", ["_sdc_deleted_at", "_sdc_lsn_deleted_at"])
def test_a_mark_that_is_empty_marks_no_row(
    sandbox: Sandbox, tmp_path: Path, column: str, blank: str | None
) -> None:
    """A CSV file with that column has it in every row: none of them is of a deleted row.

    Nor is one whose end is at infinity, or at MySQL's zero date.
    """
    messages = [
        schema("users", {"id": "string", "plan": "string", column: "string"}),
        *(record("users", id=f"u{n}", plan="pro", **{column: blank}) for n in range(3)),
    ]
    for hard_delete in (True, False):
        changes = {"hard_delete": hard_delete}
        result = run_target(tmp_path, config(sandbox, **changes), messages)
        assert result.status == 0, result.log
        assert ["users", "3", "3", "0"] in rows(result.log)
    assert {one["method"] for one in sandbox.requests()} == {"POST"}
    assert sandbox.state()["users"]["u2"]["attributes"] == {"plan": "pro"}


@pytest.mark.parametrize("when", [1767011231, "1767011231234", "2026-01-01 00:00:00 UTC"])
def test_a_mark_is_read_like_any_other_time(sandbox: Sandbox, tmp_path: Path, when: Any) -> None:
    """A soft-delete column of epoch numbers or digits is one, too."""
    messages = [
        schema("users", {"id": "string", "gone_at": {}}),
        *(record("users", id=id_, gone_at=None) for id_ in ("u1", "u2")),
        record("users", id="u1", gone_at=when),
    ]
    streams = {"users": {"fields": {"deleted_at": "gone_at"}}}
    result = run_target(tmp_path, config(sandbox, streams=streams), messages)
    assert result.status == 0, result.log
    assert list(sandbox.state()["users"]) == ["u2"]


@pytest.mark.parametrize("value", ["no", "2026-13-01", True, 7.5, {"at": WHEN}, [WHEN]])
@pytest.mark.parametrize("column", ["_sdc_deleted_at", "_sdc_lsn_deleted_at", "gone_at"])
def test_a_mark_that_is_no_date_time_rejects_the_row(
    sandbox: Sandbox, tmp_path: Path, column: str, value: Any
) -> None:
    """Whether it is there nobody can tell: it is not sent, not deleted, and the column is named."""
    options = {"gone_at": {"fields": {"deleted_at": "gone_at"}}}.get(column, {})
    messages = [
        schema("users", {"id": "string", column: {}}),
        record("users", id="u1", **{column: value}),
        record("users", id="u2", **{column: None}),
    ]
    result = run_target(tmp_path, config(sandbox, streams={"users": options}), messages)
    assert result.status == 1
    assert f"1 rejected of users: `{column}`: it is no date-time" in result.log
    assert list(sandbox.state()["users"]) == ["u2"]
    (letters,) = (tmp_path / "dead-letters").glob("*.singer")
    assert f"`{column}`" in json.loads(letters.read_bytes().splitlines()[1])["error"]["reason"]


@pytest.mark.parametrize("hard_delete", [True, False])
@pytest.mark.parametrize("stream", OBJECTS)
@pytest.mark.parametrize("column", ["_sdc_lsn_deleted_at", "gone_at"])
def test_another_column_marks_deleted_rows_as_well(
    sandbox: Sandbox,
    tmp_path: Path,
    column: str,
    stream: str,
    hard_delete: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """A soft-deleted row has all of its columns, and is sent to no product; it may be deleted."""
    ids = OBJECTS[stream]
    options = {"fields": {"deleted_at": "gone_at"}} if column == "gone_at" else {}
    changes = {"hard_delete": hard_delete, "streams": {stream: options}}
    columns = {**dict.fromkeys(ids, "string"), column: "string"}
    messages = [schema(stream, columns, list(ids)[:2]), record(stream, **ids, **{column: WHEN})]
    result = run_target(tmp_path, config(sandbox, **changes), messages)
    assert result.status == 0, result.log
    deletes = hard_delete and stream not in {"events", "participants"}
    assert [one["method"] for one in sandbox.requests()] == ["DELETE"] * deletes
    if not deletes:
        assert f"rows that were deleted ({column}) are skipped" in result.log


def test_a_soft_delete_column_is_no_attribute(sandbox: Sandbox, tmp_path: Path) -> None:
    """A null in the column that marks deletions clears no attribute: live rows have null there."""
    options = {"users": {"fields": {"deleted_at": "gone_at"}}}
    users = schema("users", {"id": "string", "plan": "string", "gone_at": "string"})
    messages = [users, record("users", id="u1", plan="pro", gone_at=None)]
    result = run_target(tmp_path, config(sandbox, streams=options), messages)
    assert result.status == 0, result.log
    assert sandbox.requests()[0]["body"] == {"id": "u1", "attributes": {"plan": "pro"}}


def test_a_soft_delete_column_can_be_one_that_a_stream_map_makes(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """As all columns of `fields`, it is one of those that the stream map leaves."""
    options = {
        "streams": {"users": {"fields": {"deleted_at": "gone_at"}}},
        "stream_maps": {"users": {"gone_at": f"'{WHEN}' if status == 'gone' else None"}},
    }
    users = schema("users", {"id": "string", "status": "string"})
    rows = [record("users", id=one, status=one) for one in ("gone", "here")]
    result = run_target(tmp_path, config(sandbox, **options), [users, *rows])
    assert result.status == 0, result.log
    assert sorted(asked(sandbox)) == ["DELETE /users/gone", "POST /users"]


def test_a_soft_delete_column_that_is_not_there_stops_the_run(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Else every row would pass for a live one."""
    options = {"users": {"fields": {"deleted_at": "gone_at"}}}
    messages = [USERS, user("u1")]
    result = run_target(tmp_path, config(sandbox, streams=options), messages)
    assert result.status == 1
    assert "fields.deleted_at names column 'gone_at'" in result.errors[-1]
    assert sandbox.requests() == []
