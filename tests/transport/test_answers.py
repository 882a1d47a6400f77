"""An answer is read as urllib3 reads it, however it is written."""

from __future__ import annotations

import itertools
import re
import socket
import threading
from contextlib import contextmanager, nullcontext
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3 import HTTPHeaderDict
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, ProtocolError

from target_userflow.transport.answers import read_answer
from target_userflow.transport.bounds import MAX_BYTES, Deadline, body_of
from target_userflow.transport.connection import bounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST = 65_536  # bytes that are received at a time
STATUSES = [
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 204 No Content",
    b"HTTP/1.1 304 ",
    b"HTTP/1.1 429 Too Many  Requests ",
    b"HTTP/1.1 503",
    b"HTTP/1.0 200 OK",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created",
    b"HTTP/1.1 100 Continue\r\nX-A: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK",
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
    b"Content-Length: " + b"4".zfill(5000),  # more digits than `int` reads
    b"Content-Length: 4" + b"\r\nX-A: a" * 98,
    b"Content-Length: 4" + b"\r\nX-A: a" * 99,  # with its end a line more than `http.client` reads
    b"Connection: close\r\nConnection: keep-alive\r\nContent-Length: 4",
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


class Segments(socket.socket):
    """A connection on which an answer arrives in parts of these sizes, over and over."""

    sizes: Iterator[int]

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As `socket.recv`."""
        return super().recv(min(size, next(self.sizes)), flags)

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """As `socket.recv_into`."""
        return super().recv_into(buffer, min(size or len(buffer), next(self.sizes)), flags)


@contextmanager
def answered(answer: bytes, sizes: Sequence[int]) -> Iterator[socket.socket]:
    """A connection with an answer on it, after which the other side hangs up."""
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MOST)
    with theirs, Segments(fileno=ours.detach()) as sock:
        sock.sizes = itertools.cycle(sizes)
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        yield sock


def unfolded(headers: HTTPHeaderDict) -> HTTPHeaderDict:
    """Headers as urllib3 gives them from version 2.8 on, where one goes on in the next line."""
    return HTTPHeaderDict(
        (name, re.sub(r"[ \t]*\r\n[ \t]+", " ", value)) for name, value in headers.iteritems()
    )


def read_by(kind: type[HTTPConnection], answer: bytes, sizes: Sequence[int] = (MOST,)) -> object:
    """All that a kind of connection makes of an answer."""
    with answered(answer, sizes) as sock:
        connection = kind("api.example.com")
        connection.sock = sock
        connection.request("GET", "/", preload_content=False, decode_content=False)
        try:
            read = connection.getresponse()
            kept = connection.sock is not None
            body = b"".join(iter(lambda: read.read(3), b""))
        except (HTTPException, HTTPError, ValueError) as error:
            return type(error)
        return kept, read.status, read.reason, unfolded(read.headers), body, read.version


def read_by_both(answer: bytes, sizes: Sequence[int] = (MOST,)) -> tuple[object, object]:
    """What ours and what urllib3's own connection makes of an answer."""
    deadline = Deadline()
    deadline.begin(60)
    ours = bounded(HTTPConnection, deadline)
    return read_by(ours, answer, sizes), read_by(HTTPConnection, answer, sizes)


@pytest.mark.parametrize("status", STATUSES)
def test_an_answer_is_read_as_urllib3_reads_it(status: bytes) -> None:
    """The short way that a usual answer is read makes no difference, whatever comes."""
    for headers, body in itertools.product(HEADERS, BODIES):
        answer = status + b"\r\n" + headers + b"\r\n" * (2 if headers else 1) + body
        ours, theirs = read_by_both(answer)
        assert ours == theirs, answer


def head(status: bytes, headers: list[bytes]) -> bytes:
    return b"".join(line + b"\r\n" for line in [status, *headers, b""])


def chunks(parts: list[bytes], extension: bytes, trailers: list[bytes]) -> bytes:
    sized = (b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts if part)
    return b"".join(sized) + head(b"0" + extension, trailers)


TEXT = st.binary(max_size=40) | st.integers(0, 300).map(lambda times: b"x" * times)
LENGTHS = st.integers(0, 60).map(b"%d".__mod__) | st.sampled_from([b"+4", b"4, 4"])
FRAMES = LENGTHS.map(b"Content-Length: ".__add__) | st.sampled_from(
    [
        b"Connection: close",
        b"Connection: keep-alive, TE",
        b"Transfer-Encoding: chunked",
        b"transfer-encoding:identity",
    ]
)
FIELDS = st.sampled_from([b"X-A: a", b"Retry-After: 3", b"X-B:\tb \t", b"X-C: c\r\n\td"])
ANSWERS = st.tuples(
    st.lists(
        st.builds(head, st.just(b"HTTP/1.1 100 Continue"), st.lists(FIELDS, max_size=1)), max_size=2
    ).map(b"".join),
    st.builds(
        head,
        st.sampled_from(STATUSES[:8]),
        st.lists(FRAMES | FIELDS, max_size=4),
    ),
    TEXT
    | st.builds(
        chunks,
        st.lists(TEXT, max_size=3),
        st.sampled_from([b"", b";a=b"]),
        st.lists(FIELDS, max_size=2),
    ),
    st.just(b"") | st.sampled_from([b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]),
).map(b"".join)


@settings(max_examples=300, deadline=None, print_blob=True)
@given(answer=ANSWERS, sizes=st.lists(st.integers(1, 300), min_size=1, max_size=5))
def test_an_answer_in_segments_is_read_as_urllib3_reads_it(answer: bytes, sizes: list[int]) -> None:
    """However the network cuts it, and whatever it says of its own length."""
    ours, theirs = read_by_both(answer, sizes)
    assert ours == theirs


def test_an_interim_answer_that_comes_alone_is_not_taken_for_the_answer() -> None:
    """Even where it speaks of a length."""
    interim = b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n"
    answer = interim + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    ours, theirs = read_by_both(answer, [len(interim), MOST])
    assert ours == theirs


@pytest.mark.parametrize("size", [60_000, 200_000, 9_999_999, MAX_BYTES])
@pytest.mark.parametrize("cut", [0, 1])
def test_a_long_body_is_read_whole(size: int, cut: int) -> None:
    """Or not at all, if its end is missing."""
    body = bytes(range(250)) * (size // 250) + b"y" * (size % 250)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (size, body[: size - cut])
    ours, theirs = socket.socketpair()
    sender = threading.Thread(target=send_all, args=(theirs, answer))
    sender.start()
    deadline = Deadline()
    deadline.begin(60)
    with ours:
        raw = read_answer(ours, deadline).response
        with pytest.raises(ProtocolError) if cut else nullcontext():
            assert body_of(raw) == body
    sender.join()


def send_all(connection: socket.socket, data: bytes) -> None:
    with connection:
        connection.sendall(data)
