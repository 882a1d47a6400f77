"""The sandbox refuses what the Userflow API reference forbids, and nothing else."""

from __future__ import annotations

import json

import pytest

from target_userflow.sandbox.apis.rules import first_broken
from target_userflow.sandbox.apis.times import to_utc
from target_userflow.sandbox.apis.userflow import rules
from target_userflow.sandbox.http import strict_json

NAMES_ONLY = "must be a name of a-z, A-Z, 0-9, _, - and space only"
LITERALS_ONLY = "must be a string, a finite number, a boolean or a list of strings"
ONE_OPERATION = (
    "attributes.a must be one of set, set_once, add, subtract, append, prepend, remove, "
    "with at most a data_type besides"
)


def broken(kind: str, body: str) -> str | None:
    """The rule that a body breaks, as the server finds it."""
    value, rule = strict_json.read(body.encode())
    assert rule is None, rule
    rule_sets = {"user": rules.user, "group": rules.group, "event": rules.event}
    return first_broken(rule_sets[kind], value)


@pytest.mark.parametrize("text", ['"x"', '""', "0", "-1.5", "1e300", "true", "null", "[]", '["x"]'])
def test_an_attribute_takes_every_documented_type(text: str) -> None:
    """Strings, numbers, booleans, lists of strings, and null, which unsets."""
    assert broken("user", f'{{"id": "u", "attributes": {{"a": {text}}}}}') is None


@pytest.mark.parametrize(
    "text",
    [
        '{"set": "x"}',
        '{"set": null}',
        '{"set": ["x"]}',
        '{"set_once": 1.5}',
        '{"add": 1}',
        '{"subtract": 0.1}',
        '{"append": "x"}',
        '{"prepend": ["x", "y"]}',
        '{"remove": []}',
        '{"set": "0049", "data_type": "string"}',
        '{"set": "2026-01-31", "data_type": "datetime"}',
        '{"set": null, "data_type": "datetime"}',
        '{"add": 1, "data_type": "number"}',
        '{"append": "x", "data_type": "list"}',
    ],
)
def test_an_attribute_takes_every_documented_operation(text: str) -> None:
    """Exactly one of the operations, with or without a data type."""
    assert broken("user", f'{{"id": "u", "attributes": {{"a": {text}}}}}') is None


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("user", '{"id": "u"}'),
        ("user", '{"id": "u", "attributes": {}}'),
        ("user", '{"id": "u", "attributes": {"Signed up-at_1": 1}}'),
        ("user", '{"id": "u", "groups": []}'),
        ("user", '{"id": "u", "groups": [{"id": "g"}, {"id": "h", "attributes": {"a": 1}}]}'),
        ("user", '{"id": "u", "memberships": [{"group": {"id": "g", "attributes": {"a": 1}}}]}'),
        ("user", '{"id": "u", "memberships": [{"group": {"id": "g"}, "attributes": {"a": 1}}]}'),
        ("user", '{"id": "u", "groups": [], "prune_memberships": true}'),
        ("user", '{"id": "u", "memberships": [], "prune_memberships": false}'),
        ("group", '{"id": "g"}'),
        ("group", '{"id": "g", "attributes": {"a": {"add": 1}}}'),
        ("event", '{"name": "Signed up", "user_id": "u"}'),
        ("event", '{"name": "n", "group_id": "g"}'),
        ("event", '{"name": "n", "user_id": "u", "group_id": "g", "attributes": {"a": ["x"]}}'),
        ("event", '{"name": "n", "user_id": "u", "time": "2026-01-31T12:00:00Z"}'),
        (
            "event",
            '{"name": "n", "user_id": "u", "attributes": {"a": {"set": 1, "data_type": "number"}}}',
        ),
    ],
)
def test_every_documented_body_is_accepted(kind: str, body: str) -> None:
    """Nothing that the reference allows is refused."""
    assert broken(kind, body) is None


