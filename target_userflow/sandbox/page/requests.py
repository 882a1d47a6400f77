"""The lists of requests on the page."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus, urlencode

import msgspec

from target_userflow.sandbox.faults import FAULTS
from target_userflow.sandbox.page.curl import curl
from target_userflow.sandbox.page.lists import List
from target_userflow.sandbox.page.subjects import subject
from target_userflow.sandbox.page.view_models import FACTS, Column, Detail, Row, Section, fact

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from target_userflow.sandbox.http.request_log import Exchange, LoggedRequest, RequestLog
    from target_userflow.sandbox.settings import Settings

_COLUMNS = (
    Column("#", "number"),
    Column("Time", "clock", minor=True),
    Column("Request", "link"),
    Column("Status", "status"),
    Column("ms", "number", minor=True),
    Column("Outcome", "rest"),
    Column("ID", minor=True),
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


def request_lists(log: RequestLog, settings: Settings, status: str = "") -> dict[str, List]:
    """Return the lists by name: all requests, and the refused requests.

    Args:
        log: The request log.
        settings: The settings in force, for the published keys in a curl command.
        status: ``2``, ``4`` or ``5`` for the statuses that start with this digit, ``none`` or
            ``waiting`` for requests without an answer; empty for all requests.
    """

    async def detail(id_: str) -> Detail | None:
        entry = log.find(int(id_)) if id_.isdecimal() else None
        return _detail(log, settings, entry) if entry else None

    return {
        "requests": _list(log, "All", _with_status(log.entries, status), detail),
        "refused": _list(log, "Refused", _with_status(log.refused, status), detail),
    }


def _with_status(entries: list[LoggedRequest], status: str) -> list[LoggedRequest]:
    return [entry for entry in entries if _status(entry).startswith(status)] if status else entries


def _list(
    log: RequestLog,
    label: str,
    entries: list[LoggedRequest],
    detail: Callable[[str], Awaitable[Detail | None]],
) -> List:

    return List(
        label=label,
        searched="path, outcome or anything in the body",
        api=None,
        columns=_COLUMNS,
        count=len(entries),
        items=reversed(entries),
        row=lambda entry: _row(log, entry),
        words=_words,
        detail=detail,
    )


def _row(log: RequestLog, entry: LoggedRequest) -> Row:
    seq = str(entry.seq)
    outcome = [_status(entry), _duration(entry), _outcome(entry)]
    item = subject(entry)
    cells = [seq, log.clock_time(entry), _line(entry), *outcome, item.id if item else ""]
    return Row(seq, [*cells], "requests", seq)


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


def _detail(log: RequestLog, settings: Settings, entry: LoggedRequest) -> Detail:
    exchange = log.exchange(entry.seq)
    sections = [
        Section("Facts", FACTS, _facts(log, entry)),
        Section("Body", text=_body(entry)),
        Section("Response", text=_response(exchange), answered=True),
    ]
    command = curl(entry, exchange.headers, settings) if exchange else None
    return Detail(f"Request #{entry.seq}", _line(entry), sections, curl=command)


def _facts(log: RequestLog, entry: LoggedRequest) -> list[Row]:
    item = subject(entry)
    return [
        fact("API", _APIS[entry.api]),
        *([fact(item.label, item.id, item.of, item.id)] if item else []),
        fact("Status", _status(entry)),
        fact("Outcome", _outcome(entry)),
        fact("Latency", f"{_duration(entry)} ms" if entry.duration_ms is not None else "waiting"),
        fact("Arrived", f"{log.clock_time(entry)}, {entry.at:.3f} s after the start"),
        fact("Connection", str(entry.connection)),
        fact("User agent", entry.user_agent or ""),
    ]


def _body(entry: LoggedRequest) -> str:
    if entry.body is None:
        return "none that could be read as JSON" if entry.method != "GET" else "none"
    return _formatted(bytes(entry.body))


def _response(exchange: Exchange | None) -> str:
    if exchange is None:
        return "no longer kept"
    return _formatted(exchange.response) if exchange.response else "none"


def _formatted(text: bytes) -> str:
    """Return JSON with indents, and any other text unchanged."""
    try:
        return msgspec.json.format(text, indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return text.decode(errors="replace")
