"""The Python client: starts a sandbox, reads its state, changes its settings and stops it."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from contextlib import contextmanager
from decimal import Decimal
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from target_userflow.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from typing_extensions import Unpack

    from target_userflow.sandbox.settings import Changes

STARTUP_TIMEOUT = 30.0
"""The seconds in which a sandbox must start to listen."""

_PREFIXES = ("", "user_interviews_", "userpilot_")
"""The prefixes of the settings of each API."""


class SandboxError(Exception):
    """The sandbox did not start, or refused a request of the client."""


class Sandbox:
    """A running sandbox.

    Attributes:
        url: The URL of the sandbox, such as ``http://127.0.0.1:8765``.
        settings: The settings in force, with the API keys.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        """Take the URL of a running sandbox, and its settings."""
        self.url = url
        self.settings = settings

    @property
    def api_key(self) -> str:
        """The API key that Userflow accepts."""
        return self.settings.api_key

    @property
    def config(self) -> dict[str, str]:
        """The settings with which the target sends to this sandbox, for all APIs."""
        urls = {f"{api}api_url": self.url for api in _PREFIXES}
        keys = {f"{api}api_key": getattr(self.settings, f"{api}api_key") for api in _PREFIXES}
        return {**urls, **keys}

    def state(self) -> dict[str, Any]:
        """Return what the APIs keep.

        Userflow has ``users`` and ``groups`` by id, and ``events`` in the order of arrival. User
        Interviews has ``participants``: the fields by email in lower case. Userpilot has
        ``userpilot``, with ``users`` and ``companies`` by id, and ``events`` in order.

        Numbers have every digit that was sent: int, or Decimal for a number with a point.
        """
        return dict(self._ask("GET", "state"))

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests in the order of arrival; `LoggedRequest` has their keys."""
        return [_with_floats(entry) for entry in self._ask("GET", "requests")]

    def reset(self) -> None:
        """Empty the APIs, the request log and the script; restore the settings of the start."""
        self.settings = _settings(self._ask("POST", "reset"))

    def configure(self, **changes: Unpack[Changes]) -> None:
        """Change settings of the running sandbox; `Settings` has their names.

        Raises:
            SandboxError: a setting is unknown, or its value is not allowed.
        """
        self.settings = _settings(self._ask("POST", "config", changes))

    def script(self, steps: Sequence[dict[str, Any]]) -> None:
        """Plan the responses to the next requests; `ScriptedResponse` has their keys.

        Raises:
            SandboxError: a response has an unknown key or an invalid value.
        """
        self._ask("POST", "script", steps)

    def _ask(self, method: str, endpoint: str, value: object = None) -> Any:
        connection = HTTPConnection(urlsplit(self.url).netloc)  # heeds no proxy variables
        try:
            connection.request(method, f"/_sandbox/{endpoint}", json.dumps(value))
            answer = json.load(connection.getresponse(), parse_float=Decimal)
        finally:
            connection.close()
        if "error" in answer:
            raise SandboxError(answer["error"]["message"])
        return answer


def _settings(answer: dict[str, Any]) -> Settings:
    return msgspec.convert(answer, Settings)


def _with_floats(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a logged request with floats for its times, which are measured and not sent."""
    times = {key: entry[key] for key in ("at", "duration_ms")}
    return {**entry, **{key: None if time is None else float(time) for key, time in times.items()}}


@contextmanager
def running(**settings: Unpack[Changes]) -> Iterator[Sandbox]:
    """Run a sandbox in another process for as long as the block runs.

    Args:
        settings: Settings that differ from the defaults; `Settings` has their names.

    Yields:
        A client of the sandbox.

    Raises:
        ValueError: a setting is unknown, or its value is not allowed.
        SandboxError: the sandbox did not start.
    """
    chosen = Settings().changed(settings)
    command = [sys.executable, "-m", "target_userflow.sandbox", "serve", *_options(chosen)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 (our own module)
        try:
            yield Sandbox(_url(process), chosen)
        finally:
            process.terminate()


def _options(settings: Settings) -> list[str]:
    """Return the command line options for the settings, on a free port."""
    defaults = msgspec.structs.asdict(Settings())
    values = msgspec.structs.asdict(settings)
    changed = {name: value for name, value in values.items() if value != defaults[name]}
    faults, globs = changed.pop("faults", {}), changed.pop("rejected_emails", [])
    return [
        "--port=0",
        *(f"--{name.replace('_', '-')}={_option_text(value)}" for name, value in changed.items()),
        *(f"--fault={fault}:{probability}" for fault, probability in faults.items()),
        *(f"--reject-email={glob}" for glob in globs),
    ]


def _option_text(value: object) -> str:
    return "none" if value is None else str(value)


def _url(process: subprocess.Popen[str]) -> str:
    """Return the URL that the process prints when it listens."""
    out = process.stdout
    ready = out and select.select([out], [], [], STARTUP_TIMEOUT)[0]
    line = out.readline() if out and ready else ""
    if not line:
        raise SandboxError("the sandbox did not start; if it said why, that is on stderr")
    return line.split()[-1]
