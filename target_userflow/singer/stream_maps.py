"""Whether the names in `stream_maps` fit what the tap sends, and why an expression fails.

A hash that was meant for an email does nothing where the stream or the column has another name, and
nobody would hear of it.
"""

from __future__ import annotations

import re
import traceback
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import simpleeval  # type: ignore[import-untyped] # what the SDK evaluates maps with
from singer_sdk.mapper import CustomStreamMap

from target_userflow.config import stream_maps
from target_userflow.config.routing import last_part

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_ALIKE = 0.8  # how alike two names are, by difflib, if one of them may be meant by the other
_GLOB = re.compile(r"[*?[]")


class MapNames:
    """Watches which names in `stream_maps` fit a stream, and which of their columns exist."""

    def __init__(self, maps: Mapping[str, Any], warn: Callable[..., None]) -> None:
        """Begin with the setting, before the first line."""
        self._sources = stream_maps.sources(maps)
        self._lacking = {name: stream_maps.columns(maps[name]) for name in self._sources}
        """The columns that a map names and nothing has had yet, each with the key that does."""
        self._fitting: dict[str, list[str]] = {}
        self._with_records: set[str] = set()
        self._warn = warn

    def schema(self, stream: str, columns: Collection[str]) -> None:
        """Look at a SCHEMA; one without columns says nothing of them.

        Args:
            stream: The tap's name of it.
            columns: Those that it declares.
        """
        names = [name for name, source in self._sources.items() if _fits(stream, source)]
        if not names:
            self._hint(stream)
        for name in names:
            self._forget(name, columns)
            if columns and stream not in self._fitting and not _GLOB.search(self._sources[name]):
                self._complain(name, f"the SCHEMA of stream '{stream}' does not have")
        self._fitting[stream] = names

    def record(self, stream: str, record: Mapping[str, Any]) -> None:
        """Look at a record, as long as a column is still looked for."""
        for name in self._fitting.get(stream, ()):
            if self._lacking[name]:
                self._with_records.add(name)
                self._forget(name, record)

    def end(self) -> None:
        """Say what fitted nothing in the whole run."""
        fitting = {name for names in self._fitting.values() for name in names}
        unfitting = [name for name in self._sources if name not in fitting]
        if self._fitting and unfitting:
            self._warn(
                "No stream of this run is named as in stream_maps: %s. There were: %s",
                ", ".join(self._sources[name] for name in unfitting),
                ", ".join(self._fitting),
            )
        for name in self._with_records:
            self._complain(name, "no record of this run had")

    def _forget(self, name: str, columns: Collection[str]) -> None:
        lacking = self._lacking[name]
        for column in [one for one in lacking if one in columns]:
            del lacking[column]

    def _complain(self, name: str, why: str) -> None:
        for column, key in self._lacking[name].items():
            self._warn("stream_maps.%s.%s names column '%s', which %s", name, key, column, why)

    def _hint(self, stream: str) -> None:
        """Say which name may have been meant for a stream that none fits."""
        taken = {name for names in self._fitting.values() for name in names}
        free = [source for name, source in self._sources.items() if name not in taken]
        same_end = [one for one in free if last_part(one) == last_part(stream)]
        for meant in same_end or get_close_matches(stream, free, n=1, cutoff=_ALIKE):
            self._warn(
                "Stream '%s': stream_maps has no map for it. If '%s' was meant to be its name, "
                "mend that: its columns go out as they are",
                stream,
                meant,
            )


def failure(error: Exception) -> str:
    """Why a map failed on a record: the column, the expression, and what was wrong with it.

    It holds no value of the record: of what Python says, only what speaks of names and types.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code is CustomStreamMap._eval.__code__:  # noqa: SLF001 - the one place that knows
            column, expression = frame.f_locals["property_name"], frame.f_locals["expr"]
            cause = error.__cause__ or error
            named = f"`{column}`" if column else f"`{stream_maps.FILTER}`"
            return f"{named}: stream_maps failed on {expression}: {_cause(cause, expression)}"
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
