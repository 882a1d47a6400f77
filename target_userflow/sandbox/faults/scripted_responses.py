"""Responses that a test plans for the next requests."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from target_userflow.sandbox.faults import FAULTS
from target_userflow.sandbox.http.messages import Answer

HeaderText = Annotated[str, Meta(pattern=r"^[\t\x20-\x7e\xa0-\xff]*$")]
HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]+$")]


class ScriptedResponse(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The response to the next requests that match.

    Attributes:
        status: The HTTP status, sent without handling the request; None to handle the request.
        headers: The headers beside the status.
        body: The body beside the status, as text.
        fault: The fault that hits the request, or the answer with the status.
        times: The number of requests that get this response.
        method: Matches requests with this method only.
        path: Matches requests with exactly this path (percent-encoded, without the query) only.
        spares: Matches no request with exactly one of these paths.
        holds: Matches requests whose body contains this text, such as an id, only.
    """

    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    headers: dict[HeaderName, HeaderText] = {}
    body: str = ""
    fault: str | None = None
    times: Annotated[int, Meta(ge=1)] = 1
    method: str | None = None
    path: str | None = None
    spares: str | list[str] = []
    holds: str = ""

    def __post_init__(self) -> None:
        """Check the fault.

        Raises:
            ValueError: the sandbox has no such fault.
        """
        if self.fault is not None and self.fault not in FAULTS:
            raise ValueError(f"there is no fault {self.fault!r}, only {', '.join(FAULTS)}")

    def matches(self, method: str, path: str, body: bytes) -> bool:
        """Return whether a request gets this response."""
        fits = self.method in {None, method} and self.path in {None, path}
        spared = [self.spares] if isinstance(self.spares, str) else self.spares
        return fits and path not in spared and self.holds.encode() in body

    @property
    def answer(self) -> Answer | None:
        """The scripted answer; None if the request is handled."""
        if self.status is None:
            return None
        return Answer(self.status, self.body.encode(), self.headers)


class ScriptedResponses:
    """The responses that no request has used up, in order."""

    def __init__(self) -> None:
        """Create an empty list."""
        self._responses: list[ScriptedResponse] = []

    def extend(self, raw: bytes) -> int:
        """Add responses, given as a JSON list. Returns the number of responses that are left.

        Raises:
            ValueError: the JSON is no list of responses.
        """
        self._responses += msgspec.json.decode(raw, type=list[ScriptedResponse])
        return len(self._responses)

    def take(self, method: str, path: str, *, body: bytes = b"") -> ScriptedResponse | None:
        """Use the first response that matches a request once. Returns it, or None."""
        matching = (item for item in self._responses if item.matches(method, path, body))
        response = next(matching, None)
        if response:
            response.times -= 1
            self._responses = [item for item in self._responses if item.times]
        return response

    def reset(self) -> None:
        """Remove all responses."""
        self._responses.clear()
