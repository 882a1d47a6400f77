"""Bounds the time of an exchange and the size of an answer, whatever the other side does.

A timeout of `requests` is that of a connection, and of each part of an answer: an answer that drips
a byte now and then would hold its worker for ever. Here each read and write gets what is left of
the whole time.
"""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import DecodeError, HTTPError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 10_000_000
"""Bytes of an answer's body, unpacked: the largest that is asked for has 100 objects in it."""
_ANY_ZLIB = 47  # for zlib: gzip or deflate, whichever it is


class TooLarge(HTTPError):
    """An answer of more than `MAX_BYTES` bytes."""


class Deadline:
    """The end of the current exchange of a worker."""

    def __init__(self) -> None:
        """Start without time left; `begin` sets the end."""
        self._at = 0.0

    def begin(self, seconds: float) -> None:
        """Start an exchange that may take so many seconds."""
        self._at = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """The seconds that are left.

        Raises:
            TimeoutError: none are left.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


def body_of(raw: Any) -> bytes:
    """Read the body of an answer, and return it unpacked.

    Args:
        raw: The answer of urllib3, of which the head was read.

    Raises:
        HTTPError: the body breaks off, is too large, or can't be unpacked.
    """
    body = b""
    while part := _read(raw, MAX_BYTES + 1 - len(body)):
        body = body + part if body else part
        if len(body) > MAX_BYTES:
            raw.close()
            raise TooLarge(f"an answer of more than {MAX_BYTES:,} bytes")
    return _unpacked(body, raw.headers)


def _read(raw: Any, most: int) -> bytes:
    try:
        part: bytes = raw.read(most, decode_content=False)
    except ValueError as error:  # `http.client` takes a chunk of a negative length for one
        raise ProtocolError("an answer in chunks that have no length", error) from error
    return part


def _unpacked(body: bytes, headers: Mapping[str, str]) -> bytes:
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"identity", ""} or not body:
        return body
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise DecodeError("an answer in an encoding that was not asked for")
    return _decompressed(body)


def _decompressed(body: bytes) -> bytes:
    decompressor = zlib.decompressobj(_ANY_ZLIB)
    try:
        whole = decompressor.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        raise DecodeError("an answer that can't be unpacked", error) from error
    if len(whole) > MAX_BYTES:
        raise TooLarge(f"an answer of more than {MAX_BYTES:,} bytes, unpacked")
    if not decompressor.eof:
        raise DecodeError("an answer that can't be unpacked: its end is missing")
    return whole
