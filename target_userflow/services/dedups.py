"""Chooses what a stream remembers of its records, by the settings and the object type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.compare.column_watch import DestinationWatch
from target_userflow.compare.comparison import COMPARED
from target_userflow.compare.dedup import CompareWithDestination, NoteForComparison
from target_userflow.compare.verify import NotVerified, Verify
from target_userflow.dedup.change_detection import ChangeDetection, ForgetWritten
from target_userflow.dedup.dedup import NoDedup
from target_userflow.dedup.event_dedup import EventDedup
from target_userflow.dedup.event_keys import EventKeys
from target_userflow.dedup.event_leases import EventLeases
from target_userflow.dedup.known_rows import KnownRows
from target_userflow.dedup.write_intents import write_intents
from target_userflow.ledger.ledger import exists

if TYPE_CHECKING:
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.clock import Clock
    from target_userflow.compare.comparison import Comparison
    from target_userflow.compare.verify import Verdicts
    from target_userflow.config.settings import Settings
    from target_userflow.dedup.column_changes import AlwaysChanged
    from target_userflow.dedup.column_watch import ColumnWatch
    from target_userflow.ledger.ledgers import Ledgers
    from target_userflow.mapping.columns import Stream
    from target_userflow.plan.stream_columns import StreamColumns
    from target_userflow.services.products import Products


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
        self._watches: dict[str, ColumnWatch] = {}
        self._compared: dict[str, DestinationWatch] = {}

    def dedup(self, object_type: ObjectType, stream: Stream, columns: StreamColumns) -> NoDedup:
        """Return what a stream remembers of its records.

        Args:
            object_type: What the stream is routed to.
            stream: The stream, after any stream map.
            columns: Tells its columns apart in what is sent.

        Raises:
            ConfigError: `ledger` names no database that can be used.
            StorageError: it can't be opened, or another run has it.
        """
        settings, name = self._settings, object_type.name
        if self._verdicts:
            return self._verify(object_type, stream, self._verdicts)
        ledger = self._ledger_dedup
        if not settings.compares_destination or name not in COMPARED:
            return ledger(object_type, stream, columns)
        comparison = self._products.comparison(object_type)
        if stream.options.mode == "insert":
            return NoteForComparison(comparison, ledger(object_type, stream, columns))
        return self._compare(comparison, object_type, stream, columns)

    def _compare(
        self,
        comparison: Comparison,
        object_type: ObjectType,
        stream: Stream,
        columns: StreamColumns,
    ) -> NoDedup:
        ledger = self._change_detection(object_type, stream) if self._has_ledger else NoDedup()
        watch = self._compared.setdefault(
            stream.name, DestinationWatch(comparison.differences, columns.column)
        )
        watch.column_of = columns.column
        matches = bool(stream.options.match_by)
        return CompareWithDestination(comparison, ledger, matches=matches, watch=watch)

    def always_changed(self, stream: str) -> AlwaysChanged | None:
        """Return the columns of a stream that differed in every record compared, if any did."""
        watch = self._watches.get(stream) or self._compared.get(stream)
        return watch.always() if watch else None

    def write_columns(self) -> None:
        """Write to the ledger how the columns of some records were delivered.

        Raises:
            StorageError: the ledger can't be written.
        """
        for watch in self._watches.values():
            watch.write()

    def _verify(self, object_type: ObjectType, stream: Stream, verdicts: Verdicts) -> NoDedup:
        if object_type.name not in COMPARED:
            return NotVerified(object_type.name, object_type.product.name)
        matches = bool(stream.options.match_by)
        return Verify(self._products.comparison(object_type), verdicts, matches=matches)

    def _ledger_dedup(
        self, object_type: ObjectType, stream: Stream, columns: StreamColumns
    ) -> NoDedup:
        settings, today = self._settings, self._clock.now().toordinal()
        if not settings.ledger:
            return NoDedup()
        if object_type.is_event:
            return self._event_dedup(object_type, stream, today) if stream.keys else NoDedup()
        if settings.skip_unchanged and not settings.limit:
            watch = self._watch(object_type, stream, columns)
            return self._change_detection(object_type, stream, watch)
        if not settings.dry_run and self._has_ledger:
            return ForgetWritten(self._rows(object_type), today, object_type.name)
        return NoDedup()

    def _event_dedup(self, object_type: ObjectType, stream: Stream, today: int) -> EventDedup:
        settings = self._settings
        is_split = stream.name in settings.splits
        keys = EventKeys(stream, settings.ledger_namespace, is_split=is_split)
        rows = self._rows(object_type, stream.name)
        runs = self._products.sharing.runs if rows.ledger.is_shared else None
        leases = EventLeases(rows.ledger, runs, self._clock)
        return EventDedup(rows, today, keys, leases, is_sample=bool(settings.limit))

    @property
    def _has_ledger(self) -> bool:
        return bool(self._settings.ledger) and exists(self._settings.ledger)

    def _change_detection(
        self, object_type: ObjectType, stream: Stream, watch: ColumnWatch | None = None
    ) -> ChangeDetection:
        rows, today = self._rows(object_type, stream.name), self._clock.now().toordinal()
        days = self._settings.resync_days
        return ChangeDetection(rows, today, object_type.name, days, watch)

    def _watch(
        self, object_type: ObjectType, stream: Stream, columns: StreamColumns
    ) -> ColumnWatch:
        """Return what watches the columns of a stream; it outlives a new SCHEMA."""
        from target_userflow.dedup.column_samples import ColumnSamples  # noqa: PLC0415 - SQLAlchemy is slow to load
        from target_userflow.dedup.column_watch import ColumnWatch  # noqa: PLC0415 - likewise

        if stream.name not in self._watches:
            ledger = self._rows(object_type, stream.name).ledger
            samples = ColumnSamples(ledger, object_type.name, stream.name, *self._ledgers.namespace)
            self._watches[stream.name] = ColumnWatch(samples, columns.of_request)
        self._watches[stream.name].columns_of = columns.of_request
        return self._watches[stream.name]

    def _rows(self, object_type: ObjectType, stream: str = "") -> KnownRows:
        """Return what is known of a ledger's rows, for all streams to its product."""
        ledger = self._ledgers.ledger(object_type, stream)
        prefix = object_type.product.prefix
        if prefix not in self._known_rows:
            today, compares = self._clock.now().toordinal(), bool(self._settings.skip_unchanged)
            intents = write_intents(ledger, today, notes_versions=compares)
            self._known_rows[prefix] = KnownRows(ledger, intents)
        return self._known_rows[prefix]
