"""The accounts of a run: what became of every record, and whether that adds up."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from target_userflow.accounts.account import Account
from target_userflow.accounts.reasons import Reasons
from target_userflow.accounts.stream_tally import StreamTally
from target_userflow.errors import MixedUpEvents, StopRun

if TYPE_CHECKING:
    from collections.abc import Iterator


class Tally:
    """The accounts of all streams of a run."""

    def __init__(self, abort_reject_ratio: float = 1.0) -> None:
        """Start with nothing received.

        Args:
            abort_reject_ratio: The share of a stream's records that may be rejected.
        """
        self.accounts: defaultdict[str, Account] = defaultdict(Account)
        """By the name of the stream."""
        self.reasons = Reasons()
        """Why records were rejected or skipped, and what is said of values."""
        self._ratio = abort_reject_ratio
        self._streams: dict[str, StreamTally] = {}

    @property
    def rejected(self) -> int:
        """Records of all streams that went to the dead letters."""
        return sum(account.outcomes["rejected"] for account in self.accounts.values())

    @property
    def undeleted(self) -> int:
        """Deletions that no record asked for and an API rejected."""
        return sum(account.undeleted for account in self.accounts.values())

    @property
    def mixed_up(self) -> list[str]:
        """The streams most of whose events were delivered before, under their keys, otherwise."""
        return [stream for stream, account in self.accounts.items() if account.is_mixed_up]

    def open(self, stream: str, name: str) -> StreamTally:
        """Return what counts for a stream to the object `name`, even if no record comes."""
        self.accounts[stream].object = name
        return self.of(stream)

    def of(self, stream: str) -> StreamTally:
        """Return what counts for a stream."""
        if stream not in self._streams:
            account = self.accounts[stream]
            self._streams[stream] = StreamTally(stream, account, self.reasons, self._ratio)
        return self._streams[stream]

    def check_shares(self) -> None:
        """Let records be delivered, once all of a batch was read.

        Raises:
            TooManyRejects: as in `StreamTally.check_share`.
        """
        for stream in self._streams.values():
            stream.check_share()

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
        """Yield stream, name and value of every count of records that is not 0."""
        for stream, account in self.accounts.items():
            row = account.row()
            del row["requests"]
            yield from ((stream, name, count) for name, count in row.items() if count)
