"""Sends an answer: whole, late, cut short, or not at all."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from target_userflow.sandbox.http.messages import Answer

EXTENSION = "target_userflow.connection"
"""The key of the `Connection` among the ASGI extensions of a request's scope."""

_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Connection:
    """A TCP connection.

    Attributes:
        number: The number of the connection in the order of opening.
        transport: The transport of the connection.
    """

    number: int
    transport: asyncio.Transport

    def reset(self) -> None:
        """End the connection with a TCP reset, as a crashed server or an impatient proxy does."""
        raw: socket.socket = self.transport.get_extra_info("socket")
        if self.transport.is_closing():
            return
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()


@dataclass(frozen=True)
class ResponseWriter:
    """Writes the response to a request whose body was read."""

    scope: Scope
    receive: Receive
    send: Send

    @property
    def connection(self) -> Connection:
        """The connection on which the request came."""
        connection: Connection = self.scope["extensions"][EXTENSION]
        return connection

    async def wait(self, seconds: float) -> bool:
        """Wait. Returns whether the client is still connected afterwards."""
        if not seconds:
            return True
        try:
            await asyncio.wait_for(self._disconnected(), seconds)
        except asyncio.TimeoutError:
            return True
        return False

    async def write(self, answer: Answer) -> None:
        """Send the whole answer."""
        await _response(answer)(self.scope, self.receive, self.send)

    async def write_half(self, answer: Answer) -> None:
        """Announce the whole answer, send the first half, and close the connection.

        For an answer without a body, announce a byte that is never sent.
        """
        announced = replace(answer, body=answer.body or b" ")
        head = {"type": "http.response.start", "status": answer.status}
        await self.send({**head, "headers": _response(announced).raw_headers})
        half = answer.body[: len(answer.body) // 2]
        await self.send({"type": "http.response.body", "body": half, "more_body": True})
        self.connection.transport.close()
        await self._disconnected()

    async def reset(self) -> None:
        """Send nothing, and reset the connection."""
        self.connection.reset()
        await self._disconnected()

    async def _disconnected(self) -> None:
        # The body was read, so the only message left is that the client or the server hung up.
        await self.receive()


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers, media_type="application/json")
