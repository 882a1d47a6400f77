"""Reads the answer to a request.

An answer of the form that servers usually give is read at once. All others are read by
`http.client`, which parses the head of an answer like an email: that costs as much as all the rest
of a request.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from urllib3 import HTTPHeaderDict, HTTPResponse

from target_userflow.transport.unusual_answer import UnusualAnswer

if TYPE_CHECKING:
    import socket

    from target_userflow.transport.bounds import Deadline

_FIRST, _PART = 4_096, 65_536
"""Bytes that are read at first, which most answers fit in, and then: each worker holds so many."""
_DIGITS = 7  # of the longest length of a usual body, which is below `MAX_BYTES`
_NO_BODY = {b"204", b"304"}  # HTTP statuses
_HTTP_1_1 = 11  # as `http.client` writes it
_USUAL = re.compile(
    rb"HTTP/1\.1 ([2-5]\d\d) ([ -~]*)\r\n((?:[A-Za-z0-9-]+: ?[!-~](?:[ -~]*[!-~])?\r\n){1,99})\r\n"
)
"""The head of a usual answer."""
_FRAMING = re.compile(
    rb"^(Transfer-Encoding|Content-Length|Connection): ?(.*)\r$", re.IGNORECASE | re.MULTILINE
)
"""Headers that say how long the body is, and whether the connection stays."""

_FOLD = re.compile(r"[ \t]*\r\n[ \t]+")  # a header that goes on in the next line


class Answer(NamedTuple):
    """An answer of which the head was read, and what becomes of its connection."""

    response: HTTPResponse
    is_last: bool
    """Whether the server closes the connection after it."""


def read_answer(sock: socket.socket, deadline: Deadline) -> Answer:
    """Read an answer, or its head: the bodies of some are left to be read.

    Args:
        sock: The connection, on which a request was sent.
        deadline: When the exchange ends.

    Raises:
        HTTPException: it is no HTTP, or breaks off.
        TimeoutError: the deadline is over.
    """
    received = _receive(_FIRST, sock, deadline)
    head = _USUAL.match(received)
    end = _end(head) if head else None
    if end is not None and len(received) < end:
        received = _receive_to(end, received, sock, deadline)
    if head is None or len(received) != end:
        return _unusual(sock, deadline, received)
    status, reason, headers = head.groups()
    response = _WholeResponse(
        received[head.end() :], _headers(headers), int(status), reason.decode().strip()
    )
    return Answer(response, is_last=False)


def _receive(most: int, sock: socket.socket, deadline: Deadline) -> bytes:
    sock.settimeout(deadline.left)
    return sock.recv(most)


def _receive_to(end: int, received: bytes, sock: socket.socket, deadline: Deadline) -> bytes:
    """Return what was received and what follows, up to an end or until the server hangs up."""
    whole = bytearray(received)  # to which parts are added without copying all of it
    while len(whole) < end and (part := _receive(_PART, sock, deadline)):
        whole += part
    return bytes(whole)


def _end(head: re.Match[bytes]) -> int | None:
    """Return how many bytes an answer has, with its head; None if only its end tells."""
    framing = [(name.lower(), value.lower()) for name, value in _FRAMING.findall(head[3])]
    fields = dict(framing)
    if len(fields) < len(framing) or fields.pop(b"connection", b"keep-alive") != b"keep-alive":
        return None
    length = b"0" if head[1] in _NO_BODY else fields.pop(b"content-length", b"")
    if fields or not length.isdigit() or len(length) > _DIGITS:
        return None
    return head.end() + int(length)


def _headers(lines: bytes) -> HTTPHeaderDict:
    headers = HTTPHeaderDict()
    for line in lines.decode().splitlines():
        name, _, value = line.partition(":")
        headers.add(name, value.strip())
    return headers


class _WholeResponse(HTTPResponse):
    """An answer that was read to its end."""

    def __init__(self, body: bytes, headers: HTTPHeaderDict, status: int, reason: str) -> None:
        super().__init__(
            "", headers, status, version=_HTTP_1_1, reason=reason, preload_content=False
        )
        self._rest = body

    def read(self, *_: Any, **__: Any) -> bytes:
        """Return the body, and nothing after that; the connection is free then."""
        self.release_conn()
        body, self._rest = self._rest, b""
        return body


def _unusual(sock: socket.socket, deadline: Deadline, received: bytes) -> Answer:
    answer = UnusualAnswer(sock, deadline=deadline, received=received)
    try:
        answer.begin()
    except Exception:
        answer.close()
        raise
    response = HTTPResponse(
        answer,
        HTTPHeaderDict((name, _FOLD.sub(" ", value)) for name, value in answer.msg.items()),
        answer.status,
        version=answer.version,
        reason=answer.reason,
        preload_content=False,
        original_response=answer,
    )
    return Answer(response, is_last=answer.will_close)
