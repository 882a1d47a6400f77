"""Values as taps really write them, from a table to what the APIs keep of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.process import asked, record, run_target, schema, writes

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

pytestmark = pytest.mark.smoke

TIME = {"type": ["string", "null"], "format": "date-time"}
EVENT = {"id": "string", "user_id": "string", "event": "string", "time": {}, "x": {}}


def users(sandbox: Sandbox) -> dict[str, Any]:
    """What the users have."""
    return {name: user["attributes"] for name, user in sandbox.state()["users"].items()}


def letters(home: Path) -> list[dict[str, Any]]:
    """The dead letters of all runs."""
    files = sorted((home / "dead-letters").glob("*.singer"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line for line in lines if line["type"] == "RECORD"]


def test_a_date_time_is_found_behind_references(sandbox: Sandbox, tmp_path: Path) -> None:
    """`$ref`, `allOf` and alternatives inside of alternatives are followed, nested ones too."""
    message = schema("users", {"id": "string"})
    message["schema"]["definitions"] = {
        "moment": {"allOf": [TIME, {"description": "when"}]},
        "life": {"type": "object", "properties": {"born": {"$ref": "#/definitions/moment"}}},
        "loop": {"anyOf": [{"$ref": "#/definitions/loop"}, TIME]},
    }
    message["schema"]["properties"] |= {
        "by_reference": {"$ref": "#/definitions/moment"},
        "by_all": {"allOf": [{"type": ["string", "null"]}, {"format": "date-time"}]},
        "by_any": {"anyOf": [{"oneOf": [{"$ref": "#/definitions/moment"}]}, {"type": "null"}]},
        "by_loop": {"$ref": "#/definitions/loop"},
        "life": {"$ref": "#/definitions/life"},
        "text": {"type": "string"},
    }
    there, here = "2024-02-29T12:34:56+05:30", "2024-02-29T07:04:56Z"
    columns = ("by_reference", "by_all", "by_any", "by_loop")
    row = record("users", id="u", **dict.fromkeys(columns, there), life={"born": there}, text=there)
    result = run_target(tmp_path, sandbox.config, [message, row])
    assert result.status == 0, result.log
    sent = writes(sandbox)[0]["body"]["attributes"]
    assert sent == {**dict.fromkeys(columns, here), "life_born": here, "text": there}


def test_a_millisecond_is_no_year(sandbox: Sandbox, tmp_path: Path) -> None:
    """Digits in the time of an event and in a date-time column are read by their magnitude."""
    digits = {"time": "1767011231234", "x": "20240229"}
    messages = [
        schema("events", {**EVENT, "x": TIME}),
        record("events", id="1", user_id="u", event="paid", **digits),
        record("events", id="2", user_id="u", event="paid", time=1767011231),
        record("events", id="3", user_id="u", event="paid", time="2016-12-31T23:59:60Z"),
        record("events", id="4", user_id="u", event="paid", time="2024"),
        record("events", id="5", user_id="u", event="paid", time="infinity"),
    ]
    result = run_target(tmp_path, {**sandbox.config, "max_rejects": 2}, messages)
    assert result.status == 0, result.log
    bodies = [one["body"] for one in writes(sandbox)]
    assert [one["time"] for one in bodies] == [
        "2025-12-29T12:27:11.234000Z",
        "2025-12-29T12:27:11Z",
        "2017-01-01T00:00:00Z",
    ]
    assert bodies[0]["attributes"] == {"x": "2024-02-29T00:00:00Z"}
    reasons = [one["error"]["reason"] for one in letters(tmp_path)]
    assert reasons[0].startswith("`time`: a date-time's digits are neither YYYYMMDD nor")
    assert reasons[1].startswith("`time`: the time is blank, infinite or zero")


def test_a_blank_time_is_a_null_and_counted(sandbox: Sandbox, tmp_path: Path) -> None:
    """Every blank cell of a CSV, the infinity of PostgreSQL, the zero date of MySQL."""
    report = tmp_path / "run.json"
    rows = ["2024-02-29", "", "infinity", "0000-00-00 00:00:00"]
    messages = [
        schema("users", {"id": "string", "born": TIME}),
        *(record("users", id=f"u{n}", born=born) for n, born in enumerate(rows)),
    ]
    config = {**sandbox.config, "report_path": str(report)}
    result = run_target(tmp_path, config, messages)
    assert result.status == 0, result.log
    sent = {one["body"]["id"]: one["body"]["attributes"] for one in writes(sandbox)}
    assert sent == {
        "u0": {"born": "2024-02-29T00:00:00Z"},
        **{f"u{n}": {"born": None} for n in (1, 2, 3)},
    }
    remark = "a blank, infinite or zero date-time counts as null"
    assert f"3 times in users: {remark}" in result.log
    told = json.loads(report.read_text())["remarks"]
    assert told == [{"stream": "users", "remark": remark, "count": 3}]


def test_ids_with_blanks_are_one_and_said_once(sandbox: Sandbox, tmp_path: Path) -> None:
    """`" ada "` and `"ada"` are one user, wherever the id stands; the log has one line of it."""
    messages = [
        schema("users", {"id": "string", "groups": "array", "plan": "string"}),
        record("users", id=" ada ", groups=["g "], plan="pro"),
        record("users", id="ada", plan="free"),
        schema("memberships", {"user_id": "string", "group_id": "string"}, keys=[]),
        record("memberships", user_id="ada", group_id=" g"),
    ]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 0, result.log
    state = sandbox.state()
    assert [*state["users"]] == ["ada"]
    assert [*state["groups"]] == ["g"]
    assert result.log.count("2 times in users: blanks around an id are taken off") == 1
    assert result.log.count("1 times in memberships: blanks around an id are taken off") == 1


@pytest.mark.parametrize("word", ["null", "None", "NIL", " nan ", "undefined", "N/A"])
def test_words_for_nothing_are_no_ids(sandbox: Sandbox, tmp_path: Path, word: str) -> None:
    """All rows without an id would else be one user; nor is one deleted."""
    messages = [
        schema("users", {"id": "string", "_sdc_deleted_at": TIME}),
        record("users", id=word),
        record("users", id=word, _sdc_deleted_at="2024-02-29T00:00:00Z"),
        schema("userpilot_users", {"id": "string", "company_id": "string"}),
        record("userpilot_users", id="u", company_id=word),
    ]
    config = {**sandbox.config, "hard_delete": True}
    result = run_target(tmp_path, config, messages)
    assert result.status == 1
    assert writes(sandbox) == []
    found = [one["error"]["reason"] for one in letters(tmp_path)]
    assert len(found) == 3, found
    assert all("is the word" in reason and "and no id" in reason for reason in found)
    assert {reason.partition(":")[0] for reason in found} == {"`id`", "`company_id`"}


def test_arrays_of_snowflake_are_lists(sandbox: Sandbox, tmp_path: Path) -> None:
    """VARIANT, OBJECT and ARRAY come as JSON text: as groups and as a list they are read."""
    text = {"id": "string", "groups": "string", "tags": "string", "note": "string"}
    row = {"groups": '[{"id": "g", "attributes": {"seats": 5}}]', "tags": '["a", "b"]'}
    messages = [schema("users", text), record("users", id="u", note='["kept"]', **row)]
    config = {**sandbox.config, "streams": {"users": {"data_types": {"tags": "list"}}}}
    result = run_target(tmp_path, config, messages)
    assert result.status == 0, result.log
    state = sandbox.state()
    assert state["groups"]["g"]["attributes"] == {"seats": 5}
    assert state["users"]["u"]["attributes"] == {"tags": ["a", "b"], "note": '["kept"]'}


def test_a_decimal_that_a_tap_writes_as_text_is_a_number(sandbox: Sandbox, tmp_path: Path) -> None:
    """`singer.decimal` of the pipelinewise taps, with every digit."""
    decimal = {"type": ["null", "string"], "format": "singer.decimal"}
    message = schema("users", {"id": "string", "mrr": decimal})
    row = record("users", id="u", mrr="12.50")
    assert run_target(tmp_path, sandbox.config, [message, row]).status == 0
    assert users(sandbox) == {"u": {"mrr": 12.5}}


def test_a_null_object_clears_its_attributes(sandbox: Sandbox, tmp_path: Path) -> None:
    """Else what it was flattened to stays for ever; an event carries no nulls."""
    view = {"type": "object", "properties": {"size": {"type": "integer"}}}
    prefs = {"type": ["object", "null"], "properties": {"theme": {"type": "string"}, "view": view}}
    messages = [
        schema("users", {"id": "string", "prefs": prefs, "plan": "string"}),
        record("users", id="u", prefs={"theme": "dark", "view": {"size": 5}}, plan="pro"),
        record("users", id="u", prefs=None),
        schema("events", {**EVENT, "x": prefs}),
        record("events", id="1", user_id="u", event="paid", x=None),
    ]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 0, result.log
    assert users(sandbox) == {"u": {"plan": "pro"}}
    assert writes(sandbox)[-1]["body"]["attributes"] == {}


def test_an_event_s_typed_value_is_sent_as_it_is(sandbox: Sandbox, tmp_path: Path) -> None:
    """`{"set": …, "data_type": …}` is one attribute, not two that Userflow keeps for ever."""
    typed = {"set": "4917012345", "data_type": "string"}
    row = record("events", id="1", user_id="u", event="called", x=typed)
    result = run_target(tmp_path, sandbox.config, [schema("events", EVENT), row])
    assert result.status == 0, result.log
    assert writes(sandbox)[0]["body"]["attributes"] == {"x": typed}


def test_a_user_called_dot_is_looked_up_and_nothing_else(sandbox: Sandbox, tmp_path: Path) -> None:
    """`GET /users/..` would be another place, answered with what it is not."""
    messages = [
        schema("users", {"id": "string"}),
        *(record("users", id=id_) for id_ in (".", "..")),
    ]
    config = {**sandbox.config, "streams": {"users": {"mode": "update"}}}
    result = run_target(tmp_path, config, messages)
    assert result.status == 0, result.log
    assert writes(sandbox) == []
    reads = [one["path"] for one in sandbox.requests() if one["method"] == "GET"]
    assert {path for path in reads if path.startswith("/users")} == {"/users/%2E", "/users/%2E%2E"}
    assert asked(sandbox, "/groups") == []


def test_a_rejection_by_userpilot_has_its_request_id(sandbox: Sandbox, tmp_path: Path) -> None:
    """It stands in a header there, and the vendor's support asks for it."""
    body = json.dumps({"errors": [{"error_code": "bad", "message": "No."}]})
    headers = {"x-request-id": "r-7"}
    step = {"path": "/v1/identify", "status": 400, "body": body, "headers": headers}
    sandbox.script([step])
    messages = [schema("userpilot_users", {"id": "string"}), record("userpilot_users", id="u")]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 1
    (letter,) = letters(tmp_path)
    assert letter["error"]["request_id"] == "r-7"


