"""Puts the parts of a run together: each gets the others that it needs."""

from __future__ import annotations

import hashlib
import uuid
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from target_userflow.accounts.checkpoint import Checkpoint
from target_userflow.accounts.state_output import StateOutput
from target_userflow.accounts.tally import Tally
from target_userflow.dead_letters.dead_letters import DeadLetters
from target_userflow.deletes.versions import Versions
from target_userflow.delivery.deliveries import Deliveries
from target_userflow.delivery.pipeline import Bounds, Pipeline
from target_userflow.delivery.sample_limit import SampleLimits
from target_userflow.dry_run.delivery import DryRun
from target_userflow.dry_run.verification import Verification
from target_userflow.errors import StopRun
from target_userflow.ledger.ledgers import Ledgers
from target_userflow.plan.plan import Plan
from target_userflow.services.dedups import Dedups
from target_userflow.services.last_run import LastRun
from target_userflow.services.products import Products
from target_userflow.singer.state import StateWriter
from target_userflow.tracking.waiting_records import WaitingRecords
from target_userflow.transport.request_stats import RequestStats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.apis.object_type import ObjectType
    from target_userflow.clock import Clock
    from target_userflow.config.settings import Destination, Settings
    from target_userflow.dedup.column_changes import AlwaysChanged
    from target_userflow.ledger.store import Store
    from target_userflow.plan.inventory import Inventory
    from target_userflow.plan.stream_look import StreamLook

_COMPARED = 4_000  # records that are held: a list is entered where those are that come next


class Syncable(Protocol):
    """Notes what became of records."""

    def sync(self) -> None:
        """Return once it is written."""


class Run:
    """The parts of a run, and the end of all of them."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Put the parts together; no file, database or connection is opened.

        Args:
            settings: The settings of the run.
            clock: The clock of the run.
        """
        self.settings = settings
        self.clock = clock
        self.tally = Tally(settings.abort_reject_ratio)
        self.request_stats = RequestStats(clock)
        self.started = clock.now()
        self.id = f"{self.started:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
        self.verification = Verification(settings.pace) if settings.verifies else None
        self.dry_run = self.verification or (DryRun(settings.pace) if settings.dry_run else None)
        self.dead_letters = _dead_letters(self.id, settings)
        self.checkpoint = Checkpoint(clock)
        self.waiting = WaitingRecords()
        self._state = StateWriter()
        deliveries = Deliveries(clock)
        states = StateOutput(self.checkpoint, self._write_state, self, clock)
        self.pipeline = Pipeline(
            self.checkpoint, states, self, deliveries, clock, _bounds(settings)
        )
        self.products = Products(settings, clock, self.request_stats, self.dry_run, deliveries.add)
        self._ledgers = Ledgers(settings, partial(_open_store, settings, clock))
        ledgers = self._ledgers if settings.ledger else None
        self.versions = Versions(ledgers, settings.max_delete_ratio)
        verdicts = self.verification.verdicts if self.verification else None
        self.dedups = Dedups(settings, clock, self.products, self._ledgers, verdicts)
        self.plan = Plan(settings)
        self.plan_facts: dict[str, Any] | None = None
        """The plan of a dry run, once all is read."""
        self._streams: list[Syncable] = []
        self.samples = SampleLimits(settings)

    def track(self, stream: Syncable) -> None:
        """Have what is noted of a stream's records written before STATE is."""
        self._streams.append(stream)

    def account(self) -> None:
        """Check, once all input is read, that every record has an outcome.

        What only the end of the input shows is noted: the plan of a dry run, and what exists
        beside the input.

        Raises:
            StopRun: a record has none or two, or a product does not answer.
        """
        self._note_extra()
        self.dedups.write_columns()
        if not self.settings.plans:
            self.tally.check()
            self.tally.check_keys()
        if self.settings.dry_run and not self.settings.verifies:
            self.plan_facts = self._planned()

    def _planned(self) -> dict[str, Any]:
        if self.dry_run:
            self.dry_run.is_planning = True

        def inventory(object_type: ObjectType) -> Inventory:
            return self.products.of(object_type).inventory

        received = {stream: account.received for stream, account in self.tally.accounts.items()}
        return self.plan.facts(inventory, received, self._always_changed)

    def _always_changed(self, look: StreamLook) -> AlwaysChanged | None:
        """Return the columns of a stream that keep `skip_unchanged` from skipping anything.

        A dry run compares itself; a plan asks the ledger, or compares what it looks up.
        """
        planned = self.settings.plan_of
        if planned is None:
            return self.dedups.always_changed(look.stream.name)
        if planned.compares_destination:
            return self.products.of(look.object_type).inventory.always_changed(look)
        return LastRun(planned).always_changed(look) if planned.skip_unchanged else None

    def _note_extra(self) -> None:
        """Count what exists and is not in the input, if it is to be."""
        compared = self.products.compared
        extra = compared.extra() if compared and self.settings.counts_extra else None
        if self.verification and extra:
            self.verification.verdicts.note_extra(extra)

    def convict(self, *, last: bool) -> None:
        """Settle what was given up on and is clear to be at fault; see `Suspects.convict`."""
        self.products.convict(last=last)

    def check_shares(self) -> None:
        """Let records be delivered, unless too many were rejected; see `Tally.check_shares`."""
        self.tally.check_shares()

    def sync(self) -> None:
        """Return once the disk has what became of all that is settled.

        Raises:
            StorageError: the dead letters or the ledger can't be written.
        """
        self.dead_letters.sync()
        for stream in self._streams:
            stream.sync()

    def _write_state(self, line: str) -> None:
        self.sync()
        is_whole = not self.dry_run and not self.settings.limit
        if is_whole and not self.tally.mixed_up:
            self._state.write(line)

    def stop(self) -> None:
        """Settle what is in flight, and write its STATE: the run has to end.

        Whatever fails now is not said, as something else has failed before.
        """
        with suppress(StopRun):
            self.pipeline.stop()

    def close(self) -> None:
        """Close connections and files."""
        self.products.close()
        self._ledgers.close()
        self.dead_letters.close()


def _bounds(settings: Settings) -> Bounds:
    if settings.batch_size_rows:
        return Bounds(settings.batch_size_rows)
    return Bounds(_COMPARED) if settings.compares_destination else Bounds()


def _dead_letters(run_id: str, settings: Settings) -> DeadLetters:
    if settings.dry_run:
        return DeadLetters(settings.dead_letter_dir, f"{run_id}.dry-run")
    return DeadLetters(settings.dead_letter_dir, run_id, _fingerprint(settings.destinations))


def _open_store(settings: Settings, clock: Clock) -> Store:
    if settings.dry_run:
        from target_userflow.dry_run.ledger_copy import LedgerCopy  # noqa: PLC0415 - as below

        return LedgerCopy(settings.ledger)
    from target_userflow.ledger.store import Store  # noqa: PLC0415 - SQLAlchemy is slow to load

    return Store(
        settings.ledger,
        clock=clock,
        max_retry_seconds=settings.pace.max_retry_seconds,
        wait=settings.ledger_wait,
    )


def _fingerprint(destinations: Mapping[str, Destination]) -> str:
    """Return a short hash of URLs and keys."""
    parts = [part for place in destinations.values() for part in (place.url, place.api_key)]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=4).hexdigest()
