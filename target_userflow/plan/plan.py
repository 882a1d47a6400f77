"""The plan of a run: the looks at its streams, and what the destinations say to them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from target_userflow.escaping import escaped
from target_userflow.plan.facts import LOOKS_LIKE, NEW, stream_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from target_userflow.apis.object_type import ObjectType
    from target_userflow.config.settings import Settings
    from target_userflow.dedup.column_changes import AlwaysChanged
    from target_userflow.errors import ConfigError
    from target_userflow.plan.inventory import Inventory
    from target_userflow.plan.stream_look import StreamLook


class Plan:
    """Collects what was seen of each stream."""

    def __init__(self, settings: Settings) -> None:
        """Begin without a stream."""
        self._limits = {
            "max_new_attributes": settings.max_new_attributes,
            "max_new_events": settings.max_new_events,
        }
        if settings.new_attributes == "reject":
            self._limits["max_new_attributes"] = 0
        self._looks: list[StreamLook] = []
        self._failures: dict[str, str] = {}

    def add(self, look: StreamLook) -> None:
        """Take up a stream; one that comes with another SCHEMA is looked at again."""
        again = [earlier for earlier in self._looks if earlier.stream.name == look.stream.name]
        if again and not again[-1].sample.requests:
            self._looks.remove(again[-1])
        self._looks.append(look)

    def fail(self, stream: str, error: ConfigError) -> None:
        """Take up a stream that no run can start with."""
        self._failures[stream] = escaped(str(error))

    def facts(
        self,
        inventory: Callable[[ObjectType], Inventory],
        received: Mapping[str, int],
        always_changed: Callable[[StreamLook], AlwaysChanged | None],
    ) -> dict[str, Any]:
        """Return the plan, which JSON can hold.

        Args:
            inventory: What the product of an object type has.
            received: Stream → its records.
            always_changed: The columns of a stream that differed in every record compared.

        Raises:
            StopRun: a product does not answer.
        """
        streams = [
            stream_facts(
                look,
                inventory(look.object_type),
                received.get(look.stream.name, 0),
                always_changed,
            )
            for look in self._looks
        ]
        streams += [_failed(*failure) for failure in self._failures.items()]
        return all_facts(streams, self._limits)


def _failed(stream: str, line: str) -> dict[str, Any]:
    empty: dict[str, Any] = {
        name: []
        for name in ("roles", "attributes", "left_out", "event_names", "rejected", "warnings")
    }
    facts = {"stream": escaped(stream), "object": None, "product": None, "records": 0}
    return {**facts, "looked_at": 0, "requests": None, "ids": None, **empty, "doubts": [line]}


def all_facts(streams: Sequence[dict[str, Any]], limits: Mapping[str, int]) -> dict[str, Any]:
    """Return the plan of all streams.

    Args:
        streams: What `stream_facts` returned.
        limits: `max_new_attributes` and `max_new_events`.
    """
    doubts = [line for stream in streams for line in stream["doubts"]]
    doubts += _too_many(streams, limits)
    return {"version": 1, "doubtful": bool(doubts), "doubts": doubts, "streams": [*streams]}


def _too_many(streams: Sequence[dict[str, Any]], limits: Mapping[str, int]) -> Iterator[str]:
    attributes = {
        (attribute["scope"], attribute["name"]): (stream["stream"], attribute["column"])
        for stream in streams
        for attribute in stream["attributes"]
        if attribute["state"] in {NEW, LOOKS_LIKE} and attribute["type"]
    }
    events = {
        event["name"]: (stream["stream"], _event_column(stream))
        for stream in streams
        for event in stream["event_names"]
        if event["state"] == NEW
    }
    counted: tuple[tuple[str, Mapping[Any, tuple[str, str]], str], ...] = (
        ("max_new_attributes", attributes, "attribute names"),
        ("max_new_events", events, "event names"),
    )
    for setting, sources, what in counted:
        if len(sources) > limits[setting]:
            yield (
                f"{len(sources):,} {what} would be new, for good{_most_of(sources.values())}, and "
                f"{setting} is {limits[setting]:,}: set it to {len(sources)}, if these are no "
                "values that became names"
            )


def _event_column(stream: Mapping[str, Any]) -> str:
    return next((role["column"] or "" for role in stream["roles"] if role["role"] == "name"), "")


def _most_of(sources: Collection[tuple[str, str]]) -> str:
    """The column that more than half of the names come from, if there is one."""
    (stream, column), count = Counter(sources).most_common(1)[0]
    is_most = count * 2 > len(sources)
    return f", {count:,} of them from the column '{column}' of '{stream}'" if is_most else ""
