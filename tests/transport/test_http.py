"""One attempt at a request: what is sent, and what it means when no answer comes."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
import responses
from requests.adapters import HTTPAdapter

from target_userflow.apis.messages import Answer, Request
from target_userflow.apis.outcomes import Refused, Rejected, TryAgain
from target_userflow.apis.userflow.product import PRODUCT
from target_userflow.config.settings import Destination
from target_userflow.transport.http import Http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_userflow.sandbox import Sandbox

    Handler = Callable[[socket.socket], object]

URL = "https://api.example.com"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
HEADERS = {**PRODUCT.headers(Destination(url=URL, api_key="ak_1")), "User-Agent": "tests/1"}
USER = Request("POST", "/users", {"id": "Zoë"}, "1", ("1",), idempotent=True)
BODY = '{"id":"Zoë"}'.encode()


def client(url: str, timeout: float = 30) -> Http:
    return Http(url, HEADERS, timeout=timeout)


def asked(connection: socket.socket) -> bytes:
    """The head and the body of one request; empty once the client has hung up."""
    got = b""
    while not got.endswith(BODY) and (part := connection.recv(65536)):
        got += part
    return got


def answering(*answers: bytes, seen: list[bytes] | None = None) -> Handler:
    """Give these answers to the requests of a connection, and hang up."""

    def answer_all(connection: socket.socket) -> None:
        for answer in answers:
            request = asked(connection)
            if seen is not None:
                seen.append(request)
            connection.sendall(answer if request else b"")

    return answer_all


def reset(connection: socket.socket) -> None:
    """End the connection as a crashed server does."""
    asked(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang(connection: socket.socket) -> None:
    """Take the request and say nothing until the client is tired of it."""
    asked(connection)
    asked(connection)


@contextmanager
def serving(handler: Handler) -> Iterator[tuple[str, list[socket.socket]]]:
    """A server on a free port: where it is, and the connections it has had."""
    connections: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        with connection:
            handler(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:  # the end of the test
                return
            connections.append(connection)
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", connections
        server.shutdown(socket.SHUT_RDWR)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@responses.activate
def test_a_request_carries_what_the_api_asks_for() -> None:
    """The key, the version, JSON both ways, who we are, and the length of the body in bytes."""
    responses.post(f"{URL}/users", body=b'{"id": "1"}', status=201, headers={"Retry-After": "1"})
    answer = client(URL).send(USER)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (201, b'{"id": "1"}')
    assert answer.headers.get("retry-after") == "1"
    sent = responses.calls[0].request
    assert (sent.method, sent.url, sent.body) == ("POST", f"{URL}/users", BODY)
    assert dict(sent.headers) == {
        "Authorization": "Bearer ak_1",
        "Userflow-Version": "2020-01-03",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": "tests/1",
        "Content-Length": "13",
    }


def test_a_request_leaves_in_one_piece() -> None:
    """Head and body are written at once: an API need not wait for a second packet."""
    pieces: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        for _ in range(2):
            pieces.append(connection.recv(65536))
            connection.sendall(OK)

    with serving(answer) as (url, _):
        http = client(url)
        assert [type(http.send(USER)) for _ in range(2)] == [Answer, Answer]
    assert all(piece.endswith(b"\r\n\r\n" + BODY) for piece in pieces)


@pytest.mark.parametrize(
    "host",
    [
        "api.example.com",
        "API.example.com:80",
        "api.example.com:8080",
        "127.0.0.1",
        "[::1]:81",
        "bücher.example.com",
    ],
)
def test_a_request_is_written_as_requests_writes_it(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The short way to the wire leaves no header out, and adds none."""
    seen: list[bytes] = []
    with serving(answering(OK, seen=seen)) as (proxy, _):
        monkeypatch.setenv("http_proxy", proxy.replace("//", "//me:password@"))
        client(f"http://{host}").send(USER)
        headers = {**HEADERS, "Content-Type": "application/json"}
        prepared = requests.Request("POST", f"http://{host}/users", headers, data=BODY).prepare()
        HTTPAdapter().send(prepared, proxies={"http": os.environ["http_proxy"]})
    ours, theirs = (set(request.split(b"\r\n")) for request in seen)
    assert ours == theirs


def test_what_cannot_be_encoded_is_rejected_and_nothing_is_sent() -> None:
    """Half of a surrogate pair is its record's fault, wherever it comes from."""
    seen: list[bytes] = []
    with serving(answering(OK, seen=seen)) as (url, _):
        http = client(url)
        rejected = http.send(Request("POST", "/users", {"id": "\ud800"}, "1", (), idempotent=True))
        assert rejected == Rejected("a string holds half of a surrogate pair")
        assert isinstance(http.send(USER), Answer)
    assert len(seen) == 1


