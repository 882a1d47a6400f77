"""Refuses requests that another site made a browser send to the sandbox.

A site that somebody visits can have their browser send requests to a loopback address: under the
site's own name, if the name was made to resolve there (DNS rebinding), or as forms to another
origin. Browsers send the name in `Host` (RFC 9110) and the origin in `Origin` (RFC 6454).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from target_userflow.sandbox.http.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping


def refusal(headers: Mapping[str, str]) -> Answer | None:
    """Return the answer to a request of another site; None for all other requests."""
    host = headers.get("host", "")
    if not _is_loopback(host):
        return Answer.sandbox_error(
            403, "the sandbox answers on a loopback address only, such as 127.0.0.1"
        )
    if headers.get("origin", f"http://{host}").lower() != f"http://{host}".lower():
        return Answer.sandbox_error(403, "the sandbox answers no other site's page")
    return None


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
