"""Counts the records of one stream, as they are read and as they are settled."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from target_userflow.errors import TooManyRejects
from target_userflow.mapping.shards import OTHER_SHARD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.accounts.account import Account
    from target_userflow.accounts.reasons import Reasons


class StreamTally:
    """Counts in the account of one stream; the workers and the reader write to it."""

    def __init__(
        self, stream: str, account: Account, reasons: Reasons, abort_reject_ratio: float
    ) -> None:
        """Count from what the account says.

        Args:
            stream: The stream's name, after any stream map.
            account: Its account.
            reasons: The reasons of all streams.
            abort_reject_ratio: The share of its records that may be rejected.
        """
        self._stream = stream
        self._account = account
        self._reasons = reasons
        self._ratio = abort_reject_ratio
        self._lock = threading.Lock()

    def receive(self) -> None:
        """Count a record that was read."""
        self._account.received += 1

    def settle(self, outcome: str, count: int = 1) -> None:
        """Count what became of records; `outcome` is one of `OUTCOMES`."""
        with self._lock:
            self._account.outcomes[outcome] += count

    def skip(self, reason: str, count: int = 1) -> None:
        """Count records that are left out on purpose, or that another shard delivers."""
        with self._lock:
            self._account.outcomes["skipped"] += count
            self._account.elsewhere += count if reason == OTHER_SHARD else 0
            self._reasons.skipped[self._stream, reason] += count

    def differ(self, count: int = 1) -> None:
        """Count duplicates whose body is another one than what was delivered."""
        self.settle("duplicate", count)
        with self._lock:
            self._account.differs += count

    def reject(self, reason: str, ids: str = "", *, reading: bool = False) -> None:
        """Count a rejected record.

        Args:
            reason: Why.
            ids: What names it; of each reason a few are kept.
            reading: Whether it was rejected as it was read. A good one is only settled once its
                batch is delivered, so that the share of bad ones says nothing until then.

        Raises:
            TooManyRejects: more than the allowed share of the stream was rejected.
        """
        self.settle("rejected")
        self._reasons.reject(self._stream, reason, ids)
        if not reading:
            self.check_share()

    def give_up(self, reason: str, ids: str = "") -> None:
        """Count a record as rejected that says nothing of the mapping; arguments as in `reject`."""
        self.settle("rejected")
        self._reasons.reject(self._stream, reason, ids)
        with self._lock:
            self._account.gave_up += 1

    def check_share(self) -> None:
        """Let records be delivered, once all of a batch was read.

        Raises:
            TooManyRejects: of what was received of the stream, more than the allowed share was
                rejected, whatever becomes of the records that wait.
        """
        with self._lock:
            excess = self._account.excess(self._ratio)
        if excess:
            raise TooManyRejects(
                f"Stream '{self._stream}': {excess[0]} of {excess[1]} records were rejected, more "
                "than abort_reject_ratio allows. Most often: "
                f"{self._reasons.most_often(self._stream)}"
            )

    def remark(self, remarks: Mapping[str, int]) -> None:
        """Count values that were not sent as they came; what is said of them → how many."""
        counts = {(self._stream, remark): count for remark, count in remarks.items()}
        self._reasons.remarks.update(counts)

    def ask(self) -> None:
        """Count a request."""
        with self._lock:
            self._account.requests += 1

    def doubt(self) -> None:
        """Count a record that may have been doubled by a repetition."""
        with self._lock:
            self._account.in_doubt += 1

    def delete(self, *, rejected: bool) -> None:
        """Count a deletion that no record asked for."""
        with self._lock:
            self._account.deleted += not rejected
            self._account.undeleted += rejected
