"""A request as a command that a person can read, and paste into a shell."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from target_userflow.mapping.values import encoded

if TYPE_CHECKING:
    from target_userflow.apis.messages import Api, Request
    from target_userflow.config.settings import Destination

_MOST = 2_000  # characters of a body
_NOT_ASCII = re.compile(r"[^\x20-\x7e]")


def command(api: Api, destination: Destination, request: Request, user_agent: str) -> str:
    """The request as a `curl` command; in the key's place stands the variable that may hold it."""
    masked = replace(destination, api_key=f"$TARGET_USERFLOW_{api.prefix.upper()}API_KEY")
    body = {"Content-Type": request.media_type} if request.payload is not None else {}
    named = {**api.headers(masked), **body}
    headers = [f'-H "{name}: {value}"' for name, value in named.items()]
    lines = [
        f"curl -X {request.method} {shlex.quote(destination.url + request.path)}",
        " ".join([*headers, f"-H {shlex.quote(f'User-Agent: {user_agent}')}"]),
        *_data(b"" if request.payload is None else encoded(request.payload)),
    ]
    return " \\\n  ".join(lines)


def _data(body: bytes) -> list[str]:
    """The option for a body, if there is one; of a long one the beginning."""
    if not body:
        return []
    text = _NOT_ASCII.sub(_shown, body.decode())
    left = len(text) - _MOST
    note = f"  # … and {left:,} more characters" if left > 0 else ""
    return [f"--data-raw {shlex.quote(text[:_MOST])}{note}"]


def _shown(found: re.Match[str]) -> str:
    """A character of a JSON text; what a terminal would not show as it is, but obey, is escaped."""
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]
