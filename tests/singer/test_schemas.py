"""SCHEMA messages as taps write them, of any draft: the run starts, and nothing is fetched."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pytest
from support.process import record, run_target, schema, writes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.process import Result

    from target_userflow.sandbox import Sandbox


BROKEN = {"type": "strng", "pattern": "("}


def column(rules: Any, **others: Any) -> dict[str, Any]:
    """A SCHEMA of users with a column `x`, and other keywords at the top."""
    message = schema("users", {"id": "string"})
    message["schema"]["properties"]["x"] = rules
    message["schema"] |= others
    return message


def without_columns(stream: str, **body: Any) -> dict[str, Any]:
    """A SCHEMA that names none, as taps of document stores write it."""
    return {"type": "SCHEMA", "stream": stream, "schema": {"type": "object", **body}}


def users(sandbox: Sandbox) -> dict[str, Any]:
    """The attributes of every user that arrived."""
    return {name: one["attributes"] for name, one in sandbox.state()["users"].items()}


def warnings(result: Result) -> list[str]:
    """The messages of the log's warnings that are about a schema."""
    return [line for line in result.log.splitlines() if "WARNING" in line and "schema" in line]


@pytest.mark.parametrize(
    ("rules", "good", "bad"),
    [
        ({"type": "number", "maximum": 100, "exclusiveMaximum": True}, 99.5, 100),
        ({"type": "number", "minimum": 0.5, "exclusiveMinimum": True}, 0.75, 0.5),
        ({"type": "number", "maximum": 100, "exclusiveMaximum": False}, 100, 101),
        ({"items": [{"type": "integer"}, {"type": "string"}]}, [1, "a"], ["a", "a"]),
        (
            {"items": [{"type": "string"}], "additionalItems": {"type": "integer"}},
            ["a", 1],
            ["a", "b"],
        ),
        ({"type": "string", "nullable": True}, None, 1),
        ({"type": ["string", "string"]}, "a", 1),
        ({"$ref": "#/definitions/plan"}, "pro", 1),
        ({"$ref": "https://example.com/s.json#/definitions/plan"}, "pro", 1),
    ],
    ids=repr,
)
def test_rules_of_older_drafts_are_kept(
    sandbox: Sandbox, tmp_path: Path, rules: Any, good: Any, bad: Any
) -> None:
    """What an older draft says of a column holds, and nobody has to be warned of anything."""
    head = column(
        rules,
        definitions={"plan": {"type": "string"}, "broken and not used": {"type": "strng"}},
        id="https://example.com/s.json#",
    )
    messages = [head, record("users", id="good", x=good), record("users", id="bad", x=bad)]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 1  # one record is rejected
    assert users(sandbox).keys() == {"good"}
    assert warnings(result) == []


@pytest.mark.parametrize(
    ("rules", "keyword"),
    [
        ({"items": []}, "items"),
        ({"type": []}, "type"),
        ({"type": "any"}, "type"),
        ({"type": "string", "required": True}, "required"),
        ({"type": "string", "required": False}, "required"),
        ({"type": "string", "maxLength": None}, "maxLength"),
        ({"enum": []}, "enum"),
        ({"anyOf": []}, "anyOf"),
        ({"pattern": r"(?P<word>\w+)\Z"}, "pattern"),
        ({"$ref": "#/definitions/missing"}, "$ref"),
        ({"$ref": "other.json#/definitions/x"}, "$ref"),
    ],
    ids=repr,
)
def test_what_no_draft_can_check_is_said_once_and_the_rest_is_checked(
    sandbox: Sandbox, tmp_path: Path, rules: Any, keyword: str
) -> None:
    """Every record of the column passes; another column's rules hold."""
    head = column(rules)
    messages = [head, record("users", id="1", x="a"), head, record("users", id="2", x="b")]
    result = run_target(tmp_path, sandbox.config, [*messages, record("users", id=3, x="c")])
    assert result.status == 1
    assert users(sandbox) == {"1": {"x": "a"}, "2": {"x": "b"}}
    (warning,) = warnings(result)
    assert "Stream 'users'" in warning
    assert warning.endswith(f"x: {keyword}")


