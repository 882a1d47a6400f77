"""The command `target-userflow ledger show`: prints what the ledger knows of one record."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.config.routing import object_of, options_of
from target_userflow.config.settings import IGNORE
from target_userflow.dedup.change_detection import deletion_mark
from target_userflow.dedup.event_keys import event_key, number_text
from target_userflow.errors import ConfigError
from target_userflow.escaping import escaped
from target_userflow.ledger.ledger import (
    DELETED,
    DELIVERED,
    EVENT_MARK_SIZE,
    IN_FLIGHT,
    INTENT_SIZE,
    Ledger,
    digest,
    exists,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_userflow.apis.object_type import ObjectType
    from target_userflow.config.settings import Settings
    from target_userflow.ledger.store import Row

_WHAT_IS_NOTED = (
    "Events are noted if their stream has key properties, users, groups and others in runs with "
    "skip_unchanged"
)


class Places(NamedTuple):
    """Where the ledger may have a record."""

    delivered: Sequence[bytes]
    deleted: bytes = b""
    """Where it has the day of its deletion; empty for events, which stay."""


def shown(
    settings: Settings, stream_maps: Mapping[str, object], stream: str, key: Sequence[str]
) -> tuple[list[str], bool]:
    """Return what the ledger knows of a record, in lines, and whether it knows anything.

    The ledger is only read, and a run may be writing to it.

    Args:
        settings: The settings.
        stream_maps: The setting `stream_maps`.
        stream: The name of its stream.
        key: The values of its key properties, or the ids of its object.

    Raises:
        ConfigError: there is no ledger, or the stream goes to no product with a key.
        StorageError: the ledger can't be read.
    """
    source, name, is_split = _names(stream, stream_maps)
    object_type = _object_type(name, settings)
    if not settings.ledger or not exists(settings.ledger):
        raise ConfigError(f"There is no ledger {settings.ledger}: no run has needed one yet")
    from target_userflow.dry_run.ledger_copy import LedgerCopy  # noqa: PLC0415 - SQLAlchemy takes half a second

    prefix = object_type.product.prefix
    store = LedgerCopy(settings.ledger)
    try:
        ledger = Ledger(store, settings.destinations[prefix], prefix, settings.ledger_destination)
        heading = ledger.summary()
        split = name if is_split else ""
        places = _places(object_type, source, (settings.ledger_namespace, split), key)
        rows = ledger.known({*places.delivered, places.deleted} - {b""})
    finally:
        store.close()
    subject = f"{object_type.name} {escaped(' '.join(key))} of stream '{escaped(stream)}'"
    findings = [*_findings(places, rows)]
    facts = findings or [f"nothing is known. {_WHAT_IS_NOTED}"]
    return [heading, *(f"{subject}: {fact}" for fact in facts)], bool(findings)


def _names(stream: str, stream_maps: Mapping[str, object]) -> tuple[str, str, bool]:
    """Return what the tap calls a stream, what it is called after the maps, and if it is split."""
    stream_map = stream_maps.get(stream)
    options = stream_map if isinstance(stream_map, dict) else {}
    source = options.get("__source__", stream)
    return source, options.get("__alias__", stream), "__source__" in options


def _object_type(stream: str, settings: Settings) -> ObjectType:
    name = object_of(stream, options_of(stream, settings.streams))
    if name == IGNORE:
        raise ConfigError(f"Stream '{stream}' is ignored: see the setting streams")
    object_type = OBJECT_TYPES[name]
    missing = settings.missing[object_type.product.prefix]
    if missing:
        raise ConfigError(
            f"Set {' and '.join(missing)}: the ledger tells destinations apart by URL and key"
        )
    return object_type


def _places(
    object_type: ObjectType, source: str, apart: tuple[str, str], key: Sequence[str]
) -> Places:
    if object_type.is_event:
        spellings = {tuple(key), tuple(map(number_text, key))}
        return Places([event_key(source, *apart, *texts) for texts in spellings])
    ids = [value.strip() for value in key]
    if object_type.name == "participants":
        ids = [value.lower() for value in ids]
    return Places([digest(object_type.name, *ids)], deletion_mark(object_type.name, *ids))


def _findings(places: Places, rows: Mapping[bytes, Row]) -> Iterator[str]:
    for place in places.delivered:
        if place in rows:
            yield _meaning(*rows[place])
    mark, day = rows.get(places.deleted, (b"", 0))
    if mark == DELETED:
        yield f"deleted on {date.fromordinal(day)}"


def _meaning(mark: bytes, day: int) -> str:
    """Return what a row says, by the size of its mark."""
    on = date.fromordinal(day)
    if mark[:1] == IN_FLIGHT and len(mark) in {1, EVENT_MARK_SIZE}:
        return f"sent on {on}, and no run has noted its outcome: it is sent again when it comes"
    if mark[:1] == DELIVERED and len(mark) in {1, EVENT_MARK_SIZE}:
        body = f", hash of its body {mark[1:].hex()}" if mark[1:] else ""
        return f"delivered on {on}{body}: it is not sent again"
    if len(mark) == INTENT_SIZE:
        return f"a run began to write it on {on}, and has not noted the end"
    return f"last delivered on {on}, hash of what was sent {mark.hex()}"
