"""What the ledger says of the last run, for the plan of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.dedup.column_changes import AlwaysChanged
from target_userflow.ledger.ledger import Ledger, exists

if TYPE_CHECKING:
    from target_userflow.config.settings import Settings
    from target_userflow.dedup.column_samples import Changing
    from target_userflow.plan.stream_look import StreamLook


class LastRun:
    """Reads the ledger of the run that is planned, if it has one that compares records."""

    def __init__(self, settings: Settings) -> None:
        """Read nothing yet.

        Args:
            settings: The settings of the run that is planned.
        """
        self._settings = settings

    def always_changed(self, look: StreamLook) -> AlwaysChanged | None:
        """Return the columns of a stream that differed in every record compared, if any did.

        Raises:
            ConfigError: `ledger` names no database that can be used.
            StorageError: it can't be read.
        """
        settings = self._settings
        if not settings.ledger or not exists(settings.ledger) or look.object_type.is_event:
            return None
        changing = self._changing(look)
        if changing is None:
            return None
        columns = {**dict.fromkeys(look.stream.properties), **look.sample.columns}
        names = (*(column for column in columns if changing.has(column)),)
        return AlwaysChanged(names, *changing[1:]) if names else None

    def _changing(self, look: StreamLook) -> Changing | None:
        from target_userflow.dedup.column_samples import ColumnSamples  # noqa: PLC0415 - SQLAlchemy is slow to load
        from target_userflow.dry_run.ledger_copy import LedgerCopy  # noqa: PLC0415 - likewise
        from target_userflow.ledger.tables import of_columns  # noqa: PLC0415 - likewise

        settings, product = self._settings, look.object_type.product
        namespace = [settings.ledger_namespace] if settings.ledger_namespace else []
        store = LedgerCopy(settings.ledger, of_columns)
        try:
            place = settings.destinations[product.prefix]
            ledger = Ledger(store, place, product.prefix, settings.ledger_destination)
            stream = look.object_type.name, look.stream.name, *namespace
            return ColumnSamples(ledger, *stream).changing()
        finally:
            store.close()
