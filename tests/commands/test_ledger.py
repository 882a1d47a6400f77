"""`target-userflow ledger show`: what was delivered when, as far as hashes tell."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from support.process import record, schema
from support.taps import run_here

from target_userflow.commands import ledger
from target_userflow.config import problems as configs
from target_userflow.config.schema import CONFIG_SCHEMA
from target_userflow.config.settings import Settings
from target_userflow.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

TODAY = f"{datetime.now(timezone.utc):%Y-%m-%d}"
USERS = schema("public-users", {"id": "integer", "plan": "string"})
EVENTS = schema("events", {"id": "integer", "user_id": "string", "name": "string"})


def shown(config: dict[str, Any], *words: str) -> tuple[str, bool]:
    """What is said of a record after the line on the ledger, and whether it is known."""
    stream, *key = words
    full = dict(config)
    maps = full.pop("stream_maps", {})
    assert not configs.problems(full, CONFIG_SCHEMA)
    (heading, *lines), is_known = ledger.shown(Settings.of(full), maps, stream, key)
    assert heading.startswith("Ledger ")
    return "; ".join(lines), is_known


def test_the_ledger_says_when_a_record_was_delivered(sandbox: Sandbox, tmp_path: Path) -> None:
    """Events by their key, in any spelling of a number; objects by their id; deletions too."""
    config = {**sandbox.config, "ledger": str(tmp_path / "ledger.db"), "skip_unchanged": True}
    config |= {"hard_delete": True, "max_delete_ratio": 1}
    messages = [
        USERS,
        record("public-users", id=1, plan="pro"),
        record("public-users", id=2, plan="pro"),
        EVENTS,
        record("events", id=7, user_id="1", name="signed up"),
        USERS,
        record("public-users", id=2, _sdc_deleted_at="2026-01-01T00:00:00Z"),
    ]
    assert run_here(tmp_path, config, messages).status == 0
    before = (tmp_path / "ledger.db").read_bytes()
    assert shown(config, "events", "7.0")[0].startswith(
        f"events 7.0 of stream 'events': delivered on {TODAY}, hash of its body "
    )
    assert shown(config, "public-users", "1")[0].startswith(
        f"users 1 of stream 'public-users': last delivered on {TODAY}, hash of what was sent "
    )
    assert f"deleted on {TODAY}" in shown(config, "public-users", "2")[0]
    unknown = shown(config, "public-users", "3")
    assert unknown == (unknown[0], False)
    assert "nothing is known. Events are noted if" in unknown[0]
    assert (tmp_path / "ledger.db").read_bytes() == before


def test_a_stream_goes_by_what_the_tap_calls_it(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its alias says what it is, and its own name is in the events' keys."""
    maps = {"orders": {"__alias__": "events"}}
    config = {**sandbox.config, "ledger": str(tmp_path / "ledger.db"), "stream_maps": maps}
    events = {**EVENTS, "stream": "orders"}
    run_here(tmp_path, config, [events, record("orders", id=7, user_id="1", name="paid")])
    assert shown(config, "orders", "7")[1]


@pytest.mark.parametrize(
    ("changes", "stream", "complaint"),
    [
        ({}, "users", "There is no ledger"),
        ({"ledger": ""}, "users", "There is no ledger"),
        ({"api_key": None}, "users", "Set api_key"),
        ({}, "unheard-of", "routes to no object"),
        ({"streams": {"users": {"object": "ignore"}}}, "users", "is ignored"),
    ],
)
def test_what_can_not_be_looked_up_is_said(
    tmp_path: Path, changes: dict[str, Any], stream: str, complaint: str
) -> None:
    """In one line, and no ledger is made by looking for one."""
    config = {"api_key": "ak_1", "ledger": str(tmp_path / "ledger.db"), **changes}
    with pytest.raises(ConfigError, match=complaint):
        shown(config, stream, "1")
    assert not [*tmp_path.iterdir()]
