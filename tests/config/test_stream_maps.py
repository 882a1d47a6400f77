"""A stream map that does nothing, or fails, is told with its stream, its column and its key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.process import Result, record, run_target, schema

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

USERS = schema("users", {"id": "string", "email": "string", "plan": "string"})
ADA = record("users", id="ada", email="ada@example.com", plan="pro")


def run(sandbox: Sandbox, home: Path, maps: Any, *messages: Any) -> Result:
    config = {**sandbox.config, "stream_maps": maps}
    return run_target(home, config, messages or (USERS, ADA))


def warnings(result: Result) -> list[str]:
    lines = [line.split(" | ", 3) for line in result.log.splitlines()]
    return [line[3] for line in lines if len(line) > 3 and line[1].strip() == "WARNING"]


# Before the first line


@pytest.mark.parametrize(
    ("maps", "line"),
    [
        (
            {"users": {"__filtr__": "plan == 'pro'"}},
            (
                "Setting 'stream_maps.users.__filtr__': there is no such key. "
                "Did you mean '__filter__'?"
            ),
        ),
        (
            {"__elze__": None},
            "Setting 'stream_maps.__elze__': there is no such key. Did you mean '__else__'?",
        ),
        ({"__else__": "drop"}, "Setting 'stream_maps.__else__' can be nothing but null"),
        (
            {"users": {"email": "md5(email"}},
            "Setting 'stream_maps.users.email': 'md5(email' is no expression: '(' was never closed",
        ),
        (
            {"users": {"email": "x = email"}},
            "Setting 'stream_maps.users.email': 'x = email' is not one expression",
        ),
        (
            {"users": {"__filter__": "plan ="}},
            "Setting 'stream_maps.users.__filter__': 'plan =' is no expression: invalid syntax",
        ),
        (
            {"users": {"n": 5}},
            "Setting 'stream_maps.users.n' must be an expression, as text, or null",
        ),
        (
            {"users": {"__key_properties__": "id"}},
            "Setting 'stream_maps.users.__key_properties__' must be a list of names, or null",
        ),
        (
            {"users": "drop"},
            "Setting 'stream_maps.users' must be an object, or null to leave the stream out",
        ),
    ],
)
def test_what_no_map_can_be_stops_before_the_first_line(
    sandbox: Sandbox, tmp_path: Path, maps: Any, line: str
) -> None:
    """One line with the key; the input is not looked at, and nothing is sent."""
    result = run(sandbox, tmp_path, maps, b"no Singer\n")
    assert (result.status, result.errors) == (1, [line])


# At the SCHEMA and at the end


@pytest.mark.parametrize(
    ("definition", "key", "column"),
    [
        ({"emial": None}, "emial", "emial"),
        ({"emial": "__NULL__"}, "emial", "emial"),
        ({"hash": "md5(_.get('emial', ''))"}, "hash", "emial"),
        ({"hash": "emial if _.get('plan') == 'free' else plan"}, "hash", "emial"),
        ({"hash": "md5(record['emial']) if _.get('plan') == 'free' else plan"}, "hash", "emial"),
        ({"emial": "self if _.get('plan') == 'free' else plan"}, "emial", "emial"),
        ({"__filter__": "_.get('emial') is None"}, "__filter__", "emial"),
    ],
)
def test_a_column_that_is_not_there_is_told_twice(
    sandbox: Sandbox, tmp_path: Path, definition: Any, key: str, column: str
) -> None:
    """At the SCHEMA, before anything is sent, and at the end: the clear text goes out."""
    result = run(sandbox, tmp_path, {"users": definition})
    start = f"stream_maps.users.{key} names column '{column}', which "
    assert warnings(result) == [
        f"{start}the SCHEMA of stream 'users' does not have",
        f"{start}no record of this run had",
    ]
    assert result.status == 0


@pytest.mark.parametrize(
    "maps",
    [
        {"users": {"email": "md5(email)", "plan": None, "full": "_['email'] + str(plan)"}},
        {"users": {"email": "md5(self)", "__filter__": "plan != config.get('x', 'y')"}},
        {"users": {"__else__": None, "id": "id", "n": "[x for x in (1, 2)]", "d": "rand()"}},
        {"users": {"__alias__": "people-users", "__key_properties__": ["id"]}},
        {"groups": {"__source__": "users", "name": "email"}},
        {"u*": {"email": None}},
        {"*": {"at": "datetime.datetime(2026, 1, 1)", "s": "json.dumps(record)"}},
        {"__else__": None, "users": {"own": "bool(1)", "name": "__stream_name__"}},
    ],
)
def test_a_map_that_fits_is_no_news(sandbox: Sandbox, tmp_path: Path, maps: Any) -> None:
    """Computed columns, keys with two underscores, globs, copies and the SDK's own names."""
    assert [
        warning for warning in warnings(run(sandbox, tmp_path, maps)) if "stream_maps" in warning
    ] == []