def test_a_stream_that_a_map_drops_is_not_compiled(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nor does it have to be routed."""
    other = {**column(BROKEN), "stream": "audit"}
    config = {**sandbox.config, "stream_maps": {"audit": None}}
    messages = [other, record("audit", id="1"), column({}), record("users", id="ada")]
    result = run_target(tmp_path, config, messages)
    assert result.status == 0, result.log
    assert users(sandbox).keys() == {"ada"}


@pytest.mark.parametrize("schema_of_x", [True, {}, {"format": "duration"}, {"default": {"a": 1}}])
def test_a_column_of_any_value_is_no_obstacle(
    sandbox: Sandbox, tmp_path: Path, schema_of_x: Any
) -> None:
    """`true`, `{}`, formats that nobody knows: with stream maps and flattening as without."""
    maps = {"stream_maps": {"users": {"y": "id"}}}
    flat = {"flattening_enabled": True, "flattening_max_depth": 2}
    for config in ({}, maps, flat, maps | flat):
        sandbox.reset()
        messages = [column(schema_of_x), record("users", id="ada", x=1)]
        result = run_target(tmp_path, {**sandbox.config, **config}, messages)
        assert result.status == 0, result.log
        assert users(sandbox)["ada"]["x"] == 1


@pytest.mark.parametrize(
    "rules",
    [
        {"enum": ["a", "b"]},
        {"anyOf": [{"enum": ["a"]}, {"type": "null"}]},
        {"oneOf": [{"type": "string"}, {"type": "null"}]},
        {"anyOf": [{"type": "object", "properties": {"y": True}}, {"type": "string"}]},
        {"$ref": "#/definitions/word"},
        {"type": None},
    ],
    ids=repr,
)
def test_flattening_takes_columns_without_a_type(
    sandbox: Sandbox, tmp_path: Path, rules: Any
) -> None:
    """Alternatives, enumerations and references stand where the SDK looks for a type."""
    flat = {"flattening_enabled": True, "flattening_max_depth": 2}
    head = column(rules, definitions={"word": {"type": "string"}})
    messages = [head, record("users", id="ada", x="a")]
    result = run_target(tmp_path, {**sandbox.config, **flat}, messages)
    assert result.status == 0, result.log
    assert users(sandbox) == {"ada": {"x": "a"}}


def test_a_required_object_may_be_flattened(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its columns stand in the record in its place, those of boolean schemas among them."""
    inner = {"type": "object", "properties": {"theme": {"type": "string"}, "size": True}}
    flat = {"flattening_enabled": True, "flattening_max_depth": 2}
    head = column(inner, required=["id", "x"])
    messages = [head, record("users", id="ada", x={"theme": "dark", "size": 3})]
    result = run_target(tmp_path, {**sandbox.config, **flat}, messages)
    assert result.status == 0, result.log
    assert users(sandbox) == {"ada": {"x__theme": "dark", "x__size": 3}}


@pytest.mark.parametrize(
    "config",
    [
        {"validate_records": False},
        {"stream_maps": {"users": {"x": None}}},
        {"stream_maps": {"users": {"__else__": None, "id": "id"}}},
    ],
    ids=repr,
)
def test_what_is_not_checked_is_not_compiled(
    sandbox: Sandbox, tmp_path: Path, config: dict[str, Any]
) -> None:
    """A column's broken rules don't matter where no record is checked, or a map drops it."""
    head = column(BROKEN, required=["id", "x"])
    messages = [head, record("users", id="ada", x="a")]
    result = run_target(tmp_path, {**sandbox.config, **config}, messages)
    assert result.status == 0, result.log
    assert users(sandbox).keys() == {"ada"}


def test_the_schema_of_a_stream_that_is_left_out_is_not_compiled(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """`ignore` is for what can't be handled."""
    other = {**column(BROKEN), "stream": "audit"}
    config = {**sandbox.config, "streams": {"audit": {"object": "ignore"}}}
    messages = [other, record("audit", id="1"), column({}), record("users", id="ada")]
    result = run_target(tmp_path, config, messages)
    assert result.status == 0, result.log
    assert users(sandbox).keys() == {"ada"}


def test_a_broken_rule_stops_the_run_at_its_line(sandbox: Sandbox, tmp_path: Path) -> None:
    """A word that no draft has a meaning for is a mistake of the tap's."""
    result = run_target(tmp_path, sandbox.config, [column(BROKEN)])
    (error,) = result.errors
    assert result.status == 1
    assert error.startswith("Line 1: Stream 'users' has an invalid schema: ")


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"stream_maps": {"users": {"plan": "plan.upper()"}}},
        {"stream_maps": {"users": {"plan": None, "source": "'mongo'"}}},
        {"flattening_enabled": True, "flattening_max_depth": 1},
        {"validate_records": False},
    ],
    ids=repr,
)
@pytest.mark.parametrize("body", [{}, {"properties": None}, {"properties": {}}], ids=repr)
def test_a_schema_without_properties_takes_what_the_records_bring(
    sandbox: Sandbox, tmp_path: Path, body: dict[str, Any], config: dict[str, Any]
) -> None:
    """With stream maps, with flattening, and with a key that the schema does not name."""
    head = {**without_columns("users", **body), "key_properties": ["_id"]}
    messages = [
        head,
        record("users", _id="ada", plan="pro", prefs={"theme": "dark"}),
        record("users", _id="bob", plan="free", logins=3),
    ]
    result = run_target(tmp_path, {**sandbox.config, **config}, messages)
    assert result.status == 0, result.log
    found = users(sandbox)
    assert found["ada"].keys() & {"prefs_theme", "prefs__theme"}
    assert found["bob"]["logins"] == 3


