"""The next step where a list is empty: a sentence and a command."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from target_userflow.sandbox.settings import Settings

_USERPILOT = {
    "streams": {
        "public-users": {"object": "userpilot_users"},
        "public-groups": {"object": "userpilot_companies"},
        "public-events": {"object": "userpilot_events"},
        "*": {"object": "ignore"},
    },
    # All 600 would take a minute, as Userpilot lets in 600 requests a minute.
    "stream_maps": {"public-events": {"__filter__": "id <= 50"}},
}


class Hint(Struct, frozen=True):
    """The next step for an empty list.

    Attributes:
        text: The effect of the command, in words.
        command: The lines for a shell.
    """

    text: str
    command: str


def hint(of: str, url: str, settings: Settings) -> Hint:
    """Return the command that fills a list.

    Args:
        of: The name of the list.
        url: The URL of the sandbox.
        settings: The settings in force, for the keys.
    """
    if of == "refused":
        faults = shlex.quote(json.dumps({"faults": {"503": 0.05}}))
        return Hint(
            "Nothing was refused so far. This makes every twentieth request fail:",
            f"curl {url}/_sandbox/config -d {faults}",
        )
    config = _userpilot(url, settings) if of.startswith("userpilot") else _others(url, settings)
    return Hint(
        "Nothing here yet. This sends a sample of made-up data with the real target:",
        f"echo {shlex.quote(json.dumps(config))} > sandbox.json\n"
        "target-userflow-sandbox sample | target-userflow --config sandbox.json",
    )


def _userpilot(url: str, settings: Settings) -> dict[str, Any]:
    key = published_key(settings, "userpilot_api_key")
    return {"userpilot_api_url": url, "userpilot_api_key": key, **_USERPILOT}


def _others(url: str, settings: Settings) -> dict[str, Any]:
    return {
        "api_url": url,
        "api_key": published_key(settings, "api_key"),
        "user_interviews_api_url": url,
        "user_interviews_api_key": published_key(settings, "user_interviews_api_key"),
    }


def published_key(settings: Settings, name: str) -> str:
    """Return a key if it is the published default, else a placeholder."""
    key: str = getattr(settings, name)
    return key if key == getattr(type(settings)(), name) else f"<{name}>"
