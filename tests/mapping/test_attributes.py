"""From columns to attributes: names, data types, nested objects, operations and nulls."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from time import tzset
from typing import TYPE_CHECKING, Any

import pytest

from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.config.settings import StreamOptions
from target_userflow.errors import ConfigError, RejectRecord
from target_userflow.mapping.columns import Stream
from target_userflow.mapping.flattening import BLANK_LIST

if TYPE_CHECKING:
    from target_userflow.mapping.attributes import Attributes

INDIA = timezone(timedelta(hours=5, minutes=30))
DATE_TIME, DATE = {"format": "date-time"}, {"format": "date"}
OR_STRING = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": ["string", "null"]}]}
NAN = float("nan")


def short(value: object) -> str:
    """A test's id that shows what is given."""
    return repr(value)[:50]


def mapper(*columns: str, events: bool = False, schema: Any = None, **options: Any) -> Attributes:
    """The attributes of users, or of their events, with these columns, all of one schema."""
    kind, roles = ("events", ["user_id", "event_name"]) if events else ("users", ["id"])
    properties = dict.fromkeys([*roles, *columns], {} if schema is None else schema)
    stream = Stream("people", properties, (), StreamOptions(**options))
    return OBJECT_TYPES[kind].mapper(stream).attributes


def made(value: Any, schema: Any = None, **options: Any) -> dict[str, Any]:
    """What a column `x` with this value becomes."""
    return mapper("x", schema=schema, **options)({"x": value})


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        ("Zoë 🦉", {}, "Zoë 🦉"),
        ("  kept  ", {}, "  kept  "),
        ("", {}, ""),
        (True, {}, True),
        (False, {}, False),
        (0, {}, 0),
        (2**53 + 1, {}, 9007199254740993),
        (2**64, {}, 18446744073709551616),
        (Decimal("1234.50"), {}, Decimal("1234.50")),
        (Decimal("0.10000000000000000001"), {}, Decimal("0.10000000000000000001")),
        (0.1, {}, 0.1),
        ("2024-02-29T12:34:56Z", DATE_TIME, "2024-02-29T12:34:56Z"),
        ("2024-02-29T12:34:56+05:30", DATE_TIME, "2024-02-29T07:04:56Z"),
        ("2024-02-29T12:34:56.789000+00:00", DATE_TIME, "2024-02-29T12:34:56.789000Z"),
        ("2024-02-29T12:34:56", DATE_TIME, "2024-02-29T12:34:56Z"),
        ("2024-02-29 12:34:56", DATE_TIME, "2024-02-29T12:34:56Z"),
        ("2024-02-29", DATE_TIME, "2024-02-29T00:00:00Z"),
        ("2024-02-29", DATE, "2024-02-29T00:00:00Z"),
        ("2024-02-29T12:34:56+05:30", {}, "2024-02-29T12:34:56+05:30"),
        ("2024-02-29T12:34:56+05:30", OR_STRING, "2024-02-29T07:04:56Z"),
        ("soon", OR_STRING, "soon"),
        ("23:59:59.5", {"format": "time"}, "23:59:59.5"),
        ("1767011231234", DATE_TIME, "2025-12-29T12:27:11.234000Z"),
        (1767011231, {"type": "integer", **DATE_TIME}, "2025-12-29T12:27:11Z"),
        (Decimal("1767011231.5"), DATE_TIME, "2025-12-29T12:27:11.500000Z"),
        (1767011231, {"anyOf": [DATE_TIME, {"type": "number"}]}, 1767011231),
        ("1767011231234", OR_STRING, "2025-12-29T12:27:11.234000Z"),
        ("12345", OR_STRING, "12345"),
        ("", {"type": "string"}, ""),
        ("infinity", {"type": "string"}, "infinity"),
        ("2024-02-29", {"oneOf": [{"anyOf": [DATE]}, {"type": "null"}]}, "2024-02-29T00:00:00Z"),
        ("12.50", {"type": ["null", "string"], "format": "singer.decimal"}, Decimal("12.50")),
        (5, {"type": ["null", "string"], "format": "singer.decimal"}, 5),
        (datetime(2024, 2, 29, 12, tzinfo=INDIA), {}, "2024-02-29T06:30:00Z"),
        (datetime(2024, 2, 29, 12), {}, "2024-02-29T12:00:00Z"),  # noqa: DTZ001 - naive means UTC
        (date(2024, 2, 29), {}, "2024-02-29T00:00:00Z"),
        (time(23, 59), {}, "23:59:00"),
        ([], {}, []),
        (["a", "b"], {}, ["a", "b"]),
        (["a", None, "b"], {}, ["a", "b"]),
        ([None], {}, []),
        ([1, 2**64], {}, ["1", "18446744073709551616"]),
        ([Decimal("1.50"), Decimal("1E+3"), Decimal("1E-7")], {}, ["1.50", "1000", "0.0000001"]),
        ([True, False], {}, ["true", "false"]),
        (["a", 1, True, None], {}, ["a", "1", "true"]),
        ([{"a": 2**64}, {"b": Decimal("0.10")}], {}, '[{"a":18446744073709551616},{"b":0.10}]'),
        ([["a", None], ["b"]], {}, '[["a",null],["b"]]'),
        ([1, {"é": "ü"}], {}, '[1,{"é":"ü"}]'),
        ("yes", True, "yes"),
        ("yes", {"anyOf": [True]}, "yes"),
    ],
    ids=short,
)
def test_a_value_becomes_what_the_api_takes(value: Any, schema: Any, expected: Any) -> None:
    """Text, exact numbers, booleans, lists of text, and dates in UTC where the schema says so."""
    assert repr(made(value, schema)) == repr({"x": expected})  # not ==, for which True is 1


