"""Times as taps write them, read alike by every Python: what comes out is ISO 8601 in UTC.

A text may be ISO 8601 in any of its usual forms (also with a small `t` or `z`, a space, `UTC`, the
hour 24, a leap second, nanoseconds, as a date or as a week), or digits. Digits are a date if they
are a valid `YYYYMMDD`, else a number of seconds, milliseconds, microseconds or nanoseconds since
1970: which of them is told by how many digits there are.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import msgspec

from target_userflow.errors import RejectRecord

_as_json = msgspec.json.Encoder().encode
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECONDS = {
    **dict.fromkeys((9, 10), Decimal(1_000_000)),
    **dict.fromkeys((12, 13), Decimal(1_000)),
    **dict.fromkeys((15, 16), Decimal(1)),
    **dict.fromkeys((18, 19), Decimal("0.001")),
}
"""How many there are in a unit of an epoch number, by its digits: 1973 to 2286, and as far back.

Other lengths are in doubt: years, months, serial days, `YYYYMMDDhhmmss`.
"""
_DATE_DIGITS = 8
_NOT_ISO = "a date-time is not ISO 8601"
_DIGITS = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?", re.ASCII)
_NO_TIME = re.compile(
    r"(?:[+-]?infinity|0000-00-00(?:[T ]00:00:00(?:\.0*)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_TOO_FINE = slice(26, 27)
"""Where the seventh digit of a second stands in RFC 3339: it would be rounded, and is to be cut."""
_ISO = re.compile(
    r"""(?P<year>\d{4}) (?P<dash>-?)
        (?: (?P<month>\d\d) (?P=dash) (?P<day>\d\d)
            | W (?P<week>\d\d) (?: (?P=dash) (?P<weekday>\d) )? )
        (?: (?:T|_|\s+) (?P<hour>\d\d)
            (?: :?(?P<minute>\d\d) (?: :?(?P<second>\d\d) (?:[.,](?P<fraction>\d+))? )? )?
            (?: \s*(?:Z|UTC|GMT
                |(?P<sign>[+-])(?P<hours>\d\d)(?: :?(?P<minutes>\d\d)(?: :?(?P<seconds>\d\d))?)?) )?
        )?""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)


def read_time(value: Any) -> str | None:
    """Return a date-time as ISO 8601 in UTC.

    Args:
        value: A text, a number (of seconds to nanoseconds since 1970, or `YYYYMMDD`) or a date.

    Returns:
        None where it says that there is none: blank, `infinity` (PostgreSQL), `0000-00-00` (MySQL).

    Raises:
        RejectRecord: it is nothing of these.
    """
    if isinstance(value, str):
        return read_text(value)
    if isinstance(value, date):
        return iso8601(value)
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return _of_number(Decimal(str(value)))
    raise RejectRecord("a date-time is neither ISO 8601 nor a number")


def iso8601(value: date | time) -> str:
    """Return a date or time as ISO 8601 in UTC; naive means UTC, and a date is its midnight.

    Raises:
        RejectRecord: a date-time that leaves the calendar on its way to UTC.
    """
    if isinstance(value, time):
        return value.isoformat()
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    elif value.tzinfo is None:
        value = value.replace(tzinfo=timezone.utc)
    try:
        return _as_json(value.astimezone(timezone.utc))[1:-1].decode()
    except OverflowError:
        raise _off_the_calendar() from None


def parsed_time(text: str) -> str:
    """Return the text of an ISO 8601 date or date-time as ISO 8601 in UTC.

    A fraction is cut after its microseconds.

    Raises:
        RejectRecord: it is neither.
    """
    parts = _ISO.fullmatch(text.strip())
    if not parts:
        raise RejectRecord(_NOT_ISO)
    try:
        day, offset = _day(parts), _offset(parts)
        midnight = datetime.combine(day, time.min, offset)
        return iso8601(midnight + _since_midnight(parts))
    except ValueError:
        raise RejectRecord(_NOT_ISO) from None
    except OverflowError:
        raise _off_the_calendar() from None


def is_time(text: str) -> bool:
    """Return whether a text is an ISO 8601 date or date-time."""
    try:
        msgspec.convert(text, datetime)
    except (msgspec.ValidationError, UnicodeEncodeError):
        try:
            parsed_time(text)
        except RejectRecord:
            return False
    return True


def read_text(text: str) -> str | None:
    """Return what `read_time` returns, of a value that is known to be a text."""
    if not text[_TOO_FINE].isdigit():
        try:
            return iso8601(msgspec.convert(text, datetime))  # most of them, at a tenth of the cost
        except (msgspec.ValidationError, UnicodeEncodeError):  # the latter of half a surrogate pair
            pass
    text = text.strip()
    if _NO_TIME.fullmatch(text):
        return None
    return _of_number(Decimal(text)) if _DIGITS.fullmatch(text) else parsed_time(text)


def _of_number(number: Decimal) -> str:
    """Return the date of its digits, or the moment of an epoch number, cut to microseconds."""
    digits = number.adjusted() + 1 if number.is_finite() else 0
    if digits == _DATE_DIGITS and number > 0 and number == int(number):
        return parsed_time(str(int(number)))
    if digits not in _MICROSECONDS:
        raise RejectRecord(
            "a date-time's digits are neither YYYYMMDD nor a time since 1970 "
            "(9-10 digits: s, 12-13: ms, 15-16: µs, 18-19: ns)"
        )
    passed = (number * _MICROSECONDS[digits]).to_integral_value(ROUND_FLOOR)
    return iso8601(_EPOCH + timedelta(microseconds=int(passed)))


def _day(parts: re.Match[str]) -> date:
    year = int(parts["year"])
    if parts["week"]:
        return date.fromisocalendar(year, int(parts["week"]), int(parts["weekday"] or 1))
    return date(year, int(parts["month"]), int(parts["day"]))


def _since_midnight(parts: re.Match[str]) -> timedelta:
    """Return how long a day has lasted, leap second and last midnight included."""
    hours, minutes, seconds = (int(parts[unit] or 0) for unit in ("hour", "minute", "second"))
    passed = timedelta(
        hours=hours,
        minutes=minutes,
        seconds=seconds,
        microseconds=int((parts["fraction"] or "0")[:6].ljust(6, "0")),
    )
    if hours > 23 and passed != timedelta(days=1):  # noqa: PLR2004 - the last hour of a day
        raise ValueError(parts.string)
    if minutes > 59 or seconds > 60:  # noqa: PLR2004 - 60 is a leap second
        raise ValueError(parts.string)
    return passed


def _offset(parts: re.Match[str]) -> timezone:
    hours, minutes, seconds = (int(parts[unit] or 0) for unit in ("hours", "minutes", "seconds"))
    if minutes > 59 or seconds > 59:  # noqa: PLR2004 - the last of each
        raise ValueError(parts.string)
    ahead = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timezone(-ahead if parts["sign"] == "-" else ahead)


def _off_the_calendar() -> RejectRecord:
    return RejectRecord("a date-time lies outside the years 1 to 9999")
