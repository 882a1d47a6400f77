"""From columns to attributes: nested objects and nulls."""

from __future__ import annotations

from typing import Any

import pytest
from support.attributes import DATE, DATE_TIME, made, mapper, short


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"theme": "dark"}, {"x_theme": "dark"}),
        ({"a": {"b": {"c": 2**64}}}, {"x_a_b_c": 18446744073709551616}),
        ({"a": 1, "b": {"c": [1, None]}}, {"x_a": 1, "x_b_c": ["1"]}),
        ({"a": None}, {"x_a": None}),
        ({}, {}),
        ({"a": {}, "b": {"c": {}}}, {}),
        ({"größe": 1, "": 2}, {"x_gr__e": 1, "x__": 2}),
        ({"a": [{"b": 1}]}, {"x_a": '[{"b":1}]'}),
        ({"data_type": "string"}, {"x_data_type": "string"}),
        ({"set": 1, "add": 2}, {"x_set": 1, "x_add": 2}),
        ({"set": 1, "note": "n"}, {"x_set": 1, "x_note": "n"}),
        ({"theme": {"set": "dark"}}, {"x_theme": {"set": "dark"}}),
    ],
    ids=short,
)
def test_an_object_is_flattened_all_the_way(value: Any, expected: dict[str, Any]) -> None:
    """`prefs.theme` becomes `prefs_theme`; an empty object leaves nothing."""
    assert made(value) == expected


def test_a_date_inside_of_an_object_follows_its_own_schema() -> None:
    """The schema of a nested property counts as that of a column does."""
    schema = {"properties": {"born": DATE, "code": {"type": "string"}, "any": True}}
    value = {"born": "2024-02-29", "code": "2024-02-29", "any": "2024-02-29"}
    assert made(value, schema) == {
        "x_born": "2024-02-29T00:00:00Z",
        "x_code": "2024-02-29",
        "x_any": "2024-02-29",
    }


def test_a_date_inside_of_attributes_follows_its_own_schema() -> None:
    """The schema tells a date from other text in a column that is spread over attributes, too."""
    found = mapper("attributes", schema={"properties": {"born": DATE}})
    assert found({"attributes": {"born": "2024-02-29"}}) == {"born": "2024-02-29T00:00:00Z"}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"attributes": {"plan": "pro", "b": {"c": 1}}}, {"plan": "pro", "b_c": 1}),
        ({"attributes": {"plan": "pro"}, "plan": "free"}, {"plan": "pro"}),
        ({"plan": "free", "attributes": {"plan": None}}, {"plan": None}),
        ({"plan": "free", "attributes": {}}, {"plan": "free"}),
        ({"plan": "free", "attributes": None}, {"plan": "free"}),
        ({"attributes": {"logins": {"add": 1}}}, {"logins": {"add": 1}}),
        ({"attributes": {"attributes": {"a": 1}}}, {"attributes_a": 1}),
        ({"attributes": "text"}, {"attributes": "text"}),
    ],
    ids=short,
)
def test_the_object_attributes_is_spread_and_wins(record: Any, expected: dict[str, Any]) -> None:
    """Its keys are attributes themselves and win over columns; without it the columns stand."""
    assert mapper("plan", "attributes")(record) == expected


@pytest.mark.parametrize(
    ("options", "events", "expected"),
    [
        pytest.param({}, False, {"x": None}, id="clears"),
        pytest.param({"nulls": "omit"}, False, {}, id="omitted"),
        pytest.param({}, True, {}, id="events carry none"),
        pytest.param({"data_types": {"x": "string"}}, False, {"x": None}, id="typed, clears"),
        pytest.param({"data_types": {"x": "string"}, "nulls": "omit"}, False, {}, id="typed, omit"),
        pytest.param({"operations": {"x": "set"}}, False, {"x": None}, id="set to null, clears"),
        pytest.param({"operations": {"x": "add"}}, False, {}, id="add nothing"),
        pytest.param({"operations": {"x": "set_once"}}, False, {}, id="set once to nothing"),
    ],
)
def test_null_clears_an_attribute_where_that_is_meant(
    options: Any, *, events: bool, expected: dict[str, Any]
) -> None:
    """A null unsets, unless the table's nulls mean that nothing is known."""
    assert made(None, events=events, **options) == expected
    assert mapper("x", events=events, **options)({}) == {}


