"""What can be told to the sandbox, at its start and while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

import msgspec
from msgspec import Meta

from target_userflow.sandbox import faults

if TYPE_CHECKING:
    from collections.abc import Mapping

RetryAfter = Literal["seconds", "date", "none"]
Milliseconds = Annotated[float, Meta(ge=0, le=86_400_000)]


class Changes(TypedDict, total=False):
    """The settings by name, for ``running`` and ``configure``; see `Settings`."""

    api_key: str
    latency_ms: float
    slow_ms: float
    rate_limit: int | None
    retry_after: RetryAfter
    faults: Mapping[str, float]
    seed: int | None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the sandbox behaves.

    Attributes:
        api_key: The one key that is let in.
        latency_ms: How long every answer takes, in milliseconds.
        slow_ms: How much longer an answer takes that the fault ``slow`` hits, in milliseconds.
        rate_limit: Requests let in per sliding minute and key; None for no limit.
        retry_after: The form of the ``Retry-After`` header on a 429.
        faults: The probability of each fault, by its name.
        seed: Makes the order of the faults reproducible.
    """

    api_key: Annotated[str, Meta(min_length=1)] = "ak_sandbox"
    latency_ms: Milliseconds = 0
    slow_ms: Milliseconds = 2000
    rate_limit: Annotated[int, Meta(ge=1)] | None = None
    retry_after: RetryAfter = "seconds"
    faults: dict[str, float] = {}
    seed: int | None = None

    def __post_init__(self) -> None:
        """Refuse odds that make no sense.

        Raises:
            ValueError: a fault is unknown, or the probabilities are none.
        """
        faults.check(self.faults)

    def changed(self, changes: Mapping[str, object]) -> Settings:
        """These settings with some of them replaced.

        Raises:
            ValueError: a setting is unknown or its value is not allowed.
        """
        return msgspec.convert({**msgspec.structs.asdict(self), **changes}, Settings)
