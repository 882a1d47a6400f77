"""Connections that write a request in one piece, and keep a deadline.

urllib3 opens them, with TLS and through proxies. Its own way to write a request and to read an
answer is made for every case, and costs as much as all else that is done for a record.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from target_userflow.transport.answers import read_answer
from target_userflow.transport.unusual_answer import UnusualAnswer

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from urllib3 import HTTPResponse

    from target_userflow.transport.bounds import Deadline


def bounded(connection: Any, deadline: Deadline) -> Any:
    """Return a class of connections that keep a deadline.

    Args:
        connection: A connection class of urllib3, with or without TLS.
        deadline: The deadline of the worker whose connections these are.
    """

    class Bounded(connection):  # type: ignore[misc] # with or without TLS
        # of a proxy that is asked for a tunnel
        response_class = staticmethod(partial(UnusualAnswer, deadline=deadline))

        def _new_conn(self) -> Any:
            self.timeout = deadline.left
            sock = super()._new_conn()
            sock.settimeout(deadline.left)  # for the handshake of TLS
            return sock

        def request(
            self,
            method: str,
            url: str,
            body: bytes | None = None,
            headers: Mapping[str, str] | None = None,
            **_: Any,
        ) -> None:
            # who hangs up may have said why; TLS has an error of its own for it, on some Pythons
            with suppress(BrokenPipeError, ssl.SSLEOFError):
                self.send(_head(method, url, headers or {}) + (body or b""))

        def send(self, data: bytes) -> None:
            if self.sock is None:
                self.connect()
            _send(self.sock, data, deadline)

        def getresponse(self) -> HTTPResponse:
            answer = read_answer(self.sock, deadline)
            if answer.is_last:
                self.close()
            return answer.response

    return Bounded


def _head(method: str, url: str, headers: Mapping[str, str]) -> bytes:
    """Return the head of a request; urllib3 has escaped its URL, and the config its headers."""
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return f"{method} {url} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("latin-1")


def _send(sock: socket.socket, data: bytes, deadline: Deadline) -> None:
    rest = memoryview(data)
    while rest:
        sock.settimeout(deadline.left)
        rest = rest[sock.send(rest) :]
