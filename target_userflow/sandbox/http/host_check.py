"""Refuses requests that another site made a browser send to the sandbox.

A site that somebody visits can have their browser send requests to a loopback address: under the
site's own name, if the name was made to resolve there (DNS rebinding), or as forms to another
origin. Browsers send the name in `Host` (RFC 9110) and the origin in `Origin` (RFC 6454).

A sandbox that other machines may use accepts the names of private networks, too: any IP address, a
name without a dot (a service of docker compose), and a name under `.internal` or `.local`. No
public site can have such a name, so the check still refuses the sites that rebind theirs.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from target_userflow.sandbox.http.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping


_PRIVATE = (".internal", ".local")
_LOOPBACK_ONLY = "the sandbox answers on a loopback address only, such as 127.0.0.1"
_PRIVATE_ONLY = "the sandbox answers under an address or a private name only, such as sandbox"


def refusal(headers: Mapping[str, str], *, allow_remote: bool = False) -> Answer | None:
    """Return the answer to a request of another site; None for all other requests.

    Args:
        headers: The headers of the request, by name in lower case.
        allow_remote: Whether other machines may use the sandbox.
    """
    host = headers.get("host", "")
    if not (_is_private(host) if allow_remote else _is_loopback(host)):
        return Answer.sandbox_error(403, _PRIVATE_ONLY if allow_remote else _LOOPBACK_ONLY)
    if headers.get("origin", f"http://{host}").lower() != f"http://{host}".lower():
        return Answer.sandbox_error(403, "the sandbox answers no other site's page")
    return None


def _is_loopback(host: str) -> bool:
    name = _name(host)
    address = _address(name)
    return name == "localhost" or (address is not None and address.is_loopback)


def _is_private(host: str) -> bool:
    """Return whether no public site can have this host; only a public site can rebind its name."""
    name = _name(host)
    if not name:
        return False
    return _address(name) is not None or "." not in name or name.endswith(_PRIVATE)


def _name(host: str) -> str:
    """Return the name in a Host header in lower case, without the port; empty if invalid."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
