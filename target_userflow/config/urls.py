"""The URLs of the APIs: what is wrong with them, and which lead the key through the clear."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from urllib.parse import SplitResult

ODD = re.compile(r"[^\x21-\x7e]")
"""A character that stands neither in keys nor in URLs."""
_NAMES = ("api_url", "user_interviews_api_url", "userpilot_api_url")


def problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each URL that no request can go to, or must not.

    Args:
        config: The settings.
    """
    allow_http = config.get("allow_http") is True
    for name, url in _urls(config):
        problem = _url_problem(url, allow_http=allow_http)
        if problem:
            yield f"Setting '{name}' {problem}"


def exposed(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each URL that `allow_http` lets pass, and that nothing else would.

    Args:
        config: The settings, without problems.
    """
    for name, url in _urls(config):
        if _is_exposed(urlsplit(url)):
            yield (
                f"allow_http is on, and {name} is {url}: the key and all data go there in the "
                "clear. That is for the sandbox alone"
            )


def _urls(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _NAMES:
        url = config.get(name)
        if isinstance(url, str) and url:  # the schema refuses another type
            yield name, url


def _url_problem(url: str, *, allow_http: bool) -> str | None:
    if ODD.search(url):
        return "holds a space, a line break or another character that no URL has"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:  # it quotes what it takes for a port
        return "is no URL that can be read: mind its port and brackets"
    return _part_problem(url, parts, host) or _exposure(parts, allow_http=allow_http)


def _part_problem(url: str, parts: SplitResult, host: str | None) -> str | None:
    if parts.scheme not in {"https", "http"} or not host:
        return "must look like https://api.example.com"
    origin = parts.netloc.rpartition("@")[2]  # with its port, and without who logs in there
    if set("@?#") & set(url) or parts.path.strip("/"):
        return f"is a base URL: write only {parts.scheme}://{origin}, paths are the target's"
    return None


def _exposure(parts: SplitResult, *, allow_http: bool) -> str | None:
    if allow_http or not _is_exposed(parts):
        return None
    return (
        "must be https: http would send the key in the clear (allowed on loopback only). For a "
        "sandbox in another container, set allow_http to true"
    )


def _is_exposed(parts: SplitResult) -> bool:
    return parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
