"""What an attempt comes to, and what becomes of a record: closed sets, each with a reason."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Delivered:
    """The API has it."""

    carried: bool = False
    """Whether the request of another object took it along."""
    body: bytes = field(default=b"", compare=False, repr=False)
    """What the API answered."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The record will never be taken as it is; the fields stand in its dead letter."""

    reason: str
    status: int | None = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class GaveUp(Rejected):
    """It kept failing while others did not: rejected, unless the API turns out to be down."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """It was not sent, as nothing would change; `outcome` is a column of the report."""

    outcome: str
    reason: str | None = None
    """Why, where the outcome alone does not say."""


CARRIED = Delivered(carried=True)
"""The request of another object took it along."""
MERGED = NotSent("merged")
"""Another record's request says all that its own would."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """It may work later."""

    reason: str
    after: float | None = None
    """Seconds that the API asked to wait for."""
    limited: bool = False
    """Whether the API's rate limit is the reason."""
    everyone: bool = False
    """Whether the wait holds for all workers: the API's limit, not this request's trouble."""
    lost: bool = False
    """Whether the request may have been carried out although no good answer came."""
    cause: str = ""
    """What the network says, where there was no answer."""
    unreached: bool = False
    """Whether no connection came about, so that nothing was sent."""

    @property
    def may_be_of_record(self) -> bool:
        """Whether another request may have had no such trouble."""
        return not self.limited and not self.unreached

    def asks_for(self, seconds: float) -> bool:
        """Return whether the API asks to wait for longer than that."""
        return self.after is not None and self.after > seconds

    @property
    def explanation(self) -> str:
        """The reason, with its cause where one is known."""
        return f"{self.reason}: {self.cause}" if self.cause else self.reason


@dataclass(frozen=True, slots=True)
class Refused:
    """No request would be taken: the run has to stop and say this."""

    line: str


Settled = Delivered | Rejected | NotSent
Outcome = Delivered | Rejected | TryAgain | Refused
