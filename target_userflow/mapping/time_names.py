"""Columns that hold times, by what their schemas and names say."""

from __future__ import annotations

import re
from typing import Any

from target_userflow.mapping.property_schemas import allowed_types, formats
from target_userflow.mapping.secret_names import snake_case

_TIME = re.compile(r"(?:^|_)(?:at|tstamp|ts|timestamp)$|^(?:created|datetime)$")
_TEXT_TIME = re.compile(r"_time$")
"""With a number this is as often how long something took: `response_time`."""
_NUMBERS = {"integer", "number"}


def holds_times(column: str, schema: Any) -> bool:
    """Return whether a column holds times, by its type, or by its name if its type allows it."""
    if "date-time" in formats(schema):
        return True
    name, types = snake_case(column), allowed_types(schema) - {"null"}
    if types and types.isdisjoint({"string", *_NUMBERS}):
        return False
    if name == "event_time" or _TIME.search(name):
        return True
    return bool(_TEXT_TIME.search(name)) and (not types or "string" in types)
