"""The curl command that sends a request again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from target_userflow.sandbox.page.hints import published_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.sandbox.http.request_log import LoggedRequest
    from target_userflow.sandbox.settings import Settings

_AUTHORIZATION = {
    "userflow": ("Bearer", "api_key"),
    "user_interviews": ("Bearer", "user_interviews_api_key"),
    "userpilot": ("Token", "userpilot_api_key"),
}
"""The scheme of the Authorization header and the setting with the key, by API."""
_HEADERS = ("accept", "content-type", "userflow-version", "x-api-version")


def curl(entry: LoggedRequest, headers: Mapping[str, str], settings: Settings) -> str:
    """Return the command, with the published key, or a placeholder for a key that was chosen."""
    scheme, key = _AUTHORIZATION[entry.api]
    lines = [f"Authorization: {scheme} {published_key(settings, key)}"]
    lines += [f"{name}: {headers[name]}" for name in _HEADERS if name in headers]
    query = f"?{urlencode(entry.query)}" if entry.query else ""
    url = f"http://{headers.get('host', '')}{entry.path}{query}"
    body = [] if entry.body is None else ["--data-binary", bytes(entry.body).decode()]
    options = [text for line in lines for text in ("-H", line)]
    return shlex.join(["curl", "-X", entry.method, url, *options, *body])