@pytest.mark.parametrize(
    ("options", "events", "value", "expected"),
    [
        pytest.param({}, False, "", {"x": None}, id="blank"),
        pytest.param({}, False, "infinity", {"x": None}, id="infinity"),
        pytest.param({}, False, "0000-00-00 00:00:00", {"x": None}, id="zero"),
        pytest.param({"nulls": "omit"}, False, "", {}, id="omitted"),
        pytest.param({}, True, "-infinity", {}, id="events carry none"),
        pytest.param({"data_types": {"x": "datetime"}}, False, "", {"x": None}, id="typed"),
        pytest.param({"operations": {"x": "set_once"}}, False, None, {}, id="set once to nothing"),
        pytest.param({}, False, {"set": None}, {"x": None}, id="set to null"),
        pytest.param({}, False, {"set": None, "data_type": "string"}, {"x": None}, id="of a type"),
        pytest.param({}, True, {"set": None, "data_type": "string"}, {}, id="set in an event"),
        pytest.param({"nulls": "omit"}, False, {"set": None}, {}, id="set to null, omitted"),
        pytest.param({}, False, {"set_once": None}, {}, id="set once to null"),
        pytest.param(
            {}, False, {"set": "", "data_type": "datetime"}, {"x": None}, id="set to no time"
        ),
    ],
)
def test_what_says_that_there_is_nothing_is_a_null(
    options: Any, value: Any, *, events: bool, expected: dict[str, Any]
) -> None:
    """A blank, infinite or zero date-time is no moment, and to set null is to unset."""
    assert made(value, DATE_TIME, events=events, **options) == expected


PREFS = {
    "type": ["object", "null"],
    "properties": {
        "theme": {"type": "string"},
        "view": {"properties": {"size": {}}, "type": "object"},
    },
}


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (PREFS, None, {"x_theme": None, "x_view_size": None}),
        (PREFS, {"theme": "dark", "view": None}, {"x_theme": "dark", "x_view_size": None}),
        (PREFS, {"theme": "dark"}, {"x_theme": "dark"}),
        ({"anyOf": [PREFS, {"type": "null"}]}, None, {"x_theme": None, "x_view_size": None}),
        (
            {"anyOf": [PREFS, {"type": "string"}]},
            None,
            {"x": None, "x_theme": None, "x_view_size": None},
        ),
        ({"type": ["object", "null"]}, None, {"x": None}),
        ({"type": "object", "properties": {"add": {"type": "integer"}}}, None, {"x": None}),
        ({"type": "object", "properties": {"y!": {}, "y?": {}}}, None, {"x_y_": None}),
    ],
    ids=short,
)
def test_a_null_clears_what_an_object_was_flattened_to(
    schema: Any, value: Any, expected: dict[str, Any]
) -> None:
    """As far as the schema names it; an operation is none, but a change of the one attribute."""
    assert made(value, schema) == expected
    assert made(value, schema, nulls="omit") == {k: v for k, v in expected.items() if v is not None}


def test_a_null_in_attributes_clears_what_no_column_sets() -> None:
    """`attributes` is flattened too; the columns of the record stand."""
    schema = {"type": ["object", "null"], "properties": {"plan": {}, "city": {}}}
    people = mapper("plan", "attributes", schema=schema)
    assert people({"plan": "pro", "attributes": None}) == {"plan": "pro", "city": None}
    assert people({"plan": "pro"}) == {"plan": "pro"}


def test_no_null_of_an_object_is_sent_where_nulls_are_omitted() -> None:
    """`nulls: omit` goes as deep as the flattening, and into `attributes`."""
    given = {"x": {"a": None, "b": 1}, "attributes": {"c": None}}
    assert mapper("x", "attributes", nulls="omit")(given) == {"x_b": 1}


def test_a_missing_column_leaves_its_attribute_alone() -> None:
    """Only what the record holds is sent, and no column that is the id."""
    assert mapper("plan", "seats")({"id": "1", "plan": "pro"}) == {"plan": "pro"}
