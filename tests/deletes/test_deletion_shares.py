"""Too many deleted rows stop the run before the first of them is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.deleted_rows import GROUPS, LOGGED, OBJECTS, USERS, config, gone, user
from support.process import record, run_target, schema

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

pytestmark = pytest.mark.smoke


BOUNDED = {stream: OBJECTS[stream] for stream in list(OBJECTS)[:4]}


def ids_of(stream: str, number: int) -> dict[str, str]:
    return {role: f"{name}-{number}" for role, name in BOUNDED[stream].items()}


@pytest.mark.parametrize("stream", BOUNDED)
def test_too_many_deleted_rows_stop_the_run_before_the_first_deletion(
    sandbox: Sandbox, tmp_path: Path, stream: str
) -> None:
    """The line says the numbers, and STATE stays before them; a higher ratio lets them go."""
    columns = {**dict.fromkeys(BOUNDED[stream], "string"), **LOGGED}
    messages = [
        schema(stream, columns, list(BOUNDED[stream])),
        *(record(stream, **ids_of(stream, n)) for n in range(17)),
        *(gone(stream, **ids_of(stream, n)) for n in range(17, 20)),
        {"type": "STATE", "value": {"read": 20}},
    ]
    result = run_target(tmp_path, config(sandbox), messages)
    assert (result.status, result.states) == (1, [])
    assert f"Stream '{stream}': 3 of the 20 records so far are of deleted" in result.errors[-1]
    assert "max_delete_ratio is 0.1" in result.errors[-1]
    assert sandbox.requests() == []
    result = run_target(tmp_path, config(sandbox, max_delete_ratio=0.15), messages)
    assert (result.status, result.states) == (0, [{"read": 20}]), result.log


def test_a_log_with_a_few_deletions_alone_is_no_mistake(sandbox: Sandbox, tmp_path: Path) -> None:
    """Below 20 records a share says nothing."""
    result = run_target(
        tmp_path, config(sandbox), [USERS, *(gone("users", id=f"u{n}") for n in range(19))]
    )
    assert result.status == 0, result.log
    assert len(sandbox.requests()) == 19


def test_the_share_of_deleted_rows_is_that_of_the_whole_run(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """SCHEMAs that change are none of its business; what was sent before is said."""
    wider = schema("users", {"id": "string", "plan": "string", "name": "string", **LOGGED})
    messages = [
        *(USERS, *(user(f"u{n}") for n in range(38)), gone("users", id="u1")),
        *(wider, gone("users", id="u2"), gone("users", id="u3")),
        *(USERS, *(gone("users", id=f"u{n}") for n in range(4, 10))),
    ]
    result = run_target(tmp_path, config(sandbox, batch_size_rows=1), messages)
    assert result.status == 1
    assert "5 of the 43 records so far" in result.errors[-1]
    assert "of which 4 were sent before" in result.errors[-1]
    assert len(sandbox.state()["users"]) == 34


def test_deleted_rows_of_one_stream_are_no_share_of_another(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Hundreds of live groups make twenty deleted users no better."""
    messages = [
        *(GROUPS, *(record("groups", id=f"g{n}", name="Acme") for n in range(300))),
        *(USERS, *(gone("users", id=f"u{n}") for n in range(20))),
    ]
    result = run_target(tmp_path, config(sandbox), messages)
    assert result.status == 1
    assert "20 of the 20 records so far" in result.errors[-1]
    assert not any(one["method"] == "DELETE" for one in sandbox.requests())
