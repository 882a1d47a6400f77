"""Connections are kept, left and shared as HTTP has it, whoever stands between."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from transport.test_http import BODY, OK, USER, answering, asked, client, reset, serving
from urllib3.connection import HTTPSConnection

from target_userflow.apis.messages import Answer, Request
from target_userflow.apis.outcomes import TryAgain
from target_userflow.transport.bounds import Deadline
from target_userflow.transport.connection import bounded

if TYPE_CHECKING:
    from transport.test_http import Handler

    from target_userflow.apis.outcomes import Outcome
    from target_userflow.transport.http import Http

trustme = pytest.importorskip("trustme")  # the smoke tests of the wheel do without

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}"
TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"
LARGE = Request("POST", "/users", {"id": "x" * 4_000_000}, "1", ("1",), idempotent=True)


def in_turn(*handlers: Handler) -> Handler:
    """Meet each connection as it is written for it."""
    left = [*handlers]

    def meet(connection: socket.socket) -> None:
        left.pop(0)(connection)

    return meet


def statuses(http: Http, times: int) -> list[int | str]:
    """The statuses of so many answers; without an answer, whether it may have been lost."""
    return [status(http.send(USER)) for _ in range(times)]


def status(result: Answer | Outcome) -> int | str:
    if isinstance(result, Answer):
        return result.status
    assert isinstance(result, TryAgain), result
    return "lost" if result.lost else "never sent"


@pytest.fixture(scope="module")
def server_tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """The TLS of a server, and the file of the authority that vouches for it."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "api.example.com").configure_cert(context)
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return context, str(path)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(OK, id="an answer with a length"),
        pytest.param(CHUNKED, id="an answer in chunks"),
        pytest.param(b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", id="an answer without a body"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, id="an answer after another"),
    ],
)
def test_what_follows_an_answer_is_not_taken_for_the_next_one(answer: bytes) -> None:
    """RFC 9112, 9.2: it belongs to no request, and its connection is not used again."""
    stray = b"HTTP/1.1 500 Stray\r\nContent-Length: 0\r\n\r\n"
    first = in_turn(answering(answer + stray, stray), answering(OK))
    with serving(first) as (url, connections):
        assert statuses(client(url), 2)[1:] == [200]
    assert len(connections) == 2


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "over TLS"])
def test_a_connection_that_was_closed_while_idle_is_opened_anew(
    *, secure: bool, server_tls: tuple[ssl.SSLContext, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request is lost to it: it is seen before the next one is written."""
    context, authority = server_tls
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority)
    closed = threading.Event()

    def answer_once(connection: socket.socket) -> None:
        if secure:
            connection = context.wrap_socket(connection, server_side=True)
        with connection:
            answering(OK)(connection)
            connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    with serving(answer_once) as (url, connections):
        http = client(url.replace("http:", "https:") if secure else url)
        for _ in range(3):
            assert statuses(http, 1) == [200]
            assert closed.wait(30)
            closed.clear()
    assert len(connections) == 3


@pytest.mark.parametrize("end", [asked, reset], ids=["closed", "reset"])
def test_a_request_that_meets_the_end_of_its_connection_may_be_lost(end: Handler) -> None:
    """The server closes as the request is on its way: no one knows whether it was read."""

    def answer_then_end(connection: socket.socket) -> None:
        answering(OK)(connection)
        end(connection)

    with serving(in_turn(answer_then_end, answering(OK))) as (url, _):
        assert statuses(client(url), 3) == [200, "lost", 200]


@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
def test_an_answer_that_comes_before_the_request_is_written_is_read(*, is_reset: bool) -> None:
    """A proxy says that a body is too large, and does not read it to its end."""

    def refuse(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(TOO_LARGE)
        if is_reset:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    with serving(refuse) as (url, _):
        assert status(client(url).send(LARGE)) == 413


def test_an_answer_that_comes_before_the_request_is_read_over_tls_too(
    server_tls: tuple[ssl.SSLContext, str],
) -> None:
    """TLS says of the same end of a connection that it violates the protocol."""
    context, authority = server_tls
    ours, theirs = socket.socketpair()

    def refuse() -> None:
        with context.wrap_socket(theirs, server_side=True) as secure:
            secure.sendall(TOO_LARGE)

    server = threading.Thread(target=refuse)
    server.start()
    trusting = ssl.create_default_context(cafile=authority)
    deadline = Deadline()
    deadline.begin(30)
    connection = bounded(HTTPSConnection, deadline)("api.example.com")
    with trusting.wrap_socket(ours, server_hostname=connection.host) as connection.sock:
        server.join()
        connection.request("POST", "/users", BODY)
        assert connection.getresponse().status == 413


def test_a_proxy_opens_a_tunnel_and_sees_no_key(
    server_tls: tuple[ssl.SSLContext, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its own password, which in turn the API does not see."""
    context, authority = server_tls
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority)
    seen: list[bytes] = []

    def tunnel(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(TUNNEL)
        with context.wrap_socket(connection, server_side=True) as secure:
            answering(OK, OK, seen=seen)(secure)

    with serving(tunnel) as (proxy, connections):
        monkeypatch.setenv("https_proxy", proxy.replace("//", "//me:p%40ss@"))
        assert statuses(client("https://api.example.com/userflow"), 2) == [200, 200]
    assert len(connections) == 1
    connect, *requests = seen
    assert connect.startswith(b"CONNECT api.example.com:443 HTTP/1.")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==\r\n" in connect
    assert b"ak_1" not in connect
    for request in requests:
        assert request.startswith(b"POST /userflow/users HTTP/1.1\r\nHost: api.example.com\r\n")
        assert b"Proxy-" not in request
        assert request.endswith(BODY)


@pytest.mark.parametrize(
    "secure", [pytest.param(False, id="a tunnel"), pytest.param(True, id="the handshake of TLS")]
)
def test_the_deadline_is_that_of_the_connection_too(
    *, secure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who takes a connection and says nothing holds nobody for longer than the whole time."""
    hang_up = threading.Event()
    with serving(lambda _: hang_up.wait(30)) as (url, _):
        monkeypatch.setenv("https_proxy", "" if secure else url)
        api = url.replace("http:", "https:") if secure else "https://api.example.com"
        assert isinstance(client(api, timeout=0.1).send(USER), TryAgain)
        hang_up.set()


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("api.example.com:80", "api.example.com"),
        ("API.example.com.", "api.example.com"),
        ("api.example.com:8080", "api.example.com:8080"),
        ("[::1]:80", "[::1]"),
        ("bücher.example.com:81", "xn--bcher-kva.example.com:81"),
    ],
)
def test_the_host_is_named_without_the_port_that_everyone_takes(
    host: str, sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `http.client` names it; some servers know no host of another name."""
    seen: list[bytes] = []
    with serving(answering(OK, seen=seen)) as (url, _):
        here = ("127.0.0.1", int(url.rpartition(":")[2]))
        address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", here)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [address])
        assert statuses(client(f"http://{host}"), 1) == [200]
    assert f"\r\nHost: {sent}\r\n".encode() in seen[0]


def test_a_client_may_be_closed_while_its_workers_send() -> None:
    """Each request ends with an outcome, and no connection stays open."""
    results: Counter[int | str] = Counter()
    halfway, ended = threading.Barrier(51), threading.Semaphore(0)
    opened = len([*Path("/dev/fd").iterdir()])

    def work() -> None:
        results.update(statuses(http, 5))
        halfway.wait(30)
        results.update(statuses(http, 20))

    def answer(connection: socket.socket) -> None:
        with connection:
            answering(*[OK] * 26)(connection)  # the last time, the client hangs up
        ended.release()

    with serving(answer) as (url, connections):
        http = client(url)
        workers = [threading.Thread(target=work) for _ in range(50)]
        for worker in workers:
            worker.start()
        halfway.wait(30)
        http.close()
        for worker in workers:
            worker.join()
        assert all(ended.acquire(timeout=30) for _ in connections)
        assert results.total() == 50 * 25
        assert results[200] >= 50 * 5
    assert len([*Path("/dev/fd").iterdir()]) <= opened
