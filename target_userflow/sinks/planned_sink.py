"""The sink of a stream in a run that only plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.errors import RejectRecord
from target_userflow.singer.stream_maps import failure
from target_userflow.sinks.userflow_sink import UserflowSink

if TYPE_CHECKING:
    from target_userflow.singer.message import Message


class PlannedSink(UserflowSink):
    """One stream that is looked at for the plan: nothing is delivered, and nothing stops it."""

    def setup(self) -> None:
        """Take the stream into the plan."""
        self._deals_early = False
        self._look.asks_for_ids = not self._look.stream.options.match_by
        self._run.plan.add(self._look)

    def take(self, message: Message, version: int | None, record: dict[str, Any]) -> None:  # noqa: ARG002 - as `UserflowSink.take`
        """Look at a record, if it is one of the first."""
        self._receive()
        self._tally.skip("only looked at, for the plan")
        if self._look.is_done:
            return
        try:
            if not self._marked.mark(message.record, record):
                self._requests.request(message, record)
        except RejectRecord as error:
            self._look.rejections[str(error)] += 1

    def reject_unmapped(self, message: Message, version: int | None, error: Exception) -> None:  # noqa: ARG002 - likewise
        """Count a record that the stream maps could not handle."""
        self._receive()
        self._look.rejections[failure(error)] += 1

    def announce(self, message: Message, version: int) -> None:
        """Do nothing: no version deletes anything."""