def test_a_naive_time_is_utc_wherever_the_target_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The zone of the machine has no part in it."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    tzset()
    try:
        assert made("2024-02-29 12:34:56", DATE_TIME) == {"x": "2024-02-29T12:34:56Z"}
    finally:
        monkeypatch.undo()
        tzset()


@pytest.mark.parametrize(
    ("value", "schema", "reason"),
    [
        (NAN, {}, "NaN or infinite"),
        (float("inf"), {}, "NaN or infinite"),
        (float("-inf"), {}, "NaN or infinite"),
        (Decimal("NaN"), {}, "NaN or infinite"),
        ([1, NAN], {}, "NaN"),
        ([{"a": [NAN]}], {}, "NaN"),
        ({"a": {"b": NAN}}, {}, "NaN"),
        (10**309, {}, "number"),
        (Decimal("-1E+309"), {}, "number"),
        ("soon", DATE_TIME, "not ISO 8601"),
        ("2024-02-30", DATE, "not ISO 8601"),
        ("20240230", DATE, "not ISO 8601"),
        ("2024", DATE_TIME, "digits are neither"),
        (2024, {"type": "integer", "format": "date-time"}, "digits are neither"),
        ("many", {"type": ["null", "string"], "format": "singer.decimal"}, "as a number"),
        ("NaN", {"type": ["null", "string"], "format": "singer.decimal"}, "NaN"),
        ("0001-01-01T00:00:00+14:00", DATE_TIME, "years 1 to 9999"),
        ("9999-12-31T23:59:59-01:00", DATE_TIME, "years 1 to 9999"),
        (b"bytes", {}, "bytes"),
    ],
    ids=short,
)
def test_a_value_that_no_attribute_can_hold_rejects_the_record(
    value: Any, schema: Any, reason: str
) -> None:
    """The reason says what kind of value it is, never which."""
    with pytest.raises(RejectRecord, match=reason):
        made(value, schema)


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
    """What is spread is told apart from any other text by the schema, too."""
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


@pytest.mark.parametrize(
    ("value", "schema", "options", "where"),
    [
        ("soon", DATE_TIME, {}, "`x`: a date-time is not ISO 8601"),
        (NAN, {}, {}, "`x`: a number is NaN"),
        ({"add": "1"}, {}, {}, "`x`: operation 'add'"),
        ("many", {}, {"data_types": {"x": "number"}}, "`x`: a"),
        ({"born": "soon"}, {"properties": {"born": DATE}}, {}, "`x.born`: a date-time is not"),
        ({"an@example.com": NAN}, {}, {}, "`x`: a number is NaN"),
    ],
    ids=short,
)
def test_a_rejection_names_the_column(value: Any, schema: Any, options: Any, where: str) -> None:
    """And what the schema names inside of it: any other key may be somebody's data."""
    with pytest.raises(RejectRecord) as rejected:
        made(value, schema, **options)
    assert str(rejected.value).startswith(where)


def test_a_strange_column_name_does_no_harm_in_a_reason() -> None:
    """It stands in logs, files and terminals."""
    with pytest.raises(RejectRecord) as rejected:
        mapper()({"a\x1b[2J\n\ud800é": NAN})
    assert str(rejected.value).startswith(r"`a\x1b[2J\n\ud800é`: a number is NaN")


