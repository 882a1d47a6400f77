"""Answers planned in advance, for tests that need exactly this answer exactly now."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from target_userflow.sandbox.calls import Answer
from target_userflow.sandbox.faults import FAULTS

HeaderText = Annotated[str, Meta(pattern=r"^[\t\x20-\x7e\xa0-\xff]*$")]
HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]+$")]


class Step(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What happens to the next requests that match.

    Attributes:
        status: Answered instead of handling the request; None to handle it as usual.
        headers: What goes with that status.
        body: The body that goes with that status, as text.
        fault: Hits the request, or the answer that goes with that status.
        times: For how many requests.
        method: Only for requests of this method.
        path: Only for requests of exactly this path (percent-encoded, without the query).
        spares: Never for requests of exactly this path.
        holds: Only for requests whose body holds this text, such as an id.
    """

    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    headers: dict[HeaderName, HeaderText] = {}
    body: str = ""
    fault: str | None = None
    times: Annotated[int, Meta(ge=1)] = 1
    method: str | None = None
    path: str | None = None
    spares: str | None = None
    holds: str = ""

    def __post_init__(self) -> None:
        """Refuse faults that don't exist.

        Raises:
            ValueError: there is no such fault.
        """
        if self.fault is not None and self.fault not in FAULTS:
            raise ValueError(f"there is no fault {self.fault!r}, only {', '.join(FAULTS)}")

    def matches(self, method: str, path: str, body: bytes) -> bool:
        """Whether this step is for a request."""
        fits = self.method in {None, method} and self.path in {None, path}
        return fits and path != self.spares and self.holds.encode() in body

    @property
    def answer(self) -> Answer | None:
        """What the step says literally; None if the request is handled as usual."""
        if self.status is None:
            return None
        return Answer(self.status, self.body.encode(), self.headers)


class Script:
    """The steps that are still to come, in order."""

    def __init__(self) -> None:
        """Begin with none."""
        self._steps: list[Step] = []

    def extend(self, raw: bytes) -> int:
        """Add steps, given as a JSON list, and tell how many there are now.

        Raises:
            ValueError: it is no list of steps.
        """
        self._steps += msgspec.json.decode(raw, type=list[Step])
        return len(self._steps)

    def take(self, method: str, path: str, *, body: bytes = b"") -> Step | None:
        """The first step that matches a request, which uses it up once."""
        step = next((step for step in self._steps if step.matches(method, path, body)), None)
        if step:
            step.times -= 1
            self._steps = [step for step in self._steps if step.times]
        return step

    def reset(self) -> None:
        """Forget what was to come."""
        self._steps.clear()
