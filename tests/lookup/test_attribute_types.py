"""Before anything is written, what is about to be sent is held against the attributes there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.process import asked, record, run_target, schema, writes

from target_userflow.lookup.attribute_types import fits
from target_userflow.sandbox import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

DEFINITIONS = "/attribute_definitions"
TYPED = schema("users", {"id": "string", "logins": "number", "phone": "string"})
LOOSE = schema("users", {"id": "string", "logins": "string", "phone": "number"})


def defined(sandbox: Sandbox, directory: Path) -> None:
    """Let `logins` be a number and `phone` a string."""
    run_target(directory, sandbox.config, [TYPED, record("users", id="1", logins=3, phone="1")])


def warnings(log: str) -> list[str]:
    """The messages of the log's warning lines."""
    lines = [line.split(" | ") for line in log.splitlines()]
    return [line[-1] for line in lines if len(line) > 1 and line[1].strip() == "WARNING"]


def test_a_value_of_another_type_is_one_warning_that_says_what_to_do(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """It names the attribute, both types and the setting; no value stands in it."""
    defined(sandbox, tmp_path)
    messages = [LOOSE, *(record("users", id=f"{n}", logins="many") for n in range(5))]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 0, result.log
    (line,) = warnings(result.log)
    assert "user attribute 'logins' is a number in Userflow, and a string is sent" in line
    assert 'streams.users.data_types: {"logins": "number"}' in line
    assert "many" not in result.log


def test_the_setting_that_the_warning_names_resolves_it(sandbox: Sandbox, tmp_path: Path) -> None:
    """A text that holds a number is one, and a number that is a text is sent as text."""
    defined(sandbox, tmp_path)
    config = {
        **sandbox.config,
        "streams": {"users": {"data_types": {"logins": "number", "phone": "string"}}},
    }
    result = run_target(tmp_path, config, [LOOSE, record("users", id="1", logins="4", phone=5)])
    assert warnings(result.log) == []
    assert sandbox.state()["users"]["1"]["attributes"] == {"logins": 4, "phone": "5"}


def test_definitions_are_asked_once_and_before_the_first_write(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Of the scopes that are written to, and of no other."""
    messages = [
        TYPED,
        *(record("users", id=f"{n}", logins=n) for n in range(20)),
        schema("groups", {"id": "string", "name": "string"}),
        *(record("groups", id=f"{n}", name="Acme") for n in range(20)),
    ]
    run_target(tmp_path, {**sandbox.config, "batch_size_rows": 5}, messages)
    scopes = [query["scope"] for query in asked(sandbox, DEFINITIONS)]
    assert sorted(scopes) == ["group", "user"]
    assert Sandbox.requests(sandbox)[0]["path"] == DEFINITIONS


def test_what_groups_and_memberships_of_a_user_carry_is_compared_too(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Each in its own scope: `plan` may be a string of users and a number of groups."""
    people = schema("users", {"id": "string", "plan": "string", "memberships": "array"})

    def joined(plan: Any, seats: Any) -> dict[str, Any]:
        group = {"id": "g1", "attributes": {"plan": plan}}
        memberships = [{"group": group, "attributes": {"seats": seats}}]
        return record("users", id="1", plan="pro", memberships=memberships)

    run_target(tmp_path, sandbox.config, [people, joined(7, 1)])
    result = run_target(tmp_path, sandbox.config, [people, joined("7", "1")])
    found = [line.partition(" attribute ")[0].split()[-1] for line in warnings(result.log)]
    assert sorted(found) == ["group", "group_membership"]


def test_more_definitions_than_fit_on_a_page_are_all_known(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The last of 150 attributes is compared like the first."""
    columns = {f"a{n:03}": "number" for n in range(150)}
    wide = schema("users", {"id": "string", **columns})
    config = {**sandbox.config, "max_new_attributes": 150}
    run_target(tmp_path, config, [wide, record("users", id="1", **dict.fromkeys(columns, 1))])
    texts = schema("users", {"id": "string", **dict.fromkeys(columns, "string")})
    messages = [texts, record("users", id="1", **dict.fromkeys(columns, "x"))]
    result = run_target(tmp_path, sandbox.config, messages)
    assert len(warnings(result.log)) == 150


def test_a_careful_team_gets_no_attribute_it_did_not_create(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Records that would define one go to the dead letters, the others are delivered."""
    defined(sandbox, tmp_path)
    before = len(writes(sandbox))
    wide = schema("users", {"id": "string", "logins": "number", "shoe_size": "number"})
    messages = [
        wide,
        record("users", id="1", logins=4, shoe_size=None),
        record("users", id="2", logins=5, shoe_size=44),
    ]
    result = run_target(tmp_path, {**sandbox.config, "new_attributes": "reject"}, messages)
    assert result.status == 1
    assert [one["body"]["id"] for one in writes(sandbox)[before:]] == ["1"]
    (file,) = (tmp_path / "dead-letters").glob("*.singer")
    _, letter = map(json.loads, file.read_text().splitlines())
    assert letter["record"]["id"] == "2"
    assert "user attribute 'shoe_size' does not exist in Userflow yet" in letter["error"]["reason"]
    known = (query["scope"] for query in asked(sandbox, DEFINITIONS))
    assert set(known) == {"user"}


def test_definitions_that_are_not_told_stop_the_run_like_any_refusal(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A key that is no good is said before a record is sent with it."""
    result = run_target(
        tmp_path,
        {**sandbox.config, "api_key": "ak_wrong"},
        [TYPED, record("users", id="1", logins=1)],
    )
    assert result.status == 1
    assert "HTTP 401" in result.errors[-1]
    assert writes(sandbox) == []


@pytest.mark.parametrize("new", ["allow", "reject"])
def test_definitions_in_another_shape_only_matter_to_who_relies_on_them(
    sandbox: Sandbox, tmp_path: Path, new: str
) -> None:
    """With any attribute allowed one warning is enough; else nothing is written."""
    sandbox.script([{"status": 200, "body": '{"object": "other"}', "path": DEFINITIONS}])
    messages = [TYPED, *(record("users", id=f"{n}", logins=1) for n in range(3))]
    result = run_target(tmp_path, {**sandbox.config, "new_attributes": new}, messages)
    assert len(writes(sandbox)) == (3 if new == "allow" else 0)
    said = warnings(result.log) if new == "allow" else result.errors
    assert len(said) == 1
    assert "GET /attribute_definitions can't be read" in said[0]


def test_events_carry_attributes_too(sandbox: Sandbox, tmp_path: Path) -> None:
    """Of the scope `event`."""
    for amount in (1, "1"):
        kind = "number" if amount == 1 else "string"
        events = schema("events", {"user_id": "string", "name": "string", "amount": kind}, keys=[])
        messages = [events, record("events", user_id="u", name="paid", amount=amount)]
        result = run_target(tmp_path, sandbox.config, messages)
    (line,) = warnings(result.log)
    assert "event attribute 'amount'" in line


@pytest.mark.parametrize(
    ("value", "data_type", "good"),
    [
        (None, "number", True),
        (1, "number", True),
        (True, "number", False),
        ("x", "string", True),
        ("2026-01-01T00:00:00Z", "datetime", True),
        ("2026-01-01T00:00:00Z", "string", True),
        ("soon", "datetime", False),
        ({"set_once": "2026-01-01"}, "datetime", True),
        ({"set_once": "soon"}, "datetime", False),
        ({"add": 1}, "number", True),
        ({"add": 1}, "string", False),
        ({"append": "x"}, "list", True),
        ({"append": "x"}, "string", False),
        ({"set": "1", "data_type": "number"}, "number", True),
        ({"set": "1", "data_type": "string"}, "number", False),
        ({"set": None}, "boolean", True),
        (["a"], "list", True),
        (["a"], "string", False),
        ("x", "a type that is yet to come", True),
    ],
)
def test_what_fits_an_attribute(value: Any, data_type: str, *, good: bool) -> None:
    """An operation counts as what it results in."""
    assert fits(value, data_type) is good