def test_no_null_of_an_object_is_sent_where_nulls_are_omitted() -> None:
    """`nulls: omit` goes as deep as the flattening, and into `attributes`."""
    given = {"x": {"a": None, "b": 1}, "attributes": {"c": None}}
    assert mapper("x", "attributes", nulls="omit")(given) == {"x_b": 1}


def test_a_missing_column_leaves_its_attribute_alone() -> None:
    """Only what the record holds is sent, and no column that is the id."""
    assert mapper("plan", "seats")({"id": "1", "plan": "pro"}) == {"plan": "pro"}


def test_an_illegal_name_is_renamed_and_the_renaming_can_be_told() -> None:
    """Every character that the API does not allow becomes `_`."""
    people = mapper("e-mail addr", "größe", "a.b", "$x")
    assert people.renamed == {"größe": "gr__e", "a.b": "a_b", "$x": "_x"}
    record = {"id": 1, "e-mail addr": "a", "größe": 1, "a.b": 2, "$x": 3, "späť": 4}
    expected = {"e-mail addr": "a", "gr__e": 1, "a_b": 2, "_x": 3, "sp__": 4}
    assert people(record) == expected


def test_a_name_that_only_records_have_counts_no_value() -> None:
    """To ask what it is called is not to leave a value out."""
    people = mapper("plan")
    assert people.renamed_late(["api.token", "späť"]) == {"späť": "sp__"}
    assert not people.remarks


def test_two_columns_that_meet_in_one_name_fail_the_run() -> None:
    """Neither could win without losing the other, so the SCHEMA already says it."""
    with pytest.raises(ConfigError, match=r"'people': columns 'a\.b' and 'a_b' meet in"):
        mapper("a.b", "a_b")


@pytest.mark.parametrize(
    "record",
    [
        {"x": {"y": 1}, "x_y": 2},
        {"x_y": 2, "x": {"y": None}},
        {"x": {"y!": 1, "y?": 2}},
        {"x": {"y": {"z": 1}, "y_z": 2}},
        {"attributes": {"y!": 1, "y?": 2}},
        {"attributes": {"y": {"z": 1}, "y_z": 2}},
    ],
    ids=short,
)
def test_values_that_meet_in_one_name_reject_their_record(record: dict[str, Any]) -> None:
    """What only flattening brings together can't be known at the SCHEMA."""
    with pytest.raises(RejectRecord, match="meet in attribute"):
        mapper("x", "x_y", "attributes")(record)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ({"set": 1}, {"set": 1}),
        ({"set_once": "pro"}, {"set_once": "pro"}),
        (
            {"set": 20240229, "data_type": "datetime"},
            {"set": "2024-02-29T00:00:00Z", "data_type": "datetime"},
        ),
        ({"set": "2024-02-29T00:00:00Z", "data_type": "datetime"}, None),
        ({"add": Decimal("0.10")}, None),
        ({"subtract": 2, "data_type": "number"}, None),
        ({"append": "a"}, None),
        ({"prepend": [1, None]}, {"prepend": ["1"]}),
        ({"remove": ["a"], "data_type": "list"}, None),
    ],
    ids=short,
)
def test_an_operation_is_sent_as_it_is(value: Any, sent: Any) -> None:
    """An object with one operation changes the attribute rather than being flattened.

    What an event has is set at once, so that it takes no other operation.
    """
    assert made(value) == {"x": sent or value}
    if "set" in value:
        assert made(value, events=True) == {"x": sent or value}
    else:
        key = next(iter(value))
        assert made(value, events=True)[f"x_{key}"] == made({"y": value[key]}, events=True)["x_y"]


@pytest.mark.parametrize(
    "value",
    [
        {"add": "1"},
        {"add": True},
        {"add": None},
        {"add": NAN},
        {"subtract": [1]},
        {"append": 1},
        {"append": [{"a": 1}]},
        {"prepend": [["a"]]},
        {"set": ["a", {"b": 1}]},
        {"append": None},
        {"remove": False},
        {"set": {"a": 1}},
        {"set": 1, "data_type": "text"},
        {"set": 1, "data_type": None},
        {"set": 1, "data_type": ["number"]},
        {"set": "soon", "data_type": "datetime"},
        {"add": 1, "data_type": "string"},
        {"append": "a", "data_type": "string"},
    ],
    ids=short,
)
def test_an_operation_that_the_api_would_not_take_rejects_the_record(value: Any) -> None:
    """Its operand has to suit it, and so has its data type."""
    with pytest.raises(RejectRecord, match=r"operation|NaN|date-time"):
        made(value)


