"""What Meltano, where it runs the target, does to its settings and calls it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOADER = "MELTANO_LOADER_NAME"


def is_by_meltano(environ: Mapping[str, str]) -> bool:
    """Return whether Meltano runs the target: it puts all variables into the config file."""
    return _LOADER in environ


def loader_of(environ: Mapping[str, str]) -> str | None:
    """Return the name of the loader that Meltano runs; None if another runs the target."""
    return environ.get(_LOADER)


def nested(text: str, name: str, schema: Mapping[str, Any]) -> Any:
    """Return the object that a variable of Meltano holds, as it stands in `meltano.yml`.

    Meltano writes an object with one key for each of its values, and the path to it in the key:
    `{"users.object": "users", "users.fields.user_id": "uuid"}` (seen in Meltano 4.4.1).

    Args:
        text: The variable.
        name: The name of its setting.
        schema: The schema of the setting.

    Returns:
        The object, or the text if it holds none.
    """
    try:
        flat = json.loads(text)
    except ValueError:
        return text
    if not isinstance(flat, dict):
        return text
    whole: dict[str, Any] = {}
    for key, value in flat.items():
        path = [key] if _is_whole(value) else _path(key, name, schema)
        _put(whole, path, value)
    return whole


def _is_whole(value: Any) -> bool:
    """Return whether a value was not taken apart: somebody has written the variable by hand."""
    return isinstance(value, dict) and bool(value)


def _path(key: str, name: str, schema: Mapping[str, Any]) -> list[str]:
    """Return the keys that lead to a value; names of streams, and of columns, may have dots."""
    if name == "streams":
        return _option_path(key.split("."), schema["additionalProperties"]["properties"])
    if name == "stream_maps":
        stream, dot, column = key.rpartition(".")
        return [stream, column] if dot else [key]
    return key.split(".")


def _option_path(parts: list[str], options: Mapping[str, Any]) -> list[str]:
    """Return the name of a stream, an option, and the column of options that have such."""
    for place, part in enumerate(parts[1:], 1):
        column = ".".join(parts[place + 1 :])
        if part in options and (not column or "object" in options[part].get("type", ())):
            return [".".join(parts[:place]), part, *([column] if column else [])]
    return [".".join(parts[:-1]), parts[-1]] if parts[1:] else parts  # a misspelt option


def _put(whole: dict[str, Any], path: list[str], value: Any) -> None:
    *above, last = path
    for key in above:
        whole = whole.setdefault(key, {})
    whole[last] = value
