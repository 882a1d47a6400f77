"""The accounts of a run: what became of every record, and whether that adds up."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_userflow.errors import MixedUpEvents, StopRun, TooManyRejects
from target_userflow.mapping.shards import OTHER_SHARD

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

OUTCOMES = ("delivered", "merged", "unchanged", "duplicate", "skipped", "rejected")
"""What can become of a record; each received one meets exactly one of them."""
_NAMED = 5  # rejected records of a stream and reason whose ids are kept
_MOST_WAITING = 250  # records without an outcome that may count as good
_ENOUGH_EVENTS = 20  # events of a stream, before its share of those that differ says anything
_MOST_REASONS = 1_000  # of all streams; a name in one may be data, and there is no end of them
_OTHER = "other reasons: its dead letter has it"
_ENOUGH = 100  # settled records of a stream, before its share of rejected ones says anything


@dataclass(slots=True)
class Account:
    """What became of one stream's records."""

    object: str = ""
    """What the stream is routed to."""
    received: int = 0
    elsewhere: int = 0
    """Those of them that another shard delivers."""
    outcomes: Counter[str] = field(default_factory=Counter)
    gave_up: int = 0
    """Those of the rejected records that kept failing, which says nothing of the mapping."""
    differs: int = 0
    """Those of the duplicates whose body is another one than what was delivered."""
    in_doubt: int = 0
    """Records that were sent again although that may have doubled them, each counted once."""
    deleted: int = 0
    """Objects that were deleted without a record, as an ACTIVATE_VERSION left them behind."""
    requests: int = 0
    """What was sent for its records, repetitions and all; a batch is one."""

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

    def row(self) -> dict[str, int]:
        """All counts by name."""
        return {
            "received": self.received,
            **{outcome: self.outcomes[outcome] for outcome in OUTCOMES},
            "differs": self.differs,
            "unsettled": self.unsettled,
            "in_doubt": self.in_doubt,
            "deleted": self.deleted,
            "requests": self.requests,
        }


