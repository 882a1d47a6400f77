"""Routes streams to the object types of the APIs."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from target_userflow.config.settings import IGNORE, OBJECTS, StreamOptions
from target_userflow.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_ALIASES = {"companies": "groups", "accounts": "groups", "group_memberships": "memberships"}
_SEPARATORS = re.compile(r"-|\.|__|/")


def options_of(stream: str, streams: Mapping[str, StreamOptions]) -> StreamOptions:
    """Return the options under the first name or glob that fits a stream.

    Args:
        stream: The name of the stream.
        streams: The setting `streams`, in the order written.
    """
    matches = (options for glob, options in streams.items() if _fits(stream, glob))
    return next(matches, StreamOptions())


def unfitting(globs: Iterable[str], streams: Collection[str]) -> list[str]:
    """Return the names and globs that fit none of the streams."""
    return [glob for glob in globs if not any(_fits(stream, glob) for stream in streams)]


def last_part(stream: str) -> str:
    """Return the name of a stream without the names of schemas and databases before it."""
    return _SEPARATORS.split(stream)[-1].lower()


def object_of(stream: str, options: StreamOptions) -> str:
    """Return the object type that a stream is routed to, or `ignore`.

    Raises:
        ConfigError: neither the options nor the stream's name name an object type.
    """
    if options.object:
        return options.object
    name = last_part(stream)
    object_type = _ALIASES.get(name, name)
    if object_type in OBJECTS:
        return object_type
    raise ConfigError(
        f"Stream '{stream}' routes to no object. There are: {', '.join(OBJECTS)}. Say which with "
        f'the setting streams: {{"{stream}": {{"object": "users"}}}} (or "{IGNORE}" to leave it '
        f'out), or rename it with stream_maps: {{"{stream}": {{"__alias__": "users"}}}}'
    )


def _fits(stream: str, glob: str) -> bool:
    return glob == stream or fnmatchcase(stream, glob)
