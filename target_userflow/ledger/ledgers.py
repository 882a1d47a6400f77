"""The ledgers of a run: one for each product, all in one database."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

from target_userflow.ledger.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.apis.object_type import ObjectType
    from target_userflow.config.settings import Settings
    from target_userflow.ledger.store import Store

_logger = logging.getLogger("target-userflow")


class Ledgers:
    """The ledgers of a run; the database is opened when the first of them is needed."""

    def __init__(self, settings: Settings, open_store: Callable[[], Store]) -> None:
        """Open nothing yet.

        Args:
            settings: The settings of the run.
            open_store: Opens the database.
        """
        self._settings = settings
        self._open_store = open_store
        self._ledgers: dict[str, Ledger] = {}

    @property
    def namespace(self) -> tuple[str, ...]:
        """What tells the streams of this tap from those of others, where something does."""
        namespace = self._settings.ledger_namespace
        return (namespace,) if namespace else ()

    def ledger(self, object_type: ObjectType, stream: str = "") -> Ledger:
        """Return the ledger of what is written to the product of an object type.

        What it knows is logged when it is first asked for.

        Args:
            object_type: The object type.
            stream: The stream's name, to be warned if another destination of the same URL knows
                it; empty for no look.

        Raises:
            ConfigError: `ledger` names no database that can be used.
            StorageError: it can't be opened, or another run has it.
        """
        prefix = object_type.product.prefix
        if prefix not in self._ledgers:
            destination, name = (
                self._settings.destinations[prefix],
                self._settings.ledger_destination,
            )
            self._ledgers[prefix] = Ledger(self._store, destination, prefix, name)
            _logger.info("%s", self._ledgers[prefix].summary())
        if stream:
            self._note_stream(self._ledgers[prefix], object_type.name, stream)
        return self._ledgers[prefix]

    def close(self) -> None:
        """Close the database, if it was opened."""
        if "_store" in self.__dict__:
            self._store.close()

    def _note_stream(self, ledger: Ledger, object_type: str, stream: str) -> None:
        others = ledger.note_stream(object_type, stream, *self.namespace)
        if others:
            _logger.warning(
                "Stream '%s': the ledger knows it under another key of the same URL, and not under "
                "this one. If it is the same environment with a new key, stop, and set "
                "ledger_destination to %s: else events that the tap sends again are delivered "
                "again. If it is another environment, all is well",
                stream,
                " or ".join(f"'{other}'" for other in others),
            )

    @cached_property
    def _store(self) -> Store:
        from target_userflow.ledger import loss  # noqa: PLC0415 - SQLAlchemy takes half a second

        signs = loss.signs(self._settings.ledger, self._settings.dead_letter_dir)
        store = self._open_store()
        if store.is_new and signs:
            _logger.warning(
                "Ledger %s is new, although %s. %s",
                store.name,
                " and ".join(signs),
                loss.EFFECTS,
            )
        return store
