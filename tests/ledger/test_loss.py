"""A ledger that is new where runs were before is a warning; what this run leaves is no sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.process import record, run_target, schema

from target_userflow.ledger.loss import signs
from target_userflow.private_files import lock

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox


@pytest.mark.parametrize("place", ["run.singer", "replayed/run.singer"])
def test_dead_letters_of_an_earlier_run_are_a_sign(tmp_path: Path, place: str) -> None:
    """Also once they were replayed; not while their run goes on."""
    path = tmp_path / "letters" / place
    path.parent.mkdir(parents=True)
    path.touch()
    ledger = str(tmp_path / "ledger.db")
    assert signs(ledger, str(tmp_path / "letters")) == [
        f"earlier runs left dead letters in {tmp_path / 'letters'}"
    ]
    with path.open("rb") as file:
        assert lock(file.fileno())
        assert signs(ledger, str(tmp_path / "letters")) == []


def test_what_this_run_has_rejected_is_no_sign(sandbox: Sandbox, tmp_path: Path) -> None:
    """A first run that rejects a user before it comes to events has lost no ledger."""
    messages = [
        schema("users", {"id": "string"}),
        record("users", id=" "),
        schema("events", {"id": "string", "user_id": "string", "name": "string"}),
        record("events", id="1", user_id="a", name="signed up"),
    ]
    result = run_target(tmp_path, sandbox.config, messages)
    assert "nothing yet" in result.log
    assert "is new, although" not in result.log
