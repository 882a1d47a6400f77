"""Answers that `http.client` reads, until the deadline of an exchange."""

from __future__ import annotations

import io
import socket
from contextlib import suppress
from http import client
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from target_userflow.transport.bounds import Deadline

_INTERIM = 1  # the class of HTTP statuses that another answer follows


class UnusualAnswer(client.HTTPResponse):
    """An answer that is read until the deadline; interim answers (1xx) are skipped."""

    def __init__(
        self,
        sock: socket.socket,
        *args: Any,
        deadline: Deadline,
        received: bytes = b"",
        **kwargs: Any,
    ) -> None:
        """Read from a connection.

        Args:
            sock: The connection.
            args: What `http.client` passes on.
            deadline: When the exchange ends.
            received: What was read of it before.
            kwargs: What `http.client` passes on.
        """
        super().__init__(sock, *args, **kwargs)
        self._sock = sock
        self._reader = _Reader(received, self.fp.detach(), sock, deadline)
        self.fp = io.BufferedReader(self._reader)

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc] # not in its types
        while status // 100 == _INTERIM:
            client.parse_headers(self.fp)
            version, status, reason = super()._read_status()  # type: ignore[misc] # as above
        return version, status, reason

    def _close_conn(self) -> None:
        """Stop reading, at the end of the body; `http.client` calls it.

        What follows an answer belongs to no request (RFC 9112, 9.2): the connection is then shut
        down, so that urllib3 opens another. What a proxy sends after it opened a tunnel is dropped:
        of its answer, only the status was read.
        """
        self._reader.is_over = True
        if self.headers is not None and self.fp.peek():
            with suppress(OSError):  # the server has hung up
                self._sock.shutdown(socket.SHUT_RDWR)
        super()._close_conn()  # type: ignore[misc] # not in its types


class _Reader(io.RawIOBase):
    """Reads from a socket until the deadline, after what was read of it before."""

    def __init__(
        self, received: bytes, raw: io.RawIOBase, connection: socket.socket, deadline: Deadline
    ) -> None:
        self.is_over = False
        """Whether nothing more is read of the socket."""
        self._received = io.BytesIO(received)
        self._raw, self._connection, self._deadline = raw, connection, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if count := self._received.readinto(buffer):
            return count
        if self.is_over:
            return 0
        self._connection.settimeout(self._deadline.left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
