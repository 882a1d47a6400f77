"""What all sinks of one run share, each part made when it is first needed."""

from __future__ import annotations

import hashlib
import logging
import uuid
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.compare.comparison import COMPARED, Comparison
from target_userflow.compare.dedup import CompareWithDestination
from target_userflow.compare.verify import NotVerified, Verify
from target_userflow.deletes.log_based import DeletionLimit
from target_userflow.deletes.table_versions import TableVersions
from target_userflow.delivery.attribute_types import AttributeTypeCheck, Definitions, NewNames
from target_userflow.delivery.checkpoint import Checkpoint
from target_userflow.delivery.dedup import ChangeDetection, ForgetWritten, NoDedup
from target_userflow.delivery.event_dedup import EventDedup, EventKeys
from target_userflow.delivery.existing_objects import ExistingObjectsByType
from target_userflow.delivery.known_rows import KnownRows
from target_userflow.delivery.pipeline import Bounds, Pipeline
from target_userflow.delivery.product_delivery import ProductDelivery
from target_userflow.delivery.tally import Tally
from target_userflow.delivery.write_intents import write_intents
from target_userflow.delivery.write_modes import UpsertMode, write_mode
from target_userflow.dry_run.delivery import DryRun, DryRunDelivery
from target_userflow.dry_run.verification import Verification
from target_userflow.errors import ConfigError, StopRun
from target_userflow.ledger.ledger import Ledger, exists
from target_userflow.plan.inventory import Inventory
from target_userflow.plan.plan import Plan
from target_userflow.singer.dead_letters import DeadLetters
from target_userflow.singer.state import StateWriter
from target_userflow.transport.client import Client
from target_userflow.transport.request_stats import RequestStats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_userflow.apis.object_type import ObjectType
    from target_userflow.apis.product import Product
    from target_userflow.clock import Clock
    from target_userflow.compare.verify import Verdicts
    from target_userflow.config.settings import Destination, Settings
    from target_userflow.ledger.store import Store
    from target_userflow.mapping.columns import Stream

_logger = logging.getLogger("target-userflow")


class Syncable(Protocol):
    """Notes what became of records."""

    def sync(self) -> None:
        """Return once it is written."""


