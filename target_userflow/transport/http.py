"""Sends a request and returns its answer: the one module that knows the HTTP library.

The expensive parts of `requests` are paid once: the environment is read when a worker's session
is made, the connections are looked for with its first request, and a request is a copy of a
prepared one that goes straight to the session's adapter.
Redirects are not followed on this way, and no `.netrc` can replace the key.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import ssl
import threading
from typing import TYPE_CHECKING, Any

import requests
from requests import exceptions
from urllib3.connectionpool import port_by_scheme
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util import parse_url

from target_userflow.apis.messages import Answer
from target_userflow.apis.outcomes import Outcome, Refused, Rejected, TryAgain
from target_userflow.errors import RejectRecord
from target_userflow.mapping.values import encoded
from target_userflow.transport.bounds import Deadline, body_of
from target_userflow.transport.connection import bounded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3.connectionpool import HTTPConnectionPool

    from target_userflow.apis.messages import Request

# at DEBUG it writes the path of every request: of a look-up, that holds an id or an email
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


class _Adapter(requests.adapters.HTTPAdapter):
    """An adapter whose requests all go to one place, so that it looks for the way there once.

    It looks for its pool, its certificates and the form of its URLs with the first request. For
    every other request, `requests` would ask the disk again; other threads take the interpreter
    then.
    """

    _pool: HTTPConnectionPool | None = None
    _prefix: str | None = None
    _has_certificates = False

    def __init__(self, url: str) -> None:
        """Send to a URL, and to what is below it.

        Args:
            url: The API's base URL.
        """
        super().__init__()
        self.deadline = Deadline()
        """The end of the current exchange."""
        self._url = url
        self._own_headers = {"Host": _host(url), "Accept-Encoding": "identity"}

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        """Return the pool that the first request found."""
        if self._pool is None:
            pool = self._new_pool(args, kwargs)
            pool.ConnectionCls = bounded(pool.ConnectionCls, self.deadline)
            self._pool = pool
        return self._pool

    def _new_pool(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return super().get_connection_with_tls_context(*args, **kwargs)
        except (exceptions.RequestException, HTTPError, TypeError) as error:  # the last: no host
            if not requests.utils.select_proxy(self._url, kwargs["proxies"]):
                raise
            # whatever it says may quote a password, and the URL was looked at with the config
            raise exceptions.InvalidProxyURL from error

    def close(self) -> None:
        """Close the connections; `requests` leaves them to the garbage collector."""
        super().close()
        if self._pool is not None:
            self._pool.close()

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """Return the URL of the request line: a path, or for some proxies the whole URL."""
        path = str(request.url).removeprefix(self._url)
        if self._prefix is None:
            self._prefix = super().request_url(request, proxies).removesuffix(path)
            if self._prefix.startswith("http"):  # a proxy is asked for the whole URL
                self._own_headers["Host"] = str(parse_url(self._url).netloc)
        return self._prefix + path

    def add_headers(self, request: requests.PreparedRequest, **_: Any) -> None:
        """Add the host, and that an answer is to come unpacked."""
        request.headers = {**self._own_headers, **request.headers}  # type: ignore[assignment]

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return the answer, without the cookies and history that nobody asks for."""
        return _Response(req, resp)

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Give the pool the certificates that it trusts, with the first request only."""
        if not self._has_certificates:
            super().cert_verify(*args, **kwargs)  # type: ignore[no-untyped-call] # it has no types
            self._has_certificates = True


def _host(url: str) -> str:
    """Return the `Host` header for a URL, as `http.client` has it: without its scheme's port."""
    parts = parse_url(url)
    usual = {None, port_by_scheme[str(parts.scheme)]}
    return str(parts.host).rstrip(".") + ("" if parts.port in usual else f":{parts.port}")


class _Response(requests.Response):
    """The status, headers and body of an answer; the body is read at once."""

    def __init__(self, request: requests.PreparedRequest, raw: Any) -> None:
        """Wrap an answer of urllib3.

        Args:
            request: The request.
            raw: The answer, of which the head was read.
        """
        self.request = request
        self.raw = raw
        self.status_code = raw.status
        self.headers = raw.headers

    @property
    def content(self) -> bytes:
        """The body; urllib3 raises HTTPError if it can't be read."""
        return body_of(self.raw)


