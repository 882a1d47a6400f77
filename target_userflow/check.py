"""`target-userflow --check`: would a run get through, and if not, what has to be mended?

One attempt for each product that has a key, at a read that costs next to nothing.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from target_userflow.apis.messages import Answer, Refused, Rejected, TryAgain, reading
from target_userflow.apis.registry import APIS
from target_userflow.escaping import escaped
from target_userflow.transport import retry
from target_userflow.transport.http import PROXY, Http

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from target_userflow.apis.messages import Api, Outcome
    from target_userflow.config.settings import Destination, Settings

TIMEOUT = 5.0  # seconds, at most: a person waits for it

_REDIRECT, _UNAUTHORIZED, _NOT_FOUND, _OF_A_PROXY, _TOO_MANY = 300, 401, 404, 407, 429
_UNKNOWN = {400, _NOT_FOUND, 405, 422}
"""How an API may answer what it does not know."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How one product, or one place on the disk, was found."""

    subject: str
    problem: str | None
    """What is wrong and what to do; None if nothing is."""

    @property
    def line(self) -> str:
        """What its user is told."""
        return f"{self.subject}: {self.problem or 'ok'}"


def check(settings: Settings, now: datetime) -> int:
    """Print what a run would meet, a line each; arguments as in `findings`.

    Returns:
        The exit status.
    """
    found = findings(settings, now)
    for one in found:
        click.echo(escaped(one.line))
    return int(any(one.problem for one in found))


def findings(settings: Settings, now: datetime) -> list[Finding]:
    """A finding for each product that has a key, and for each place that can't be written.

    Args:
        settings: Those of the run.
        now: The wall clock.
    """
    apis = [api for api in APIS if f"{api.prefix}api_key" not in settings.missing[api.prefix]]
    with ThreadPoolExecutor(len(APIS)) as threads:
        products = [*threads.map(partial(_of_product, settings=settings, now=now), apis)]
    return [*(products or [_nothing()]), *_unwritable(settings)]


def problem_of(
    api: Api,
    destination: Destination,
    found: Answer | Outcome,
    *,
    proxy: str | None,
    now: datetime,
) -> str | None:
    """What is wrong, by what came of asking a product; None if it let the key in.

    Args:
        api: The product.
        destination: Where it was asked.
        found: What came back, or what it means that nothing did.
        proxy: What stands between, as `Http.proxy` has it.
        now: The wall clock.
    """
    if not isinstance(found, Answer):
        return _of_silence(api, found, proxy)
    asked = replace(api, is_believable=api.probe.is_believable)
    said = _of_answer(api, found, retry.outcome(found, asked, now=now))
    return said and ". ".join([said, *_hints(api, destination, found)])


def _of_product(api: Api, settings: Settings, now: datetime) -> Finding:
    destination = settings.destinations.get(api.prefix)
    if destination is None:
        (missing,) = settings.missing[api.prefix]
        return Finding(api.name, f"set {missing} too: there is no default")
    headers = {**api.headers(destination), "User-Agent": settings.pace.user_agent}
    http = Http(destination.url, headers, timeout=min(settings.pace.request_timeout, TIMEOUT))
    found = http.send(reading(api.probe.path))
    http.close()
    problem = problem_of(api, destination, found, proxy=http.proxy, now=now)
    return Finding(f"{api.name} ({destination.url})", problem)


def _nothing() -> Finding:
    keys = ", ".join(f"{api.prefix}api_key ({api.name})" for api in APIS)
    env = "variables such as TARGET_USERFLOW_API_KEY are read with --config ENV"
    return Finding("No product is configured", f"set one of {keys}; {env}")


def _of_silence(api: Api, outcome: Outcome, proxy: str | None) -> str:
    if isinstance(outcome, Refused):
        return outcome.line
    cause = outcome.cause if isinstance(outcome, TryAgain) else ""
    if proxy:
        return f"can't be reached through the proxy {proxy}: {cause}. {PROXY}"
    return f"can't be reached: {cause}. Check {api.prefix}api_url, and this machine's network"


def _of_answer(api: Api, answer: Answer, outcome: Outcome) -> str | None:
    status, url = answer.status, f"{api.prefix}api_url"
    if status == _OF_A_PROXY:
        return f"a proxy wants a password of its own (HTTP {status}). {PROXY}"
    if isinstance(outcome, Refused):
        return outcome.line
    if isinstance(outcome, Rejected):
        return f"answered HTTP {status} to a plain question. Check {url}"
    return _for_now(status, outcome, url) if isinstance(outcome, TryAgain) else None


def _for_now(status: int, outcome: TryAgain, url: str) -> str:
    if status < _REDIRECT:
        return f"{outcome.reason}. Check {url}, and whether a login page or proxy answers for it"
    if status == _TOO_MANY:
        return f"answered HTTP {status}: its limit is used up for now. Try again in a minute"
    return f"fails at the moment (HTTP {status}). Try again later"


def _hints(api: Api, destination: Destination, answer: Answer) -> Iterator[str]:
    """What may help with an answer that is no good one."""
    location = urlsplit(answer.headers.get("Location", ""))
    otherwise = api.probe.otherwise(destination)
    if answer.status == _UNAUTHORIZED and otherwise:
        yield f"If the key is right, {otherwise}"
    if location.hostname:
        yield f"It leads to {location.scheme}://{location.netloc.rpartition('@')[2]}"
    if answer.status == _NOT_FOUND and api.probe.is_documented:
        yield f"What answers there is not {api.name}"
    if answer.status in _UNKNOWN and not api.probe.is_documented:
        yield (
            f"That {api.name} can be asked GET {urlsplit(api.probe.path).path} is from secondary "
            "sources: if the URL is right, the key can't be checked without writing"
        )


def _unwritable(settings: Settings) -> Iterator[Finding]:
    places = {
        "dead_letter_dir": _directory_problem(Path(settings.dead_letter_dir).absolute()),
        "ledger": _ledger_problem(settings.ledger),
    }
    for name, problem in places.items():
        if problem:
            yield Finding(name, f"{problem}. Set {name} to a place that can be written")


def _ledger_problem(where: str) -> str | None:
    if (
        not where or "://" in where
    ):  # a database is asked by the run: its driver takes half a second
        return None
    path = Path(where).absolute()
    if path.is_symlink():
        return f"{path} is a symbolic link, and none is written through"
    if path.is_dir():
        return f"{path} is a directory"
    if os.access(path, os.F_OK) and not os.access(path, os.R_OK | os.W_OK):
        return f"{path} can't be read and written"
    return _directory_problem(path.parent)


def _directory_problem(path: Path) -> str | None:
    """Why nothing can be made in a directory, whether it is there yet or not; touches nothing."""
    there = next(one for one in (path, *path.parents) if os.access(one, os.F_OK))
    if not there.is_dir():
        return f"{there} is no directory"
    return None if os.access(there, os.W_OK | os.X_OK) else f"{there} can't be written"
