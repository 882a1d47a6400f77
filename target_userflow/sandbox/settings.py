"""The settings of the sandbox, for its start and while it runs."""

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
    """The settings by name, for ``running`` and ``configure``; `Settings` explains them."""

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
    """The settings of the sandbox.

    Attributes:
        api_key: The API key that Userflow accepts.
        user_interviews_api_key: The API key that User Interviews accepts.
        userpilot_api_key: The API key that Userpilot accepts.
        latency_ms: The delay of every answer, in milliseconds.
        slow_ms: The further delay of an answer that the fault ``slow`` hits, in milliseconds.
        rate_limit: The requests per minute and key that Userflow and User Interviews accept, each;
            None for no limit.
        user_interviews_media_type: The media type that User Interviews requires of a body: JSON,
            its vendor type, or either; sources contradict each other.
        userpilot_success: The status with which Userpilot answers a write: 202 by its reference,
            200 by its guide.
        userpilot_rate_limit: The requests per minute, key and endpoint that Userpilot accepts; None
            for no limit, on deletions neither.
        rate_limit_window: Whether a minute is any 60 seconds, or a minute of the clock.
        retry_after: The form of the ``Retry-After`` header on a 429.
        faults: The probability of each fault, by fault name.
        seed: Makes the order of the faults reproducible.
        rejected_emails: Globs of the emails that User Interviews rejects by the account's rules;
            case is ignored.
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
        """Check the faults.

        Raises:
            ValueError: a fault is unknown, or a probability is not valid.
        """
        faults.check(self.faults)

    def changed(self, changes: Mapping[str, object]) -> Settings:
        """Return a copy of these settings with changes, given by name.

        Raises:
            ValueError: a setting is unknown, or its value is not allowed.
        """
        return msgspec.convert({**msgspec.structs.asdict(self), **changes}, Settings)
