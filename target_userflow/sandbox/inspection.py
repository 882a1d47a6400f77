"""The endpoints under ``/_sandbox/``: what was written and asked, and what shall happen next.

They need no key and never fail on purpose:

- ``GET /_sandbox/state``: what the APIs keep
- ``GET /_sandbox/requests``: the journal, in the order of arrival
- ``POST /_sandbox/reset``: forget everything, and have the settings of the start; answers them
- ``POST /_sandbox/config``: change settings, given by name; answers all of them
- ``POST /_sandbox/script``: plan the answers to the next requests
- ``GET /_sandbox/page/…``: what the page for people asks for; see ``page``
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_userflow.sandbox import page
from target_userflow.sandbox.calls import Answer

if TYPE_CHECKING:
    from starlette.requests import Request

    from target_userflow.sandbox.app import App

PREFIX = "/_sandbox/"


def is_asked_for(request: Request) -> bool:
    """Whether a request is for one of these endpoints, or for the page."""
    return request.scope["path"].startswith(PREFIX) or page.is_asked_for(request)


async def answer(app: App, request: Request, raw: bytes) -> Answer:
    """Answer a request for one of these endpoints, or for the page."""
    try:
        if page.is_asked_for(request):
            return await page.answer(app, request)
        path = request.scope["path"].removeprefix(PREFIX)
        return _answer(app, f"{request.method} {path}", raw)
    except ValueError as error:  # msgspec's errors are, too
        return _error(400, str(error))


def _answer(app: App, endpoint: str, raw: bytes) -> Answer:
    match endpoint:
        case "GET state":
            return Answer.of(app.state())
        case "GET requests":
            return Answer.of(app.journal.entries)
        case "POST reset":
            app.reset()
            return Answer.of(app.settings)
        case "POST config":
            app.configure(app.settings.changed(msgspec.json.decode(raw, type=dict[str, Any])))
            return Answer.of(app.settings)
        case "POST script":
            return Answer.of({"steps": app.script.extend(raw)})
        case _:
            return _error(404, f"the sandbox has no {endpoint!r}")


def _error(status: int, message: str) -> Answer:
    return Answer.of({"error": {"code": "sandbox", "message": message}}, status)