@pytest.mark.parametrize(
    ("operation", "value", "sent"),
    [
        ("add", 3, {"add": 3}),
        ("subtract", Decimal("0.50"), {"subtract": Decimal("0.50")}),
        ("set", "pro", {"set": "pro"}),
        ("set_once", "pro", {"set_once": "pro"}),
        ("append", "a", {"append": "a"}),
        ("prepend", ["a", 1], {"prepend": ["a", "1"]}),
        ("remove", ["a"], {"remove": ["a"]}),
    ],
)
def test_a_flat_column_can_hold_an_operand(operation: str, value: Any, sent: Any) -> None:
    """`operations` makes an operation of a plain column."""
    assert repr(made(value, operations={"x": operation})) == repr({"x": sent})


@pytest.mark.parametrize(
    ("data_type", "value", "sent"),
    [
        ("string", 4917012345, "4917012345"),
        ("string", Decimal("1E+3"), "1000"),
        ("string", True, "true"),
        ("string", "a", "a"),
        ("number", "9007199254740993", 9007199254740993),
        ("number", " 0.10 ", Decimal("0.10")),
        ("number", 5, 5),
        ("number", Decimal("5.0"), Decimal("5.0")),
        ("boolean", "TRUE", True),
        ("boolean", "0", False),
        ("boolean", " Yes ", True),
        ("boolean", "n", False),
        ("boolean", "T", True),
        ("boolean", "f", False),
        ("boolean", "ON", True),
        ("boolean", "off", False),
        ("boolean", Decimal("0.0"), False),
        ("boolean", 1.0, True),
        ("boolean", 1, True),
        ("boolean", False, False),
        ("datetime", "2024-02-29", "2024-02-29T00:00:00Z"),
        ("datetime", "2024-02-29T12:00:00+05:30", "2024-02-29T06:30:00Z"),
        ("datetime", 1709287200, "2024-03-01T10:00:00Z"),
        ("list", '["a", 1, 0.10, null]', ["a", "1", "0.10"]),
        ("list", "[a, b]", ["[a, b]"]),
        ("list", "{a,b}", ["{a,b}"]),
        ("list", "a", ["a"]),
        ("list", 1, ["1"]),
        ("list", [1, None, "a"], ["1", "a"]),
    ],
)
def test_a_data_type_is_sent_with_a_value_of_it(data_type: str, value: Any, sent: Any) -> None:
    """`data_types` coerces the column and tells the API; an event just carries the value."""
    told = {"x": {"set": sent, "data_type": data_type}}
    assert repr(made(value, data_types={"x": data_type})) == repr(told)
    assert repr(made(value, data_types={"x": data_type}, events=True)) == repr({"x": sent})


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_list_is_a_null_and_counted(blank: str) -> None:
    """A blank cell of a CSV file holds no item, and not one that is called like nothing."""
    people = mapper("x", data_types={"x": "list"})
    assert people({"x": blank}) == {"x": None}
    assert people({"x": None}) == {"x": None}
    assert dict(people.remarks) == {BLANK_LIST: 1}
    appended = mapper("x", data_types={"x": "list"}, operations={"x": "append"})
    assert appended({"x": blank}) == {}
    assert made(blank, data_types={"x": "list"}, nulls="omit") == {}


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        ("number", "many"),
        ("number", "NaN"),
        ("number", "1e99999"),
        ("number", [1]),
        ("boolean", "maybe"),
        ("boolean", 2),
        ("boolean", Decimal("0.5")),
        ("boolean", ["true"]),
        ("datetime", "soon"),
        ("datetime", 2024),
        ("datetime", True),
        ("list", '{"a": 1}'),
        ("list", '[{"a": 1}]'),
        ("list", "[" * 2000 + "]" * 2000),
        ("string", ["a"]),
        ("string", {"a": 1}),
        ("list", {"a": 1}),
    ],
)
def test_a_value_that_is_not_of_its_data_type_rejects_the_record(
    data_type: str, value: Any
) -> None:
    """It can't be read as what the attribute must be, and the reason says so."""
    with pytest.raises(RejectRecord, match=f"{data_type}|date-time|NaN|deep"):
        made(value, data_types={"x": data_type})
