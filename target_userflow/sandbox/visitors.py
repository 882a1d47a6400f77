"""Who is answered: programs of this machine and the sandbox's own page, and no other site.

A site that somebody visits can have their browser send requests to a loopback address: under its
own name that was made to lead there (DNS rebinding), or as forms to another origin. Browsers tell
both, in `Host` (RFC 9110) and `Origin` (RFC 6454).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from target_userflow.sandbox.calls import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping


def refusal(headers: Mapping[str, str]) -> Answer | None:
    """What a request of another site is answered; None for all others."""
    host = headers.get("host", "")
    if not _is_loopback(host):
        return _forbidden("the sandbox answers on a loopback address only, such as 127.0.0.1")
    if headers.get("origin", f"http://{host}").lower() != f"http://{host}".lower():
        return _forbidden("the sandbox answers no other site's page")
    return None


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _forbidden(message: str) -> Answer:
    return Answer.of({"error": {"code": "sandbox", "message": message}}, 403)
