"""From columns to attributes: values and names."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from time import tzset
from typing import Any

import pytest
from support.attributes import DATE, DATE_TIME, NAN, made, mapper, short

from target_userflow.errors import ConfigError, RejectRecord

INDIA = timezone(timedelta(hours=5, minutes=30))
OR_STRING = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": ["string", "null"]}]}


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
