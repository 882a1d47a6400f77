"""The admin API under ``/_sandbox/``: it shows and changes the sandbox itself.

It needs no key and has no faults:

- ``GET /_sandbox/state``: what the APIs keep
- ``GET /_sandbox/requests``: the request log, in the order of arrival
- ``POST /_sandbox/reset``: empty everything and restore the settings; answers the settings
- ``POST /_sandbox/config``: change settings, given by name; answers all settings
- ``POST /_sandbox/script``: plan the responses to the next requests
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_userflow.sandbox.http.messages import Answer

if TYPE_CHECKING:
    from starlette.requests import Request

    from target_userflow.sandbox.backend import Backend

PREFIX = "/_sandbox/"


def is_requested(request: Request) -> bool:
    """Return whether a request is for the admin API."""
    path: str = request.scope["path"]
    return path.startswith(PREFIX)


def answer(backend: Backend, request: Request, raw: bytes) -> Answer:
    """Answer a request for the admin API, given its body."""
    path = request.scope["path"].removeprefix(PREFIX)
    try:
        return _answer(backend, f"{request.method} {path}", raw)
    except ValueError as error:  # also the base of msgspec's errors
        return Answer.sandbox_error(400, str(error))


def _answer(backend: Backend, endpoint: str, raw: bytes) -> Answer:
    match endpoint:
        case "GET state":
            return Answer.of(backend.state())
        case "GET requests":
            return Answer.of(backend.request_log.entries)
        case "POST reset":
            backend.reset()
        case "POST config":
            changes = msgspec.json.decode(raw, type=dict[str, Any])
            backend.configure(backend.settings.changed(changes))
        case "POST script":
            return Answer.of({"steps": backend.scripted_responses.extend(raw)})
        case _:
            return Answer.sandbox_error(404, f"the sandbox has no {endpoint!r}")
    return Answer.of(backend.settings)
