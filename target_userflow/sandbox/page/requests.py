"""What was asked of the sandbox, as the page tells of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus, urlencode

import msgspec

from target_userflow.sandbox.faults import FAULTS
from target_userflow.sandbox.page.lists import List
from target_userflow.sandbox.page.parts import FACTS, Column, Detail, Row, Section, fact

if TYPE_CHECKING:
    from target_userflow.sandbox.journal import Entry, Journal

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


def requests(journal: Journal) -> dict[str, List]:
    """The lists by name: all requests, and those that were refused."""

    async def request(id_: str) -> Detail | None:
        found = journal.find(int(id_)) if id_.isdecimal() else None
        return _detail(found) if found else None

    return {
        "requests": List(
            label="All",
            sought="path, outcome or anything in the body",
            api=None,
            columns=_COLUMNS,
            count=len(journal.entries),
            things=reversed(journal.entries),
            row=_row,
            words=_words,
            detail=request,
        ),
        "refused": List(
            label="Refused",
            sought="path, outcome or anything in the body",
            api=None,
            columns=_COLUMNS,
            count=len(journal.refused),
            things=reversed(journal.refused),
            row=_row,
            words=_words,
            detail=request,
        ),
    }


def _row(entry: Entry) -> Row:
    id_ = str(entry.seq)
    cells = [id_, f"{entry.at:.2f}", _line(entry), _status(entry), _took(entry), _outcome(entry)]
    return Row(id_, [*cells], "requests", id_)


def _words(entry: Entry) -> str:
    body = "" if entry.body is None else bytes(entry.body).decode()
    return f"{_line(entry)}\n{_outcome(entry)}\n{body}"


def _line(entry: Entry) -> str:
    """Method, path and query, decoded to be read."""
    query = f"?{unquote_plus(urlencode(entry.query))}" if entry.query else ""
    return f"{entry.method} {unquote(entry.path)}{query}"


def _status(entry: Entry) -> str:
    if entry.duration_ms is None:
        return "waiting"
    return "none" if entry.status is None else str(entry.status)


def _took(entry: Entry) -> str:
    return "" if entry.duration_ms is None else f"{entry.duration_ms:.1f}"


def _outcome(entry: Entry) -> str:
    """What came of a request: the rule that it broke, what went wrong, or what it did."""
    if entry.rule or entry.fault:
        fault = entry.fault and f"fault {entry.fault}: {FAULTS[entry.fault]}"
        return "; ".join(filter(None, [entry.rule, fault]))
    if entry.duration_ms is None:
        return "waits for its answer"
    if entry.status is None:
        return "the client hung up"
    return _refusal(entry.status) if entry.status >= HTTPStatus.BAD_REQUEST else _effect(entry)


def _refusal(status: int) -> str:
    known = {one.value: one.phrase for one in HTTPStatus}
    return _REASONS.get(status) or known.get(status, "refused")


def _effect(entry: Entry) -> str:
    strangers = [
        f"the {what} did not exist yet"
        for what, unknown in (("user", entry.user_unknown), ("group", entry.group_unknown))
        if unknown
    ]
    return "; ".join(["written" if entry.applied else "answered", *strangers])


def _detail(entry: Entry) -> Detail:
    facts = [
        fact("API", _APIS[entry.api]),
        fact("Status", _status(entry)),
        fact("Outcome", _outcome(entry)),
        fact("Latency", f"{_took(entry)} ms" if entry.duration_ms is not None else "waiting"),
        fact("Arrived", f"{entry.at:.3f} s after the start"),
        fact("Connection", str(entry.connection)),
        fact("User agent", entry.user_agent or ""),
    ]
    sections = [Section("Facts", FACTS, facts), Section("Body", text=_body(entry))]
    return Detail(f"Request #{entry.seq}", _line(entry), sections)


def _body(entry: Entry) -> str:
    if entry.body is None:
        return "none that could be read as JSON" if entry.method != "GET" else "none"
    return msgspec.json.format(bytes(entry.body), indent=2).decode()
