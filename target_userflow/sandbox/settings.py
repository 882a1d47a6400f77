"""What can be told to the sandbox, at its start and while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

import msgspec
from msgspec import Meta

from target_userflow.sandbox import faults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RetryAfter = Literal["seconds", "date", "none"]
LimitWindow = Literal["sliding", "fixed"]
Key = Annotated[str, Meta(min_length=1)]
MediaType = Literal["any", "json", "vendor"]
PerMinute = Annotated[int, Meta(ge=1)]
Success = Literal[200, 202]
Milliseconds = Annotated[float, Meta(ge=0, le=86_400_000)]


class Changes(TypedDict, total=False):
    """The settings by name, for ``running`` and ``configure``; see `Settings`."""

    api_key: str
    user_interviews_api_key: str
    userpilot_api_key: str
    latency_ms: float
    slow_ms: float
    rate_limit: int | None
    user_interviews_media_type: MediaType
    userpilot_success: int
    userpilot_rate_limit: int | None
    rate_limit_window: LimitWindow
    retry_after: RetryAfter
    faults: Mapping[str, float]
    seed: int | None
    rejected_emails: Sequence[str]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the sandbox behaves.

    Attributes:
        api_key: The one key that Userflow lets in.
        user_interviews_api_key: The one key that User Interviews lets in.
        userpilot_api_key: The one key that Userpilot lets in.
        latency_ms: How long every answer takes, in milliseconds.
        slow_ms: How much longer an answer takes that the fault ``slow`` hits, in milliseconds.
        rate_limit: Requests let in per minute and key, by Userflow and by User Interviews; None for
            no limit.
        user_interviews_media_type: What the bodies that User Interviews takes must be called: JSON,
            its own type of it, or any of the two; sources contradict each other.
        userpilot_success: The status with which Userpilot answers what it takes: 202 by its
            reference, 200 by its guide.
        userpilot_rate_limit: Requests let in per minute, key and endpoint by Userpilot; None for no
            limit. With it goes the limit of its deletions.
        rate_limit_window: Whether those are any 60 seconds, or the minutes of the clock.
        retry_after: The form of the ``Retry-After`` header on a 429.
        faults: The probability of each fault, by its name.
        seed: Makes the order of the faults reproducible.
        rejected_emails: Participants that User Interviews refuses by rules of its own: globs, in
            any case of the letters.
    """

    api_key: Key = "ak_sandbox"
    user_interviews_api_key: Key = "ui_sandbox"
    userpilot_api_key: Key = "up_sandbox"
    latency_ms: Milliseconds = 0
    slow_ms: Milliseconds = 2000
    rate_limit: PerMinute | None = None
    user_interviews_media_type: MediaType = "any"
    userpilot_success: Success = 202
    userpilot_rate_limit: PerMinute | None = 600
    rate_limit_window: LimitWindow = "sliding"
    retry_after: RetryAfter = "seconds"
    faults: dict[str, float] = {}
    seed: int | None = None
    rejected_emails: list[str] = []

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