@pytest.mark.parametrize(
    ("kind", "body", "rule"),
    [
        ("user", "{}", "id must be a non-empty string"),
        ("user", '{"id": ""}', "id must be a non-empty string"),
        ("user", '{"id": " \\t"}', "id must be a non-empty string"),
        ("user", '{"id": 7}', "id must be a non-empty string"),
        ("user", '{"id": null}', "id must be a non-empty string"),
        ("user", '{"id": "u", "email": "a@example.com"}', "email is no known key"),
        ("user", '{"id": "u", "attributes": null}', "attributes must be an object"),
        ("user", '{"id": "u", "attributes": []}', "attributes must be an object"),
        (
            "user",
            '{"id": "u", "groups": [], "memberships": []}',
            "only one of groups and memberships can be given",
        ),
        ("user", '{"id": "u", "groups": {}}', "groups must be a list"),
        ("user", '{"id": "u", "groups": null}', "groups must be a list"),
        ("user", '{"id": "u", "groups": ["g"]}', "groups[0] must be an object"),
        (
            "user",
            '{"id": "u", "groups": [{"id": "g"}, {"id": 2}]}',
            "groups[1].id must be a non-empty string",
        ),
        ("user", '{"id": "u", "groups": [{"id": "g", "x": 1}]}', "groups[0].x is no known key"),
        (
            "user",
            '{"id": "u", "groups": [{"id": "g", "attributes": {"a": {}}}]}',
            ONE_OPERATION.replace("attributes", "groups[0].attributes", 1),
        ),
        ("user", '{"id": "u", "memberships": [{}]}', "memberships[0].group must be an object"),
        (
            "user",
            '{"id": "u", "memberships": [{"group": {}}]}',
            "memberships[0].group.id must be a non-empty string",
        ),
        (
            "user",
            '{"id": "u", "memberships": [{"id": "g"}]}',
            "memberships[0].id is no known key",
        ),
        (
            "user",
            '{"id": "u", "memberships": [{"group": {"id": "g"}, "attributes": {"a": [1]}}]}',
            f"memberships[0].attributes.a {LITERALS_ONLY}",
        ),
        (
            "user",
            '{"id": "u", "prune_memberships": true}',
            "prune_memberships can only be given with groups or memberships",
        ),
        (
            "user",
            '{"id": "u", "groups": [], "prune_memberships": "yes"}',
            "prune_memberships must be a boolean",
        ),
        ("group", '{"attributes": {}}', "id must be a non-empty string"),
        ("group", '{"id": "g", "groups": []}', "groups is no known key"),
        ("group", '{"id": "g", "attributes": "x"}', "attributes must be an object"),
        ("event", '{"user_id": "u"}', f"name {NAMES_ONLY}"),
        ("event", '{"name": "", "user_id": "u"}', f"name {NAMES_ONLY}"),
        ("event", '{"name": "sign.up", "user_id": "u"}', f"name {NAMES_ONLY}"),
        ("event", '{"name": 5, "user_id": "u"}', f"name {NAMES_ONLY}"),
        ("event", '{"name": "n"}', "at least one of user_id and group_id must be given"),
        ("event", '{"name": "n", "user_id": ""}', "user_id must be a non-empty string"),
        (
            "event",
            '{"name": "n", "user_id": "u", "group_id": null}',
            "group_id must be a non-empty string",
        ),
        ("event", '{"name": "n", "user_id": "u", "id": "1"}', "id is no known key"),
        ("event", '{"name": "n", "user_id": "u", "attributes": 1}', "attributes must be an object"),
        (
            "event",
            '{"name": "n", "user_id": "u", "attributes": {"a": null}}',
            f"attributes.a {LITERALS_ONLY}",
        ),
        (
            "event",
            '{"name": "n", "user_id": "u", "attributes": {"a": {"add": 1}}}',
            f"attributes.a {LITERALS_ONLY}",
        ),
        (
            "event",
            '{"name": "n", "user_id": "u", "attributes": {"a.b": 1}}',
            f"attributes: 'a.b' {NAMES_ONLY}",
        ),
        (
            "event",
            '{"name": "n", "user_id": "u", "time": "yesterday"}',
            "time must be an ISO 8601 date and time",
        ),
        (
            "event",
            '{"name": "n", "user_id": "u", "time": 1767225600}',
            "time must be an ISO 8601 date and time",
        ),
    ],
)
def test_a_broken_rule_is_told_in_words(kind: str, body: str, rule: str) -> None:
    """The refusal says where in the body what is wrong."""
    assert broken(kind, body) == rule