class Run:
    """The settings of one run, its files, its accounts, and the ways to the products."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Open nothing yet."""
        self.settings = settings
        self.clock = clock
        self.tally = Tally(settings.abort_reject_ratio)
        self.request_stats = RequestStats(clock)
        self.started = clock.now()
        self.id = f"{self.started:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
        self.verification = Verification(settings.pace) if settings.verifies else None
        self.dry_run = self.verification or (DryRun(settings.pace) if settings.dry_run else None)
        parts = (
            (f"{self.id}.dry-run", "")
            if self.dry_run
            else (self.id, _fingerprint(settings.destinations))
        )
        self.dead_letters = DeadLetters(settings.dead_letter_dir, *parts)
        self.checkpoint = Checkpoint(clock)
        self._state = StateWriter()
        bounds = Bounds(settings.batch_size_rows) if settings.batch_size_rows else Bounds()
        self.pipeline = Pipeline(self.checkpoint, self._write_state, self, clock, bounds)
        self._streams: list[Syncable] = []
        self._deliveries: dict[str, ProductDelivery] = {}
        self._existing: dict[str, ExistingObjectsByType] = {}
        self._definitions: dict[str, Definitions] = {}
        self._compared: Comparison | None = None
        self._new_names = NewNames(
            attributes=settings.max_new_attributes,
            events=settings.max_new_events,
            reject=settings.new_attributes == "reject",
        )
        self._inventories: dict[str, Inventory] = {}
        self.plan = Plan(settings)
        self.plan_facts: dict[str, Any] | None = None
        """The plan of a dry run, once all is read."""
        self._versions: dict[tuple[str, str], TableVersions] = {}
        self._ledgers: dict[str, Ledger] = {}
        self._known_rows: dict[str, KnownRows] = {}
        self._limits: dict[tuple[str, str], DeletionLimit] = {}

    def delivery(self, object_type: ObjectType) -> ProductDelivery:
        """The way to the product of an object type.

        Each has a clock of its own: one that is down does not stop the others.
        """
        product = object_type.product
        if product.name not in self._deliveries:
            delivery = self._delivery_to(product)
            self._deliveries[product.name] = delivery
            self.pipeline.connect(delivery)
        return self._deliveries[product.name]

    def _delivery_to(self, product: Product) -> ProductDelivery:
        pace, clock, destination = (
            self.settings.pace,
            self.clock.child(),
            self._destination(product),
        )
        client = Client(product, destination, pace, clock, self.request_stats)
        if self.dry_run:
            return DryRunDelivery(self.dry_run, product, destination, client, clock)
        return ProductDelivery(product, destination, client, clock, pace.concurrency)

    def track(self, stream: Syncable) -> None:
        """Have what is noted of a stream's records written before STATE is."""
        self._streams.append(stream)

    def existing(self, object_type: ObjectType) -> ExistingObjectsByType:
        """What exists in the product of an object type."""
        product = object_type.product
        if product.name not in self._existing:
            delivery, matched = self.delivery(object_type), self.settings.matched
            self._existing[product.name] = ExistingObjectsByType(product, delivery, matched)
        return self._existing[product.name]

    def write_mode(self, object_type: ObjectType, stream: Stream) -> UpsertMode:
        """What lets the records of a stream pass.

        Raises:
            ConfigError: the product has no key, or the options ask for what nobody can know.
        """
        self._check_destination(object_type.product, stream.name)
        return write_mode(object_type, stream, self.existing(object_type))

    def attribute_types(self, object_type: ObjectType, stream: Stream) -> AttributeTypeCheck:
        """What compares a stream with the attributes there are."""
        product, definitions = object_type.product, self.definitions(object_type)
        return AttributeTypeCheck(stream.name, product, definitions, self._new_names)

    def definitions(self, object_type: ObjectType) -> Definitions:
        """The attributes and event names there are in the product of an object type."""
        product = object_type.product
        if product.name not in self._definitions:
            self._definitions[product.name] = Definitions(product, self.delivery(object_type))
        return self._definitions[product.name]

    def inventory(self, object_type: ObjectType) -> Inventory:
        """What the product of an object type has, for the plan of its streams."""
        name = object_type.product.name
        if name not in self._inventories:
            reads = self.delivery(object_type)
            self._inventories[name] = Inventory(self.definitions(object_type), reads)
        return self._inventories[name]

    def planned(self) -> dict[str, Any]:
        """The plan of the run; see `Plan.facts`.

        Raises:
            StopRun: a product does not answer.
        """
        if self.dry_run:
            self.dry_run.is_planning = True
        received = {stream: account.received for stream, account in self.tally.accounts.items()}
        return self.plan.facts(self.inventory, received)

    def dedup(self, object_type: ObjectType, stream: Stream) -> NoDedup:
        """What a stream remembers of its records.

        Raises:
            ConfigError: `ledger` names no database that can be used.
            StorageError: it can't be opened, or another run has it.
        """
        settings, name = self.settings, object_type.name
        if self.verification:
            return self._verify(object_type, stream, self.verification.verdicts)
        if settings.compares_destination and name in COMPARED and stream.options.mode != "insert":
            matches = bool(stream.options.match_by)
            ledger = self._change_detection(object_type, stream) if self._has_ledger else NoDedup()
            return CompareWithDestination(self._comparison(object_type), ledger, matches=matches)
        return self._ledger_dedup(object_type, stream) if settings.ledger else NoDedup()

    def _ledger_dedup(self, object_type: ObjectType, stream: Stream) -> NoDedup:
        settings, today = self.settings, self.clock.now().toordinal()
        if object_type.is_event:
            if not stream.keys:
                return NoDedup()
            keys = EventKeys(stream, settings.ledger_namespace, stream.name in settings.splits)
            return EventDedup(self._rows(object_type, stream), today, keys)
        if settings.skip_unchanged:
            return self._change_detection(object_type, stream)
        if not settings.dry_run and self._has_ledger:
            return ForgetWritten(self._rows(object_type), today, object_type.name)
        return NoDedup()

    @property
    def _has_ledger(self) -> bool:
        return bool(self.settings.ledger) and exists(self.settings.ledger)

    def _change_detection(self, object_type: ObjectType, stream: Stream) -> ChangeDetection:
        rows, today = self._rows(object_type, stream), self.clock.now().toordinal()
        return ChangeDetection(rows, today, object_type.name, self.settings.resync_days)

    def _verify(self, object_type: ObjectType, stream: Stream, verdicts: Verdicts) -> NoDedup:
        if object_type.name not in COMPARED:
            return NotVerified(object_type.name, object_type.product.name)
        matches = bool(stream.options.match_by)
        return Verify(self._comparison(object_type), verdicts, matches=matches)

    def verify_extra(self) -> None:
        """Have what exists and is not in the input counted, if it is to be.

        Raises:
            StopRun: an API does not answer.
        """
        if self.verification and self._compared and self.settings.counts_extra:
            self.verification.verdicts.note_extra(self._compared.extra())

    def _comparison(self, object_type: ObjectType) -> Comparison:
        """What all streams share that are compared with Userflow."""
        if self._compared is None:
            definitions = self.definitions(object_type)
            is_exact, keeps_ids = self.settings.verifies, self.settings.counts_extra
            self._compared = Comparison(
                self.delivery(object_type), definitions, is_exact=is_exact, keeps_ids=keeps_ids
            )
        return self._compared

    def versions(self, object_type: ObjectType, source: str, stream: str) -> TableVersions:
        """The versions of a stream; `source` is what the tap calls it.

        Raises:
            ConfigError: there is no ledger, or none that can be used.
            StorageError: it can't be opened, or another run has it.
        """
        found = self._versions.get((source, stream))
        if found is None:
            if not self.settings.ledger:
                raise ConfigError(
                    f"Stream '{stream}': its tap sends versions, and without a ledger hard_delete "
                    "can't tell what ACTIVATE_VERSION leaves behind. Set ledger, or set "
                    "hard_delete to false"
                )
            stream_key = object_type.name, source, stream, *self._apart
            rows = self._ledger(object_type).delivered_rows(*stream_key)
            found = TableVersions(rows, stream, object_type, self.settings.max_delete_ratio)
            self._versions[source, stream] = found
        return found

    def deletion_limit(self, source: str, stream: str) -> DeletionLimit:
        """What bounds the deletions of a stream; `source` is what the tap calls it.

        It outlives the sinks that a changing SCHEMA makes of the stream.
        """
        limit = DeletionLimit(stream, self.settings.max_delete_ratio)
        return self._limits.setdefault((source, stream), limit)

    def announced(self) -> list[tuple[tuple[str, str], TableVersions]]:
        """The versions of which one was activated ahead of its records.

        Returns:
            What the tap calls the stream and what it is called after the stream maps, and its
            versions. First come those that refer to others: what they delete is there still.
        """
        found = [
            (names, versions)
            for names, versions in self._versions.items()
            if versions.announced is not None
        ]
        return sorted(found, key=lambda one: one[1].object_type.turn, reverse=True)

    def convict(self, *, last: bool) -> None:
        """Settle what was given up on and is clear to be at fault; see `Suspects.convict`."""
        for delivery in self._deliveries.values():
            delivery.suspects.convict(last=last)

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
        if not self.tally.mixed_up and not self.dry_run:
            self._state.write(line)

    def waits(self) -> Iterator[tuple[str, str, float]]:
        """Product, what the run waited for there, and for how many seconds."""
        for name, delivery in self._deliveries.items():
            yield from (
                (name, cause.value, secs) for cause, secs in delivery.client.limits.waits.told()
            )

    def limiting(self, name: str) -> str:
        """What sets the pace now of what is sent for the object `name`."""
        delivery = self._deliveries.get(OBJECT_TYPES[name].product.name)
        return delivery.client.limits.waits.limiting.as_limit if delivery else ""

    def stop(self) -> None:
        """Settle what is in flight, and write its STATE: the run has to end.

        Whatever fails now is not said, as something else has failed before.
        """
        with suppress(StopRun):
            self.pipeline.stop()
            self.pipeline.write_last_state()
            self.sync()

    def close(self) -> None:
        """Close connections and files."""
        for delivery in self._deliveries.values():
            delivery.close()
        if self._compared:
            self._compared.close()
        if "_store" in self.__dict__:
            self._store.close()
        self.dead_letters.close()

    @cached_property
    def _store(self) -> Store:
        from target_userflow.ledger import loss  # noqa: PLC0415 - SQLAlchemy takes half a second

        signs = loss.signs(self.settings.ledger, self.settings.dead_letter_dir)
        store = self._opened_store()
        if store.is_new and signs:
            _logger.warning(
                "Ledger %s is new, although %s. %s",
                store.name,
                " and ".join(signs),
                loss.EFFECTS,
            )
        return store

    def _opened_store(self) -> Store:
        if self.settings.dry_run:
            from target_userflow.dry_run.ledger_copy import LedgerCopy  # noqa: PLC0415 - as above

            return LedgerCopy(self.settings.ledger)
        from target_userflow.ledger.store import Store  # noqa: PLC0415 - likewise

        return Store(
            self.settings.ledger,
            clock=self.clock,
            max_retry_seconds=self.settings.pace.max_retry_seconds,
            wait=self.settings.ledger_wait,
        )

    def _rows(self, object_type: ObjectType, stream: Stream | None = None) -> KnownRows:
        """What is known of a ledger's rows, for all streams that are written to its product."""
        ledger = self._ledger(object_type, stream)
        prefix = object_type.product.prefix
        if prefix not in self._known_rows:
            today, compares = self.clock.now().toordinal(), bool(self.settings.skip_unchanged)
            intents = write_intents(ledger, today, notes_versions=compares)
            self._known_rows[prefix] = KnownRows(ledger, intents)
        return self._known_rows[prefix]

    def _ledger(self, object_type: ObjectType, stream: Stream | None = None) -> Ledger:
        """The ledger of what is written to the product of an object type.

        The first time it says what it knows, and of a stream whether it knew it under another key.
        """
        product = object_type.product
        if product.prefix not in self._ledgers:
            destination, called = self._destination(product), self.settings.ledger_destination
            ledger = Ledger(self._store, destination, product.prefix, called)
            self._ledgers[product.prefix] = ledger
            _logger.info("%s", ledger.summary())
        if stream:
            self._note_stream(self._ledgers[product.prefix], object_type.name, stream.name)
        return self._ledgers[product.prefix]

    def _note_stream(self, ledger: Ledger, name: str, stream: str) -> None:
        others = ledger.note_stream(name, stream, *self._apart)
        if others:
            _logger.warning(
                "Stream '%s': the ledger knows it under another key of the same URL, and not under "
                "this one. If it is the same environment with a new key, stop, and set "
                "ledger_destination to %s: else events that the tap sends again are delivered "
                "again. If it is another environment, all is well",
                stream,
                " or ".join(f"'{other}'" for other in others),
            )

    @property
    def _apart(self) -> tuple[str, ...]:
        """What tells the tap's streams from those of other taps, where something does."""
        namespace = self.settings.ledger_namespace
        return (namespace,) if namespace else ()

    def _destination(self, product: Product) -> Destination:
        return self.settings.destinations[product.prefix]

    def _check_destination(self, product: Product, stream: str) -> None:
        missing = self.settings.missing[product.prefix]
        if missing:
            names = " and ".join(f"'{name}'" for name in missing)
            variables = " and ".join(f"TARGET_USERFLOW_{name.upper()}" for name in missing)
            raise ConfigError(
                f"Stream '{stream}' is routed to {product.name}: set {names} in the config, or "
                f"{variables} with --config ENV"
            )


def _fingerprint(destinations: Mapping[str, Destination]) -> str:
    """What tells URLs and keys from others, and nothing of them."""
    parts = [part for one in destinations.values() for part in (one.url, one.api_key)]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=4).hexdigest()
