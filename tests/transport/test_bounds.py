"""An exchange ends, however slowly or lavishly the other side answers."""

from __future__ import annotations

import gzip
import itertools
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from transport.test_http import OK, USER, answering, asked, client, over_tls, serving

from target_userflow.apis.messages import Answer
from target_userflow.apis.outcomes import Refused, TryAgain
from target_userflow.transport.bounds import MAX_BYTES

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable
    from pathlib import Path

    from transport.test_http import Handler

trustme = pytest.importorskip("trustme")  # the smoke tests of the wheel do without

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BODY = b'{"id": "1"}'
AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def dripping(start: bytes, drops: Iterable[bytes]) -> Handler:
    """Answer with a beginning, and then with drops until the client has had enough."""

    def drip(connection: socket.socket) -> None:
        asked(connection)
        connection.sendall(start)
        connection.settimeout(0.05)
        for drop in drops:
            with suppress(TimeoutError):
                if not connection.recv(1):
                    return  # it has hung up
            connection.sendall(drop)

    def tolerant(connection: socket.socket) -> None:
        with suppress(OSError):  # it has hung up in the middle of a drop
            drip(connection)

    return tolerant


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        pytest.param(b"", b"H", id="a status line"),
        pytest.param(HEAD, b"X: y\r\n", id="headers"),
        pytest.param(HEAD + b"X: ", b"y", id="one header"),
        pytest.param(HEAD + b"Content-Length: 1000\r\n\r\n", b" ", id="a body"),
        pytest.param(HEAD + b"\r\n", b" ", id="a body of any length"),
        pytest.param(CHUNKED, b"1\r\n \r\n", id="chunks"),
        pytest.param(CHUNKED + b"f", b"f", id="the length of a chunk"),
        pytest.param(CHUNKED + b"0\r\n", b"X: y\r\n", id="trailers"),
        pytest.param(b"", b"HTTP/1.1 102 Processing\r\n\r\n", id="answers ahead of the answer"),
        pytest.param(
            b"HTTP/1.1 307 Redirect\r\nLocation: /x\r\nContent-Length: 99\r\n\r\n",
            b" ",
            id="the body of a redirect",
        ),
    ],
)
def test_an_answer_that_never_ends_is_left(start: bytes, drop: bytes) -> None:
    """`request_timeout` is that of the whole exchange: bytes that come in time don't extend it."""
    with serving(dripping(start, itertools.repeat(drop))) as (url, _):
        outcome = client(url, timeout=0.2).send(USER)
    assert isinstance(outcome, TryAgain), outcome
    assert outcome.lost


def test_the_next_exchange_has_its_whole_time() -> None:
    """A connection that was left is not used again, and the worker goes on."""
    handlers: list[Handler] = [dripping(HEAD, itertools.repeat(b"X: y\r\n")), answering(OK)]

    def answer(connection: socket.socket) -> None:
        handlers.pop(0)(connection)

    with serving(answer) as (url, connections):
        http = client(url, timeout=0.5)
        assert isinstance(http.send(USER), TryAgain)
        assert isinstance(http.send(USER), Answer)
    assert len(connections) == 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            HEAD + b"Content-Length: 99999999999\r\n\r\n" + b" " * (MAX_BYTES + 9),
            id="with a length",
        ),
        pytest.param(HEAD + b"\r\n" + b" " * (MAX_BYTES + 9), id="without a length"),
        pytest.param(CHUNKED + b"ffffffff\r\n" + b" " * (MAX_BYTES + 9), id="in a chunk"),
        pytest.param(
            CHUNKED + (b"100000\r\n" + b" " * 0x100000 + b"\r\n") * 10, id="in many chunks"
        ),
    ],
)
def test_an_answer_that_is_too_large_is_not_read_to_its_end(answer: bytes) -> None:
    """Ten million bytes will do for a hundred of the largest objects."""
    with serving(dripping(answer, [])) as (url, _):
        outcome = client(url).send(USER)
    assert isinstance(outcome, TryAgain)
    assert (outcome.reason, outcome.lost) == ("TooLarge", True)


def packed(body: bytes, encoding: str) -> bytes:
    head = b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding.encode(), len(body))
    return HEAD + head + body


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (packed(gzip.compress(b" " * 200_000_000, 9), "gzip"), "TooLarge"),
        (packed(zlib.compress(b" " * 200_000_000, 9), "deflate"), "TooLarge"),
        (packed(gzip.compress(BODY)[:-9], "gzip"), "DecodeError"),
        (packed(BODY, "gzip"), "DecodeError"),
        (packed(BODY, "br"), "DecodeError"),
        (CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", "ProtocolError"),
    ],
    ids=["a gzip bomb", "a deflate bomb", "half of it", "none", "unknown", "a negative chunk"],
)
def test_an_answer_that_can_t_be_unpacked_is_no_answer(answer: bytes, reason: str) -> None:
    """A few kilobytes can hold gigabytes: no more of it is unpacked than an answer may have."""
    with serving(answering(answer)) as (url, _):
        outcome = client(url).send(USER)
    assert isinstance(outcome, TryAgain)
    assert (outcome.reason, outcome.lost) == (reason, True)


@pytest.mark.parametrize(
    "answer",
    [
        packed(gzip.compress(BODY), "gzip"),
        packed(zlib.compress(BODY), "Deflate"),
        packed(BODY, "identity"),
        CHUNKED + b"3\r\n" + BODY[:3] + b"\r\n8\r\n" + BODY[3:] + b"\r\n0\r\nX: y\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + packed(BODY, "identity"),
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        + packed(BODY, "identity"),
    ],
    ids=["gzip", "deflate", "plain", "chunks", "after a 100", "after a 102 and a 103"],
)
def test_an_answer_in_any_form_is_read(answer: bytes) -> None:
    """What a server may do unasked, and what HTTP allows ahead of an answer."""
    with serving(answering(answer)) as (url, _):
        received = client(url).send(USER)
    assert isinstance(received, Answer), received
    assert (received.status, received.body) == (200, BODY)


@pytest.mark.parametrize("variable", AUTHORITIES)
def test_an_authority_of_the_environment_is_trusted(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of the variables names its certificate; without one, nobody vouches for it."""
    for name in AUTHORITIES:
        monkeypatch.delenv(name, raising=False)
    authority = trustme.CA()
    both, own = tmp_path / "both.pem", tmp_path / "own.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(both)
    authority.cert_pem.write_to_path(own)
    with serving(over_tls(both)) as (plain, _):
        url = plain.replace("http:", "https:")
        assert isinstance(client(url).send(USER), Refused)
        monkeypatch.setenv(variable, str(own))
        assert isinstance(client(url).send(USER), Answer)
