"""The account of one stream: how many of its records had which outcome."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

OUTCOMES = ("delivered", "merged", "unchanged", "duplicate", "skipped", "rejected")
"""The outcomes that a record can have; each record that was received has exactly one."""
_MOST_WAITING = 250  # records without an outcome that may count as good
_ENOUGH_EVENTS = 20  # events of a stream, before its share of those that differ says anything
_ENOUGH = 100  # settled records of a stream, before its share of rejected ones says anything


@dataclass(slots=True)
class Account:
    """Counts the records of one stream by their outcomes."""

    object: str = ""
    """The object type to which the stream is routed."""
    received: int = 0
    elsewhere: int = 0
    """Received records that another shard delivers."""
    outcomes: Counter[str] = field(default_factory=Counter)
    gave_up: int = 0
    """Rejected records that kept failing: they say nothing of the mapping."""
    differs: int = 0
    """Duplicates whose body differs from the one that was delivered."""
    in_doubt: int = 0
    """Records that were sent again although that may have doubled them, each counted once."""
    deleted: int = 0
    """Objects that were deleted without a record, as an ACTIVATE_VERSION left them behind."""
    undeleted: int = 0
    """Deletions that no record asked for and the API rejected."""
    requests: int = 0
    """Requests that were sent for its records, with all repetitions; a batch is one request."""

    @property
    def own(self) -> int:
        """Records that are this run's to deliver."""
        return self.received - self.elsewhere

    @property
    def settled(self) -> int:
        """Records whose outcome is known."""
        return sum(self.outcomes.values())

    @property
    def unsettled(self) -> int:
        """Records whose outcome is not known, or not yet."""
        return self.received - self.settled

    @property
    def is_mixed_up(self) -> bool:
        """Whether most of its events were delivered before, under their keys, otherwise."""
        return self.own >= _ENOUGH_EVENTS and 2 * self.differs > self.own

    def excess(self, ratio: float) -> tuple[int, int] | None:
        """Return how many records were rejected, if these are more than a share of all.

        Args:
            ratio: The share that may be rejected.

        Returns:
            Rejected records, and those that they are a share of: the settled ones, and some of
            those that wait, as a good record is settled later than a bad one. None if they are no
            more than the share, or too few to tell.
        """
        rejected = self.outcomes["rejected"] - self.gave_up
        settled = self.settled - self.elsewhere
        received = settled + min(max(0, self.own - settled), _MOST_WAITING)
        is_exceeded = settled >= _ENOUGH and rejected > ratio * received
        return (rejected, received) if is_exceeded else None

    def row(self) -> dict[str, int]:
        """Return all counts by name."""
        return {
            "received": self.received,
            **{outcome: self.outcomes[outcome] for outcome in OUTCOMES},
            "differs": self.differs,
            "unsettled": self.unsettled,
            "in_doubt": self.in_doubt,
            "deleted": self.deleted,
            "requests": self.requests,
        }
