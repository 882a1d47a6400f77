"""The page for people, at ``/``: what the sandbox keeps, what it was asked, and what came of it.

A browser that asks for HTML at ``/`` gets it; for all others that is a path of the API. It asks
for what it needs under ``/_sandbox/page/``:

- ``overview``: how much there is of everything; its revision changes when anything did
- ``list?of=…&search=…&offset=…``: a page of what is kept of one kind
- ``one?of=…&id=…``: one thing with all there is to say of it

Searching and paging are done here, not by the browser: there may be 100,000 users. The rooms:

- ``lists``: a page of a list, and what a search finds
- ``userflow``, ``people``, ``requests``: what the lists tell
- ``parts``: columns, rows and details; ``hints``: what to do where nothing is
- ``static``: the page itself, with no framework to build
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.calls import Answer
from target_userflow.sandbox.page.hints import hint
from target_userflow.sandbox.page.lists import List, page
from target_userflow.sandbox.page.people import participants, userpilot
from target_userflow.sandbox.page.requests import requests
from target_userflow.sandbox.page.userflow import lists as userflow
from target_userflow.sandbox.user_interviews import UserInterviews
from target_userflow.sandbox.userflow import Userflow
from target_userflow.sandbox.userpilot import Userpilot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from target_userflow.sandbox.app import App

PREFIX = "/_sandbox/page/"
ROWS = 50
"""How many rows of a list are told at once."""

_STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
    "require-trusted-types-for 'script'",
)
_SAFE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "; ".join(_POLICY),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The headers of everything here: values come from strangers, and are for this page only."""


def is_asked_for(request: Request) -> bool:
    """Whether a request is for the page or a part of it."""
    path: str = request.scope["path"]
    if path == "/" and request.method == "GET":
        return "text/html" in request.headers.get("accept", "")
    return path.startswith(PREFIX)


async def answer(app: App, request: Request) -> Answer:
    """Answer a request for the page or a part of it.

    Raises:
        ValueError: a parameter is missing or makes no sense.
    """
    name: str = request.scope["path"].removeprefix(PREFIX).strip("/") or "index.html"
    if request.method != "GET":
        return _answer({"error": "the page only reads"}, 405)
    if name in _files():
        body, media_type = _files()[name]
        return Answer(200, body, {**_SAFE, "Content-Type": media_type})
    query, url = request.query_params, f"http://{request.headers['host']}"
    match name:
        case "overview":
            return _answer(_overview(app))
        case "list":
            return await _list(app, query, url)
        case "one":
            return await _one(app, query)
        case _:
            return _answer({"error": f"the page has no {name!r}"}, 404)


def _answer(value: object, status: int = 200) -> Answer:
    return Answer.of(value, status, headers=_SAFE)


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    """What the page consists of, by name: nothing else on the disk can be asked for."""
    return {one.name: (one.read_bytes(), _TYPES[one.suffix]) for one in _STATIC.iterdir()}


def _lists(app: App) -> dict[str, List]:
    found: dict[str, List] = {}
    for api in app.apis:
        match api:
            case Userflow():
                found = {**userflow(api.store), **found}
            case UserInterviews():
                found |= participants(api)
            case Userpilot():
                found |= userpilot(api)
    return {**found, **requests(app.journal)}


def _overview(app: App) -> dict[str, Any]:
    return {
        "revision": app.journal.revision,
        "lists": [_told(name, one) for name, one in _lists(app).items()],
        "conditions": _conditions(app),
    }


def _told(name: str, one: List) -> dict[str, Any]:
    facts = {"of": name, "label": one.label, "sought": one.sought}
    return {**facts, "api": one.api or "Requests", "count": one.count}


def _conditions(app: App) -> str:
    """How the sandbox behaves just now, without its keys."""
    settings = app.settings
    limit = f"{settings.rate_limit:,} requests a minute" if settings.rate_limit else "no rate limit"
    faults = [f"{name} {chance:.1%}" for name, chance in settings.faults.items() if chance]
    told = ["faults " + ", ".join(faults)] if faults else ["no faults"]
    return " · ".join([f"latency {settings.latency_ms:g} ms", limit, *told])


async def _list(app: App, query: Mapping[str, str], url: str) -> Answer:
    lists, of = _lists(app), query.get("of", "")
    if of not in lists:
        return _answer({"error": f"there is no list {of!r}"}, 404)
    found = await page(lists[of], query.get("search", ""), _whole(query.get("offset", "0")), ROWS)
    empty = not lists[of].count
    return _answer({"page": found, "hint": hint(of, url, app.settings) if empty else None})


async def _one(app: App, query: Mapping[str, str]) -> Answer:
    lists, of, id_ = _lists(app), query.get("of", ""), query.get("id", "")
    found = await lists[of].detail(id_) if of in lists else None
    return _answer(found) if found else _answer({"error": "there is no such thing"}, 404)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("offset must be a whole number")
    return int(text)
