"""Records are checked as `jsonschema` would check them, which is the SDK's own validator."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from target_userflow.errors import ConfigError, RejectRecord
from target_userflow.singer.record_validator import Validator

TYPES = ["string", "integer", "number", "boolean", "object", "array", "null"]
NAMES = ["a", "b", "c"]
texts = st.text(max_size=6)
numbers = (
    st.integers(-20, 20)
    | st.integers()
    | st.floats(-20, 20)
    | st.floats(allow_nan=False, allow_infinity=False)
)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | texts, inner, max_size=3)
    ),
    max_leaves=8,
)
records = st.dictionaries(st.sampled_from(NAMES) | texts, values, max_size=4)


def types() -> st.SearchStrategy[Any]:
    some = st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True)
    return st.sampled_from(TYPES) | some


def optional(**rules: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=rules)


limits = st.integers(-20, 20) | st.floats(-20, 20)
lengths = st.integers(0, 6)
plain_rules = optional(
    type=types(),
    enum=st.lists(scalars, min_size=1, max_size=3),
    const=scalars,
    minimum=limits,
    maximum=limits,
    exclusiveMinimum=limits,
    exclusiveMaximum=limits,
    minLength=lengths,
    maxLength=lengths,
    minItems=lengths,
    maxItems=lengths,
    format=st.sampled_from(["date-time", "date", "email"]),
)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas of objects, as nested as taps write them."""
    return optional(
        type=st.sampled_from(["object", ["object", "null"]]),
        properties=st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
        required=st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
        additionalProperties=st.booleans() | inner,
    )


