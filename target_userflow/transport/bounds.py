"""Bounds the time of an exchange and the size of an answer, whatever the other side does.

A timeout of `requests` is that of a connection, and of each part of an answer: an answer that drips
a byte now and then would hold its worker for ever. Here each read and write gets what is left of
the whole time.
"""

from __future__ import annotations

import io
import re
import time
import zlib
from functools import partial
from http.client import HTTPMessage, HTTPResponse, parse_headers
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import DecodeError, HTTPError

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

MAX_BYTES = 10_000_000
"""Bytes of an answer's body, unpacked: the largest that is asked for has 100 objects in it."""
_INTERIM = 1  # the class of HTTP statuses that another answer follows
_NO_BODY = {204, 304}  # HTTP statuses
_CHUNKED = -1  # in the place of a length
_PLAIN = re.compile(
    rb"HTTP/1\.1 ([2-5]\d\d) ([ -~]*)\r\n((?:[A-Za-z0-9-]+: ?[!-~](?:[ -~]*[!-~])?\r\n){1,99})\r\n"
)
"""The head of an answer as servers write it; whatever looks otherwise is left to `http.client`."""
_FRAMING = re.compile(
    rb"^(Transfer-Encoding|Content-Length|Connection): ?(.*)\r$", re.IGNORECASE | re.MULTILINE
)
"""Headers that say how long the body is, and whether the connection stays."""
_ANY_ZLIB = 47  # for zlib: gzip or deflate, whichever it is


class TooLarge(HTTPError):
    """An answer of more than `MAX_BYTES` bytes."""


class Deadline:
    """The end of the current exchange of a worker."""

    def __init__(self) -> None:
        """Start without time left; `begin` sets the end."""
        self._at = 0.0

    def begin(self, seconds: float) -> None:
        """Start an exchange that may take so many seconds."""
        self._at = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """The seconds that are left.

        Raises:
            TimeoutError: none are left.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


class _Reader(io.RawIOBase):
    """Reads from a socket until the deadline."""

    def __init__(self, raw: io.RawIOBase, connection: socket.socket, deadline: Deadline) -> None:
        self._raw, self._connection, self._deadline = raw, connection, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._connection.settimeout(self._deadline.left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    """An answer that is read until the deadline; interim answers (1xx) are skipped."""

    def __init__(self, sock: socket.socket, *args: Any, deadline: Deadline, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Reader(self.fp.detach(), sock, deadline))

    def begin(self) -> None:
        """Read the head of the answer.

        `http.client` has it parsed like an email, which costs as much as all the rest of a
        request. A head of the plain form is split here, the others are left to it.
        """
        head = _PLAIN.match(self.fp.peek())
        length = _length(head[3]) if head else None
        if head is None or length is None:
            super().begin()
            return
        self.fp.read(head.end())
        self.version, self.status, self.reason = 11, int(head[1]), head[2].decode().strip().strip()
        self.code = self.status
        self.headers = self.msg = _headers(head[3])
        self.chunked, self.chunk_left = length == _CHUNKED, None
        self.will_close = False
        self.length = None if self.chunked else length
        if self.status in _NO_BODY:
            self.length = 0

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc] # not in its types
        while status // 100 == _INTERIM:
            parse_headers(self.fp)
            version, status, reason = super()._read_status()  # type: ignore[misc] # as above
        return version, status, reason


def _length(headers: bytes) -> int | None:
    """Return the bytes of a body, or `_CHUNKED`; None if the headers say more than that."""
    framing = [(name.lower(), value.lower()) for name, value in _FRAMING.findall(headers)]
    said = dict(framing)
    if len(said) < len(framing) or said.pop(b"connection", b"keep-alive") != b"keep-alive":
        return None
    if said == {b"transfer-encoding": b"chunked"}:
        return _CHUNKED
    length = said.pop(b"content-length", b"")
    return int(length) if length.isdigit() and not said else None


def _headers(lines: bytes) -> HTTPMessage:
    headers = HTTPMessage()
    for line in lines.decode().splitlines():
        name, _, value = line.partition(":")
        headers.set_raw(name, value.strip())
    return headers


def bounded(connection: Any, deadline: Deadline) -> Any:
    """Return a class of connections that keep a deadline, and send head and body in one piece.

    Args:
        connection: A connection class of urllib3, with or without TLS.
        deadline: The deadline of the worker whose connections these are.
    """

    class Bounded(connection):  # type: ignore[misc] # with or without TLS
        response_class = staticmethod(partial(_Answer, deadline=deadline))
        _parts: list[bytes] | None = None

        def _new_conn(self) -> Any:
            self.timeout = deadline.left
            sock = super()._new_conn()
            sock.settimeout(deadline.left)  # for the handshake of TLS
            return sock

        def request(self, *args: Any, **kwargs: Any) -> None:
            parts: list[bytes] = []
            self._parts = parts
            try:
                super().request(*args, **kwargs)
            finally:
                self._parts = None
            self.send(b"".join(parts))

        def send(self, data: Any) -> None:
            if self._parts is not None:
                self._parts.append(data)
                return
            if self.sock is None:
                self.connect()
            _send(self.sock, data, deadline)

    return Bounded


def _send(sock: socket.socket, data: bytes, deadline: Deadline) -> None:
    rest = memoryview(data)
    while rest:
        sock.settimeout(deadline.left)
        rest = rest[sock.send(rest) :]


def body_of(raw: Any) -> bytes:
    """Read the body of an answer, and return it unpacked.

    Args:
        raw: The answer of urllib3, of which the head was read.

    Raises:
        HTTPError: the body breaks off, is too large, or can't be unpacked.
    """
    body = b""
    while part := raw.read(MAX_BYTES + 1 - len(body), decode_content=False):
        body = body + part if body else part
        if len(body) > MAX_BYTES:
            raw.close()
            raise TooLarge(f"an answer of more than {MAX_BYTES:,} bytes")
    return _unpacked(body, raw.headers)


def _unpacked(body: bytes, headers: Mapping[str, str]) -> bytes:
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"identity", ""} or not body:
        return body
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise DecodeError("an answer in an encoding that was not asked for")
    return _decompressed(body)


def _decompressed(body: bytes) -> bytes:
    decompressor = zlib.decompressobj(_ANY_ZLIB)
    try:
        whole = decompressor.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        raise DecodeError("an answer that can't be unpacked", error) from error
    if len(whole) > MAX_BYTES:
        raise TooLarge(f"an answer of more than {MAX_BYTES:,} bytes, unpacked")
    if not decompressor.eof:
        raise DecodeError("an answer that can't be unpacked: its end is missing")
    return whole