def test_columns_that_come_with_the_records_have_their_roles(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Each record shows which of its columns is the id, the name, the time, the group."""
    messages: list[Any] = [
        without_columns("users"),
        without_columns("events"),
        record("users", user_id="ada", groups=["acme"], plan="pro"),
        record("users", id="bob", group_id="acme"),
        record("users", plan="no id"),
        record("events", user_id="ada", event_name="paid", name="Ada", time="2024-03-01"),
        record("events", group_id="acme", name="renewed", timestamp="2024-03-02T00:00:00Z"),
    ]
    result = run_target(tmp_path, sandbox.config, messages)
    assert result.status == 1
    assert "has no column for user_id" in result.log  # of the one without an id
    assert users(sandbox) == {"ada": {"plan": "pro"}, "bob": {}}
    paid, renewed = sorted(sandbox.state()["events"], key=itemgetter("name"))  # sent in parallel
    assert (paid["name"], paid["user_id"], paid["time"]) == ("paid", "ada", "2024-03-01T00:00:00Z")
    assert paid["attributes"] == {"name": "Ada"}
    assert (renewed["name"], renewed["group_id"]) == ("renewed", "acme")
    groups = [request["body"].get("groups") for request in writes(sandbox)[:2]]
    assert groups == [[{"id": "acme"}], [{"id": "acme"}]]


def test_options_name_columns_that_only_the_records_bring(sandbox: Sandbox, tmp_path: Path) -> None:
    """`fields`, `operations` and `data_types` are for them as for any others."""
    options = {
        "fields": {"user_id": "_id"},
        "operations": {"logins": "add"},
        "data_types": {"phone": "string"},
    }
    messages = [without_columns("users"), record("users", _id="ada", logins=1, phone=49)]
    result = run_target(tmp_path, {**sandbox.config, "streams": {"users": options}}, messages)
    assert result.status == 0, result.log
    (request,) = writes(sandbox)
    assert request["body"]["attributes"]["logins"] == {"add": 1}
    assert request["body"]["attributes"]["phone"] == {"set": "49", "data_type": "string"}


def test_a_wrong_option_stops_a_stream_without_columns_at_its_schema(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A role that the object does not have is known before the first record."""
    config = {**sandbox.config, "streams": {"users": {"fields": {"usr": "_id"}}}}
    result = run_target(tmp_path, config, [without_columns("users")])
    assert result.status == 1
    assert "names no role 'usr'" in result.log


@pytest.mark.parametrize("mark", ["_sdc_deleted_at", "gone_at"])
def test_deletions_need_no_columns(sandbox: Sandbox, tmp_path: Path, mark: str) -> None:
    """A record with a deletion mark deletes its user, also where the SCHEMA is empty."""
    messages = [
        without_columns("users"),
        record("users", id="ada"),
        record("users", id="ada", **{mark: "2024-03-01T00:00:00Z"}),
    ]
    streams = {"users": {"fields": {"deleted_at": "gone_at"}}}
    config = {**sandbox.config, "hard_delete": True, "streams": streams}
    result = run_target(tmp_path, config, messages)
    assert result.status == 0, result.log
    assert users(sandbox) == {}


def test_a_key_that_the_schema_does_not_name_is_a_column(sandbox: Sandbox, tmp_path: Path) -> None:
    """The tap's records have it, and stream maps may lean on it."""
    config = {**sandbox.config, "stream_maps": {"users": {"plan": "plan.upper()"}}}
    head = schema("users", {"plan": "string"}, keys=["uuid"])
    result = run_target(tmp_path, config, [head, record("users", uuid="ada", plan="pro")])
    assert result.status == 0, result.log
    assert users(sandbox) == {"ada": {"plan": "PRO"}}


@contextmanager
def counting_server() -> Iterator[tuple[str, list[str]]]:
    """A server that counts who connects, and answers nobody."""
    callers: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                callers.append("somebody")
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/schema.json", callers
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"validate_records": False},
        {"stream_maps": {"users": {"y": "id", "z": "record"}}},
        {"flattening_enabled": True, "flattening_max_depth": 2},
    ],
    ids=repr,
)
def test_nothing_in_a_schema_is_fetched(
    sandbox: Sandbox, tmp_path: Path, config: dict[str, Any]
) -> None:
    """No server is asked, no file is read and no word of one is told, whatever the keyword."""
    (tmp_path / "secret.json").write_text('{"type": "zq7secret"}')
    with counting_server() as (url, callers):
        for target in (url, (tmp_path / "secret.json").as_uri()):
            inner = {"$schema": target, "$id": target, "id": target, "type": "object"}
            rules = [
                {keyword: target}
                for keyword in ("$schema", "$id", "id", "$ref", "$dynamicRef", "$recursiveRef")
            ]
            head = column(
                {"anyOf": [inner, *rules, {}]},
                **{"$schema": target, "$id": f"{target}?root", "$vocabulary": {target: True}},
                default={"$ref": target},
                definitions={"other": {"$ref": target}},
            )
            messages = [head, record("users", id="ada", x="a")]
            result = run_target(tmp_path, {**sandbox.config, **config}, messages)
            assert result.status == 0, result.log
            assert "zq7secret" not in result.log
        assert callers == []
    assert users(sandbox)["ada"]["x"] == "a"


def test_a_stream_may_take_the_name_of_one_that_a_map_drops(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The tap's `users` are left out, and its `customers` are delivered as users."""
    maps = {"users": None, "customers": {"__alias__": "users"}}
    head = column({})
    messages = [
        head,
        record("users", id="left out"),
        {**head, "stream": "customers"},
        record("customers", id="ada"),
        record("users", id="left out"),
    ]
    result = run_target(tmp_path, {**sandbox.config, "stream_maps": maps}, messages)
    assert result.status == 0, result.log
    assert users(sandbox).keys() == {"ada"}