def arrays(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas of lists."""
    return optional(type=st.sampled_from(["array", ["array", "null"]]), items=inner)


nested = st.recursive(
    plain_rules,
    lambda inner: (
        objects(inner) | arrays(inner) | optional(anyOf=st.lists(inner, min_size=1, max_size=2))
    ),
    max_leaves=5,
)
schemas = objects(nested).map(lambda schema: {"properties": {}, **schema})


def looser(schema: dict[str, Any]) -> dict[str, Any]:
    """What we mean by a schema: the lists of a column hold null and lists besides their type."""
    properties = {name: dict(one) for name, one in schema["properties"].items()}
    for one in properties.values():
        if "type" in one.get("items", {}):
            one["items"] = {
                **one["items"],
                "type": sorted({*_listed(one["items"]["type"]), "null", "array"}),
            }
    return {**schema, "properties": properties}


def _listed(one: str | list[str]) -> list[str]:
    return [one] if isinstance(one, str) else one


def reason(schema: dict[str, Any], record: Any) -> str | None:
    """Why a record is rejected, None if it passes."""
    try:
        Validator("users", schema).check(record)
    except RejectRecord as error:
        return str(error)
    return None


def column(rules: Any, value: Any) -> str | None:
    """Why a record is rejected that has a column `x` with these rules and this value."""
    return reason({"properties": {"x": rules}}, {"x": value})


@settings(max_examples=300, deadline=None, print_blob=True)
@given(schema=schemas, record=records)
def test_the_compiled_check_agrees_with_jsonschema(schema: Any, record: Any) -> None:
    """What the SDK would let pass passes, and what it would refuse is rejected."""
    expected = Draft202012Validator(looser(schema)).is_valid(record)
    assert (reason(schema, record) is None) == expected


@pytest.mark.parametrize(
    ("rules", "value"),
    [
        ({"type": "number"}, Decimal("1.5")),
        ({"type": ["number", "null"]}, Decimal("12345678901234567890.123456789012345678")),
        ({"type": "integer"}, Decimal("1.0")),
        ({"type": "integer"}, 2**70),
        ({"type": "number", "maximum": 1.5}, Decimal("1.50")),
        ({"type": "number", "minimum": 0.1}, Decimal("0.1")),
        ({"type": "number", "multipleOf": 0.01}, Decimal("1.13")),
        ({"enum": [1.1, 2]}, Decimal("1.10")),
        ({"type": "number"}, Decimal("1E-400")),
        ({"type": "string", "maxLength": 1}, "🦉"),
        (
            {"type": "string", "format": "date-time"},
            "no date: the mapping says so, with its reason",
        ),
        ({"type": "string", "format": "date-time"}, datetime(2024, 3, 1, tzinfo=timezone.utc)),
        ({"type": "string", "format": "date"}, date(2024, 3, 1)),
        ({"type": "array", "items": {"type": "string"}}, ["a", None, ["b", None]]),
        ({"type": "array", "items": {"type": ["integer"]}}, [[[1]], None, 2]),
        (True, {"anything": [1]}),
        ({}, None),
        ({"$ref": "#/$defs/nowhere"}, 1),
    ],
    ids=repr,
)
def test_what_taps_and_stream_maps_send_passes(rules: Any, value: Any) -> None:
    """Exact decimals, large integers, computed dates, and the lists that tap-postgres sends."""
    assert column(rules, value) is None


SECRET = "jane@example.com"  # noqa: S105 - personal data, made up


@pytest.mark.parametrize(
    ("rules", "value", "says"),
    [
        ({"type": "integer"}, Decimal("1.5"), ["x", "type"]),
        ({"type": "string"}, Decimal("1.5"), ["x", "type"]),
        ({"type": "number", "maximum": 1}, Decimal("1.0000000000000000000001"), ["x", "maximum"]),
        ({"type": "integer", "maximum": 5}, 2**70, ["x", "maximum"]),
        ({"exclusiveMinimum": 0.1}, Decimal("0.1"), ["x", "exclusiveMinimum"]),
        ({"type": "number"}, float("nan"), ["x"]),
        ({"type": "string", "maxLength": 5}, SECRET, ["x", "maxLength"]),
        ({"enum": ["a"]}, SECRET, ["x", "enum"]),
        ({"const": "a"}, SECRET, ["x", "const"]),
        ({"pattern": "^a"}, SECRET, ["x", "pattern"]),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, SECRET, ["x", "anyOf"]),
        ({"properties": {"y": {"type": "integer"}}}, {"y": SECRET}, ["x.y", "type"]),
        ({"type": "array", "items": {"type": "integer"}}, [1, SECRET], ["x.1", "type"]),
        ({"additionalProperties": False}, {SECRET: 1}, ["x", "additionalProperties"]),
        (
            {"$ref": "#/properties/x/$defs/y", "$defs": {"y": {"maxLength": 5}}},
            SECRET,
            ["'x'", "maxLength"],
        ),
        ({"additionalProperties": {"type": "null"}}, {SECRET: 1}, ["x", "type"]),
        ({"required": ["y"]}, {"z": SECRET}, ["x", "required"]),
        (False, SECRET, ["x"]),
        ({"type": "string"}, b"jane@example.com", ["no JSON"]),
    ],
    ids=repr,
)
def test_a_reason_names_the_column_and_the_rule_but_no_value(
    rules: Any, value: Any, says: list[str]
) -> None:
    """It stands in the log, so it holds nothing of the record, keys of nested data included."""
    told = column(rules, value)
    assert told
    assert all(one in told for one in says), told
    assert "jane" not in told
    assert "1.5" not in told


@pytest.mark.parametrize("needed", [["address"], "address", {"required": ["address"]}], ids=repr)
def test_a_column_that_another_depends_on_must_be_there(needed: Any) -> None:
    """`dependencies` is of draft 7 and before: a list, a schema, or in draft 3 a name."""
    rules = {"properties": {"card": {}, "address": {}}, "dependencies": {"card": needed}}
    assert reason(rules, {"card": 1})
    assert reason(rules, {"card": 1, "address": 2}) is None
    assert reason(rules, {"address": 2}) is None


def test_what_only_draft_3_has_is_said_not_to_be_checked() -> None:
    """A rule that is passed over in silence would pass for one that is kept."""
    column = {"disallow": "string", "divisibleBy": 2}
    validator = Validator("users", {"properties": {"x": column}, "extends": {"type": "object"}})
    assert validator.unchecked == ["x: disallow", "x: divisibleBy", "extends"]
    validator.check({"x": 3})


def test_a_missing_column_is_named() -> None:
    """Of a wide table, the reason says which of the required columns it is."""
    told = reason({"properties": {"id": {}, "plan": {}}, "required": ["id", "plan"]}, {"id": 1})
    assert told
    assert "plan" in told


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": [1]},
        {"properties": {"x": 5}},
        {"properties": {"x": {"type": "strng"}}},
        {"properties": {"x": {"items": {"type": 5}}}},
        {"properties": {"x": {"pattern": "("}}},
        {"properties": {}, "required": "id"},
        {"type": "objct"},
    ],
    ids=repr,
)
def test_an_invalid_schema_fails_the_run(schema: Any) -> None:
    """It is the stream's fault, whatever the records are, and the line names the stream."""
    with pytest.raises(ConfigError, match="Stream 'users' has an invalid schema"):
        Validator("users", schema)