class Http:
    """The connections to an API, kept alive; each thread has a session of its own."""

    def __init__(self, url: str, headers: Mapping[str, str], *, timeout: float) -> None:
        """Send to an API; connections are made with the first request of a thread.

        Args:
            url: The API's base URL.
            headers: The headers of every request.
            timeout: Seconds that an exchange may take, from the connection to the last byte of the
                answer.
        """
        self._url = url
        self._timeout = timeout
        self._headers = dict(headers)
        self._threads = threading.local()
        self._sessions: list[requests.Session] = []

    def send(self, request: Request) -> Answer | Outcome:
        """Return the answer to one attempt, or the outcome of an attempt without an answer.

        A payload that can't be encoded is rejected, and nothing is sent.
        """
        try:
            prepared, adapter = self._prepared(request), self._adapter()
            adapter.deadline.begin(self._timeout)
            response = adapter.send(prepared, **self._threads.environment)
            return Answer(response.status_code, response.headers, response.content)
        except RejectRecord as error:
            return Rejected(str(error))
        except (OSError, HTTPError) as error:  # the latter if an answer breaks off
            return _outcome(error)

    def close(self) -> None:
        """Close all connections."""
        for session in self._sessions:
            session.close()

    @property
    def proxy(self) -> str | None:
        """The proxy that the environment names for this API, without its user and password."""
        with requests.Session() as session:
            proxies = self._environment(session)["proxies"]
        proxy = requests.utils.select_proxy(self._url, proxies)
        return str(proxy).rpartition("@")[2].rpartition("//")[2] if proxy else None

    def _prepared(self, request: Request) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.method = request.method
        prepared.url = self._url + request.path
        prepared.headers = {**self._headers}  # type: ignore[assignment] # any mapping will do
        if request.payload is not None:  # else nothing may be said of a body
            prepared.body = body = encoded(request.payload)
            prepared.headers["Content-Type"] = request.media_type
            prepared.headers["Content-Length"] = str(len(body))
        return prepared

    def _adapter(self) -> _Adapter:
        if not hasattr(self._threads, "adapter"):
            session = requests.Session()
            mounted = _Adapter(self._url)
            session.mount(self._url, mounted)
            self._sessions.append(session)
            self._threads.environment = self._environment(session)
            self._threads.adapter = mounted
        adapter: _Adapter = self._threads.adapter
        return adapter

    def _environment(self, session: requests.Session) -> dict[str, Any]:
        """Return the proxies and certificates that the environment names, and the timeout."""
        settings = session.merge_environment_settings(self._url, {}, False, None, None)  # noqa: FBT003 - requests' own signature
        if settings["verify"] is True:  # neither of the variables that `requests` reads
            settings["verify"] = os.environ.get("SSL_CERT_FILE") or True
        return {**settings, "timeout": self._timeout}


def _outcome(error: Exception) -> Outcome:
    """Return the outcome of an attempt without an answer."""
    if exhausted := _exhausted(error):
        return Refused(f"can't be asked: {exhausted}. {MORE}")
    if isinstance(error, exceptions.SSLError):
        return _tls_outcome(_causes(error))
    if isinstance(error, exceptions.InvalidProxyURL):
        return Refused(f"can't be asked: its proxy has no http:// or https:// URL. {PROXY}")
    if isinstance(error, (exceptions.RequestException, HTTPError)):
        name, unreached = type(error).__name__, _never_sent(error)
        return TryAgain(name, lost=not unreached, cause=_cause(error), unreached=unreached)
    # certificates that the environment names
    return Refused(f"can't be asked: {error}. Check REQUESTS_CA_BUNDLE and SSL_CERT_FILE")


def _tls_outcome(causes: list[BaseException]) -> Outcome:
    """Return the outcome of an error of TLS, by its causes."""
    if any(isinstance(cause, _ENDED) for cause in causes):
        return TryAgain("the connection ended during the TLS handshake", lost=True)
    return Refused(
        f"can't be trusted, TLS says: {causes[-1]}. Check its api_url; where a "
        f"proxy or an authority of your own signs, {_CERTIFICATES}"
    )


def _exhausted(error: Exception) -> str | None:
    """Return what this process or machine has run out of; None if that is not the reason."""
    causes = (cause for outer in _causes(error) for cause in (outer, outer.__cause__))
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno in _EXHAUSTED:
            return os.strerror(cause.errno)
    return None


def _never_sent(error: Exception) -> bool:
    """Return whether there was no connection, so that the request can't have been carried out."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(error, (exceptions.ConnectTimeout, exceptions.ProxyError)) or isinstance(
        reason, NewConnectionError
    )


def _cause(error: Exception) -> str:
    """Return the innermost message, in one line and without its number and connection."""
    message = " ".join(str(_causes(error)[-1]).split())
    return re.sub(r"^\w+\(host=[^)]*\): |\[Errno -?\d+\] ", "", message)[:_MAX_CAUSE]


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and what it wraps, the innermost last: requests wraps urllib3, that ssl."""
    inner = [getattr(error, "reason", None), *error.args]
    wrapped = [cause for cause in inner if isinstance(cause, BaseException)]
    return [error, *_causes(wrapped[0])] if wrapped else [error]


PROXY = "Check HTTPS_PROXY and HTTP_PROXY, or name the host in NO_PROXY"
_CERTIFICATES = "name its certificates in REQUESTS_CA_BUNDLE or SSL_CERT_FILE"
MORE = "Lower concurrency, or let the process have more (ulimit)"
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_MAX_CAUSE = 200  # characters: it may quote what came instead of HTTP
_ENDED = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