@responses.activate
def test_one_request_leaves_nothing_to_the_next() -> None:
    """Each has its own method, path and length; without a body, none is spoken of."""
    responses.post(f"{URL}/users")
    responses.delete(f"{URL}/users/1")
    http = client(URL)
    for request in (USER, Request("DELETE", "/users/1", None, "1", ("1",), idempotent=True), USER):
        http.send(request)
    lengths = [call.request.headers.get("Content-Length") for call in responses.calls]
    assert lengths == ["13", None, "13"]
    types = [call.request.headers.get("Content-Type") for call in responses.calls]
    assert types == ["application/json", None, "application/json"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_request_without_a_body_says_nothing_of_one_on_the_wire(method: str) -> None:
    """A strict API answers 400 or 415 to a type of nothing."""
    seen: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(OK)

    with serving(answer) as (url, _):
        client(url).send(Request(method, "/users/1", None, "1", ("1",), idempotent=True))
    assert seen[0].startswith(method.encode() + b" /users/1 HTTP/1.1\r\n")
    assert b"content-" not in seen[0].lower()


@responses.activate
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_never_followed(status: int) -> None:
    """The key would go with it."""
    responses.post(f"{URL}/users", status=status, headers={"Location": "https://evil.example.com/"})
    answer = client(URL).send(USER)
    assert isinstance(answer, Answer)
    assert (answer.status, len(responses.calls)) == (status, 1)


def test_no_netrc_replaces_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A login for the host that curl would use is none of the API's."""
    (tmp_path / ".netrc").write_text("default login me password wrong\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    seen: list[bytes] = []
    with serving(answering(OK, seen=seen)) as (url, _):
        client(url).send(USER)
    assert b"Authorization: Bearer ak_1\r\n" in seen[0]
    assert b"Basic" not in seen[0]


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """And read once per worker: what changes later changes nothing."""
    seen: list[bytes] = []
    with serving(answering(OK, OK, seen=seen)) as (proxy, _):
        monkeypatch.setenv("http_proxy", proxy)
        http = client("http://api.example.com")
        first = http.send(USER)
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        second = http.send(USER)
    assert [type(answer) for answer in (first, second)] == [Answer, Answer]
    assert all(head.startswith(b"POST http://api.example.com/users HTTP/1.1\r\n") for head in seen)


def test_a_worker_keeps_its_connection() -> None:
    """Ten requests of one thread are one connection, and threads share none."""
    with serving(answering(*[OK] * 10)) as (url, connections):
        http = client(url)

        def work() -> None:
            answers = [http.send(USER) for _ in range(10)]
            assert Counter(type(answer) for answer in answers) == {Answer: 10}

        work()
        assert len(connections) == 1
        other = threading.Thread(target=work)
        other.start()
        other.join()
        assert len(connections) == 2
        http.close()


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(hang, id="no answer in time"),
        pytest.param(reset, id="a reset"),
        pytest.param(asked, id="hung up"),
        pytest.param(answering(OK[:-1]), id="half an answer"),
        pytest.param(answering(b"SMTP ready\r\n\r\n"), id="no HTTP"),
        pytest.param(
            answering(OK.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")),
            id="broken compression",
        ),
        pytest.param(
            answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            id="broken chunks",
        ),
    ],
)
def test_an_answer_that_is_lost_may_have_been_a_success(handler: Handler) -> None:
    """The request was sent, so it may have been carried out: the next attempt is a repetition."""
    with serving(handler) as (url, _):
        outcome = client(url, timeout=0.2 if handler is hang else 30).send(USER)
    assert isinstance(outcome, TryAgain)
    assert (outcome.lost, outcome.everyone, outcome.after) == (True, False, None)


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        pytest.param("http://127.0.0.1:{port}", None, id="connection refused"),
        pytest.param("http://host.invalid", None, id="no such host"),
        pytest.param("http://api.example.com", "http://127.0.0.1:{port}", id="proxy refused"),
    ],
)
def test_without_a_connection_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None
) -> None:
    """It is tried again, and an event is not in doubt for that."""
    port = free_port()
    if proxy:
        monkeypatch.setenv("http_proxy", proxy.format(port=port))
    outcome = client(url.format(port=port)).send(USER)
    assert isinstance(outcome, TryAgain)
    assert not outcome.lost


def test_a_connection_that_ends_in_the_handshake_is_tried_again() -> None:
    """A load balancer that restarts is a passing trouble, not a wrong certificate."""
    with serving(lambda one: one.recv(65536)) as (url, _):
        outcome = client(url.replace("http:", "https:")).send(USER)
    assert isinstance(outcome, TryAgain), outcome


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem", id="certificates that are not there"),
        pytest.param("https_proxy", "::no proxy::", id="a proxy that is no URL"),
    ],
)
def test_an_environment_that_no_request_can_work_in_stops_the_run(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """Trying for five minutes would not mend it, nor tell what is wrong."""
    monkeypatch.setenv(variable, value)
    outcome = client(f"https://127.0.0.1:{free_port()}").send(USER)
    assert isinstance(outcome, Refused), outcome


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that nobody has signed, with its key."""
    openssl = shutil.which("openssl") or pytest.skip("openssl is not installed")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    kind = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(path), "-out", str(path.with_suffix(".crt"))]
    subprocess.run([openssl, *kind, *name, *files], check=True, capture_output=True)  # noqa: S603 - our own arguments
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


def over_tls(certificate: Path) -> Handler:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def answer(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                answering(OK)(secure)
        except OSError:  # the client trusts us not
            pass

    return answer


def test_a_certificate_that_can_t_be_trusted_stops_the_run(certificate: Path) -> None:
    """Someone else may be listening; the key is not sent, and the line says why."""
    with serving(over_tls(certificate)) as (url, _):
        outcome = client(url.replace("http:", "https:")).send(USER)
    assert isinstance(outcome, Refused)
    assert "certificate" in outcome.line
    assert "self-signed" in outcome.line.replace("self signed", "self-signed")


def test_certificates_of_the_environment_are_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`REQUESTS_CA_BUNDLE` is how people name their company's own authority."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.with_suffix(".crt")))
    with serving(over_tls(certificate)) as (url, _):
        assert isinstance(client(url.replace("http:", "https:")).send(USER), Answer)


def test_a_client_that_is_closed_leaves_no_connection_open(sandbox: Sandbox) -> None:
    """Whoever runs many targets in one process does not run out of file descriptors."""
    http = Http(sandbox.url, {"Authorization": f"Bearer {sandbox.api_key}"}, timeout=5)
    assert isinstance(http.send(Request("GET", "/users", None, "", (), idempotent=True)), Answer)
    before = len([*Path("/dev/fd").iterdir()])
    http.close()
    assert len([*Path("/dev/fd").iterdir()]) == before - 1
