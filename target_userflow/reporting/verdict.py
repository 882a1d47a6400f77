"""How a run went, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MINUTE, _HOUR = 60, 3600
_THERE = ("delivered", "merged", "unchanged", "duplicate")
"""The outcomes of records that the destination has."""


def verdict(facts: Mapping[str, Any]) -> str:
    """Return how a run went: OK with the number of records, or why not.

    Args:
        facts: What `summary.facts` returns.
    """
    if kind(facts) == "plan" and facts["plan"]:
        return _planned(facts)
    if facts["error"]:
        return f"Stopped after {duration(facts['seconds'])}: {facts['error']}"
    if facts["verified"]:
        return _verified(facts)
    if facts["exit_status"]:
        return f"Failed: {_rejections(facts)}, more than max_rejects ({facts['max_rejects']:,})"
    return _delivered(facts)


def _delivered(facts: Mapping[str, Any]) -> str:
    allowed = _rejections(facts) if has_rejections(facts) else ""
    dry = "a dry run of " if facts["dry_run"] else ""
    return (
        f"OK: {dry}{_records(received(facts))} in {duration(facts['seconds'])}"
        f"{f'; {allowed}, which the exit status allows' if allowed else ''}"
    )


def kind(facts: Mapping[str, Any]) -> str:
    """Return what a run was: `run`, `dry run`, `plan` or `comparison`.

    Args:
        facts: What `summary.facts` returns.
    """
    if facts["verified"]:
        return "comparison"
    if not facts["dry_run"]:
        return "run"
    return "dry run" if facts["would_send"] else "plan"


def _planned(facts: Mapping[str, Any]) -> str:
    doubts = len(facts["plan"]["doubts"])
    planned = f"{_records(received(facts))} looked at in {duration(facts['seconds'])}"
    if doubts:
        return f"In doubt: {planned}, and a run would stop at {_things(doubts, 'doubt')}"
    return f"OK: {planned}, and nothing is in doubt"


def _verified(facts: Mapping[str, Any]) -> str:
    compared = f"{_records(received(facts))} compared in {duration(facts['seconds'])}"
    result = "not all is the same" if facts["exit_status"] else "all is the same"
    return f"{'Failed' if facts['exit_status'] else 'OK'}: {compared}, {result}"


def received(facts: Mapping[str, Any]) -> int:
    """Return how many records of all streams were read."""
    return sum(row["received"] for row in facts["streams"])


def arrived(facts: Mapping[str, Any]) -> str:
    """Return which share of the records is where it should be."""
    count = received(facts)
    there = sum(row[name] for row in facts["streams"] for name in _THERE)
    share = f" ({_share(there, count)})" if count else ""
    would = "would be" if facts["dry_run"] else "are"
    return f"{there:,} of {_records(count)}{share} {would} in the destination"


def has_rejections(facts: Mapping[str, Any]) -> bool:
    """Return whether records or deletions were rejected."""
    return bool(facts["rejected"] or facts["undeleted"])


def duration(seconds: float) -> str:
    """Return a time as people write it: 5 s, 1:05, 2:00:00."""
    if round(seconds) < _MINUTE:
        return f"{seconds:.0f} s"
    hours, rest = divmod(round(seconds), _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _share(part: int, whole: int) -> str:
    """Return a share in percent: 100 % is all, and 0 % is none."""
    percent = 100 * part / whole
    if part < whole:
        percent = min(percent, 99.9)
    return f"{percent:.1f} %".replace(".0 ", " ")


def _records(count: int) -> str:
    return _things(count, "record")


def _things(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _rejections(facts: Mapping[str, Any]) -> str:
    rejected = sum(reason["count"] for reason in facts["rejected"])
    would = "would be " if facts["dry_run"] else ""
    parts = [f"{rejected:,} of {_records(received(facts))} {would}rejected"] if rejected else []
    if facts["undeleted"]:
        parts.append(f"{facts['undeleted']:,} deletions rejected")
    return ", ".join(parts)
