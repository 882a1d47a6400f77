"""Chooses what a stream remembers of its records, by the settings and the object type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.compare.comparison import COMPARED
from target_userflow.compare.dedup import CompareWithDestination
from target_userflow.compare.verify import NotVerified, Verify
from target_userflow.dedup.dedup import ChangeDetection, ForgetWritten, NoDedup
from target_userflow.dedup.event_dedup import EventDedup, EventKeys
from target_userflow.dedup.event_leases import EventLeases
from target_userflow.dedup.known_rows import KnownRows
from target_userflow.dedup.write_intents import write_intents
from target_userflow.ledger.ledger import exists

if TYPE_CHECKING:
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.clock import Clock
    from target_userflow.compare.verify import Verdicts
    from target_userflow.config.settings import Settings
    from target_userflow.ledger.ledgers import Ledgers
    from target_userflow.mapping.columns import Stream
    from target_userflow.products import Products


class Dedups:
    """Makes the dedup of each stream; the streams of a product share the rows of its ledger."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        products: Products,
        ledgers: Ledgers,
        verdicts: Verdicts | None,
    ) -> None:
        """Choose by these settings.

        Args:
            settings: The settings of the run.
            clock: Tells the day.
            products: The products, for streams that are compared with them.
            ledgers: The ledgers, for streams that are compared with earlier deliveries.
            verdicts: The results of a verification; None in other runs.
        """
        self._settings = settings
        self._clock = clock
        self._products = products
        self._ledgers = ledgers
        self._verdicts = verdicts
        self._known_rows: dict[str, KnownRows] = {}

    def dedup(self, object_type: ObjectType, stream: Stream) -> NoDedup:
        """Return what a stream remembers of its records.

        Raises:
            ConfigError: `ledger` names no database that can be used.
            StorageError: it can't be opened, or another run has it.
        """
        settings, name = self._settings, object_type.name
        if self._verdicts:
            return self._verify(object_type, stream, self._verdicts)
        if settings.compares_destination and name in COMPARED and stream.options.mode != "insert":
            matches = bool(stream.options.match_by)
            ledger = self._change_detection(object_type, stream) if self._has_ledger else NoDedup()
            comparison = self._products.comparison(object_type)
            return CompareWithDestination(comparison, ledger, matches=matches)
        return self._ledger_dedup(object_type, stream) if settings.ledger else NoDedup()

    def _verify(self, object_type: ObjectType, stream: Stream, verdicts: Verdicts) -> NoDedup:
        if object_type.name not in COMPARED:
            return NotVerified(object_type.name, object_type.product.name)
        matches = bool(stream.options.match_by)
        return Verify(self._products.comparison(object_type), verdicts, matches=matches)

    def _ledger_dedup(self, object_type: ObjectType, stream: Stream) -> NoDedup:
        settings, today = self._settings, self._clock.now().toordinal()
        if object_type.is_event:
            if not stream.keys:
                return NoDedup()
            keys = EventKeys(stream, settings.ledger_namespace, stream.name in settings.splits)
            rows = self._rows(object_type, stream.name)
            runs = self._products.sharing.runs if rows.ledger.is_shared else None
            leases = EventLeases(rows.ledger, runs)
            return EventDedup(rows, today, keys, leases, is_sample=bool(settings.limit))
        if settings.skip_unchanged and not settings.limit:
            return self._change_detection(object_type, stream)
        if not settings.dry_run and self._has_ledger:
            return ForgetWritten(self._rows(object_type), today, object_type.name)
        return NoDedup()

    @property
    def _has_ledger(self) -> bool:
        return bool(self._settings.ledger) and exists(self._settings.ledger)

    def _change_detection(self, object_type: ObjectType, stream: Stream) -> ChangeDetection:
        rows, today = self._rows(object_type, stream.name), self._clock.now().toordinal()
        return ChangeDetection(rows, today, object_type.name, self._settings.resync_days)

    def _rows(self, object_type: ObjectType, stream: str = "") -> KnownRows:
        """Return what is known of a ledger's rows, for all streams to its product."""
        ledger = self._ledgers.ledger(object_type, stream)
        prefix = object_type.product.prefix
        if prefix not in self._known_rows:
            today, compares = self._clock.now().toordinal(), bool(self._settings.skip_unchanged)
            intents = write_intents(ledger, today, notes_versions=compares)
            self._known_rows[prefix] = KnownRows(ledger, intents)
        return self._known_rows[prefix]
