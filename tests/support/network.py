"""Servers of the tests' own: what a client meets that is not the sandbox."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def listening(meet: Callable[[socket.socket], None] | None = None) -> Iterator[socket.socket]:
    """A listener on a port of its own; each client is met in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if meet:
            threading.Thread(target=_meet_all, args=(listener, meet), daemon=True).start()
        yield listener


def break_off(client: socket.socket) -> None:
    """End a connection with a reset, as a crash does."""
    with suppress(OSError):  # it had ended already
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.shutdown(socket.SHUT_RDWR)
    client.close()


def self_signed() -> ssl.SSLContext:
    """What a server on 127.0.0.1 needs whose certificate nobody vouches for."""
    import trustme  # noqa: PLC0415 - the smoke tests of the wheel do without

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def _meet_all(listener: socket.socket, meet: Callable[[socket.socket], None]) -> None:
    with suppress(OSError):  # the test is over
        while True:
            client, _ = listener.accept()
            meet(client)
