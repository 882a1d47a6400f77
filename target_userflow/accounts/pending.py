"""A record on its way to an API, and who is told what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from target_userflow.accounts.checkpoint import Segment
    from target_userflow.apis.messages import Reference, Request
    from target_userflow.apis.outcomes import Settled
    from target_userflow.singer.message import Source


class PendingRecord(msgspec.Struct, eq=False):
    """A record on its way."""

    request: Request
    source: Source
    observer: DeliveryObserver
    """Is told what becomes of it."""
    ledger_key: bytes = b""
    """Its key in the ledger; empty where it has none."""
    turn: int = 0
    """The place of its object type in the order of sending."""
    reference: Reference = ()
    """Object type and ids of what it writes; without ids for an event."""
    is_matched: bool = False
    """Whether its object is found by an attribute, once it is prepared."""
    epoch: int = 0
    """Which deletions wait for it; for a deletion, which records it waits for."""
    segment: Segment | None = None
    """What holds STATE back until it is settled; None for what no record asks for."""
    sent: bool = False
    """Whether there was an attempt."""
    lost: bool = False
    """Whether an attempt may have been carried out although no good answer came."""
    in_doubt: bool = False
    """Whether it was sent again although it may thereby be doubled."""
    outcome: Settled | None = None
    """What became of it; None as long as it is unsettled."""


class DeliveryObserver(Protocol):
    """Judges and counts the records of a stream; the workers tell it what becomes of each."""

    stream_name: str
    """The stream's name, after any stream map."""

    def check(self) -> None:
        """Let records be handed over that were read; raises if they may not be."""

    def prepare(self, records: list[PendingRecord]) -> list[PendingRecord]:
        """Settle the records that need no request. Returns the others, in the order read."""

    def is_needed(self, record: PendingRecord) -> bool:
        """Return whether a record has to be sent; settle it otherwise."""

    def reduced(self, record: PendingRecord) -> Request:
        """Return what is sent for a record: its request, or less if that does the same."""

    def rest(self, record: PendingRecord, sent: Request, body: bytes) -> Request | None:
        """Return the request that has to follow a part of a record, by its answer; None if none."""

    def is_elsewhere(self, record: PendingRecord) -> bool:
        """Return whether another run is sending a record, so that it has to wait."""

    def before_send(self, record: PendingRecord) -> None:
        """Note that an attempt to send a record starts; `sent` and `lost` are of those before."""

    def request_sent(self) -> None:
        """Count a request of the stream, for one record or for several."""

    def settled(self, record: PendingRecord, outcome: Settled | None) -> None:
        """Note the outcome of a record; None if the run ends before there is one."""


Batch = list[PendingRecord]
"""What goes into one request: records of one object or of several."""
