"""What is wrong with a config is told before the first line is read, all of it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_userflow.config import problems as configs
from target_userflow.config import reading
from target_userflow.config.reading import check_file
from target_userflow.config.schema import CONFIG_SCHEMA
from target_userflow.config.settings import USER_AGENT, Settings, StreamOptions
from target_userflow.config.urls import exposed
from target_userflow.errors import ConfigError
from target_userflow.target import TargetUserflow

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ak_secret"
PREFIX = "TARGET_USERFLOW_"


def schema() -> dict[str, Any]:
    """The settings of the target and those of the SDK."""
    TargetUserflow.append_builtin_config(CONFIG_SCHEMA)
    return CONFIG_SCHEMA


def problems(**config: Any) -> list[str]:
    return configs.problems(config, schema())


def settings(**config: Any) -> Settings:
    """What a good config becomes."""
    assert configs.problems(config, schema()) == []
    return Settings.of(config)


def from_environment(**variables: str) -> dict[str, Any]:
    """The config that variables make, and its problems under the name ''."""
    named = {PREFIX + name.upper(): value for name, value in variables.items()}
    config = reading.from_environment({**named, "PATH": "/bin"}, schema(), PREFIX)
    lines = configs.problems(config, schema())
    return {name: config.get(name) for name in variables} | ({"": lines} if lines else {})


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"concurrency": 0}, ["concurrency", "1"]),
        ({"concurrency": 101}, ["concurrency", "100"]),
        ({"concurrency": True}, ["concurrency", "integer"]),
        ({"concurrency": "many"}, ["concurrency", "integer", "'many'"]),
        ({"dry_run": "maybe"}, ["dry_run", "true or false", "'maybe'"]),
        ({"streams": "{users: "}, ["streams", "an object, written as JSON", "'{users: '"]),
        ({"metrics_path": "users.txt"}, ["metrics_path", ".prom"]),
        ({"requests_per_minute": 0}, ["requests_per_minute", "1"]),
        ({"request_timeout": 0}, ["request_timeout", "1"]),
        ({"max_retry_seconds": -1}, ["max_retry_seconds", "0"]),
        ({"max_rejects": -1}, ["max_rejects", "0"]),
        ({"abort_reject_ratio": 1.1}, ["abort_reject_ratio", "1"]),
        ({"region": "uk"}, ["region", "us", "eu"]),
        ({"streams": []}, ["streams", "object"]),
        ({"streams": {"users": "users"}}, ["streams.users", "object"]),
        ({"streams": {"a-*": {"object": "people"}}}, ["streams.a-*.object", "users", "ignore"]),
        ({"streams": {"users": {"nulls": "drop"}}}, ["streams.users.nulls", "clear", "omit"]),
        ({"streams": {"a": {"operations": {"x": "increment"}}}}, ["streams.a.operations.x", "add"]),
        ({"streams": {"a": {"data_types": {"x": "date"}}}}, ["streams.a.data_types.x", "datetime"]),
        ({"streams": {"a": {"fields": {"user_id": 1}}}}, ["streams.a.fields.user_id", "string"]),
        ({"streams": {"a": {"objects": "x"}}}, ["streams.a.objects", "Did you mean 'object'?"]),
        ({"streams": {"raw": {"orders": {"object": "events"}}}}, ["raw.orders", "raw?orders"]),
        ({"api_kye": KEY}, ["'api_kye'", "Did you mean 'api_key'?"]),
        ({"load_method": "upsert"}, ["'load_method'"]),
        ({"add_record_metadata": True}, ["'add_record_metadata'"]),
        ({"streams": {"users": {"match_by": ""}}}, ["streams.users.match_by", "non-empty"]),
        (
            {"streams": {"users": {"fields": {"deleted_at": ""}}}},
            ["streams.users.fields.deleted_at", "non-empty"],
        ),
        ({"zzz": KEY}, ["'zzz'", "There are: ", "concurrency", "region"]),
        ({"user_agent": "a\r\nX: b"}, ["user_agent"]),
        ({"user_agent": "ünï ✓"}, ["user_agent"]),
    ],
    ids=repr,
)
def test_a_problem_is_one_line_that_names_its_setting(
    config: dict[str, Any], says: list[str]
) -> None:
    """And says what is allowed, or what was probably meant; unknown settings are never ignored."""
    (line,) = problems(api_key=KEY, **config)
    assert all(text in line for text in says), line
    assert "\n" not in line
    assert KEY not in line


def test_all_problems_are_told_at_once() -> None:
    """Whoever mends a config has to do so once."""
    lines = problems(
        api_key=f"{KEY}\n",
        api_url="http://api.example.com",
        concurrency=0,
        regoin="eu",
        streams={"a": {"object": "b", "event": "c"}},
    )
    named = ["'api_key'", "'api_url'", "'concurrency'", "'regoin'", "streams.a.object", "a.event"]
    assert [sum(name in line for line in lines) for name in named] == [1] * 6, lines
    assert len(lines) == 6
    assert KEY not in str(lines)


@pytest.mark.parametrize("key", [f"{KEY}\n", f" {KEY}", "ak secret", "ak_\u200bsecret", "ak_\0"])
def test_a_key_with_a_character_that_no_key_has_is_refused_unseen(key: str) -> None:
    """A trailing newline of a file would be a header of its own, and a puzzle besides."""
    (line,) = problems(api_key=key)
    assert line.startswith("Setting 'api_key' holds a space, a line break")
    assert "secret" not in line


@pytest.mark.parametrize("product", ["", "user_interviews_", "userpilot_"])
def test_each_product_has_a_key_and_a_url_of_its_own(product: str) -> None:
    """All are checked alike, and the line names the setting of that product."""
    lines = problems(**{f"{product}api_key": f"{KEY}\n", f"{product}api_url": "http://example.com"})
    assert [line.split(" ")[1] for line in lines] == [f"'{product}api_key'", f"'{product}api_url'"]


@pytest.mark.parametrize("key", [5, [KEY], {"a": KEY}, True])
def test_a_key_that_is_no_string_is_refused_unseen(key: Any) -> None:
    """What stands there may be the secret all the same."""
    assert problems(api_key=key) == ["Setting 'api_key' must be a string"]


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "https://api.example.com/",
        "https://api.example.com:8443",
        "http://127.0.0.1:8080/",
        "http://127.8.9.1",
        "http://localhost:8080",
        "http://[::1]:8080",
    ],
)
def test_a_base_url_is_https_or_on_this_machine(url: str) -> None:
    """Then it is used, without a trailing slash."""
    made = settings(api_key=KEY, api_url=url)
    assert made.destinations[""].url == url.rstrip("/")


def test_http_goes_elsewhere_only_if_it_is_allowed_and_is_said() -> None:
    """A sandbox in another container; one line names the setting and the URL."""
    config = {"api_key": KEY, "api_url": "http://sandbox:8765", "allow_http": "true"}
    assert configs.problems(config, CONFIG_SCHEMA) == []
    (line,) = exposed(config)
    assert line.startswith("allow_http is on, and api_url is http://sandbox:8765: the key and all")
    assert not [*exposed({**config, "api_url": "http://127.0.0.1:8765"})]
    assert not [*exposed({**config, "api_url": "https://api.example.com"})]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://api.example.com", "must be https"),
        ("http://10.0.0.1", "must be https"),
        ("http://0.0.0.0:80", "must be https"),
        ("http://localhost.example.com", "must be https"),
        ("http://127.0.0.1.example.com", "must be https"),
        ("https://me:ak_secret@api.example.com", "base URL"),
        ("https://ak_secret@api.example.com", "base URL"),
        ("http://127.0.0.1@api.example.com", "base URL"),
        ("https://api.example.com/users", "base URL"),
        ("http://127.0.0.1:8765/users", "write only http://127.0.0.1:8765, paths"),
        ("https://me:ak_secret@api.example.com:8443/users", "only https://api.example.com:8443,"),
        ("https://api.example.com?key=ak_secret", "base URL"),
        ("https://api.example.com?", "base URL"),
        ("https://api.example.com#", "base URL"),
        ("https://api.example.com\n", ""),
        (" https://api.example.com", ""),
        ("https://api example.com", ""),
        ("ftp://api.example.com", "must look like https://"),
        ("api.example.com", "must look like https://"),
        ("https://", "must look like https://"),
        ("https://api.example.com:https", "no URL"),
        ("https://api.example.com:99999", "no URL"),
        ("https://[::1", "no URL"),
    ],
)
def test_any_other_url_is_refused(url: str, says: str) -> None:
    """The key must go to the right place, encrypted; the line repeats nothing that is secret."""
    (line,) = problems(api_key=KEY, api_url=url)
    assert line.startswith("Setting 'api_url' ")
    assert says in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"api_key": KEY}, {"api_key": KEY}),
        ({"region": "eu"}, {"region": "eu"}),
        ({"api_key": "007"}, {"api_key": "007"}),
        ({"ledger": ""}, {"ledger": ""}),
        ({"concurrency": "5"}, {"concurrency": 5}),
        ({"abort_reject_ratio": "0.25"}, {"abort_reject_ratio": 0.25}),
        ({"skip_unchanged": "true"}, {"skip_unchanged": True}),
        ({"skip_unchanged": "1"}, {"skip_unchanged": True}),
        ({"skip_unchanged": " Yes "}, {"skip_unchanged": True}),
        ({"skip_unchanged": "false"}, {"skip_unchanged": False}),
        ({"skip_unchanged": "off"}, {"skip_unchanged": False}),
        ({"streams": '{"a": {"object": "users"}}'}, {"streams": {"a": {"object": "users"}}}),
        ({"concurrency": ""}, {"concurrency": 10}),
        ({"streams": ""}, {"streams": {}}),
    ],
    ids=repr,
)
def test_a_variable_is_read_as_the_type_of_its_setting(
    variables: dict[str, str], expected: dict[str, Any]
) -> None:
    """Text stays text, everything else is JSON; an empty variable is one that is not set."""
    assert from_environment(**variables) == expected


@pytest.mark.parametrize(
    "variables",
    [
        {"concurrency": "ten"},
        {"concurrency": "1.5"},
        {"streams": "{users}"},
        {"streams": "[1]"},
        {"skip_unchanged": "ture"},
        {"abort_reject_ratio": "half"},
    ],
    ids=repr,
)
def test_a_variable_of_another_type_is_a_problem(variables: dict[str, str]) -> None:
    """Nothing is guessed at: a misspelt `true` is not taken for `false`."""
    (name,) = variables
    (line,) = from_environment(**variables)[""]
    assert f"'{name}'" in line


def test_a_null_is_a_setting_that_is_not_set() -> None:
    """Meltano writes null for it, in an option of a stream as well."""
    options: dict[str, Any] = dict.fromkeys(("object", "event_name", "nulls", "fields"))
    made = settings(api_key=None, region=None, concurrency=None, streams={"users": options})
    assert made == settings(streams={"users": {}})
    assert made.streams == {"users": StreamOptions()}


def test_defaults_are_those_that_are_documented() -> None:
    """An empty config is a good one; it lacks a key, which is told when a stream needs it."""
    made = settings()
    assert made.destinations == {}
    assert made.streams == {}
    assert (made.max_rejects, made.abort_reject_ratio) == (0, 0.5)
    assert made.dead_letter_dir == ".target-userflow/dead-letters"
    assert (made.ledger, made.resync_days) == (".target-userflow/ledger.db", 7)
    assert not made.skip_unchanged
    assert (made.pace.concurrency, made.pace.requests_per_minute) == (10, None)
    assert (made.pace.request_timeout, made.pace.max_retry_seconds) == (30, 300)
    assert made.pace.user_agent == USER_AGENT


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ({}, "https://api.userflow.com"),
        ({"region": "eu"}, "https://api.eu.userflow.com"),
        ({"region": "eu", "api_url": "https://api.example.com"}, "https://api.example.com"),
        ({"region": "eu", "api_url": ""}, "https://api.eu.userflow.com"),
    ],
    ids=repr,
)
def test_the_region_says_where_unless_a_url_does(config: dict[str, str], url: str) -> None:
    """`api_url` wins; and no representation of the settings shows the key."""
    made = settings(api_key=KEY, **config)
    destination = made.destinations[""]
    assert (destination.url, destination.api_key) == (url, KEY)
    assert KEY not in repr(made)


def test_a_whole_number_may_be_written_with_a_point() -> None:
    """JSON knows one kind of number; threads and windows need it as an integer."""
    assert repr(settings(concurrency=10.0).pace.concurrency) == "10"
    assert repr(settings(concurrency="10.0").pace.concurrency) == "10"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_a_bound_that_is_no_number_is_refused(tmp_path: Path, text: str) -> None:
    """No share of deleted rows is more than NaN: nothing would be held back."""
    config = {"max_delete_ratio": text}
    (line,) = configs.problems(config, schema())
    assert "max_delete_ratio" in line
    path = tmp_path / "config.json"
    path.write_text(f'{{"max_delete_ratio": {text}}}')
    with pytest.raises(ConfigError, match=f"{text} is no number"):
        check_file(str(path))
