"""Says in the log of a run what the columns of a stream become."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.mapping.property_schemas import is_object_only
from target_userflow.plan.facts import attribute_warnings, new_names

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Sequence

    from target_userflow.mapping.columns import Assignment
    from target_userflow.plan.facts import Known
    from target_userflow.plan.stream_look import StreamLook

    Logger = logging.Logger | logging.LoggerAdapter[logging.Logger]

_MOST_NAMED = 20  # new attributes in a line


class StreamLog:
    """Names the new attributes of a stream once: at its SCHEMA, or before its first request."""

    def __init__(self, look: StreamLook, logger: Logger) -> None:
        """Say nothing yet.

        Args:
            look: What is seen of the stream.
            logger: The logger of the stream.
        """
        self._look = look
        self._logger = logger
        self._named: set[str] = set()

    def at_schema(self, known: Collection[str] | None) -> None:
        """Say what the stream's columns become, in a line.

        Args:
            known: The attributes that the destination has; None if that is not known.
        """
        look = self._look
        self._logger.info("Stream '%s' goes to %s", look.stream.name, self._fate(known))

    def before_first_request(self, known: Known) -> None:
        """Say what of the stream's attributes will be there for good, and may be a mistake.

        Args:
            known: What the destination has.

        Raises:
            StopRun: the destination does not answer.
        """
        look = self._look
        new = [name for name in new_names(look, known) if name not in self._named]
        if new:
            names = look.stream.name, look.product, _listed(new)
            self._logger.info("Stream '%s': new in %s: %s", *names)
        for line in attribute_warnings(look, known):
            self._logger.warning("Stream '%s': %s", look.stream.name, line)

    def _fate(self, known: Collection[str] | None) -> str:
        look = self._look
        target = f"{look.object_type.name} of {look.product}"
        if look.stream.has_open_columns:
            return f"{target}; its columns come with the records"
        count = len(look.attribute_names)
        attributes = "1 attribute" if count == 1 else f"{count:,} attributes"
        parts = [*map(_role, look.assignments.items()), attributes]
        return f"{target}: {', '.join(parts)}{self._new_of(known)}"

    def _new_of(self, known: Collection[str] | None) -> str:
        """Return which attributes are new; an object is none, but what is in it."""
        if known is None:
            return ""
        look = self._look
        properties, named = look.stream.properties, look.attribute_names.items()
        plain = [name for column, name in named if not is_object_only(properties[column])]
        new = [name for name in plain if name not in known]
        self._named.update(new)
        return f" (new in {look.product}: {_listed(new)})" if new else ""


def _role(item: tuple[str, Assignment]) -> str:
    role, assignment = item
    others = f", before {' and '.join(map(repr, assignment.others))}" if assignment.others else ""
    return f"{role} is '{assignment.column}' (by {assignment.by}{others})"


def _listed(names: Sequence[str]) -> str:
    """Return some of many names: those of a column full of values have no end."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
