"""Which records of a stream are sent at all, by what exists in the destination: its `mode`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from target_userflow.apis.registry import MATCHED, OBJECT_TYPES
from target_userflow.apis.userflow.match_by import with_id
from target_userflow.apis.userflow.subjects import OBJECTS, subjects
from target_userflow.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.config.settings import StreamOptions
    from target_userflow.lookup.existing_objects import ExistingObjects, ExistingObjectsByType
    from target_userflow.mapping.columns import Stream


class UpsertMode:
    """Lets every record pass, whatever exists: `upsert`."""

    matches: ClassVar[bool] = False
    """Whether the ids of records are only known once they are matched."""
    merges: ClassVar[bool] = True
    """Whether records of one object may go together."""
    decides_late: ClassVar[bool] = False
    """Whether what goes before a record in this run may let it pass."""

    def match(self, records: Sequence[PendingRecord]) -> dict[int, str]:  # noqa: ARG002 - for `MatchBy`
        """Give records the ids of the objects that they are matched with.

        Returns:
            The places of the records that are matched with no object or several → why.

        Raises:
            StopRun: the API does not tell.
        """
        return {}

    def prefetch(self, records: Iterable[PendingRecord]) -> None:
        """Learn what has to be known of these records before they are sent.

        Raises:
            StopRun: the API does not tell.
        """

    def refusal(self, record: PendingRecord) -> str | None:  # noqa: ARG002 - for the others
        """Return why a record is not sent; None if it may be."""
        return None


class _ExistenceMode(UpsertMode):
    """Lets records pass by whether what they are about exists."""

    def __init__(self, existing: ExistingObjects) -> None:
        self._existing = existing

    def prefetch(self, records: Iterable[PendingRecord]) -> None:
        self._existing.prefetch(record.request.object_id[0] for record in records)

    def _exists(self, record: PendingRecord) -> bool:
        return record.request.object_id[0] in self._existing


class Update(_ExistenceMode):
    """Lets pass what exists."""

    def refusal(self, record: PendingRecord) -> str | None:
        """Return that the record's object does not exist, if so."""
        return None if self._exists(record) else "does not exist yet, and mode is update"


class UpdateSubjects(UpsertMode):
    """Lets pass what is about users and groups that exist: `update` of memberships and events.

    Such a request creates the user and the group that it names. Those that another stream of the
    run creates exist once they are delivered, and they are delivered first.
    """

    merges = False
    decides_late = True

    def __init__(self, existing: ExistingObjectsByType, object_type: ObjectType) -> None:
        """Let records pass by the users and groups that exist.

        Args:
            existing: What exists in the product.
            object_type: What the records go to.
        """
        self._name = object_type.name
        self._existing = {kind: existing.of(OBJECT_TYPES[kind]) for kind in ("users", "groups")}

    def prefetch(self, records: Iterable[PendingRecord]) -> None:
        """Learn which users and groups of the records exist."""
        wanted: dict[str, set[str]] = {}
        for record in records:
            for kind, id_ in subjects(self._name, record.request):
                wanted.setdefault(kind, set()).add(id_)
        for kind, ids in wanted.items():
            self._existing[kind].prefetch(ids)

    def refusal(self, record: PendingRecord) -> str | None:
        """Return which of the record's objects does not exist, if one does not."""
        for kind, id_ in subjects(self._name, record.request):
            if id_ not in self._existing[kind]:
                return f"its {kind[:-1]} does not exist yet, and mode is update"
        return None


class Insert(_ExistenceMode):
    """Lets pass what does not exist, and of that the first record that is delivered."""

    merges = False

    def refusal(self, record: PendingRecord) -> str | None:
        """Return why a record is not sent; a deletion is, as only what exists can be deleted."""
        there = self._exists(record) and not record.request.deletes
        return "exists already, and mode is insert" if there else None


