"""Userpilot's users and companies are deleted many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.deleted_rows import LOGGED, config, gone, rows
from support.process import record, run_target, schema

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

pytestmark = pytest.mark.smoke


@pytest.mark.parametrize("kind", ["users", "companies"])
def test_userpilots_users_and_companies_are_deleted_many_at_once(
    sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    """A hundred ids stand in one body, as only a request in two seconds is let in."""
    stream = f"userpilot_{kind}"
    head = schema(stream, {"id": "string", **LOGGED})
    sandbox.configure(userpilot_rate_limit=None)
    messages = [head, *(record(stream, id=f"p{n}") for n in range(7))]
    assert run_target(tmp_path, config(sandbox), messages).status == 0
    sandbox.configure(userpilot_rate_limit=600)
    deleted = [head, *(gone(stream, id=f"p{n % 150}") for n in range(1, 160))]
    changes = {"max_delete_ratio": 1}
    result = run_target(tmp_path, config(sandbox, **changes), deleted)
    assert result.status == 0, result.log
    assert list(sandbox.state()["userpilot"][kind]) == []
    sent = [one for one in sandbox.requests() if one["method"] == "DELETE"]
    assert [one["path"] for one in sent] == [f"/v1/{kind}"] * 2
    assert sorted(len(one["body"][kind]) for one in sent) == [50, 100]
    assert {one["status"] for one in sent} == {202}
    assert sent[1]["at"] - sent[0]["at"] >= 60 / 30


def test_a_deletion_that_userpilot_refuses_costs_no_other(sandbox: Sandbox, tmp_path: Path) -> None:
    """It is sent in halves until the culprit is alone."""
    head = schema("userpilot_companies", {"id": "string", **LOGGED})
    messages = [head, *(record("userpilot_companies", id=one) for one in "abc")]
    assert run_target(tmp_path, config(sandbox), messages).status == 0
    path = "/v1/companies"
    sandbox.configure(userpilot_rate_limit=None)
    refusals = [{"status": 400, "body": "{}", "path": path, "times": 2}]  # all, and the first half
    sandbox.script(refusals)
    deleted = [head, *(gone("userpilot_companies", id=one) for one in "abc")]
    result = run_target(tmp_path, config(sandbox, max_rejects=1), deleted)
    assert list(sandbox.state()["userpilot"]["companies"]) == ["a"]
    assert ["userpilot_companies", "3", "2", "1"] in rows(result.log)


def test_what_comes_back_after_its_deletion_is_there(sandbox: Sandbox, tmp_path: Path) -> None:
    """A deletion that a newer record follows keeps its place, and goes by itself."""
    head = schema("userpilot_companies", {"id": "string", "n": "integer", **LOGGED})
    rows_of = [gone("userpilot_companies", id="a"), record("userpilot_companies", id="a", n=2)]
    again = [gone("userpilot_companies", id="b")]
    sandbox.configure(userpilot_rate_limit=None)
    result = run_target(tmp_path, config(sandbox), [head, *rows_of, *again])
    assert result.status == 0, result.log
    assert sandbox.state()["userpilot"]["companies"] == {"a": {"metadata": {"n": 2}}}


def test_companies_that_a_version_leaves_behind_are_deleted_in_one_request(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """`ACTIVATE_VERSION` goes the same way."""
    head = schema("userpilot_companies", {"id": "string"})

    def version(number: int, ids: str) -> list[dict[str, Any]]:
        records = [{**record("userpilot_companies", id=one), "version": number} for one in ids]
        end = {"type": "ACTIVATE_VERSION", "stream": "userpilot_companies", "version": number}
        return [head, *records, {"type": "STATE", "value": {"v": number}}, end]

    changes = {"max_delete_ratio": 1}
    for number, ids in enumerate(["abcd", "d"], 1):
        result = run_target(tmp_path, config(sandbox, **changes), version(number, ids))
        assert result.status == 0, result.log
    assert list(sandbox.state()["userpilot"]["companies"]) == ["d"]
    (sent,) = [one for one in sandbox.requests() if one["method"] == "DELETE"]
    assert sorted(sent["body"]["companies"]) == ["a", "b", "c"]