@pytest.mark.parametrize("name", ["", "a.b", "naïve", "a/b", "$a", "a\n", "a\tb"])
def test_an_attribute_name_of_other_characters_is_refused(name: str) -> None:
    """Letters, digits, underscore, dash and space are all there is."""
    body = json.dumps({"id": "u", "attributes": {name: 1}})
    assert broken("user", body) == f"attributes: {name!r} {NAMES_ONLY}"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("[1]", f"attributes.a {LITERALS_ONLY}"),
        ("[null]", f"attributes.a {LITERALS_ONLY}"),
        ('[["x"]]', f"attributes.a {LITERALS_ONLY}"),
        ("1e999", f"attributes.a {LITERALS_ONLY}"),
        ("-1e99999999", f"attributes.a {LITERALS_ONLY}"),
        ("{}", ONE_OPERATION),
        ('{"data_type": "string"}', ONE_OPERATION),
        ('{"plan": "pro"}', ONE_OPERATION),
        ('{"set": 1, "add": 1}', ONE_OPERATION),
        ('{"set": 1, "note": "x"}', ONE_OPERATION),
        ('{"set": {"set": 1}}', f"attributes.a.set {LITERALS_ONLY}"),
        ('{"set_once": [1]}', f"attributes.a.set_once {LITERALS_ONLY}"),
        ('{"add": "1"}', "attributes.a.add must be a finite number"),
        ('{"add": null}', "attributes.a.add must be a finite number"),
        ('{"subtract": true}', "attributes.a.subtract must be a finite number"),
        ('{"append": 1}', "attributes.a.append must be a string or a list of strings"),
        ('{"prepend": [1]}', "attributes.a.prepend must be a string or a list of strings"),
        ('{"remove": null}', "attributes.a.remove must be a string or a list of strings"),
        (
            '{"set": 1, "data_type": "integer"}',
            "attributes.a.data_type must be one of string, number, boolean, datetime, list",
        ),
        (
            '{"set": 1, "data_type": null}',
            "attributes.a.data_type must be one of string, number, boolean, datetime, list",
        ),
        (
            '{"add": 1, "data_type": "string"}',
            "attributes.a.data_type must be number, as add makes that",
        ),
        (
            '{"remove": "x", "data_type": "string"}',
            "attributes.a.data_type must be list, as remove makes that",
        ),
        (
            '{"set": "soon", "data_type": "datetime"}',
            "attributes.a.set must be an ISO 8601 date and time",
        ),
    ],
)
def test_an_attribute_of_another_shape_is_refused(text: str, rule: str) -> None:
    """Nothing is nested but one operation, with an operand that it can work with."""
    assert broken("user", f'{{"id": "u", "attributes": {{"a": {text}}}}}') == rule


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"", "the body must be valid JSON"),
        (b"{", "the body must be valid JSON"),
        (b"{'id': 'u'}", "the body must be valid JSON"),
        (b'{"id": "u"} x', "the body must be valid JSON"),
        (b'{"id": "a\nb"}', "the body must be valid JSON"),
        (b"[" * 100_000, "the body must be valid JSON"),
        (b"9" * 10_000, "the body must be valid JSON"),
        (b'["u"]', "the body must be a JSON object"),
        (b"null", "the body must be a JSON object"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b'{"a": [Infinity]}', "Infinity is no JSON number"),
        (b'{"a": -Infinity}', "-Infinity is no JSON number"),
        (b'{"a": 1e99999999999999999999}', "a number is out of range"),
        (b'{"a": 1, "a": 1}', "the key 'a' stands twice in one object"),
        (b'{"a": [{"b": {"c": 1, "c": 2}}]}', "the key 'c' stands twice in one object"),
        (b'{"a": "\xff"}', "the body must be valid UTF-8, and its text valid Unicode"),
        (b'{"a": "\\ud83d"}', "the body must be valid UTF-8, and its text valid Unicode"),
        (b'{"\\udc00": 1}', "the body must be valid UTF-8, and its text valid Unicode"),
    ],
)
def test_a_body_that_is_no_sound_json_object_is_refused(raw: bytes, rule: str) -> None:
    """What parsers read differently, or not at all, is not read."""
    assert strict_json.read(raw).rule == rule


@pytest.mark.parametrize(
    "number",
    ["0.1", "1.10", "-0.0", "9007199254740993", "123456789012345678901234567890.123456789"],
)
def test_a_number_keeps_every_digit(number: str) -> None:
    """What is read and written again is the same text."""
    text = f'{{"a":{number}}}'
    assert strict_json.write(strict_json.read(text.encode()).value).decode() == text


def test_text_keeps_every_character() -> None:
    """Escaped or not, in the basic plane or beyond it."""
    assert strict_json.read('{"a": "é\\u00e9\\ud83d\\ude00"}'.encode()).value == {"a": "éé😀"}


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("2026-01-31T12:00", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:01Z", "2026-01-31T12:00:01Z"),
        ("2026-01-31T12:00:01.123456789Z", "2026-01-31T12:00:01.123456789Z"),
        ("2026-01-01T01:30:00+02:00", "2025-12-31T23:30:00Z"),
        ("2026-01-01T01:30:00.50-0530", "2026-01-01T07:00:00.50Z"),
        ("2026-01-01T01:30+02", "2025-12-31T23:30:00Z"),
        ("2026-02-30", None),
        ("2026-01-31 12:00:00Z", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("2026-1-31", None),
        ("12:00:00Z", None),
        ("2026-01-31T25:00:00Z", None),
        ("", None),
    ],
)
def test_a_date_time_is_told_in_utc(text: str, utc: str | None) -> None:
    """With a zone it is converted, without one it is UTC already, and else it is none."""
    assert to_utc(text) == utc


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-31T12:00:01+01:00", "2026-01-31T11:00:01Z"),
        ("2026-01-31T12:00:01", None),
        ("2026-01-31", None),
    ],
)
def test_a_plain_string_is_a_date_time_only_with_a_zone(text: str, utc: str | None) -> None:
    """A date or a naive time in an attribute may as well be meant as text."""
    assert to_utc(text, zone_required=True) == utc