class MatchBy(UpsertMode):
    """Lets pass what is about the one object whose attribute has a value: `match_by`."""

    matches = True

    def __init__(self, existing: ExistingObjects, attribute: str, objects: str) -> None:
        """Match by an attribute.

        Args:
            existing: The objects.
            attribute: Its name.
            objects: What the objects are called, for the reasons.
        """
        self._existing = existing
        self._attribute = attribute
        self._objects = objects

    def match(self, records: Sequence[PendingRecord]) -> dict[int, str]:
        """Replace the value of the attribute by the id of the one object that has it."""
        texts = [record.request.object_id[0] for record in records]
        self._existing.prefetch_values(self._attribute, filter(None, texts))
        reasons = enumerate(self._put(record) for record in records)
        return {place: reason for place, reason in reasons if reason}

    def _put(self, record: PendingRecord) -> str | None:
        (text,) = record.request.object_id
        if not text:
            return f"has no {self._attribute} to match by"
        ids = self._existing.ids_with(self._attribute, text)
        if len(ids) != 1:
            objects = f"several {self._objects}" if ids else f"no {self._objects[:-1]}"
            return f"its {self._attribute} matches {objects}"
        record.request = with_id(record.request, *ids)
        return None


def write_mode(
    object_type: ObjectType, stream: Stream, existing: ExistingObjectsByType
) -> UpsertMode:
    """Return what lets the records of a stream pass.

    Raises:
        ConfigError: its options ask for what nobody can know.
    """
    check(object_type, stream)
    if stream.options.match_by:
        return MatchBy(existing.of(object_type), stream.options.match_by, object_type.name)
    if _updates_subjects(object_type, stream.options.mode):
        return UpdateSubjects(existing, object_type)
    mode = _MODES.get(stream.options.mode)
    return mode(existing.of(object_type)) if mode else UpsertMode()


def check(object_type: ObjectType, stream: Stream) -> None:
    """Let options pass that can be kept.

    Raises:
        ConfigError: with the setting, and what to do.
    """
    for problem in (_mode_problem, _mirror_problem, _name_problem, _match_problem):
        text = problem(object_type, stream.options)
        if text:
            raise ConfigError(f"Stream '{stream.name}': streams.{stream.name}.{text}")


def _mode_problem(object_type: ObjectType, options: StreamOptions) -> str | None:
    mode = options.mode
    is_known = object_type.listing is not None or _updates_subjects(object_type, mode)
    if mode == "upsert" or is_known:
        return None
    known = ", ".join(kind.name for kind in _LISTED)
    return (
        f"mode '{mode}' needs to know what exists, which {object_type.product.name} does not tell "
        f"of {object_type.name}. Remove it, or use it for {known}"
    )


def _mirror_problem(object_type: ObjectType, options: StreamOptions) -> str | None:
    if not options.mirror or object_type.name == "memberships":
        return None
    return f"mirror ends memberships, and the stream is routed to {object_type.name}. Remove it"


def _name_problem(object_type: ObjectType, options: StreamOptions) -> str | None:
    if options.event_name is None or object_type.is_event:
        return None
    return (
        f"event_name names events, and the stream is routed to {object_type.name}. Set object to "
        "the events that it holds, or remove it"
    )


def _match_problem(object_type: ObjectType, options: StreamOptions) -> str | None:
    name, match_by = object_type.name, options.match_by
    if not match_by:
        return None
    if name not in MATCHED:
        return f"match_by finds users and groups, and the stream is routed to {name}. Remove it"
    if match_by in object_type.mapper.role_spec.columns:
        return f"match_by names '{match_by}', which is no attribute of {name}. Name one that is"
    if options.mode == "insert":
        return f"match_by finds {name} that exist, and mode 'insert' skips those. Remove one"
    return None


def _updates_subjects(object_type: ObjectType, mode: str) -> bool:
    """Return whether records are let pass by the users and groups that they are about."""
    return mode == "update" and object_type.listing is None and object_type.name in OBJECTS


_MODES: dict[str, type[_ExistenceMode]] = {"update": Update, "insert": Insert}
_LISTED = [kind for kind in OBJECT_TYPES.values() if kind.listing]
"""The object types of which a product tells what exists."""
