"""ISO 8601 dates and times, converted to UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_ISO = re.compile(
    r"""(?P<date>\d{4}-\d\d-\d\d)
        (?:T(?P<time>\d\d:\d\d(?::\d\d(?P<fraction>\.\d+)?)?)
           (?P<zone>Z|(?P<sign>[+-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?)?)?""",
    re.ASCII | re.VERBOSE,
)


def to_utc(text: str, *, zone_required: bool = False) -> str | None:
    """Convert a date or date-time to UTC.

    Args:
        text: An ISO 8601 date or date-time. Without a zone it is taken as UTC, a date as midnight.
        zone_required: Whether to accept only a date-time with a zone.

    Returns:
        The time as ``2026-01-31T12:00:00Z``, with all digits of a fraction of a second, or None if
        the text is no date or date-time.
    """
    parts = _ISO.fullmatch(text)
    if not parts or (zone_required and not parts["zone"]):
        return None
    try:
        moment = _local(parts) - _offset(parts)
    except (ValueError, OverflowError):  # the 30th of February; the year 0
        return None
    return f"{moment.isoformat()}{parts['fraction'] or ''}Z"


def _local(parts: re.Match[str]) -> datetime:
    clock = (parts["time"] or "00:00").partition(".")[0]
    return datetime.fromisoformat(f"{parts['date']}T{clock}")


def _offset(parts: re.Match[str]) -> timedelta:
    ahead = timedelta(hours=int(parts["hours"] or 0), minutes=int(parts["minutes"] or 0))
    return -ahead if parts["sign"] == "-" else ahead