class Tally:
    """Counts for all streams; the workers and the reader write to it."""

    def __init__(self, abort_reject_ratio: float = 1.0) -> None:
        """Start with nothing received."""
        self.accounts: defaultdict[str, Account] = defaultdict(Account)
        self.reasons: Counter[tuple[str, str]] = Counter()
        """How many records of a stream were rejected for a reason."""
        self.skips: Counter[tuple[str, str]] = Counter()
        """How many were skipped for a reason."""
        self.remarks: Counter[tuple[str, str]] = Counter()
        """How many values were not sent as they came, by stream and what is said of it."""
        self.named: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        """What names the first of them."""
        self.undeleted = 0
        """Deletions that no record asked for and an API rejected."""
        self._ratio = abort_reject_ratio
        self._lock = threading.Lock()

    @property
    def rejected(self) -> int:
        """Records of all streams that went to the dead letters."""
        return sum(account.outcomes["rejected"] for account in self.accounts.values())

    def open(self, stream: str, name: str) -> None:
        """Have an account for a stream to the object `name`, even if no record comes."""
        self.accounts[stream].object = name

    def receive(self, stream: str) -> None:
        """Count a record that was read."""
        self.accounts[stream].received += 1

    def settle(self, stream: str, outcome: str) -> None:
        """Count what became of a record."""
        with self._lock:
            self.accounts[stream].outcomes[outcome] += 1

    def skip(self, stream: str, reason: str) -> None:
        """Count a record that is left out on purpose."""
        self.settle(stream, "skipped")
        with self._lock:
            self.skips[stream, reason] += 1

    def leave(self, stream: str) -> None:
        """Count a record that another shard delivers."""
        with self._lock:
            account = self.accounts[stream]
            account.elsewhere += 1
            account.outcomes["skipped"] += 1
            self.skips[stream, OTHER_SHARD] += 1

    def remark(self, stream: str, remarks: Mapping[str, int]) -> None:
        """Count values that were not sent as they came."""
        self.remarks.update({(stream, remark): count for remark, count in remarks.items()})

    def differ(self, stream: str) -> None:
        """Count a duplicate whose body is another one than what was delivered."""
        self.settle(stream, "duplicate")
        with self._lock:
            self.accounts[stream].differs += 1

    @property
    def mixed_up(self) -> list[str]:
        """The streams most of whose events were delivered before, under their keys, otherwise."""
        return [stream for stream, account in self.accounts.items() if account.is_mixed_up]

    def reject(self, stream: str, reason: str, ids: str = "", *, reading: bool = False) -> None:
        """Count a rejected record.

        Args:
            stream: Its stream.
            reason: Why.
            ids: What names it; of each reason a few are kept.
            reading: Whether it was rejected as it was read. A good one is only settled once its
                window is delivered, so that the share of bad ones says nothing until then.

        Raises:
            TooManyRejects: more than the allowed share of the stream was rejected.
        """
        self._reject(stream, reason, ids)
        if not reading:
            self._check_share(stream)

    def check_shares(self) -> None:
        """Let a window be delivered, once all of it was read.

        Raises:
            TooManyRejects: of what was received of a stream, more than the allowed share was
                rejected, whatever becomes of the records that wait.
        """
        for stream in [*self.accounts]:
            self._check_share(stream)

    def _check_share(self, stream: str) -> None:
        with self._lock:
            account = self.accounts[stream]
            rejected = account.outcomes["rejected"] - account.gave_up
            settled = account.settled - account.elsewhere
            received = settled + min(max(0, account.own - settled), _MOST_WAITING)
        if settled >= _ENOUGH and rejected > self._ratio * received:
            raise TooManyRejects(
                f"Stream '{stream}': {rejected} of {received} records were rejected, more than "
                f"abort_reject_ratio allows. Most often: {self._most_often(stream)}"
            )

    def give_up(self, stream: str, reason: str, ids: str = "") -> None:
        """Count a record as rejected that says nothing of the mapping; arguments as in `reject`."""
        self._reject(stream, reason, ids)
        with self._lock:
            self.accounts[stream].gave_up += 1

    def _reject(self, stream: str, reason: str, ids: str) -> None:
        self.settle(stream, "rejected")
        with self._lock:
            if len(self.reasons) >= _MOST_REASONS and (stream, reason) not in self.reasons:
                reason = _OTHER
            self.reasons[stream, reason] += 1
            if ids and self.reasons[stream, reason] <= _NAMED:
                self.named[stream, reason].append(ids)

    def ask(self, stream: str) -> None:
        """Count a request."""
        with self._lock:
            self.accounts[stream].requests += 1

    def doubt(self, stream: str) -> None:
        """Count a record that may have been doubled by a repetition."""
        with self._lock:
            self.accounts[stream].in_doubt += 1

    def delete(self, stream: str, *, rejected: bool) -> None:
        """Count a deletion that no record asked for."""
        with self._lock:
            self.accounts[stream].deleted += not rejected
            self.undeleted += rejected

    def check(self) -> None:
        """Hold the accounts of a run that settled everything against each other.

        Raises:
            StopRun: a record was received and nothing is known of its outcome.
        """
        for stream, account in self.accounts.items():
            if account.received != account.settled:
                raise StopRun(
                    f"Stream '{stream}': {account.received} records were received and "
                    f"{account.settled} accounted for. Please report this: it is a defect"
                )

    def check_keys(self) -> None:
        """Look whether keys of events are those of other events, at the end of a run.

        Raises:
            MixedUpEvents: more than half of a stream's events are duplicates that differ.
        """
        for stream in self.mixed_up:
            account = self.accounts[stream]
            raise MixedUpEvents(
                f"Stream '{stream}': {account.differs} of {account.received} events have keys "
                "under which other events were delivered: they were not sent, and no STATE was "
                "written past them. If those are another tap's, set ledger_namespace for one of "
                "the two; if one key has several events, give the stream more of them with "
                "__key_properties__ in stream_maps, for instance the status. Then run it again"
            )

    def counts(self) -> Iterator[tuple[str, str, int]]:
        """Stream, name and value of every count of records that is not 0."""
        for stream, account in self.accounts.items():
            row = account.row()
            del row["requests"]
            yield from ((stream, name, count) for name, count in row.items() if count)

    def _most_often(self, stream: str) -> str:
        counts = {reason: n for (name, reason), n in self.reasons.items() if name == stream}
        return max(counts, key=counts.__getitem__)


def aligned(lines: Sequence[Sequence[str]], *, texts: Collection[int] = (0,)) -> list[str]:
    """The lines of a table: numbers end, and the columns of `texts` begin, below each other."""
    rows = [[printable(cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place in texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def printable(text: str) -> str:
    """A text without line breaks, and without what would steer a terminal."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
