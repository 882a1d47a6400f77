"""Stands between a target and the sandbox, and lets another client act at chosen moments."""

from __future__ import annotations

import json
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_userflow.sandbox import Sandbox

_KEPT = ("authorization", "userflow-version", "content-type", "accept")
_JSON = {"content-type": "application/json"}


@dataclass
class Moment:
    """When another client acts: at the request number `left` of a kind, or not any more."""

    method: str
    path: str
    left: int
    is_before: bool
    act: Callable[[], None]

    def is_due(self, method: str, path: str) -> bool:
        """Count a request, and return whether it is the one."""
        is_one = method == self.method and path.startswith(self.path)
        self.left -= is_one
        return is_one and self.left == 0


class Watch:
    """Carries requests to the sandbox, and remembers what was written."""

    url = ""

    def __init__(self, sandbox: str) -> None:
        """Lead to the sandbox at a URL."""
        self._place = sandbox.removeprefix("http://")
        self._headers: dict[str, str] = {}
        self.bodies: list[Any] = []
        self._moments: list[Moment] = []
        self._lock = threading.Lock()

    @property
    def sent_ids(self) -> set[str]:
        """The ids of what was written."""
        return {body["id"] for body in self.bodies}

    def before(self, method: str, path: str, number: int, act: Callable[[], None]) -> None:
        """Have something done before a request arrives whose path begins so."""
        self._moments.append(Moment(method, path, number, is_before=True, act=act))

    def after(self, method: str, path: str, number: int, act: Callable[[], None]) -> None:
        """Have something done once a request was carried out, before its answer comes."""
        self._moments.append(Moment(method, path, number, is_before=False, act=act))

    def carry(self, method: str, path: str, body: bytes, headers: Any) -> tuple[int, bytes]:
        """Carry a request to the sandbox. Returns the status and the body of its answer."""
        with self._lock:  # one at a time
            self._headers = headers
            due = [one for one in self._moments if one.is_due(method, path)]
            for moment in due:
                if moment.is_before:
                    moment.act()
            if body:
                self.bodies.append(json.loads(body))
            status, data = self._send(method, path, body, headers)
            for moment in due:
                if not moment.is_before:
                    moment.act()
        return status, data

    def ask(self, method: str, path: str, body: Any = None) -> None:
        """Ask the sandbox as another client, and have it carried out."""
        sent = b"" if body is None else json.dumps(body).encode()
        status, data = self._send(method, path, sent, {**self._headers, **_JSON})
        assert status == HTTPStatus.OK, data

    def _send(self, method: str, path: str, body: bytes, headers: Any) -> tuple[int, bytes]:
        there = HTTPConnection(self._place, timeout=30)
        there.request(method, path, body or None, headers)
        answer = there.getresponse()
        with closing(there):
            return answer.status, answer.read()


@contextmanager
def watched(sandbox: Sandbox) -> Iterator[Watch]:
    """A watch on a port of its own."""
    watch = Watch(sandbox.url)

    class Carrier(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _carry(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name: self.headers[name] for name in _KEPT if name in self.headers}
            status, data = watch.carry(self.command, self.path, body, headers)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _carry  # noqa: N815 - as `http.server` calls them

        def log_message(self, *_: object) -> None:
            """Write nothing to the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Carrier) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        watch.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield watch
        finally:
            server.shutdown()