def test_a_glob_need_not_fit_each_stream(sandbox: Sandbox, tmp_path: Path) -> None:
    """It is told only if none of all that it fits has the column."""
    groups = [schema("groups", {"id": "string", "name": "string"}), record("groups", id="a")]
    maps = {"*": {"email": None, "ssn": None}}
    assert warnings(run(sandbox, tmp_path, maps, *groups, USERS, ADA)) == [
        "stream_maps.*.ssn names column 'ssn', which no record of this run had"
    ]


def test_columns_that_come_with_the_records_count(sandbox: Sandbox, tmp_path: Path) -> None:
    """A SCHEMA that declares none says nothing of them."""
    bare = {"type": "SCHEMA", "stream": "users", "schema": {}, "key_properties": ["id"]}
    maps = {"users": {"email": "md5(email)", "ssn": None}}
    assert warnings(run(sandbox, tmp_path, maps, bare, ADA)) == [
        "stream_maps.users.ssn names column 'ssn', which no record of this run had"
    ]


@pytest.mark.parametrize("name", ["usres", "public-users", "Users"])
def test_a_stream_that_is_not_there_is_told_twice(
    sandbox: Sandbox, tmp_path: Path, name: str
) -> None:
    """At the SCHEMA of the one that it may mean, and at the end."""
    first, last = warnings(run(sandbox, tmp_path, {name: {"email": "md5(email)"}}))
    assert first.startswith("Stream 'users': stream_maps has no map for it. If")
    assert f"'{name}' was meant to be its name" in first
    assert last == f"No stream of this run is named as in stream_maps: {name}. There were: users"


def test_an_odd_name_is_told_at_the_end(sandbox: Sandbox, tmp_path: Path) -> None:
    """Also of a map that leaves a stream out, and of one that copies it under another name."""
    maps = {"secrets": None, "users_copy": {"__source__": "people"}}
    (last,) = warnings(run(sandbox, tmp_path, maps))
    assert last.startswith("No stream of this run is named as in stream_maps: secrets, people.")


# Expressions that fail


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ({"n": "int(plan)"}, "`n`: stream_maps failed on int(plan): ValueError"),
        (
            {"n": "plan + 5"},
            '`n`: stream_maps failed on plan + 5: can only concatenate str (not "int") to str',
        ),
        (
            {"n": "lower(plan)"},
            "`n`: stream_maps failed on lower(plan): there is no function 'lower'",
        ),
        (
            {"n": "plam.lower()"},
            "`n`: stream_maps failed on plam.lower(): the record has no column 'plam'",
        ),
        (
            {"n": "_['plam']"},
            "`n`: stream_maps failed on _['plam']: the record has no column 'plam'",
        ),
        (
            {"n": "none.lower()"},
            "`n`: stream_maps failed on none.lower(): the value has no 'lower' (is it null?)",
        ),
        ({"n": "_[plan]"}, "`n`: stream_maps failed on _[plan]: KeyError"),
        (
            {"__filter__": "plan > 5"},
            (
                "`__filter__`: stream_maps failed on plan > 5: "
                "'>' not supported between instances of 'str' and 'int'"
            ),
        ),
    ],
)
def test_a_map_that_fails_says_where_and_why(
    sandbox: Sandbox, tmp_path: Path, definition: Any, reason: str
) -> None:
    """In the summary and in the dead letter: column, expression and cause, and no value."""
    ada = record("users", id="ada", plan="zq7", none=None)
    result = run(sandbox, tmp_path, {"users": definition}, USERS, ada)
    assert f"1 rejected of users: {reason}\n    next: mend the expression in stream_maps" in (
        result.log
    )
    assert "zq7" not in result.log
    (path,) = (tmp_path / "dead-letters").glob("*.singer")
    letter = json.loads(path.read_text().splitlines()[1])
    assert letter["error"]["reason"] == reason


@pytest.mark.parametrize(
    "expression",
    [
        "plan.__class__",
        "().__class__.__bases__[0].__subclasses__()",
        "record.__class__.__init__.__globals__",
        "datetime.sys.modules",
        "datetime.datetime.__init__.__globals__",
        "json.codecs.open('secret')",
        "json.decoder.scanner.re.sub('a', 'b', 'c')",
        "json.__loader__",
        "'{0.__class__}'.format(plan)",
        "'%s'.format_map(record)",
        "f'{plan.__class__}'",
        "(lambda: 1)()",
        "__import__('os').system('touch pwned')",
        "open('secret').read()",
        "eval('1')",
        "getattr(plan, '__class__')",
        "[x.__class__ for x in [plan]]",
        "md5.__globals__",
        "str.mro()",
        "(x := 1)",
    ],
)
def test_an_expression_gets_at_nothing_but_the_record(
    sandbox: Sandbox, tmp_path: Path, expression: str
) -> None:
    """Underscored attributes, modules, files and Python's own functions are out of its reach."""
    (tmp_path / "secret").write_text("zq7")
    result = run(sandbox, tmp_path, {"users": {"n": expression}})
    assert result.status == 1
    assert f"1 rejected of users: `n`: stream_maps failed on {expression}" in result.log
    assert sandbox.state()["users"] == {}
    assert "zq7" not in result.log
    assert not (tmp_path / "pwned").exists()
