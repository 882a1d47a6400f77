"""The streams that stream maps and flattening make of the tap's streams."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import RecordsWithoutSchemaException
from singer_sdk.mapper import CustomStreamMap, RemoveRecordTransform, SameRecordTransform

from target_userflow.dead_letters.dead_letters import alias_of
from target_userflow.errors import InputError
from target_userflow.singer.stream_schema import for_flattening, with_columns

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from singer_sdk.mapper import PluginMapper, StreamMap

    from target_userflow.singer.message import Message
    from target_userflow.singer.stream_maps import MapNames


class WithoutSchema(InputError, RecordsWithoutSchemaException):
    """A message of a stream that no SCHEMA came for; the SDK has an exception for it as well."""


@dataclass(frozen=True, slots=True)
class MappedStream:
    """A stream as its SCHEMA and its stream map make it."""

    source: str
    """The stream's name, as the tap calls it."""
    name: str
    """The stream's name after the stream map."""
    schema: dict[str, Any]
    """The schema of its records after the stream map."""
    raw_schema: dict[str, Any]
    """The schema of its records before the stream map."""
    keys: Sequence[str] | None
    """The key properties of its records after the stream map."""
    is_computed: bool
    """Whether expressions made its records, so that any Python value may be in them."""
    is_dropped: bool
    """Whether the stream map drops all of its records."""
    is_untouched: bool
    """Whether its records come as the tap wrote them: neither mapped nor flattened."""


class MappedStreams:
    """The stream maps of the tap's streams."""

    def __init__(self, mapper: PluginMapper, names: MapNames, logger: logging.Logger) -> None:
        """Wrap the SDK's mapper.

        Args:
            mapper: The SDK's mapper, which compiles a stream map per SCHEMA.
            names: Warns of names in `stream_maps` that fit nothing.
            logger: The logger of what is odd in messages.
        """
        self._mapper = mapper
        self._names = names
        self._logger = logger
        self._lost_aliases: set[tuple[str, str]] = set()

    def register(self, message: Message) -> list[MappedStream]:
        """Compile the stream maps of a stream.

        Nothing is compiled of what a map drops.

        Args:
            message: The stream's SCHEMA.

        Returns:
            The streams that the maps make; empty if the SCHEMA is the one before.

        Raises:
            InputError: the key properties are no list of names.
            InvalidSchema: the properties are no object, or one of them is no schema.
        """
        stream, content = message.stream, message.content
        given = content.get("key_properties")
        schema = with_columns(stream, content["schema"], _keys(message))
        if self._flattens:
            schema = for_flattening(schema)
        self._names.schema(stream, content["schema"].get("properties") or {})
        known = self._mapper.stream_maps.get(stream)
        if known:
            if (known[0].raw_schema, known[0].raw_key_properties) == (schema, given):
                return []
            self._logger.info("Stream '%s': its SCHEMA has changed", stream)
        self._mapper.register_raw_stream_schema(stream, schema, given)
        return self._streams(stream)

    def _streams(self, source: str) -> list[MappedStream]:
        maps = self._mapper.stream_maps[source]
        is_computed = any(isinstance(stream_map, CustomStreamMap) for stream_map in maps)
        dropped = {
            stream_map.stream_alias
            for stream_map in maps
            if isinstance(stream_map, RemoveRecordTransform)
        }
        return [
            MappedStream(
                source,
                stream_map.stream_alias,
                stream_map.transformed_schema,
                maps[0].raw_schema,
                stream_map.transformed_key_properties,
                is_computed,
                stream_map.stream_alias in dropped,
                isinstance(stream_map, SameRecordTransform) and not self._flattens,
            )
            for stream_map in maps
        ]

    def ambiguous(self, stream: str) -> str | None:
        """Return the name that several streams get which the maps make of a tap's stream.

        Their records would pass for each other. None if each has a name of its own.
        """
        names = Counter(stream_map.stream_alias for stream_map in self._mapper.stream_maps[stream])
        ((name, count),) = names.most_common(1)
        return name if count > 1 else None

    def names(self, message: Message) -> list[str]:
        """Return the names of the streams that the maps make of the stream of a message.

        Raises:
            WithoutSchema: there was no SCHEMA for the stream.
        """
        return [stream_map.stream_alias for stream_map in self._maps(message)]

    def maps(self, message: Message) -> Sequence[StreamMap]:
        """Return the stream maps of a RECORD: all, or the one that made a dead letter's stream.

        Raises:
            WithoutSchema: there was no SCHEMA for the stream.
        """
        maps = self._maps(message)
        self._names.record(message.stream, message.record)
        alias = alias_of(message.content)
        if alias is None:
            return maps
        own = [stream_map for stream_map in maps if stream_map.stream_alias == alias]
        if not own:
            self._warn_of_alias(message.stream, alias)
        return own or maps

    def end(self) -> None:
        """Warn of names in `stream_maps` that fitted nothing in the whole run."""
        self._names.end()

    @property
    def _flattens(self) -> bool:
        options = self._mapper.flattening_options
        return options.enabled and options.max_level > 0

    def _maps(self, message: Message) -> Sequence[StreamMap]:
        maps: Sequence[StreamMap] | None = self._mapper.stream_maps.get(message.stream)
        if maps is None:
            problem = (
                f"A record for stream '{message.stream}' was encountered before a corresponding "
                "schema. Check that the Tap correctly implements the Singer spec."
            )
            raise WithoutSchema(str(message.complaint(problem)))
        return maps

    def _warn_of_alias(self, stream: str, alias: str) -> None:
        """Warn, once, of dead letters of a stream that the maps do not make any more."""
        if (stream, alias) not in self._lost_aliases:
            self._lost_aliases.add((stream, alias))
            self._logger.warning(
                "Some dead letters of '%s' are of '%s', which stream_maps does not make of it "
                "now: they go to all that it makes",
                stream,
                alias,
            )


def _keys(message: Message) -> list[str]:
    """Return the key properties of a SCHEMA; empty if it has none."""
    keys = message.content.get("key_properties") or []
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise message.complaint("key_properties is no list of names")
    return keys