def test_a_column_that_can_t_be_encoded_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    """A half of a surrogate pair passes JSON, and no API."""
    line = b'{"type": "RECORD", "stream": "users", "record": {"id": "u", "city": "\\ud800"}}\n'
    messages = [schema("users", {"id": "string", "city": "string"}), line]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 1
    assert "1 rejected of users: `city`: a string holds half of a surrogate pair" in result.log


def test_a_stream_map_that_makes_half_a_surrogate_pair_costs_its_record_alone(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """It is rejected before anything is sent, and the records beside it are delivered."""
    expression = "'\\ud800' if id == 'u1' else 'Oslo'"
    maps = {"users": {"id": "id", "city": expression}}
    users = [record("users", id=f"u{n}") for n in range(3)]
    messages = [schema("users", {"id": "string"}), *users]
    result = run_target(tmp_path, {**sandbox.config, "stream_maps": maps}, messages)
    assert result.status == 1
    assert "1 rejected of users: `city`: a string holds half of a surrogate pair" in result.log
    assert sorted(one["body"]["id"] for one in sandbox.requests()) == ["u0", "u2"]


def test_attributes_inside_of_lists_follow_their_schema(sandbox: Sandbox, tmp_path: Path) -> None:
    """A date-time of a group, a membership or a company is in UTC there too, and a null clears."""
    view = {"type": ["object", "null"], "properties": {"size": {"type": "integer"}}}
    named = {"since": TIME, "view": view}
    inner = {"type": "object", "properties": named}
    group = {"type": "object", "properties": {"id": {"type": "string"}, "attributes": inner}}
    member = {"type": "object", "properties": {"group": group, "attributes": inner}}
    company = {"type": "object", "properties": {"id": {"type": "string"}, **named}}
    lists = [
        ("groups", {"type": "array", "items": group}),
        ("memberships", {"type": ["array", "null"], "items": member}),
        ("group_attributes", inner),
    ]
    given = {"since": "2024-02-29T12:34:56+05:30", "view": None}
    made = {"since": "2024-02-29T07:04:56Z", "view_size": None}
    acme, sent = {"id": "g", "attributes": given}, {"id": "g", "attributes": made}
    values = {
        "groups": [acme],
        "memberships": [{"group": acme, "attributes": given}],
        "group_attributes": given,
    }
    for name, schema_of_it in lists:
        message = schema("users", {"id": "string", "group_id": "string", name: schema_of_it})
        id_ = {"group_id": "g"} if name == "group_attributes" else {}
        row = record("users", id="u", **id_, **{name: values[name]})
        result = run_target(tmp_path, sandbox.config, [message, row])
        assert result.status == 0, result.log
    message = schema("userpilot_users", {"id": "string", "company": company})
    row = record("userpilot_users", id="u", company={"id": "c", **given})
    assert run_target(tmp_path, sandbox.config, [message, row]).status == 0
    first, second, third, fourth = (one["body"] for one in writes(sandbox))
    assert first["groups"] == third["groups"] == [sent]
    assert second["memberships"] == [{"group": sent, "attributes": made}]
    assert fourth["company"].items() >= made.items()


def test_a_reference_is_followed_behind_a_stream_map(sandbox: Sandbox, tmp_path: Path) -> None:
    """A map that names its columns takes the definitions out of the schema."""
    message = schema("users", {"id": "string", "born": {"$ref": "#/definitions/moment"}})
    message["schema"]["definitions"] = {"moment": TIME}
    row = record("users", id="u", born="2024-02-29T12:34:56+05:30")
    maps = {"users": {"__else__": None, "id": "id", "born": "born"}}
    result = run_target(tmp_path, {**sandbox.config, "stream_maps": maps}, [message, row])
    assert result.status == 0, result.log
    assert writes(sandbox)[0]["body"]["attributes"] == {"born": "2024-02-29T07:04:56Z"}
