"""Times as databases, files and people write them: what they are in ISO 8601 and UTC."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_userflow.errors import RejectRecord
from target_userflow.mapping.times import read_time

bounded = settings(max_examples=150, deadline=None, print_blob=True)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-02-29T12:34:56Z", "2024-02-29T12:34:56Z"),
        ("2024-02-29t12:34:56z", "2024-02-29T12:34:56Z"),
        ("2024-02-29T12:34:56.5+05:30", "2024-02-29T07:04:56.500000Z"),
        ("2024-02-29T12:34:56+0530", "2024-02-29T07:04:56Z"),
        ("2024-02-29 12:34:56+00", "2024-02-29T12:34:56Z"),
        ("2024-02-29 12:34:56.789 +0000", "2024-02-29T12:34:56.789000Z"),
        ("2024-02-29 12:34:56 UTC", "2024-02-29T12:34:56Z"),
        ("2024-02-29T12:34:56 utc", "2024-02-29T12:34:56Z"),
        ("2024-02-29 12:34:56 GMT", "2024-02-29T12:34:56Z"),
        (" 2024-02-29T12:34:56 ", "2024-02-29T12:34:56Z"),
        ("2024-02-29T12:34", "2024-02-29T12:34:00Z"),
        ("2024-02-29T12", "2024-02-29T12:00:00Z"),
        ("2024-02-29T12:34:56,5Z", "2024-02-29T12:34:56.500000Z"),
        ("20240229T123456Z", "2024-02-29T12:34:56Z"),
        ("2024-02-29T12:34:56.123456789Z", "2024-02-29T12:34:56.123456Z"),
        ("2024-02-29T23:59:59.9999999Z", "2024-02-29T23:59:59.999999Z"),
        ("9999-12-31 23:59:59.9999999", "9999-12-31T23:59:59.999999Z"),
        ("2024-02-29T24:00:00Z", "2024-03-01T00:00:00Z"),
        ("2024-12-31T24:00", "2025-01-01T00:00:00Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.500000Z"),
        ("2017-01-01T00:59:60+01:00", "2017-01-01T00:00:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("2024-W09-4", "2024-02-29T00:00:00Z"),
        ("2024W094", "2024-02-29T00:00:00Z"),
        ("20240229", "2024-02-29T00:00:00Z"),
        (20240229, "2024-02-29T00:00:00Z"),
        (Decimal("20240229.0"), "2024-02-29T00:00:00Z"),
        ("1767011231", "2025-12-29T12:27:11Z"),
        ("1767011231.25", "2025-12-29T12:27:11.250000Z"),
        ("1767011231234", "2025-12-29T12:27:11.234000Z"),
        ("1767011231234567", "2025-12-29T12:27:11.234567Z"),
        ("1767011231234567890", "2025-12-29T12:27:11.234567Z"),
        (1767011231234, "2025-12-29T12:27:11.234000Z"),
        (1767011231.5, "2025-12-29T12:27:11.500000Z"),
        (Decimal("1767011231.000001"), "2025-12-29T12:27:11.000001Z"),
        (-300000000, "1960-06-29T18:40:00Z"),
        ("-300000000", "1960-06-29T18:40:00Z"),
        (date(2024, 2, 29), "2024-02-29T00:00:00Z"),
        (datetime(2024, 2, 29, 12), "2024-02-29T12:00:00Z"),  # noqa: DTZ001 - naive means UTC
    ],
)
def test_a_time_is_read_however_it_is_written(value: Any, expected: str) -> None:
    """With any of the usual separators and zones, as a date, as digits or as a number."""
    assert read_time(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "  ",
        "infinity",
        "-infinity",
        "Infinity",
        "0000-00-00",
        "0000-00-00 00:00:00",
        "0000-00-00T00:00:00.000Z",
        "0000-00-00 00:00:00+00",
    ],
)
def test_what_databases_write_for_no_time_is_none(value: str) -> None:
    """PostgreSQL's infinity, MySQL's zero date, and the blank of a CSV file."""
    assert read_time(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "\ud800",
        "2024-02-30",
        "2024-13-01",
        "0000-01-01",
        "2024-0229",
        "2024-02-29T24:00:01Z",
        "2024-02-29T25:00:00Z",
        "2024-02-29T12:60:00Z",
        "2024-02-29T12:34:61Z",
        "2024-02-29T12:34:56+24:00",
        "2024-02-29T12:34:56+05:60",
        "2024-02-29T12:34:56 CEST",
        "02/29/2024",
        "44 BC",
        "2024",
        "202402",
        "45351",
        "20240230",
        "29022024",
        "20240229123456",
        "17670112312",
        "1" * 5000,
        "٢٠٢٤-٠٢-٢٩",
        "2024-02-29T12:34:56\ud800",
        0,
        2024,
        1e300,
        float("nan"),
        float("inf"),
        Decimal("1E+999999999"),
        True,
        ["2024-02-29"],
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_in_doubt_is_no_time(value: Any) -> None:
    """Years, months, serial days and digits of another length would be wrong in silence."""
    with pytest.raises(RejectRecord, match="date-time"):
        read_time(value)


@pytest.mark.parametrize("text", ["9999-12-31T24:00:00Z", "0001-01-01T00:00:00+01:00"])
def test_a_time_off_the_calendar_is_rejected(text: str) -> None:
    """In UTC it would have another year than there is."""
    with pytest.raises(RejectRecord, match="years 1 to 9999"):
        read_time(text)


@bounded
@given(
    moment=st.datetimes(datetime(1973, 3, 4), datetime(2286, 11, 20)),  # noqa: DTZ001 - zoned below
    unit=st.sampled_from([1, 1000, 1_000_000, 1_000_000_000]),
    written=st.sampled_from([int, str, Decimal]),
)
def test_a_moment_is_the_same_in_every_unit(moment: datetime, unit: int, written: Any) -> None:
    """Seconds, milliseconds, microseconds or nanoseconds, as a number or as its digits."""
    since = moment.replace(tzinfo=timezone.utc) - EPOCH
    number = since // timedelta(microseconds=1) * 1000 // (1_000_000_000 // unit)
    expected = EPOCH + timedelta(microseconds=number * 1_000_000 // unit)
    found = read_time(written(number))
    assert found
    assert datetime.fromisoformat(found.replace("Z", "+00:00")) == expected


@bounded
@given(
    moment=st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001 - zoned below
    minutes=st.integers(-14 * 60, 14 * 60),
    separator=st.sampled_from(["T", "t", " "]),
    colon=st.sampled_from([":", ""]),
    blank=st.sampled_from(["", " "]),
)
def test_a_moment_is_the_same_in_every_zone(
    moment: datetime, minutes: int, separator: str, colon: str, blank: str
) -> None:
    """Whatever stands between its parts."""
    hours, rest = divmod(abs(minutes), 60)
    zone = f"{blank}{'-' if minutes < 0 else '+'}{hours:02}{colon}{rest:02}"
    found = read_time(f"{moment.isoformat(separator)}{zone}")
    assert found
    expected = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert datetime.fromisoformat(found.replace("Z", "+00:00")) == expected


@bounded
@given(st.text() | st.from_regex(r"[0-9]{1,20}([.:\-T ][0-9]{0,4}){0,5}Z?", fullmatch=True))
def test_any_text_is_a_time_or_none_or_rejected(text: str) -> None:
    """And what comes out is in one form."""
    try:
        found = read_time(text)
    except RejectRecord:
        return
    assert found is None or found.endswith("Z")
