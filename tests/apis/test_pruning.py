"""Which memberships a user's row ends: those that its list leaves out, and none without a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.process import record, run_target, schema

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

pytestmark = pytest.mark.smoke

PLAIN = {"id": "string", "plan": "string"}
PRUNED = {**PLAIN, "prune_memberships": "boolean"}
ONE_GROUP = {"group_id": "string", "group_attributes": "object"}
ANY_LIST = {"groups": "array", "memberships": "array", "group_id": {}}
MEMBER = record("users", id="ada", groups=["g1", "g2"])
ALL = {"g1", "g2"}


def memberships(sandbox: Sandbox, home: Path, columns: dict[str, Any], **row: Any) -> set[str]:
    """Which of a user's two memberships are left after a row of a table with these columns."""
    before = [schema("users", {"id": "string", "groups": "array"}), MEMBER]
    assert run_target(home, sandbox.config, before).status == 0
    options = row.pop("config", {})
    messages = [schema("users", columns), record("users", id="ada", **row)]
    result = run_target(home, {**sandbox.config, **options}, messages)
    assert result.status == 0, result.log
    return set(sandbox.state()["users"]["ada"]["memberships"])


CONSTANT = {"stream_maps": {"users": {"prune_memberships": "bool(1)"}}}
MAPPED = {"stream_maps": {"users": {"prune_memberships": "plan == 'pro'", "group_id": "group_id"}}}
NAMED = {"streams": {"users": {"fields": {"prune_memberships": "whole", "group_id": "org"}}}}
DONT_KNOW = {"streams": {"users": {"nulls": "omit"}}}


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        pytest.param({**PRUNED, **ONE_GROUP}, {"prune_memberships": True}, id="no group_id"),
        pytest.param(
            {**PRUNED, **ONE_GROUP},
            {"prune_memberships": True, "group_attributes": {"name": "Acme"}},
            id="group_attributes alone",
        ),
        pytest.param({**PRUNED, **ANY_LIST}, {"prune_memberships": True}, id="no list at all"),
        pytest.param(
            {**PRUNED, **ANY_LIST},
            {"prune_memberships": True, "groups": None, "memberships": None},
            id="lists that are null",
        ),
        pytest.param(
            {**PRUNED, "groups": "array", "group_id": "string"},
            {"prune_memberships": True, "group_id": None},
            id="no group_id beside a list that is missing",
        ),
        pytest.param({**PLAIN, **ONE_GROUP}, {"config": CONSTANT}, id="constant in a stream map"),
        pytest.param(
            {**PLAIN, "whole": "boolean", "org": "string"},
            {"whole": True, "config": NAMED},
            id="roles of other names",
        ),
        pytest.param(
            {**PRUNED, **ONE_GROUP},
            {"prune_memberships": True, "group_id": None, "config": DONT_KNOW},
            id="nulls that mean nothing",
        ),
    ],
)
def test_a_row_without_a_list_ends_no_membership(
    sandbox: Sandbox, tmp_path: Path, columns: dict[str, Any], row: dict[str, Any]
) -> None:
    """A missing column leaves things alone: a log leaves out large columns that did not change."""
    assert memberships(sandbox, tmp_path, columns, plan="pro", **row) == ALL


@pytest.mark.parametrize(
    ("columns", "row", "left"),
    [
        pytest.param({**PRUNED, **ONE_GROUP}, {"group_id": None}, set(), id="null group_id"),
        pytest.param({**PRUNED, **ONE_GROUP}, {"group_id": "g2"}, {"g2"}, id="one group"),
        pytest.param({**PRUNED, **ANY_LIST}, {"group_id": []}, set(), id="empty group_id"),
        pytest.param({**PRUNED, **ANY_LIST}, {"groups": []}, set(), id="empty groups"),
        pytest.param({**PRUNED, **ANY_LIST}, {"memberships": []}, set(), id="empty memberships"),
        pytest.param(
            {**PRUNED, **ANY_LIST},
            {"groups": [], "config": DONT_KNOW},
            set(),
            id="empty groups where nulls mean nothing",
        ),
    ],
)
def test_a_list_ends_what_it_leaves_out(
    sandbox: Sandbox, tmp_path: Path, columns: dict[str, Any], row: dict[str, Any], left: set[str]
) -> None:
    """An empty list is one, and a null group_id goes on meaning that there is no group."""
    row = {"prune_memberships": True, **row}
    assert memberships(sandbox, tmp_path, columns, plan="pro", **row) == left


def test_a_mapped_group_id_that_the_row_lacks_rejects_the_row(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The expression of a stream map has nothing to work with, so that nothing is sent."""
    columns = {**PLAIN, **ONE_GROUP}
    before = [schema("users", {"id": "string", "groups": "array"}), MEMBER]
    assert run_target(tmp_path, sandbox.config, before).status == 0
    messages = [schema("users", columns), record("users", id="ada", plan="pro")]
    result = run_target(tmp_path, {**sandbox.config, **MAPPED}, messages)
    assert result.status == 1
    assert set(sandbox.state()["users"]["ada"]["memberships"]) == ALL
