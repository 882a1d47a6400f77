"""The sandbox from Python: start it, look into it, tell it what to do, stop it."""

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
"""Seconds until a sandbox that doesn't listen counts as failed."""


_PREFIXES = ("", "user_interviews_", "userpilot_")
"""What the settings of each API start with."""


class SandboxError(Exception):
    """The sandbox did not start, or did not accept what it was told."""


class Sandbox:
    """A running sandbox.

    Attributes:
        url: Where it listens, such as ``http://127.0.0.1:8765``.
        settings: How it behaves, its keys too.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        """Talk to the sandbox that listens at a URL."""
        self.url = url
        self.settings = settings

    @property
    def api_key(self) -> str:
        """The one key that its Userflow lets in."""
        return self.settings.api_key

    @property
    def config(self) -> dict[str, str]:
        """The settings that point the target here, for all of the APIs."""
        urls = {f"{api}api_url": self.url for api in _PREFIXES}
        keys = {
            name: getattr(self.settings, name) for name in (f"{api}api_key" for api in _PREFIXES)
        }
        return {**urls, **keys}

    def state(self) -> dict[str, Any]:
        """What was written.

        Of Userflow: ``users`` and ``groups`` by id, ``events`` in the order of arrival. Of User
        Interviews: ``participants``, the fields by email in lower case. Of Userpilot:
        ``userpilot``, with ``users`` and ``companies`` by id, ``events`` in the order of arrival.

        Numbers come exactly as they were sent: int, or Decimal if there is a point in them.
        """
        return dict(self._ask("GET", "state"))

    def requests(self) -> list[dict[str, Any]]:
        """What was asked, in the order of arrival; see `journal.Entry` for what there is."""
        return [_with_floats(entry) for entry in self._ask("GET", "requests")]

    def reset(self) -> None:
        """Make it as it was when it had just started, its settings too."""
        self.settings = _settings(self._ask("POST", "reset"))

    def configure(self, **changes: Unpack[Changes]) -> None:
        """Change settings while it runs; see `settings.Settings` for what there is.

        Raises:
            SandboxError: a setting is unknown or its value is not allowed.
        """
        self.settings = _settings(self._ask("POST", "config", changes))

    def script(self, steps: Sequence[dict[str, Any]]) -> None:
        """Plan the answers to the next requests; see `script.Step` for what there is.

        Raises:
            SandboxError: a step is none.
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
    """Times are measured, not sent: their digits mean little."""
    times = {name: entry[name] for name in ("at", "duration_ms")}
    return {**entry, **{name: None if at is None else float(at) for name, at in times.items()}}


@contextmanager
def running(**settings: Unpack[Changes]) -> Iterator[Sandbox]:
    """A sandbox of its own, in another process, for as long as the block runs.

    Args:
        settings: How it behaves; see `settings.Settings` for what there is.

    Raises:
        ValueError: a setting is unknown or its value is not allowed.
        SandboxError: it did not start.
    """
    chosen = Settings().changed(settings)
    command = [sys.executable, "-m", "target_userflow.sandbox", "serve", *_options(chosen)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 (our own module)
        try:
            yield Sandbox(_url(process), chosen)
        finally:
            process.terminate()


def _options(settings: Settings) -> list[str]:
    """The command line that says the same as the settings, on a free port."""
    usual = msgspec.structs.asdict(Settings())
    chosen = msgspec.structs.asdict(settings)
    changed = {name: value for name, value in chosen.items() if value != usual[name]}
    faults, globs = changed.pop("faults", {}), changed.pop("rejected_emails", [])
    return [
        "--port=0",
        *(f"--{name.replace('_', '-')}={_said(value)}" for name, value in changed.items()),
        *(f"--fault={name}:{probability}" for name, probability in faults.items()),
        *(f"--reject-email={glob}" for glob in globs),
    ]


def _said(value: object) -> str:
    return "none" if value is None else str(value)


def _url(process: subprocess.Popen[str]) -> str:
    """Where it listens, as it says itself once it does."""
    out = process.stdout
    ready = out and select.select([out], [], [], STARTUP_TIMEOUT)[0]
    line = out.readline() if out and ready else ""
    if not line:
        raise SandboxError("the sandbox did not start; if it said why, that is on stderr")
    return line.split()[-1]
