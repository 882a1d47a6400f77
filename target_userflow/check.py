"""`target-userflow --check`: reports what would stop a run, and what to do about it.

It sends one request to each product that has a key: a read that costs next to nothing.
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

from target_userflow.apis.messages import Answer, reading
from target_userflow.apis.outcomes import Refused, Rejected, TryAgain
from target_userflow.apis.registry import PRODUCTS
from target_userflow.escaping import escaped
from target_userflow.transport import retry
from target_userflow.transport.http import PROXY, Http

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from target_userflow.apis.outcomes import Outcome
    from target_userflow.apis.product import Product
    from target_userflow.config.settings import Destination, Settings

TIMEOUT = 5.0  # seconds, at most: a person waits for it

_REDIRECT, _UNAUTHORIZED, _NOT_FOUND, _PROXY_AUTHENTICATION, _TOO_MANY = 300, 401, 404, 407, 429
_UNKNOWN = {400, _NOT_FOUND, 405, 422}
"""The statuses with which an API may answer a request that it does not know."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result for a product, or for a place on the disk."""

    subject: str
    problem: str | None
    """What is wrong, and what to do; None for no problem."""

    @property
    def line(self) -> str:
        """The message for the user."""
        return f"{self.subject}: {self.problem or 'ok'}"


def check(settings: Settings, now: datetime) -> int:
    """Print a line for each finding.

    Args:
        settings: The settings of the run.
        now: The time by the wall clock.

    Returns:
        The exit status: 1 if there is a problem.
    """
    results = findings(settings, now)
    for finding in results:
        click.echo(escaped(finding.line))
    return int(any(finding.problem for finding in results))


def findings(settings: Settings, now: datetime) -> list[Finding]:
    """Return a finding for each product that has a key, and for each place that can't be written.

    Args:
        settings: The settings of the run.
        now: The time by the wall clock.
    """
    apis = [api for api in PRODUCTS if f"{api.prefix}api_key" not in settings.missing[api.prefix]]
    with ThreadPoolExecutor(len(PRODUCTS)) as threads:
        products = [*threads.map(partial(_check_product, settings=settings, now=now), apis)]
    return [*(products or [_no_product()]), *_unwritable(settings)]


def problem_of(
    api: Product,
    destination: Destination,
    answer: Answer | Outcome,
    *,
    proxy: str | None,
    now: datetime,
) -> str | None:
    """Return the problem with a product; None if it accepts the key.

    Args:
        api: The product.
        destination: The URL and key of the request.
        answer: The answer, or the outcome of a request without an answer.
        proxy: The proxy of the request, as `Http.proxy` has it.
        now: The time by the wall clock.
    """
    if not isinstance(answer, Answer):
        return _connection_problem(api, answer, proxy)
    probed = replace(api, is_believable=api.probe.is_believable)
    problem = _answer_problem(api, answer, retry.outcome(answer, probed, now=now))
    return problem and ". ".join([problem, *_hints(api, destination, answer)])


def _check_product(api: Product, settings: Settings, now: datetime) -> Finding:
    destination = settings.destinations.get(api.prefix)
    if destination is None:
        (missing,) = settings.missing[api.prefix]
        return Finding(api.name, f"set {missing} too: there is no default")
    headers = {**api.headers(destination), "User-Agent": settings.pace.user_agent}
    http = Http(destination.url, headers, timeout=min(settings.pace.request_timeout, TIMEOUT))
    answer = http.send(reading(api.probe.path))
    http.close()
    problem = problem_of(api, destination, answer, proxy=http.proxy, now=now)
    return Finding(f"{api.name} ({destination.url})", problem)


def _no_product() -> Finding:
    keys = ", ".join(f"{api.prefix}api_key ({api.name})" for api in PRODUCTS)
    env = "variables such as TARGET_USERFLOW_API_KEY are read with --config ENV"
    return Finding("No product is configured", f"set one of {keys}; {env}")


def _connection_problem(api: Product, outcome: Outcome, proxy: str | None) -> str:
    if isinstance(outcome, Refused):
        return outcome.line
    cause = outcome.cause if isinstance(outcome, TryAgain) else ""
    if proxy:
        return f"can't be reached through the proxy {proxy}: {cause}. {PROXY}"
    return f"can't be reached: {cause}. Check {api.prefix}api_url, and this machine's network"


def _answer_problem(api: Product, answer: Answer, outcome: Outcome) -> str | None:
    status, url = answer.status, f"{api.prefix}api_url"
    if status == _PROXY_AUTHENTICATION:
        return f"a proxy wants a password of its own (HTTP {status}). {PROXY}"
    if isinstance(outcome, Refused):
        return outcome.line
    if isinstance(outcome, Rejected):
        return f"answered HTTP {status} to a plain question. Check {url}"
    return _passing_problem(status, outcome, url) if isinstance(outcome, TryAgain) else None


def _passing_problem(status: int, outcome: TryAgain, url: str) -> str:
    if status < _REDIRECT:
        return f"{outcome.reason}. Check {url}, and whether a login page or proxy answers for it"
    if status == _TOO_MANY:
        return f"answered HTTP {status}: its limit is used up for now. Try again in a minute"
    return f"fails at the moment (HTTP {status}). Try again later"


def _hints(api: Product, destination: Destination, answer: Answer) -> Iterator[str]:
    """Yield what may help with an answer that reports a problem."""
    location = urlsplit(answer.headers.get("Location", ""))
    alternative = api.probe.otherwise(destination)
    if answer.status == _UNAUTHORIZED and alternative:
        yield f"If the key is right, {alternative}"
    if location.hostname:
        yield f"It leads to {location.scheme}://{location.netloc.rpartition('@')[2]}"
    yield from _path_hints(api, answer.status)


def _path_hints(api: Product, status: int) -> Iterator[str]:
    if status == _NOT_FOUND and api.probe.is_documented:
        yield f"What answers there is not {api.name}"
    if status in _UNKNOWN and not api.probe.is_documented:
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


def _ledger_problem(setting: str) -> str | None:
    if not setting or "://" in setting:  # a run connects to it: its driver takes half a second
        return None
    path = Path(setting).absolute()
    if path.is_symlink():
        return f"{path} is a symbolic link, and none is written through"
    if path.is_dir():
        return f"{path} is a directory"
    if os.access(path, os.F_OK) and not os.access(path, os.R_OK | os.W_OK):
        return f"{path} can't be read and written"
    return _directory_problem(path.parent)


def _directory_problem(path: Path) -> str | None:
    """Return why no file can be made in a directory, which need not exist; None if it can."""
    existing = next(place for place in (path, *path.parents) if os.access(place, os.F_OK))
    if not existing.is_dir():
        return f"{existing} is no directory"
    return None if os.access(existing, os.W_OK | os.X_OK) else f"{existing} can't be written"
