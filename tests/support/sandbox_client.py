"""A client of the sandbox, over a socket."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from decimal import Decimal
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_userflow.sandbox import Sandbox


HEADERS = {
    "Authorization": "Bearer ak_sandbox",
    "Userflow-Version": "2020-01-03",
    "Content-Type": "application/json",
    "Accept": "application/json",
}
NOTHING = {
    "users": {},
    "groups": {},
    "events": [],
    "participants": {},
    "userpilot": {"users": {}, "companies": {}, "events": []},
}
"""The state in the beginning."""


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body, its numbers exact."""
        return json.loads(self.text, parse_float=Decimal)

    @property
    def error(self) -> dict[str, str]:
        """The error that the body tells."""
        error: dict[str, str] = self.json["error"]
        return error


class Client:
    """Sends what it is told on one connection, right or wrong."""

    def __init__(self, sandbox: Sandbox, headers: Mapping[str, str] = HEADERS) -> None:
        """Aim at a sandbox, at Userflow's API if nothing else is said."""
        self.headers = headers
        self.http = HTTPConnection(sandbox.url.removeprefix("http://"), timeout=30)

    def send(self, method: str, path: str, body: object = None, **headers: str | None) -> Reply:
        """Send a request; a keyword replaces the header of its name, None leaves it out."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {
            name: value for name, value in {**self.headers, **changed}.items() if value is not None
        }
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.http.request(method, path, None if body is None else raw, sent)
        answer = self.http.getresponse()
        return Reply(answer.status, dict(answer.getheaders()), answer.read().decode())

    def post(self, path: str, body: object) -> Reply:
        """Send what has to succeed."""
        reply = self.send("POST", path, body)
        assert reply.status == 200, reply.text
        return reply

    def get(self, path: str) -> Any:
        """Ask for what has to be there."""
        reply = self.send("GET", path)
        assert reply.status == 200, reply.text
        return reply.json


def eventually(happened: Callable[[], object]) -> bool:
    """Whether something happens within half a minute; it is looked for often."""
    deadline = time.monotonic() + 30
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


# Lists


def walk(client: Client, path: str) -> list[list[str]]:
    """The ids on each page, found by following the address of the next."""
    pages = [client.get(path)]
    while pages[-1]["has_more"]:
        pages.append(client.get(pages[-1]["next_page_url"]))
    assert {page["object"] for page in pages} == {"list"}
    return [[item["id"] for item in page["data"]] for page in pages]
