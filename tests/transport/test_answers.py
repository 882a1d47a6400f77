"""An answer is read as urllib3 reads it, however it is written."""

from __future__ import annotations

import itertools
import socket
from contextlib import contextmanager
from http.client import HTTPException
from typing import TYPE_CHECKING

import pytest
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from target_userflow.transport.bounds import Deadline
from target_userflow.transport.connection import bounded

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUSES = [
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 204 No Content",
    b"HTTP/1.1 304 ",
    b"HTTP/1.1 429 Too Many  Requests ",
    b"HTTP/1.1 503",
    b"HTTP/1.0 200 OK",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created",
    b"HTTP/2 200 OK",
    b"OK",
]
HEADERS = [
    b"",
    b"Content-Length: 4",
    b"content-length:4",
    b"Content-Length:  4",
    b"Content-Length: -4",
    b"Content-Length: four",
    b"Content-Length: 4\r\nContent-Length: 2",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: Chunked\r\nContent-Length: 2",
    b"Transfer-Encoding: gzip, chunked",
    b"Connection: close\r\nContent-Length: 4",
    b"Connection: keep-alive\r\nContent-Length: 4",
    b"Connection: Keep-Alive\r\nTransfer-Encoding: chunked",
    b"Content-Length: 4\r\nX-A: 1\r\n 2\r\nX-B:",
    b"Content-Length: 4\r\nX-A: caf\xc3\xa9\r\nX-A: two\r\nX_B: a:b ",
    b"Content-Length: 4\r\nno header",
    b"Content-Length: 4\nX-A: 1",
]
BODIES = [b"body", b"4\r\nbody\r\n0\r\n\r\n", b"4\r\nbody\r\n0\r\nX-T: t\r\n\r\n", b"bo", b""]


@contextmanager
def answered(answer: bytes) -> Iterator[socket.socket]:
    """A connection with an answer on it, after which the other side hangs up."""
    ours, theirs = socket.socketpair()
    with theirs, ours:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        yield ours


def read_by(kind: type[HTTPConnection], answer: bytes) -> object:
    """All that a kind of connection makes of an answer."""
    with answered(answer) as sock:
        connection = kind("api.example.com")
        connection.sock = sock
        connection.request("GET", "/", preload_content=False, decode_content=False)
        try:
            read = connection.getresponse()
            kept = connection.sock is not None
            body = b"".join(iter(lambda: read.read(3), b""))
        except (HTTPException, HTTPError) as error:
            return type(error)
        return kept, read.status, read.reason, read.headers, body, read.version


@pytest.mark.parametrize("status", STATUSES)
def test_an_answer_is_read_as_urllib3_reads_it(status: bytes) -> None:
    """The short way that a usual answer is read makes no difference, whatever comes."""
    deadline = Deadline()
    deadline.begin(60)
    for headers, body in itertools.product(HEADERS, BODIES):
        answer = status + b"\r\n" + headers + b"\r\n" * (2 if headers else 1) + body
        assert read_by(bounded(HTTPConnection, deadline), answer) == read_by(
            HTTPConnection, answer
        ), answer
