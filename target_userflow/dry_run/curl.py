"""Writes a request as a `curl` command, which a person can read and paste into a shell."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from target_userflow.mapping.values import encoded

if TYPE_CHECKING:
    from target_userflow.apis.messages import Request
    from target_userflow.apis.product import Product
    from target_userflow.config.settings import Destination

_MAX_BODY = 2_000  # characters
_NOT_ASCII = re.compile(r"[^\x20-\x7e]")


def command(api: Product, destination: Destination, request: Request, user_agent: str) -> str:
    """Return a request as a `curl` command.

    Args:
        api: The API.
        destination: Its URL and key; the command names an environment variable for the key.
        request: The request.
        user_agent: The `User-Agent` header.
    """
    masked = replace(destination, api_key=f"$TARGET_USERFLOW_{api.prefix.upper()}API_KEY")
    body = {"Content-Type": request.media_type} if request.payload is not None else {}
    headers = [f'-H "{name}: {value}"' for name, value in {**api.headers(masked), **body}.items()]
    lines = [
        f"curl -X {request.method} {shlex.quote(destination.url + request.path)}",
        " ".join([*headers, f"-H {shlex.quote(f'User-Agent: {user_agent}')}"]),
        *_data(b"" if request.payload is None else encoded(request.payload)),
    ]
    return " \\\n  ".join(lines)


def _data(body: bytes) -> list[str]:
    """Return the option for a body; none without a body, and the beginning of a long body."""
    if not body:
        return []
    text = _NOT_ASCII.sub(_printable, body.decode())
    left = len(text) - _MAX_BODY
    note = f"  # … and {left:,} more characters" if left > 0 else ""
    return [f"--data-raw {shlex.quote(text[:_MAX_BODY])}{note}"]


def _printable(match: re.Match[str]) -> str:
    """Return a character of a JSON text; one that a terminal would obey is escaped."""
    return match[0] if match[0].isprintable() else json.dumps(match[0])[1:-1]
