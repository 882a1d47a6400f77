"""Attributes of one column, as most tests of the mapping make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.config.settings import StreamOptions
from target_userflow.mapping.columns import Stream

if TYPE_CHECKING:
    from target_userflow.mapping.attributes import Attributes


DATE_TIME, DATE = {"format": "date-time"}, {"format": "date"}
NAN = float("nan")


def short(value: object) -> str:
    """A test's id that shows what is given."""
    return repr(value)[:50]


def mapper(*columns: str, events: bool = False, schema: Any = None, **options: Any) -> Attributes:
    """The attributes of users, or of their events, with these columns, all of one schema."""
    kind, roles = ("events", ["user_id", "event_name"]) if events else ("users", ["id"])
    properties = dict.fromkeys([*roles, *columns], {} if schema is None else schema)
    stream = Stream("people", properties, (), StreamOptions(**options))
    return OBJECT_TYPES[kind].mapper(stream).attributes


def made(value: Any, schema: Any = None, **options: Any) -> dict[str, Any]:
    """What a column `x` with this value becomes."""
    return mapper("x", schema=schema, **options)({"x": value})
