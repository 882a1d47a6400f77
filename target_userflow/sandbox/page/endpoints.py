"""The endpoints under ``/_sandbox/page/``, and the files of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.faults import FAULTS
from target_userflow.sandbox.http.messages import Answer
from target_userflow.sandbox.page.hints import hint
from target_userflow.sandbox.page.lists import List, list_page
from target_userflow.sandbox.page.requests import request_lists
from target_userflow.sandbox.page.static_files import HEADERS, static_files
from target_userflow.sandbox.page.user_interviews import user_interviews_lists
from target_userflow.sandbox.page.userflow import userflow_lists
from target_userflow.sandbox.page.userpilot import userpilot_lists

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from target_userflow.sandbox.backend import Backend
    from target_userflow.sandbox.settings import Settings

PREFIX = "/_sandbox/page/"
ROWS = 50
"""The most rows on a page of a list."""


def is_requested(request: Request) -> bool:
    """Return whether a request is for the page, its files or its endpoints."""
    path: str = request.scope["path"]
    if path == "/" and request.method == "GET":
        return "text/html" in request.headers.get("accept", "")
    return path.startswith(PREFIX)


async def answer(backend: Backend, request: Request) -> Answer:
    """Answer a request for the page, its files or its endpoints."""
    path: str = request.scope["path"]
    name = path.removeprefix(PREFIX).strip("/") or "index.html"
    if request.method != "GET":
        return _json({"error": "the page only reads"}, 405)
    if name in static_files():
        body, media_type = static_files()[name]
        return Answer(200, body, {**HEADERS, "Content-Type": media_type})
    try:
        return await _endpoint(backend, name, request)
    except ValueError as error:
        return Answer.sandbox_error(400, str(error))


async def _endpoint(backend: Backend, name: str, request: Request) -> Answer:
    query, url = request.query_params, f"http://{request.headers['host']}"
    match name:
        case "overview":
            return _json(_overview(backend))
        case "list":
            return await _list(backend, query, url)
        case "one":
            return await _detail(backend, query)
        case _:
            return _json({"error": f"the page has no {name!r}"}, 404)


def _json(value: object, status: int = 200) -> Answer:
    return Answer.of(value, status, headers=HEADERS)


def _lists(backend: Backend, status: str = "") -> dict[str, List]:
    """Return the lists by name, in the order of the page; a status filters the requests."""
    return {
        **userflow_lists(backend.userflow.store),
        **user_interviews_lists(backend.user_interviews.store),
        **userpilot_lists(backend.userpilot.store),
        **request_lists(backend.request_log, backend.settings, status),
    }


def _overview(backend: Backend) -> dict[str, Any]:
    return {
        "revision": backend.request_log.revision,
        "lists": [_summary(name, list_) for name, list_ in _lists(backend).items()],
        "conditions": _conditions(backend.settings),
        "faults": _faults(backend.settings),
    }


def _summary(name: str, list_: List) -> dict[str, Any]:
    labels = {"of": name, "label": list_.label, "searched": list_.searched}
    return {**labels, "api": list_.api or "Requests", "count": list_.count}


def _conditions(settings: Settings) -> str:
    """Return the settings in force in a line, without the keys."""
    limit = f"{settings.rate_limit:,} requests a minute" if settings.rate_limit else "no rate limit"
    odds = [f"{fault} {chance:.1%}" for fault, chance in settings.faults.items() if chance]
    faults = "faults " + ", ".join(odds) if odds else "no faults"
    return " · ".join([f"latency {settings.latency_ms:g} ms", limit, faults])


def _faults(settings: Settings) -> list[dict[str, Any]]:
    """Return each fault with its effect and its probability in force."""
    return [
        {"fault": fault, "effect": effect, "probability": settings.faults.get(fault, 0)}
        for fault, effect in FAULTS.items()
    ]


async def _list(backend: Backend, query: Mapping[str, str], url: str) -> Answer:
    lists, of = _lists(backend, query.get("status", "")), query.get("of", "")
    if of not in lists:
        return _json({"error": f"there is no list {of!r}"}, 404)
    offset = _whole_number(query.get("offset", "0"))
    rows = await list_page(lists[of], query.get("search", ""), offset, ROWS)
    empty = not lists[of].count and not query.get("status")
    return _json({"page": rows, "hint": hint(of, url, backend.settings) if empty else None})


async def _detail(backend: Backend, query: Mapping[str, str]) -> Answer:
    lists, of = _lists(backend), query.get("of", "")
    detail = await lists[of].detail(query.get("id", "")) if of in lists else None
    return _json(detail) if detail else _json({"error": "there is no such thing"}, 404)


def _whole_number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("offset must be a whole number")
    return int(text)
