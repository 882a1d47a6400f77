"""The shapes of settings: texts, choices, flags, counts and shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPELLINGS = {"api": "API", "url": "URL", "interviews": "Interviews"}
"""Words of titles that are not written in small letters."""


def schema_of(*properties: th.Property[Any]) -> dict[str, Any]:
    """Return the JSON schema of a config, with a title for each setting that has none."""
    schema = th.PropertiesList(*properties).to_dict()
    for name, about in schema["properties"].items():
        about.setdefault("title", _title(name))
    return schema


def setting(name: str, kind: Any, description: str, **more: Any) -> th.Property[Any]:
    """Return a setting of any type.

    Args:
        name: The name of the setting.
        kind: Its type.
        description: Its meaning, for users.
        more: `default`, `secret`, `title` and `allowed_values`, as of `Property`.
    """
    return th.Property(name, kind, description=description, **more)


def text(name: str, description: str, **more: Any) -> th.Property[Any]:
    """Return a setting that is a text; arguments as of `setting`."""
    return setting(name, th.StringType, description, **more)


def choice(name: str, values: Iterable[str], description: str, **more: Any) -> th.Property[Any]:
    """Return a setting that is one of several texts."""
    return text(name, description, allowed_values=[*values], **more)


def flag(name: str, description: str, **more: Any) -> th.Property[Any]:
    """Return a setting that is true or false."""
    return setting(name, th.BooleanType, description, **more)


def count(
    name: str, description: str, minimum: int = 0, maximum: int | None = None, **more: Any
) -> th.Property[Any]:
    """Return a setting that is a whole number."""
    kind = th.IntegerType(minimum=minimum, maximum=maximum)
    return setting(name, kind, description, **more)


def share(name: str, description: str, default: float) -> th.Property[Any]:
    """Return a setting that is a number from 0 to 1."""
    return setting(name, th.NumberType(minimum=0, maximum=1), description, default=default)


def _title(name: str) -> str:
    first, *others = [_SPELLINGS.get(word, word) for word in name.split("_")]
    return " ".join([first[0].upper() + first[1:], *others])
