"""What all sinks of one run share, each part made when it is first needed."""

from __future__ import annotations

import hashlib
import logging
import uuid
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from target_userflow.apis.registry import API_OF, TURN
from target_userflow.deletes.log_based import DeletionLimit
from target_userflow.deletes.table_versions import TableVersions
from target_userflow.delivery.attribute_types import AttributeTypeCheck, Definitions
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
from target_userflow.errors import ConfigError, StopRun
from target_userflow.ledger.ledger import Ledger, exists
from target_userflow.singer.dead_letters import DeadLetters
from target_userflow.singer.state import StateWriter
from target_userflow.transport.client import Client
from target_userflow.transport.request_stats import RequestStats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_userflow.apis.messages import Api
    from target_userflow.clock import Clock
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
        run_id = f"{self.started:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
        self.dry_run = DryRun(settings.pace) if settings.dry_run else None
        parts = (
            (f"{run_id}.dry-run", "")
            if self.dry_run
            else (run_id, _fingerprint(settings.destinations))
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
        self._versions: dict[tuple[str, str], TableVersions] = {}
        self._ledgers: dict[str, Ledger] = {}
        self._known_rows: dict[str, KnownRows] = {}
        self._limits: dict[tuple[str, str], DeletionLimit] = {}

    def delivery(self, name: str) -> ProductDelivery:
        """The way to the product of the object `name`.

        Each has a clock of its own: one that is down does not stop the others.
        """
        api = API_OF[name]
        if api.name not in self._deliveries:
            delivery = self._delivery_to(api)
            self._deliveries[api.name] = delivery
            self.pipeline.connect(delivery)
        return self._deliveries[api.name]

    def _delivery_to(self, api: Api) -> ProductDelivery:
        pace, clock, destination = self.settings.pace, self.clock.child(), self._destination(api)
        client = Client(api, destination, pace, clock, self.request_stats)
        if self.dry_run:
            return DryRunDelivery(self.dry_run, api, destination, client, clock)
        return ProductDelivery(api, destination, client, clock, pace.concurrency)

    def track(self, stream: Syncable) -> None:
        """Have what is noted of a stream's records written before STATE is."""
        self._streams.append(stream)

    def existing(self, name: str) -> ExistingObjectsByType:
        """What exists in the product of the object `name`."""
        api, options = API_OF[name], self.settings.streams.values()
        if api.name not in self._existing:
            emails = any(one.match_by for one in options)
            self._existing[api.name] = ExistingObjectsByType(
                api, self.delivery(name), emails=emails
            )
        return self._existing[api.name]

    def write_mode(self, name: str, stream: Stream) -> UpsertMode:
        """What lets the records of a stream to the object `name` pass.

        Raises:
            ConfigError: the product has no key, or the options ask for what nobody can know.
        """
        self._check_destination(API_OF[name], stream.name)
        return write_mode(name, stream, self.existing(name))

    def attribute_types(self, name: str, stream: Stream) -> AttributeTypeCheck:
        """What compares a stream to the object `name` with the attributes there are."""
        api = API_OF[name]
        if api.name not in self._definitions:
            self._definitions[api.name] = Definitions(api, self.delivery(name))
        definitions, new = self._definitions[api.name], self.settings.new_attributes
        return AttributeTypeCheck(stream.name, api, definitions, new_attributes=new)

    def dedup(self, name: str, stream: Stream) -> NoDedup:
        """What a stream to the object `name` remembers.

        Raises:
            ConfigError: `ledger` names no database that can be used.
            StorageError: it can't be opened, or another run has it.
        """
        settings, events = self.settings, name.endswith("events")
        today = self.clock.now().toordinal()
        if not settings.ledger:
            return NoDedup()
        if events and stream.keys:
            keys = EventKeys(stream, settings.ledger_namespace, stream.name in settings.splits)
            return EventDedup(self._rows(name, stream), today, keys)
        if not events and settings.skip_unchanged:
            return ChangeDetection(self._rows(name, stream), today, name, settings.resync_days)
        if not events and not settings.dry_run and exists(settings.ledger):
            return ForgetWritten(self._rows(name), today, name)
        return NoDedup()

    def versions(self, name: str, source: str, stream: str) -> TableVersions:
        """The versions of a stream to the object `name`; `source` is what the tap calls it.

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
            rows = self._ledger(name).delivered_rows(name, source, stream, *self._apart)
            found = TableVersions(rows, stream, name, self.settings.max_delete_ratio)
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
        return sorted(found, key=lambda one: TURN[one[1].object], reverse=True)

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
        delivery = self._deliveries.get(API_OF[name].name)
        return delivery.client.limits.waits.limiting.value if delivery else ""

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

        longest = self.settings.pace.max_retry_seconds
        return Store(self.settings.ledger, clock=self.clock, max_retry_seconds=longest)

    def _rows(self, name: str, stream: Stream | None = None) -> KnownRows:
        """What is known of a ledger's rows, for all streams that are written to its product."""
        ledger = self._ledger(name, stream)
        prefix = API_OF[name].prefix
        if prefix not in self._known_rows:
            today, compares = self.clock.now().toordinal(), self.settings.skip_unchanged
            intents = write_intents(ledger, today, notes_versions=compares)
            self._known_rows[prefix] = KnownRows(ledger, intents)
        return self._known_rows[prefix]

    def _ledger(self, name: str, stream: Stream | None = None) -> Ledger:
        """The ledger of what is written to the product of the object `name`.

        The first time it says what it knows, and of a stream whether it knew it under another key.
        """
        api = API_OF[name]
        if api.prefix not in self._ledgers:
            destination, called = self._destination(api), self.settings.ledger_destination
            ledger = Ledger(self._store, destination, api.prefix, called)
            self._ledgers[api.prefix] = ledger
            _logger.info("%s", ledger.summary())
        if stream:
            self._note_stream(self._ledgers[api.prefix], name, stream.name)
        return self._ledgers[api.prefix]

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

    def _destination(self, api: Api) -> Destination:
        return self.settings.destinations[api.prefix]

    def _check_destination(self, api: Api, stream: str) -> None:
        missing = self.settings.missing[api.prefix]
        if missing:
            names = " and ".join(f"'{name}'" for name in missing)
            variables = " and ".join(f"TARGET_USERFLOW_{name.upper()}" for name in missing)
            raise ConfigError(
                f"Stream '{stream}' is routed to {api.name}: set {names} in the config, or "
                f"{variables} with --config ENV"
            )


def _fingerprint(destinations: Mapping[str, Destination]) -> str:
    """What tells URLs and keys from others, and nothing of them."""
    parts = [part for one in destinations.values() for part in (one.url, one.api_key)]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=4).hexdigest()
