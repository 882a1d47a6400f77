"""What a target asks, carried to the sandbox, until it is killed at one of its requests."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from support.taps import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

MOMENTS = ("as it is sent", "once it is sent", "as its answer comes")
"""When in the life of a request the target is killed."""
_WRITES = (b"POST ", b"PATCH ", b"DELETE ")


class Relay:
    """Stands between the target and the sandbox, and ends the target at one of its requests."""

    url = ""

    def __init__(self, sandbox: str) -> None:
        """Lead to the sandbox at a URL."""
        self._sandbox = urlsplit(sandbox)
        self._target = self._run = self._seen = self._at = 0
        self._moment = ""
        self._sent = signal.SIGKILL

    def aim(self, target: int, at: int, moment: str, sent: signal.Signals) -> None:
        """Send this process a signal at its request number `at`, or never if that is 0."""
        self._target, self._at, self._moment, self._sent = target, at, moment, sent
        self._run, self._seen = self._run + 1, 0

    @property
    def seen(self) -> int:
        """Writes of the target that was aimed at last."""
        return self._seen

    def cut(self) -> None:
        """Let nothing arrive any more of the target that was aimed at last: it was killed."""
        self._run += 1

    async def serve(self, opened: threading.Event, closed: threading.Event) -> None:
        """Carry what is said."""
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        opened.set()
        await asyncio.to_thread(closed.wait)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._sandbox.hostname, self._sandbox.port)
        numbers = [0]
        await asyncio.gather(
            self._carry(reader, back, numbers, MOMENTS[:2]),
            self._carry(there, writer, numbers, MOMENTS[2:]),
        )

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        numbers: list[int],
        moments: tuple[str, ...],
    ) -> None:
        """One way of one connection; nothing of a target arrives after it was killed."""
        run = self._run
        with suppress(OSError):
            while (data := await reader.read(65536)) and run == self._run:
                if data.startswith(_WRITES):  # a client waits for its answer before the next one
                    self._seen += 1
                    numbers.append(self._seen)
                if self._kill(numbers[-1], moments[0]):
                    break
                writer.write(data)
                await writer.drain()
                if data.endswith(b"}") and self._kill(numbers[-1], moments[-1]):
                    break
        writer.transport.abort()

    def _kill(self, number: int, moment: str) -> bool:
        """Whether it dies: at this request, or at the next one if this one gets no answer.

        One that is asked to end goes on with what it has begun.
        """
        if not number >= self._at > 0 or moment != self._moment:
            return False
        os.kill(self._target, self._sent)
        self._at = 0
        dies = self._sent == signal.SIGKILL
        self._run += dies
        return dies


@contextmanager
def relaying(sandbox: str) -> Iterator[Relay]:
    """A relay in a thread of its own."""
    relay, opened, closed = Relay(sandbox), threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(relay.serve(opened, closed)))
    thread.start()
    assert opened.wait(PATIENCE)
    try:
        yield relay
    finally:
        closed.set()
        thread.join()
