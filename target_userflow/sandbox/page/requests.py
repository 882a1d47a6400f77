"""The lists of requests on the page."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus, urlencode

import msgspec

from target_userflow.sandbox.faults import FAULTS
from target_userflow.sandbox.page.lists import List
from target_userflow.sandbox.page.view_models import FACTS, Column, Detail, Row, Section, fact

if TYPE_CHECKING:
    from target_userflow.sandbox.http.request_log import LoggedRequest, RequestLog

_COLUMNS = (
    Column("#", "number"),
    Column("At, s", "number", minor=True),
    Column("Request", "link"),
    Column("Status", "status"),
    Column("ms", "number", minor=True),
    Column("Outcome", "rest"),
)
_APIS = {
    "userflow": "Userflow",
    "user_interviews": "User Interviews",
    "userpilot": "Userpilot",
}
_REASONS = {
    401: "no valid API key",
    404: "there is nothing at this path",
    405: "the path knows other methods only",
    406: "the Accept header allows no JSON",
    415: "the Content-Type header is not JSON's",
    429: "too many requests in the last minute",
}


def request_lists(log: RequestLog) -> dict[str, List]:
    """Return the lists by name: all requests, and the refused requests."""
    return {
        "requests": _list(log, "All", log.entries),
        "refused": _list(log, "Refused", log.refused),
    }


def _list(log: RequestLog, label: str, entries: list[LoggedRequest]) -> List:
    async def detail(id_: str) -> Detail | None:
        entry = log.find(int(id_)) if id_.isdecimal() else None
        return _detail(entry) if entry else None

    return List(
        label=label,
        searched="path, outcome or anything in the body",
        api=None,
        columns=_COLUMNS,
        count=len(entries),
        items=reversed(entries),
        row=_row,
        words=_words,
        detail=detail,
    )


def _row(entry: LoggedRequest) -> Row:
    id_ = str(entry.seq)
    cells = [
        id_,
        f"{entry.at:.2f}",
        _line(entry),
        _status(entry),
        _duration(entry),
        _outcome(entry),
    ]
    return Row(id_, [*cells], "requests", id_)


def _words(entry: LoggedRequest) -> str:
    body = "" if entry.body is None else bytes(entry.body).decode()
    return f"{_line(entry)}\n{_outcome(entry)}\n{body}"


def _line(entry: LoggedRequest) -> str:
    """Return the method, path and query of a request, decoded."""
    query = f"?{unquote_plus(urlencode(entry.query))}" if entry.query else ""
    return f"{entry.method} {unquote(entry.path)}{query}"


def _status(entry: LoggedRequest) -> str:
    if entry.duration_ms is None:
        return "waiting"
    return "none" if entry.status is None else str(entry.status)


def _duration(entry: LoggedRequest) -> str:
    return "" if entry.duration_ms is None else f"{entry.duration_ms:.1f}"


def _outcome(entry: LoggedRequest) -> str:
    """Return the outcome of a request in words: the broken rule, the fault or the effect."""
    if entry.rule or entry.fault:
        fault = entry.fault and f"fault {entry.fault}: {FAULTS[entry.fault]}"
        return "; ".join(filter(None, [entry.rule, fault]))
    if entry.duration_ms is None:
        return "waits for its answer"
    if entry.status is None:
        return "the client hung up"
    return _refusal(entry.status) if entry.status >= HTTPStatus.BAD_REQUEST else _effect(entry)


def _refusal(status: int) -> str:
    phrases = {known.value: known.phrase for known in HTTPStatus}
    return _REASONS.get(status) or phrases.get(status, "refused")


def _effect(entry: LoggedRequest) -> str:
    unknown = [
        f"the {what} did not exist yet"
        for what, is_unknown in (("user", entry.user_unknown), ("group", entry.group_unknown))
        if is_unknown
    ]
    return "; ".join(["written" if entry.applied else "answered", *unknown])


def _detail(entry: LoggedRequest) -> Detail:
    facts = [
        fact("API", _APIS[entry.api]),
        fact("Status", _status(entry)),
        fact("Outcome", _outcome(entry)),
        fact("Latency", f"{_duration(entry)} ms" if entry.duration_ms is not None else "waiting"),
        fact("Arrived", f"{entry.at:.3f} s after the start"),
        fact("Connection", str(entry.connection)),
        fact("User agent", entry.user_agent or ""),
    ]
    sections = [Section("Facts", FACTS, facts), Section("Body", text=_body(entry))]
    return Detail(f"Request #{entry.seq}", _line(entry), sections)


def _body(entry: LoggedRequest) -> str:
    if entry.body is None:
        return "none that could be read as JSON" if entry.method != "GET" else "none"
    return msgspec.json.format(bytes(entry.body), indent=2).decode()
