"""Warns of names in `stream_maps` that fit nothing, and explains why an expression failed.

A hash that was meant for an email does nothing where the stream or the column has another name, and
nobody would notice.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import simpleeval  # type: ignore[import-untyped] # what the SDK evaluates maps with

from target_userflow.config import stream_maps
from target_userflow.config.routing import last_part
from target_userflow.singer.sdk import failed_expression

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_SIMILARITY = 0.8  # of two names, by difflib, if one of them may be meant by the other
_GLOB = re.compile(r"[*?[]")


class MapNames:
    """Checks the names in `stream_maps` against the streams and columns that the tap sends."""

    def __init__(self, maps: Mapping[str, Any], warn: Callable[..., None]) -> None:
        """Read the setting; no line has come yet.

        Args:
            maps: The setting `stream_maps`.
            warn: Logs a warning; arguments as of `Logger.warning`.
        """
        self._sources = stream_maps.sources(maps)
        self._lacking = {name: stream_maps.columns(maps[name]) for name in self._sources}
        """Map → column that it names and that did not come yet → key that names the column."""
        self._fitting: dict[str, list[str]] = {}
        self._with_records: set[str] = set()
        self._warn = warn

    def schema(self, stream: str, columns: Collection[str]) -> None:
        """Check the maps of a stream against its SCHEMA.

        Args:
            stream: The tap's name for the stream.
            columns: The columns of the SCHEMA; empty if they come with the records.
        """
        names = [name for name, source in self._sources.items() if _fits(stream, source)]
        if not names:
            self._hint(stream)
        for name in names:
            self._cross_off(name, columns)
            if columns and stream not in self._fitting and not _GLOB.search(self._sources[name]):
                self._warn_of_lacking(name, f"the SCHEMA of stream '{stream}' does not have")
        self._fitting[stream] = names

    def record(self, stream: str, record: Mapping[str, Any]) -> None:
        """Check the maps of a stream against a record, as long as they lack a column."""
        for name in self._fitting.get(stream, ()):
            if self._lacking[name]:
                self._with_records.add(name)
                self._cross_off(name, record)

    def end(self) -> None:
        """Warn of names that fitted nothing in the whole run."""
        unfitting = self._unfitting()
        if self._fitting and unfitting:
            self._warn(
                "No stream of this run is named as in stream_maps: %s. There were: %s",
                ", ".join(unfitting),
                ", ".join(self._fitting),
            )
        for name in self._with_records:
            self._warn_of_lacking(name, "no record of this run had")

    def _unfitting(self) -> list[str]:
        """Return the tap's names and globs that no stream has fitted so far."""
        fitting = {name for names in self._fitting.values() for name in names}
        return [source for name, source in self._sources.items() if name not in fitting]

    def _cross_off(self, name: str, columns: Collection[str]) -> None:
        lacking = self._lacking[name]
        for column in [column for column in lacking if column in columns]:
            del lacking[column]

    def _warn_of_lacking(self, name: str, why: str) -> None:
        for column, key in self._lacking[name].items():
            self._warn("stream_maps.%s.%s names column '%s', which %s", name, key, column, why)

    def _hint(self, stream: str) -> None:
        """Warn of a name that may have been meant for a stream without a map."""
        free = self._unfitting()
        same_end = [source for source in free if last_part(source) == last_part(stream)]
        for meant in same_end or get_close_matches(stream, free, n=1, cutoff=_SIMILARITY):
            self._warn(
                "Stream '%s': stream_maps has no map for it. If '%s' was meant to be its name, "
                "mend that: its columns go out as they are",
                stream,
                meant,
            )


def failure(error: Exception) -> str:
    """Return why a map failed on a record: the column, the expression, and its fault.

    The text holds no value of the record: of Python's messages, only those about names and types.
    """
    failed = failed_expression(error)
    if failed:
        column, expression = failed
        key = f"`{column}`" if column else f"`{stream_maps.FILTER}`"
        return f"{key}: stream_maps failed on {expression}: " + _cause(
            error.__cause__ or error, expression
        )
    return f"stream_maps or flattening failed on it: {type(error).__name__}"


def _cause(error: BaseException, expression: str) -> str:
    if isinstance(error, simpleeval.NameNotDefined):
        return f"the record has no column '{error.name}'"
    if isinstance(error, simpleeval.FunctionNotDefined):
        return f"there is no function '{error.func_name}'"
    if isinstance(error, simpleeval.AttributeDoesNotExist):
        return f"the value has no '{error.attr}' (is it null?)"
    if isinstance(error, KeyError) and error.args and repr(error.args[0]) in expression:
        return f"the record has no column {error.args[0]!r}"
    if isinstance(error, (simpleeval.FeatureNotAvailable, TypeError, AttributeError)):
        return str(error)
    return type(error).__name__


def _fits(stream: str, source: str) -> bool:
    return stream == source or fnmatchcase(stream, source)
