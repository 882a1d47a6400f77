"""A server that costs as little as it can: it reads a request, waits, and answers the same.

`python tests/benchmarks/stub.py --latency 0.05` prints its URL and serves until it is killed. It
validates nothing and remembers only how often it was written to: `GET /written`, and when each
record came that says its number and when it was read: `GET /arrivals`. The sandbox, which does
more, would be what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from typing import ClassVar

_STAMP = re.compile(rb'"stamp":\s*"(\d+) ([\d.]+)"')
USERS = {
    "email": "string",
    "name": "string",
    "signed_up_at": "datetime",
    "plan": "string",
    "seats": "number",
    "score": "number",
    "active": "boolean",
    "company": "string",
    "country": "string",
}
"""The attributes of the users of these benchmarks: what a second run finds defined."""


class Stub(asyncio.Protocol):
    """One connection; its requests come one after the other."""

    written = 0
    """Requests of all connections that were no `GET`."""
    arrivals: ClassVar[list[tuple[int, float, float]]] = []
    """Number of a record, when the tap wrote it, and when it came: seconds since the epoch."""
    transport: asyncio.Transport

    def __init__(self, latency: float) -> None:
        """Answer after so many seconds."""
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole."""
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._received = b""
        if not head.startswith(b"GET"):
            Stub.written += 1
            self._note(body)
            answer = _WRITTEN
        elif b" /written " in head:
            answer = _answer({"written": Stub.written})
        elif b" /arrivals " in head:
            answer = _answer(Stub.arrivals)
        else:
            answer = _DEFINED
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self.transport.write, answer)
        else:
            self.transport.write(answer)

    def _note(self, body: bytes) -> None:
        """Note when a record came, if it says when the tap wrote it."""
        stamp = _STAMP.search(body)
        if stamp:
            self.arrivals.append((int(stamp[1]), float(stamp[2]), time.time()))


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0] or 0)


def _answer(body: object) -> bytes:
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(text)}"
    return head.encode() + b"\r\n\r\n" + text


_WRITTEN = _answer({"id": "1", "object": "user"})
_DEFINED = _answer(
    {
        "object": "list",
        "has_more": False,
        "data": [
            {"id": name, "object": "attribute_definition", "scope": "user"}
            | {"name": name, "data_type": data_type}
            for name, data_type in USERS.items()
        ],
    }
)


async def serve(latency: float) -> None:
    """Serve on a free port, and say which."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Stub(latency), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    asyncio.run(serve(parser.parse_args().latency))
