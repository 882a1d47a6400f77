"""A record on its way to an API, and who keeps the tracker of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from target_userflow.apis.messages import Request
    from target_userflow.apis.outcomes import Settled
    from target_userflow.singer.reader import Source


class PendingRecord(msgspec.Struct, eq=False):
    """A record on its way."""

    request: Request
    source: Source
    observer: DeliveryObserver
    """Keeps the tracker of its stream."""
    ledger_key: bytes = b""
    """Its place in the ledger; empty where it has none."""
    sent: bool = False
    """Whether there was an attempt."""
    lost: bool = False
    """Whether an attempt may have been carried out although no good answer came."""
    in_doubt: bool = False
    """Whether it was sent again although it may thereby be doubled."""
    outcome: Settled | None = None
    """What became of it; None as long as it is unsettled."""


class DeliveryObserver(Protocol):
    """Keeps the tracker of a stream; the workers tell it what happens as it happens."""

    stream_name: str
    """The stream's name, after any stream map."""

    def superseded(self, record: PendingRecord) -> None:
        """A later record of the window says all that this one does."""

    def is_needed(self, record: PendingRecord) -> bool:
        """Whether the record has to be sent; settles it otherwise."""

    def asking(self) -> None:
        """A request is sent for the stream, for one record or for several."""

    def sending(self, record: PendingRecord) -> None:
        """An attempt starts; `sent` and `lost` tell of those before."""

    def carried(self, record: PendingRecord) -> None:
        """It was delivered in the request of another record."""

    def settled(self, record: PendingRecord) -> None:
        """The outcome is known."""

    def convicted(self, record: PendingRecord) -> None:
        """It was given up on, and is clear now to be at fault."""

    def unsettled(self, record: PendingRecord) -> None:
        """The run ends before there is an outcome."""


Batch = list[PendingRecord]
"""What goes into one request: records of one object or of several."""
